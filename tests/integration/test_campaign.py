"""A campaign on real LoadGen and the null engine, killed in its second stage and resumed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.conftest import TIMEOUT_S, left_running, user_environment, wait_for_line

pytestmark = pytest.mark.usefixtures("small_model")  # for its tokenizer

PLAN = """\
scenarios: [Offline, Server]
modes: [performance]
common:
  engine.kind: "null"
  dataset: synthetic
  offline.target_qps: 10
  offline.min_duration_s: 0
  server.target_qps: 200
  server.min_duration_s: 2
  validity.others_cpu_share: null
  engine.null.ttft_ms: 1
  engine.null.tpot_ms: 0.05
settings:
  base: {}
"""
STAGES = ["cpu.base.Offline-performance", "cpu.base.Server-performance"]
THIRD = "cpu.base.Interactive-performance"


def command(plan: Path, out: Path, *flags: str) -> list[str]:
    return [sys.executable, "-m", "sut.main", "campaign", str(plan), "--out", str(out), *flags]


def made(plan: Path, out: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(plan, out, *flags),
        capture_output=True,
        text=True,
        env=user_environment(),
        timeout=TIMEOUT_S,
        check=False,
    )


def kill_in_the_second_stage(plan: Path, out: Path) -> None:
    with subprocess.Popen(
        command(plan, out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=user_environment(),
    ) as process:
        wait_for_line(process, "Server performance:")
        process.send_signal(signal.SIGKILL)
        process.wait(TIMEOUT_S)


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.yaml"
    third = "  interactive.target_qps: 200\n  interactive.min_duration_s: 2\n"
    path.write_text(
        PLAN.replace("Server]", "Server, Interactive]").replace("settings:", f"{third}settings:")
    )
    return path


def test_a_killed_campaign_goes_on_with_what_is_left(plan: Path, tmp_path: Path) -> None:
    out = tmp_path / "campaign"
    kill_in_the_second_stage(plan, out)
    assert [path.stem for path in (out / "stages").iterdir()] == [STAGES[0]]
    first = (out / "stages" / f"{STAGES[0]}.json").read_bytes()
    shown = made(plan, out, "--dry-run")
    assert shown.returncode == 0, shown.stderr
    assert "3 stages, 1 of them kept" in shown.stdout
    done = made(plan, out, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    rows = json.loads(done.stdout)["stages"]
    assert [(row["stage"], row["kept"], row["state"]) for row in rows] == [
        (STAGES[0], True, "VALID"),
        (STAGES[1], False, "VALID"),
        (THIRD, False, "VALID"),
    ]
    assert (out / "stages" / f"{STAGES[0]}.json").read_bytes() == first
    # The session that was killed is there beside the three that have a result.
    assert len([path for path in (out / "sessions").iterdir() if path.is_dir()]) == 4
    assert (out / "report.html").is_file()
    assert left_running(str(out)) == []
