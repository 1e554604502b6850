"""Result → summary.txt: the verdict is the truth, and nothing missing is shown as a number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sut.config.names import Scenario
from sut.config.rounds import load_round
from sut.report.lines import AGAIN
from sut.report.summary import summary_text
from sut.result.build import build
from sut.result.schema import CardLimit, CardUse, Result
from tests.unit.result.sessions import (
    NAMES,
    dump,
    edit,
    edit_ledger,
    make_accuracy,
    make_round,
    make_session,
)


def built(parent: Path, *names: str) -> Result:
    rules = load_round("v6.1") if "singlestream" in names else make_round()
    return build(make_session(parent, *names), rules)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_verdict_comes_first(tmp_path: Path, name: str) -> None:
    text = summary_text(built(tmp_path, name))
    assert text.splitlines()[3].startswith("VALID (not submission-grade: the profile is quick")
    assert text.isascii()
    assert text.endswith("not verified by MLCommons Association\n")


def test_headline_limits_and_sources(tmp_path: Path) -> None:
    lines = summary_text(built(tmp_path, "server_with_errors")).splitlines()
    rows = dict(line.split(": ", 1) for line in lines if ": " in line)
    shown = {key.strip(): value for key, value in rows.items()}
    assert shown["completed samples per second"] == "193.257"
    assert shown["tokens per second"] == "1059.89"
    assert shown["success rate"] == "0.99375"
    assert shown["TTFT P95"] == "2.50809 (must be < 2000 ms: holds)"
    assert shown["latency P99"].endswith("(must be <= 1000 ms: holds)")
    assert shown["failed because"] == "the engine refused the prompt: 2"
    assert shown["LoadGen error"] == "Number of tokens need to be greater than 1: 1"
    assert shown["warm-up"] == "10 of 10 queries in 0.500 s"
    assert shown["schedule_rng_seed"] == "16159082839903944936"
    assert shown["replica 1"] == "240 samples (50.0%), 1308 tokens, 2 failed"
    assert "Server: samples/s = (n - 1) / t" in "\n".join(lines)


def test_offline_says_what_it_does_not_measure(tmp_path: Path) -> None:
    text = summary_text(built(tmp_path, "offline"))
    p99 = next(line for line in text.splitlines() if line.startswith("P99 "))
    assert p99.split("not measured")[1:] == [" " * 6, ""]
    assert "P99.9 " in text
    assert "Server: samples/s" not in text


def test_samples_that_were_nobody_s_at_the_end_have_a_line_of_their_own(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")

    def forget(rows: list[dict[str, Any]]) -> None:
        for each in rows[:7]:
            each["replica"] = None

    edit_ledger(root / "Server" / "performance", forget)
    lines = summary_text(build(root, make_round())).splitlines()
    (told,) = [line for line in lines if line.startswith("no known replica")]
    assert told.endswith(": 7 samples, open when the run ended")


def test_invalid_run_is_never_called_valid(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    edit(root / "Server" / "performance" / "run.json", engine_failure="worker \u2013 died")
    text = summary_text(build(root, make_round()))
    lines = text.splitlines()
    assert lines[3] == "INVALID:"
    assert lines[4].startswith("  - Server: engine failure: worker")
    assert text.isascii()
    verdicts = [line for line in lines if line.startswith("verdict")]
    assert verdicts == [f"{'verdict':<32}: INVALID (for the reasons above)"]
    assert "VALID (not submission-grade" not in text


@pytest.mark.parametrize(
    ("measured", "shown"),
    [
        (2500.0, "2500 (must be < 2000 ms: DOES NOT HOLD)"),
        (None, "not measured (must be < 2000 ms: not judged)"),
    ],
)
def test_a_limit_that_does_not_hold_is_marked(
    tmp_path: Path, measured: float | None, shown: str
) -> None:
    root = make_session(tmp_path, "server")
    result = build(root, make_round())
    run = result.scenarios[Scenario.SERVER]
    checks = [
        each.model_copy(update={"passed": False, "measured": measured})
        if each.rule == "ttft"
        else each
        for each in run.checks
    ]
    broken = run.model_copy(update={"checks": checks})
    text = summary_text(result.model_copy(update={"scenarios": {Scenario.SERVER: broken}}))
    assert shown in text


def test_the_remedy_stands_below_the_verdict_and_above_what_failed(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    result = build(root, make_round())
    run = result.scenarios[Scenario.SERVER].model_copy(
        update={"valid": False, "advice": ["The rate was too high. Try --set server.target_qps=2."]}
    )
    broken = {"valid": False, "reasons": ["Server: x"], "scenarios": {Scenario.SERVER: run}}
    lines = summary_text(result.model_copy(update=broken)).splitlines()
    assert lines[3:7] == [
        "INVALID:",
        "  Server: The rate was too high. Try --set server.target_qps=2.",
        "What failed:",
        "  - Server: x",
    ]


def test_the_cause_stands_before_what_follows_from_it(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    edit(
        root / "Server" / "performance" / "run.json",
        engine_failure="worker 0 exited with -9",
        loadgen_returned=False,
        loadgen_exit="ended 10 s after the engine died",
    )
    reasons = build(root, make_round()).reasons
    assert reasons[0].startswith("Server: engine failure: worker 0 exited with -9")
    edit(root / "Server" / "performance" / "run.json", interrupted=True)
    reasons = build(root, make_round()).reasons
    assert reasons[0].startswith("Server: interrupted: yes")


def test_what_was_not_measured_is_one_line_and_no_list_of_reasons(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    folder = root / "Server" / "performance"
    for name in ("mlperf_log_detail.txt", "mlperf_log_summary.txt"):
        (folder / name).unlink()
    edit(folder / "run.json", interrupted=True)
    result = build(root, make_round())
    unjudged = [each for each in result.scenarios[Scenario.SERVER].checks if not each.judged]
    assert len(unjudged) > 15
    assert not any(each.reason in reason for each in unjudged for reason in result.reasons)
    text = summary_text(result)
    told = text[: text.index("\n\n")].splitlines()[4:]
    assert told[:2] == [f"  Server: {AGAIN}", "What failed:"]
    del told[:2]
    assert told[0] == "  - Server: interrupted: yes, must be == no"
    assert told[-1].startswith("  - Server: not measured, so not judged: ")
    assert "LoadGen's verdict, duration, " in told[-1]
    assert len(told) < 8
    assert "must be == None" not in text
    names = [each.name for each in result.scenarios[Scenario.SERVER].checks if not each.passed]
    assert all(name in "\n".join(told) for name in names), "no failed check is left out"


def alarmed(tmp_path: Path, **config: Any) -> str:
    root = make_session(tmp_path, "accuracy", **config)
    folder = root / "Offline" / "accuracy"
    dump(folder / "accuracy.json", make_accuracy(folder, problems=["all loop", "all alike"]))
    return summary_text(build(root, make_round()))


@pytest.mark.parametrize("engine", [{"kind": "null"}, {"vllm": {"load_format": "dummy"}}])
def test_valid_never_stands_alone_above_alarms(tmp_path: Path, engine: dict[str, Any]) -> None:
    lines = alarmed(tmp_path, engine=engine).splitlines()
    assert lines[3:5] == [
        "VALID, but the answers are not a model's:",
        "  - Offline accuracy run: all loop; all alike",
    ]
    assert lines[5].startswith("Not submission-grade: the profile is quick")
    assert f"{'verdict':<32}: VALID, but the answers are not a model's" in lines
    assert not [line for line in lines if line.endswith(": VALID")]


def test_alarms_stand_at_the_top_of_an_invalid_summary_too(tmp_path: Path) -> None:
    lines = alarmed(tmp_path, validity={"alarms_fail": True}, engine={"kind": "null"}).splitlines()
    assert lines[3] == "INVALID:"
    assert lines[4].startswith("  Offline accuracy run: all loop; all alike. No working model")
    assert lines[6].startswith("  - Offline accuracy run: signs of a broken engine: all loop; ")
    text = alarmed(
        tmp_path / "b", engine={"kind": "null"}, node_name="b", scenarios=("Offline", "Server")
    )
    told = text[: text.index("\n\n")]
    assert "INVALID:\n  - Server was asked for" in told
    assert "The answers are not a model's:\n  - Offline accuracy run: all loop; all alike" in told


def test_ledger_figures_are_marked(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    for name in ("mlperf_log_detail.txt", "mlperf_log_summary.txt"):
        (root / "Server" / "performance" / name).unlink()
    text = summary_text(build(root, make_round()))
    rate = next(line for line in text.splitlines() if line.startswith("completed samples"))
    assert rate.endswith(" (ledger)")
    source = next(line for line in text.splitlines() if line.startswith("source "))
    assert source.split() == ["source", "ledger", "ledger", "ledger"]
    assert "LoadGen's own verdict           : not measured" in text


def test_engine_that_never_started(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    edit(root / "session.json", engine=None, warmup=None, notes=["a stray audit.config"])
    text = summary_text(build(root, make_round()))
    assert "engine                          : never became ready" in text
    assert "warm-up                         : not measured" in text
    assert "note                            : a stray audit.config" in text


def test_what_quantised_weights_hold_has_a_line(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    assert "weights quantised to" not in summary_text(build(root, make_round()))
    session = json.loads((root / "session.json").read_text())
    session["engine"]["quantised_to"] = "w8a8"
    dump(root / "session.json", session)
    text = summary_text(build(root, make_round()))
    assert "weights quantised to            : w8a8" in text


def test_replicas_elsewhere_are_shown_with_what_their_nodes_are(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    session = json.loads((root / "session.json").read_text())
    card = {"name": "A30", "uuid": "G0", "memory_mib": 24576, "driver": "1"}
    own = session["hardware"] | {"host": "a", "cpu_model": "EPYC", "gpus": [card]}
    places = [
        {"node_id": "1", "host": "a", "gpu_uuids": ["G0"], "hardware": own},
        {"node_id": "2", "host": "b", "gpu_uuids": ["G1"]},
    ]
    session["engine"]["details"]["replicas"] = places
    dump(root / "session.json", session)
    lines = summary_text(build(root, make_round())).splitlines()
    rows = [line.split(":", 1) for line in lines if ": " in line]
    shown = [(key.strip(), value.strip()) for key, value in rows]
    first = shown.index(("replicas on", "a"))
    assert shown[first + 1] == ("accelerators", "A30 (24576 MiB)")
    assert shown[first + 2] == ("processor", "EPYC, 2 cores")
    second = shown.index(("replicas on", "b"))
    assert shown[second + 1] == ("accelerators", "1, not measured")
    driver = shown.index(("control node", "node"))
    assert shown[driver + 1] == ("accelerators", "none")


def test_the_machine_itself_is_shown_as_one(tmp_path: Path) -> None:
    text = summary_text(built(tmp_path, "server"))
    assert "control node" not in text
    assert text.count("accelerators") == 1


def test_a_run_on_a_card_is_shown_among_the_published_ones(tmp_path):
    limit = CardLimit(
        card="NVIDIA H200", cards=1, prompt_tokens=870, output_tokens=128, batch=256,
        samples_per_s_in_series=57.9, samples_per_s_overlapped=80.1, binding="compute",
        least_tpot_ms=9.7, reached=0.61, mfu=0.5, mbu=0.2,
    )  # fmt: skip
    result = build(make_session(tmp_path, "offline"))
    run = result.scenarios[Scenario.OFFLINE]
    on_card = run.model_copy(update={"card_limit": limit, "throughput_tokens_per_sec": 4528.0})
    text = summary_text(result.model_copy(update={"scenarios": {Scenario.OFFLINE: on_card}}))
    assert "most that 1 x NVIDIA H200 can do: 57.9 samples/s" in text
    assert "61% of it" in text
    assert "4,528, above " in text
    assert "which are official and this is not" in text
    assert "Quanta" in text
    assert "among published" not in summary_text(result)


def test_what_the_card_and_the_engine_on_it_did_is_told(tmp_path):
    used = CardUse(
        uuid="GPU-1", samples=60, seconds=60.0, sm_mhz_median=1485.0, sm_mhz_least=1200,
        power_w_mean=690.0, power_w_most=701.0, energy_j=41400.0, temperature_c_most=61,
        busy=1.0, memory_used_gib_most=125.0, held_back={"power limit": 0.9},
    )  # fmt: skip
    told = {
        "preemptions": 40.0, "sequences_running_mean": 200.0, "sequences_running_most": 256.0,
        "sequences_waiting_most": 700.0, "kv_cache_used_mean": 0.5, "kv_cache_used_most": 0.9,
    }  # fmt: skip
    result = build(make_session(tmp_path, "offline"))
    changes = {"cards": [used], "energy_per_token_j": 0.15, "engine_figures": told}
    run = result.scenarios[Scenario.OFFLINE].model_copy(update=changes)
    text = summary_text(result.model_copy(update={"scenarios": {Scenario.OFFLINE: run}}))
    assert "1485 MHz (least 1200), 690 W (most 701), 61 C at most" in text
    assert "held back by" in text
    assert "power limit 90% of the time" in text
    assert "0.15, no MLPerf Power result" in text
    assert "their work was done twice" in text
    assert "200 on average, 256 at most; 700 waiting at most" in text
    assert "50% on average, 90% at most" in text
