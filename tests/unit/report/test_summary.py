"""Result → summary.txt: the verdict is the truth, and nothing missing is shown as a number."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sut.config.schema import Scenario
from sut.report.summary import summary_text
from sut.result.build import build
from sut.result.schema import Result
from tests.unit.result.sessions import NAMES, dump, edit, make_round, make_session


def built(parent: Path, *names: str) -> Result:
    return build(make_session(parent, *names), make_round())


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
    path = root / "Server" / "performance" / "run.json"
    ledger = json.loads(path.read_text())["ledger"]
    ledger["replicas"][0]["samples"] -= 7
    edit(path, ledger=ledger)
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
    assert verdicts == [f"{'verdict':<32}: INVALID (1 reasons above)"]
    assert "VALID (not submission-grade" not in text


def test_a_limit_that_does_not_hold_is_marked(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    result = build(root, make_round())
    run = result.scenarios[Scenario.SERVER]
    checks = [
        each.model_copy(update={"passed": False, "measured": None})
        if "TTFT P" in each.name
        else each
        for each in run.checks
    ]
    broken = run.model_copy(update={"checks": checks})
    text = summary_text(result.model_copy(update={"scenarios": {Scenario.SERVER: broken}}))
    assert "not measured (must be < 2000 ms: DOES NOT HOLD)" in text


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
