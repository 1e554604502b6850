"""Real LoadGen from command line to result, on the engine without a model."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.integration.conftest import Finished, left_running, settings

Sut = Callable[..., Finished]
pytestmark = pytest.mark.usefixtures("small_model")  # for its tokenizer

SHORT = settings(
    offline__min_duration_s=0,
    server__min_duration_s=1,
    server__target_qps=200,
    interactive__min_duration_s=1,
    interactive__target_qps=200,
    single_stream__min_duration_s=1,
    single_stream__target_latency_ms=5,
    engine__null__ttft_ms=1,
    engine__null__tpot_ms=0.05,
)
TOO_LATE = settings(engine__null__ttft_ms=2500, server__ttft_limit_ms=2000)
FOUR_LOGS = {
    "mlperf_log_summary.txt",
    "mlperf_log_detail.txt",
    "mlperf_log_accuracy.json",
    "mlperf_log_trace.json",
}


@pytest.mark.parametrize("scenario", ["Offline", "Server", "Interactive"])
def test_a_healthy_run_is_valid_and_leaves_everything(sut: Sut, scenario: str):
    done = sut("--scenario", scenario, "--engine", "null", *SHORT)
    assert done.code == 0, done.stdout + done.stderr
    found = done.result["scenarios"][scenario]
    assert found["valid"] is True
    assert found["reasons"] == []
    assert found["queries"]["issued"] == found["queries"]["succeeded"] > 0
    assert not done.result["submission_grade"]
    assert "null engine" in done.stdout
    assert done.stdout.startswith("VALID: ")
    assert "Not submission-grade: " in done.stdout
    run = done.session / scenario / "performance"
    assert {path.name for path in run.iterdir()} > FOUR_LOGS
    assert {"user.conf", "run.json", "ledger.parquet", "queries.parquet"} < {
        path.name for path in run.iterdir()
    }
    # Nothing is left of what only a session under way has.
    assert not list(done.results.rglob(".*"))
    assert not (run / "ledger.journal").exists()
    assert left_running(str(done.results)) == []


def test_single_stream_runs_one_query_at_a_time(sut: Sut):
    done = sut("--scenario", "SingleStream", "--engine", "null", *SHORT)
    found = done.result["scenarios"]["SingleStream"]
    assert found["valid"] is True, found["reasons"]
    table = pd.read_parquet(done.session / "SingleStream/performance/queries.parquet")
    assert (table.issued_ns.to_numpy()[1:] >= table.done_ns.to_numpy()[:-1]).all()


def test_both_scenarios_share_one_engine_start(sut: Sut):
    done = sut("--engine", "null", *SHORT)
    assert list(done.result["scenarios"]) == ["Offline", "Server"]
    assert done.stderr.count("Starting engine") == 1
    seeds = [found["seeds"] for found in done.result["scenarios"].values()]
    assert seeds[0] == seeds[1]
    assert all(seeds[0].values()), "the second run has the round's seeds too"


SLOWER = ("--set", "by_scenario.Server.engine.null.ttft_ms=20")


def test_scenarios_of_unequal_settings_have_an_engine_each(sut: Sut):
    done = sut("--engine", "null", *SHORT, *SLOWER)
    assert done.code == 0, done.stdout + done.stderr
    assert done.stderr.count("Starting engine") == 2
    assert "Engine 1 of 2, for Offline." in done.stderr
    assert "Engine 2 of 2, for Server." in done.stderr
    offline, server = (done.result["scenarios"][name] for name in ("Offline", "Server"))
    assert done.result["engine"]["arguments"]["ttft_ms"] == 1
    assert offline["own_engine"] is None
    assert server["own_engine"]["engine"]["arguments"]["ttft_ms"] == 20
    assert server["own_engine"]["settings"] == {"engine.null.ttft_ms": 20}
    assert server["own_engine"]["warmup"]["succeeded"] == 10
    assert server["ttft"]["p50_ns"] > 20e6, "the engine is the one that is told"
    facts = {path.name: json.loads(path.read_text()) for path in done.session.glob("session*")}
    assert facts.keys() == {"session.json", "session.2.json"}
    first, second = ((done.session / f"config{n}.json").read_text() for n in ("", ".2"))
    assert first == second, "no rate was measured between them"
    assert len({each["session_id"] for each in facts.values()}) == 1
    for scenario, name in (("Offline", "session.json"), ("Server", "session.2.json")):
        run = json.loads((done.session / scenario / "performance" / "run.json").read_text())
        assert run["session"]["facts_file"] == name
    assert (done.session / "engine.2.log").is_file() == (done.session / "engine.log").is_file()
    assert "engine of Server" in (done.session / "summary.txt").read_text()


@pytest.mark.slow
def test_a_rate_is_measured_with_the_engine_of_its_scenario(sut: Sut):
    auto = ("--set", "server.target_qps=auto", "--set", "by_scenario.Server.engine.null.slots=1")
    slow = ("--set", "by_scenario.Server.engine.null.tpot_ms=5")
    done = sut("--engine", "null", *SHORT, *auto, *slow)
    assert done.stderr.count("Rate probe:") == 2
    configs = {
        path.name: json.loads(path.read_text()) for path in done.session.glob("config*.json")
    }
    planned, rate = (
        configs[f"config{n}.json"]["config"]["server"]["target_qps"] for n in ("", ".2")
    )
    assert (planned, rate < 10) == (200, True), "one answer at a time takes 160 ms"
    assert configs["config.2.json"]["origins"]["server.target_qps"].startswith("measured: ")
    assert done.result["configuration"]["server"]["target_qps"] == rate
    failed = [
        each["name"] for each in done.result["scenarios"]["Server"]["checks"] if not each["passed"]
    ]
    assert not [each for each in failed if "run" in each], "each run is bound to its own files"


def test_the_table_agrees_with_loadgen(sut: Sut):
    done = sut("--scenario", "Server", "--engine", "null", *SHORT)
    found = done.result["scenarios"]["Server"]
    table = pd.read_parquet(done.session / "Server/performance/queries.parquet")
    assert set(table.times_source) == {"loadgen_trace"}
    latency = table.done_ns - table.scheduled_ns
    assert latency.max() == found["latency"]["max_ns"]
    assert (table.first_token_ns - table.scheduled_ns).min() == found["ttft"]["min_ns"]
    assert int(table.tokens_out.sum()) == found["tokens_out"]


def test_a_stray_audit_config_is_reported_and_changes_nothing(sut: Sut, tmp_path: Path):
    (tmp_path / "audit.config").write_text("*.*.mode = 2\n*.*.min_query_count = 3\n")
    done = sut("--scenario", "Offline", "--engine", "null", *SHORT)
    assert done.code == 0, done.stdout
    assert "audit.config lies in the working directory" in done.stderr
    assert any("audit.config" in note for note in done.result["notes"])
    assert done.result["scenarios"]["Offline"]["queries"]["issued"] > 3


def test_a_rate_that_is_auto_is_measured_first_and_is_what_loadgen_gets(sut: Sut):
    """Four at once, 52 ms each: the probe finds some 77 a second at most."""
    slots = settings(
        server__target_qps="auto",
        engine__null__slots=4,
        engine__null__ttft_ms=50,
        generation__max_tokens=16,
    )
    done = sut("--scenario", "Server", "--engine", "null", *SHORT, *slots)
    assert done.code == 0, done.stdout + done.stderr
    document = json.loads((done.session / "config.json").read_text())
    rate, origin = document["config"]["server"]["target_qps"], document["origins"]
    assert 0 < rate < 80
    assert origin["server.target_qps"].startswith("measured: ")
    conf = (done.session / "Server/performance/user.conf").read_text()
    assert f"*.Server.target_qps = {rate}" in conf
    assert any("server.target_qps is" in note for note in done.result["notes"])
    facts = json.loads((done.session / "session.json").read_text())["rate_probe"]
    assert facts["failure"] is None
    assert facts["steps"][-1]["held"] is True


def test_a_latency_limit_that_does_not_hold_is_invalid_with_its_figure(sut: Sut):
    done = sut("--scenario", "Server", "--engine", "null", *SHORT, *TOO_LATE)
    assert done.code == 1
    assert re.search(r"TTFT P95 2,5\d\d of 2,000 ms, over the limit", done.stdout)
    assert done.stdout.startswith("INVALID: ")


@pytest.mark.parametrize(
    ("scenario", "too_short", "said"),
    [
        ("Offline", settings(offline__min_duration_s=1), "s of the 1 s it must: the null engine"),
        # The engine's own 10 ms are most of a query: the two runs take alike on a busy machine.
        pytest.param(
            "SingleStream",
            settings(
                single_stream__target_latency_ms=1000,
                single_stream__min_duration_s=3,
                engine__null__ttft_ms=10,
            ),
            "s of the 3 s it must: ",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_run_too_short_names_the_flag_that_makes_the_next_one_valid(
    sut: Sut, tmp_path: Path, scenario: str, too_short: list[str], said: str
):
    arguments = ["--scenario", scenario, "--engine", "null", *SHORT, *too_short]
    done = sut(*arguments)
    assert done.code == 1
    (advice,) = undisturbed(done.result["scenarios"][scenario]["advice"])
    assert f"{scenario}: {advice}" in " ".join(done.stdout.split())
    assert said in advice
    flag = re.search(r"--set ([a-z_.]+=[0-9.]*[0-9])", advice)
    assert flag is not None, advice
    again = sut(*arguments, "--set", flag[1], "--results-dir", str(tmp_path / "again"))
    assert again.code == 0, again.stdout


def undisturbed(advice: list[str]) -> list[str]:
    """Without what another program on this machine had a part in."""
    return [each for each in advice if not each.startswith("Disturbed: ")]


@pytest.mark.slow
def test_where_one_query_alone_is_too_slow_no_rate_is_advised(sut: Sut):
    done = sut("--scenario", "Server", "--engine", "null", *SHORT, *TOO_LATE)
    sentences = undisturbed(done.result["scenarios"]["Server"]["advice"])
    assert "had a TTFT of 25" in sentences[0]
    assert "target_qps" not in " ".join(sentences)


def test_a_smoke_test_of_an_engine_without_a_model_fails_and_says_why_first(sut: Sut):
    done = sut("--smoke", "--scenario", "Offline", "--engine", "null")
    assert done.code == 1
    said = " ".join(done.stdout.splitlines()[1:5])
    assert said.startswith("  Offline accuracy: 100.0% of the answers are looping")
    assert "leave out --engine null" in " ".join(said.split())
    (summary,) = done.results.glob("summary_*.txt")
    lines = summary.read_text().splitlines()
    assert lines[3] == "INVALID:"
    again = subprocess.run(
        [sys.executable, "-m", "sut.main", "report", str(done.session)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (again.returncode, again.stdout.splitlines()[:5]) == (1, lines[:5])


def test_an_accuracy_run_without_a_model_is_not_called_valid_alone(sut: Sut):
    done = sut(
        "--mode", "accuracy", "--scenario", "Offline", "--engine", "null",
        *settings(dataset__max_samples=50),
    )  # fmt: skip
    assert done.code == 0
    assert done.stdout.startswith("VALID, but the answers are not a model's: ")


def test_loadgen_is_not_begun_on_an_engine_that_does_not_answer_the_warm_up(sut: Sut):
    slow = settings(warmup__timeout_s=0.5, engine__null__ttft_ms=2000)
    done = sut("--scenario", "Offline", "--engine", "null", *SHORT, *slow)
    assert done.code == 1
    assert done.result["warmup"]["succeeded"] == 0
    assert done.result["reasons"][0] == (
        "the session ended before its time, while warming up: 0 of 10 queries of the warm-up were "
        "answered; the first that was not: no answer within 0.5 s"
    )
    assert done.result["scenarios"] == {}
    assert not (done.session / "Offline").exists()
    assert left_running(str(done.results)) == []


def test_a_second_run_never_overwrites_the_first(sut: Sut):
    sut("--scenario", "Offline", "--engine", "null", *SHORT)
    done = sut("--scenario", "Offline", "--engine", "null", *SHORT)
    assert len(done.sessions) == 2
    assert len(list(done.results.glob("mlperf_datacenter_node-a_*.json"))) == 2


def test_an_official_user_conf_is_taken(sut: Sut, tmp_path: Path):
    conf = tmp_path / "mine.conf"
    conf.write_text("*.Server.target_qps = 150\n*.Server.min_duration = 1000\n")
    done = sut(
        "--scenario", "Server", "--engine", "null", "--user-conf", str(conf),
        *settings(engine__null__ttft_ms=1),
    )  # fmt: skip
    effective = done.result["scenarios"]["Server"]["loadgen"]["settings_effective"]
    assert effective["effective_target_qps"] == 150
    assert done.result["configuration_origins"]["server.target_qps"] == f"{conf}:1"


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--set", "server.target_qs=2"], ["server.target_qs", "server.target_qps"]),
        (["--set", "server.target_qps=-1"], ["server.target_qps", "-1"]),
        (["--dataset", "nowhere.json"], ["nowhere.json"]),
        (["--round", "v9.9"], ["v9.9", "v6.1"]),
        (["--round", "v5.0"], ["v5.0", "llama3.1-8b"]),
        (["--round", "v5.1"], ["v5.1", "mlcommons-loadgen"]),
        (["--profile", "mlperf", "--dataset", "synthetic", "--set", "generation.max_tokens=64"],
         ["generation.max_tokens", "64", "128"]),
        (["--scenaro", "Server"], ["--scenaro", "--scenario"]),
    ],
)  # fmt: skip
def test_a_users_mistake_is_one_line_and_exit_2(sut: Sut, arguments: list[str], wanted: list[str]):
    done = sut("--engine", "null", *arguments)
    assert done.code == 2
    (line,) = done.stderr.strip().splitlines()
    assert all(word in line for word in wanted), line
    assert not done.results.exists(), "nothing was started"


def test_a_dry_run_starts_nothing(sut: Sut):
    done = sut("--dry-run")
    assert done.code == 0
    assert "user_confs/systems/" in done.stdout
    assert not done.results.exists()


def test_report_rebuilds_the_same_bytes(sut: Sut):
    done = sut("--scenario", "Offline", "--engine", "null", *SHORT)
    again = subprocess.run(
        [sys.executable, "-m", "sut.main", "report", str(done.session), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert again.stdout == (done.session / "result.json").read_text()


@pytest.mark.slow
def test_bench_takes_no_figure_of_a_run_that_is_invalid(tmp_path: Path):
    done = subprocess.run(
        [
            sys.executable, "-m", "sut.main", "bench", "harness", "--rates", "50", "--seconds", "1",
            "--offline-samples", "50", "--results-dir", str(tmp_path), "--json", *TOO_LATE,
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    document = json.loads(done.stdout)
    assert [each["scenario"] for each in document["measured"]] == ["Offline"]
    (refused,) = document["invalid"]
    assert any("TTFT P95" in why for why in refused["invalid_because"])
    assert (Path(refused["session"]) / "result.json").is_file(), "what was measured is kept"
