"""A whole submission on real LoadGen and real vLLM, at reduced counts: runs, tree, check."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.conftest import left_running, user_environment

STAGES = [f"{s}-{r}" for s in ("Offline", "Server", "Interactive") for r in
          ("performance", "accuracy", "TEST06")]  # fmt: skip
# Nine engine starts at half a minute on a busy machine, and as much again for what they run.
TIMEOUT_S = 900


def command(out: Path) -> list[str]:
    return [sys.executable, "-m", "sut.main", "rehearse", "--fast", "--out", str(out), "--json"]


def engine_pids() -> set[int]:
    """vLLM's engines on this machine; another's may be among them."""
    found = psutil.process_iter(["name"])
    return {each.pid for each in found if "EngineCore" in (each.info["name"] or "")}


def rehearse(out: Path) -> tuple[int, dict[str, Any], str]:
    done = subprocess.run(
        command(out),
        capture_output=True,
        text=True,
        env=user_environment(),
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


def interrupt_after_first_stage(out: Path) -> None:
    with subprocess.Popen(
        command(out),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=user_environment(),
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            # The second stage's engine is up, its run has begun.
            if line.startswith("Offline accuracy:"):
                process.send_signal(signal.SIGINT)
                break
        stdout, _ = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    assert "goes on from here" in stdout


@pytest.mark.slow
@pytest.mark.timeout(2 * TIMEOUT_S)
@pytest.mark.usefixtures("dummy_model")
def test_a_fast_rehearsal_is_resumed_and_leaves_a_tree(tmp_path: Path) -> None:
    out, before = tmp_path / "rehearsal", engine_pids()
    interrupt_after_first_stage(out)
    code, report, stderr = rehearse(out)
    assert report["failed"] is None, stderr
    assert code == 0
    assert [each["stage"] for each in report["stages"]] == [*STAGES, "tree"]
    assert [each["stage"] for each in report["stages"] if each["kept"]] == ["Offline-performance"]
    tree = out / "tree"
    scenarios = tree / "open" / "Rehearsal" / "results"
    assert sorted(path.name for path in scenarios.glob("*/*/*")) == [
        "Interactive",
        "Offline",
        "Server",
    ]
    for readme in tree.glob("open/Rehearsal/results/*/*/*/README.md"):
        assert "REHEARSAL" in readme.read_text()
    assert not [each for each in report["findings"] if each["severity"] == "error"]
    assert "reduced counts" in stderr
    code, again, _ = rehearse(out)
    assert code == 0
    assert all(each["kept"] for each in again["stages"])
    assert left_running(str(out)) == []
    assert engine_pids() <= before
