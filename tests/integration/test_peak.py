"""A search for the peak, from the command line: real LoadGen, the null engine with slots."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import left_running, settings, user_environment

pytestmark = pytest.mark.usefixtures("small_model")  # for its tokenizer

# Four at once, 80 ms each: 50 queries/s at the very most.
PACED = settings(
    engine__null__slots=4,
    engine__null__ttft_ms=50,
    engine__null__tpot_ms=2,
    generation__max_tokens=16,
    server__ttft_limit_ms=400,
    server__min_duration_s=6,
)
SMALL = ("--scenario", "Server", "--engine", "null", *PACED)
MOST_QPS = 50.0


def peak(cwd: Path, *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, the JSON that it printed, what it said."""
    words = [sys.executable, "-m", "sut.main", "peak", "--out", "search", "--json", *arguments]
    done = subprocess.run(
        words, cwd=cwd, env=user_environment(), capture_output=True, text=True, timeout=280,
        check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


def test_a_search_ends_with_a_confirmed_rate_and_goes_on_where_it_was(tmp_path: Path) -> None:
    few = ("--tolerance", "20", "--trial-seconds", "2")
    first = settings(server__target_qps=20)
    code, found, said = peak(tmp_path, *SMALL, *first, *few, "--trials", "1")
    assert said.count("Starting engine") == 1
    assert found["runs"][0]["kind"] == "trial"
    made = len(found["runs"])
    code, found, said = peak(tmp_path, *SMALL, *first, *few, "--confirmations", "8")
    assert len(found["runs"]) > made
    assert code == 0, said
    assert found["ended"]
    confirmed = found["peak"]
    assert confirmed["kind"] == "confirmation"
    assert confirmed["valid"] is True
    assert confirmed["target_qps"] < MOST_QPS * 1.05
    assert list(tmp_path.rglob(".running.json")) == [], "a session that ended looks cut off"
    session = tmp_path / "search" / confirmed["session"]
    config = json.loads((session / "config.json").read_text())
    assert config["config"]["server"]["target_qps"] == confirmed["target_qps"]
    assert config["origins"]["server.target_qps"].startswith("peak: ")
    log = (session / "Server/performance/mlperf_log_summary.txt").read_text()
    assert "Result is : VALID" in log
    published = list((tmp_path / "search").glob("mlperf_datacenter_*.json"))
    full = [each for each in found["runs"] if each["kind"] == "confirmation"]
    assert len(published) == len(full), "only a run of full length is a result"
    assert not list((tmp_path / "search/trials").glob("mlperf_datacenter_*.json"))
    assert left_running(str(tmp_path)) == []
    # A third call has nothing left to do, and starts no engine.
    code, again, said = peak(tmp_path, *SMALL, *first, *few, "--confirmations", "8")
    assert (code, again["peak"]) == (0, confirmed)
    assert "Starting engine" not in said


@pytest.mark.slow
def test_a_rate_far_too_high_is_given_up_without_a_fault(tmp_path: Path) -> None:
    """The engine outlives a trial that is ended early: one start serves them all."""
    rates = settings(server__target_qps=400, server__min_duration_s=20)
    few = ("--trials", "2", "--confirmations", "1", "--trial-seconds", "20")
    _, found, said = peak(tmp_path, *SMALL, *rates, *few)
    assert said.count("Starting engine") == 1
    given_up = [each for each in found["runs"] if each["given_up"]]
    assert given_up, said
    assert given_up[0]["target_qps"] == 400
    assert found["peak"] is None
    run = tmp_path / "search" / given_up[0]["session"] / "Server/performance/run.json"
    facts = json.loads(run.read_text())
    assert facts["engine_failure"] is None
    assert "given up" in facts["loadgen_exit"]


@pytest.mark.slow
def test_the_settings_of_another_search_are_refused(tmp_path: Path) -> None:
    few = ("--trials", "1", "--confirmations", "1", "--trial-seconds", "1")
    peak(tmp_path, *SMALL, *settings(server__target_qps=20), *few)
    other = settings(server__ttft_limit_ms=300)
    code, _, said = peak(tmp_path, *SMALL, *other, *few)
    assert code == 2
    assert "holds a search with server.ttft_limit_ms 400.0, not 300.0" in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--scenario", "Offline"), "a peak is searched of one of Server and Interactive"),
        (("--scenario", "Server", "--dry-run"), "--dry-run is of a run"),
    ],
)
def test_what_has_no_peak_is_refused(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    code, _, said = peak(tmp_path, *arguments, "--engine", "null")
    assert code == 2
    assert words in said


@pytest.mark.slow
def test_the_dummy_model_has_a_peak(tmp_path: Path, dummy_model: Path) -> None:
    """vLLM on a CPU: whatever else runs here, what is named a peak has a VALID run."""
    code, found, said = peak(
        tmp_path,
        *("--system", "cpu-dummy", "--set", "server.target_qps=4"),
        *settings(server__min_duration_s=10, server__e2e_p99_limit_ms=20000),
        *("--tolerance", "40", "--trials", "4", "--trial-seconds", "5"),
    )
    assert said.count("Starting engine") == 1
    full = {
        each["target_qps"]: each["valid"] for each in found["runs"] if each["valid"] is not None
    }
    if code == 0:
        assert full[found["peak"]["target_qps"]] is True
    else:
        assert not any(full.values())
