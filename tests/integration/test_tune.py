"""A search over settings from the command line: real LoadGen, a process for each trial."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

from tests.integration.conftest import left_running, settings, until, user_environment

pytestmark = pytest.mark.usefixtures("small_model")  # for its tokenizer

SLOTS = "engine.null.slots"
# One at once, 18 ms each: 55 samples/s; sixteen at once do far more.
PACED = settings(
    engine__null__slots=1,
    engine__null__ttft_ms=3,
    engine__null__tpot_ms=1,
    engine__null__tokens=16,
    generation__max_tokens=16,
    offline__min_duration_s=2,
)
NULL = ("--scenario", "Offline", "--engine", "null", *PACED, "--space", f"{SLOTS}=1,16")
SHORT = ("--trial-seconds", "1", "--rounds", "1")


def words(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "sut.main", "tune", "--out", "search", "--json", *arguments]


def tune(cwd: Path, *arguments: str, timeout_s: float = 280) -> tuple[int, dict[str, Any], str]:
    """Exit code, the JSON that it printed, what it said."""
    done = subprocess.run(
        words(*arguments), cwd=cwd, env=user_environment(), capture_output=True, text=True,
        timeout=timeout_s, check=False,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr


@pytest.mark.slow
def test_better_settings_are_found_measured_and_confirmed(tmp_path: Path) -> None:
    code, found, said = tune(tmp_path, *NULL, *SHORT)
    assert code == 0, said
    purposes = [each["purpose"] for each in found["trials"]]
    assert purposes == ["given", "search", "repeat", "effect", "effect"]
    assert (found["given"], found["best"]) == ({SLOTS: 1}, {SLOTS: 16})
    first, *others = found["trials"]
    samples = {each["figures"]["samples"] for each in others}
    assert samples == {first["figures"]["samples"]}, "every trial does the same work"
    assert found["confirmation"]["valid"] is True
    search = tmp_path / "search"
    for each in found["trials"]:
        summary = (search / each["session"] / "summary.txt").read_text()
        assert "its figures are no result" in summary
    confirmed = (search / found["confirmation"]["session"] / "summary.txt").read_text()
    assert "its figures are no result" not in confirmed
    assert len(list(search.glob("mlperf_datacenter_*.json"))) == 1
    assert not list((search / "trials").rglob("mlperf_datacenter_*.json"))
    system = yaml.safe_load((search / "tuned.yaml").read_text())
    assert system["by_scenario"]["Offline"][SLOTS] == 16
    assert left_running(str(tmp_path)) == []
    # A second call has nothing left to do, and starts nothing.
    again = tune(tmp_path, *NULL, *SHORT)
    assert again[:2] == (0, found)
    assert "Trial" not in again[2]


@pytest.mark.slow
def test_a_search_that_was_killed_leaves_nothing_running_and_goes_on(tmp_path: Path) -> None:
    process = subprocess.Popen(
        words(*NULL, *SHORT), cwd=tmp_path, env=user_environment(), stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Trial 1 "):
                break
        children = _children(process.pid)
        os.kill(process.pid, signal.SIGKILL)
        process.stderr.read()
    _, alive = psutil.wait_procs(children, timeout=60)
    assert alive == [], "a trial ends with its search"
    assert left_running(str(tmp_path)) == []
    code, found, said = tune(tmp_path, *NULL, *SHORT)
    assert code == 0, said
    assert found["trials"][0]["number"] == 1
    assert "Trial 1 " not in said


def _children(pid: int) -> list[psutil.Process]:
    """The next trial's processes, once there are some."""
    return until(lambda: psutil.Process(pid).children(recursive=True))


@pytest.mark.slow
def test_ctrl_c_ends_the_trial_under_way_and_keeps_the_others(tmp_path: Path) -> None:
    process = subprocess.Popen(
        words(*NULL, *SHORT), cwd=tmp_path, env=user_environment(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        assert process.stderr is not None
        assert process.stdout is not None
        for line in process.stderr:
            if line.startswith("Trial 1 "):
                break
        _children(process.pid)
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        found = json.loads(process.stdout.read())
    assert process.returncode == 130
    assert found["over"] is False
    assert [each["number"] for each in found["trials"]] == [1]
    assert left_running(str(tmp_path)) == []


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_dummy_model_is_tuned_from_poor_settings(tmp_path: Path, dummy_model: Path) -> None:
    """Half of the combinations do not start: vLLM takes no prompt in parts then."""
    seqs, chunked = "engine.vllm.max_num_seqs", "engine.vllm.enable_chunked_prefill"
    poor = settings(
        engine__vllm__max_num_seqs=1,
        engine__vllm__max_num_batched_tokens=256,
        generation__max_tokens=16,
        offline__min_duration_s=5,
    )
    space = ("--space", f"{seqs}=1,32", "--space", f"{chunked}=true,false")
    code, found, said = tune(
        tmp_path,
        *("--system", "cpu-dummy", "--scenario", "Offline", *poor, *space),
        *("--trial-seconds", "3", "--rounds", "1", "--budget", "20m"),
        timeout_s=1400,
    )
    assert code == 0, said
    assert found["best"] == {seqs: 32, chunked: True}
    failed = [each for each in found["trials"] if each["failed"]]
    assert failed
    assert all(each["settings"][chunked] is False for each in failed)
    assert all("max_num_batched_tokens" in each["failed"] for each in failed)
    assert found["confirmation"]["valid"] is True
