"""The harness is killed in the middle of a run: what it measured until then is recovered."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

from sut.record.journal import read_journal
from tests.integration.conftest import TIMEOUT_S, Finished, running, settings, until, wait_for_line

NULL = ["--scenario", "Server", "--engine", "null", "--dataset", "synthetic"]
LONG = settings(server__min_duration_s=600, server__target_qps=200)
ENOUGH = 100


def recover(session: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sut.main", "recover", str(session), *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)


def rows(results: Path) -> int:
    """In the journal, so far."""
    tables = [read_journal(path) for path in results.glob("*/Server/performance/ledger.journal")]
    return sum(len(table) for table in tables if table is not None)


def test_a_killed_session_becomes_a_result_that_is_never_valid(tmp_path: Path) -> None:
    results = tmp_path / "results"
    with running(results, *NULL, *LONG) as process:
        wait_for_line(process, "Server performance:")
        until(lambda: rows(results) >= ENOUGH)
        (session,) = results.iterdir()
        early = recover(session)
        assert (early.returncode, "still runs" in early.stderr) == (2, True)
        process.send_signal(signal.SIGKILL)
        process.wait(TIMEOUT_S)
    done = recover(session)
    assert done.returncode == 1, done.stderr
    result = Finished(1, "", "", results).result
    assert result["reasons"][0] == (
        "the session ended before its time, while running Server performance: "
        "the harness was killed"
    )
    queries = result["scenarios"]["Server"]["queries"]
    assert queries["succeeded"] >= ENOUGH - 20
    assert queries["issued"] == queries["succeeded"] + queries["failed"]
    again = recover(session)
    assert (again.returncode, "no session was cut off here" in again.stderr) == (2, True)
    report = [sys.executable, "-m", "sut.main", "report", str(session), "--json"]
    built = subprocess.run(report, capture_output=True, text=True, check=False)
    assert json.loads(built.stdout) == result


def test_the_next_run_names_the_command(tmp_path: Path) -> None:
    results = tmp_path / "results"
    with running(results, *NULL, *LONG) as process:
        wait_for_line(process, "Warm-up")
        process.kill()
        process.wait(TIMEOUT_S)
    (session,) = results.iterdir()
    with running(results, *NULL, *LONG) as process:
        told = wait_for_line(process, "python -m sut.main recover")
    assert f"python -m sut.main recover {session}" in told
