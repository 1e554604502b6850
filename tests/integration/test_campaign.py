"""A campaign on real LoadGen and the null engine, killed in its second stage and resumed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sut.config.names import Scenario
from sut.record.session import read_session
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


def made(
    plan: Path, out: Path, *flags: str, timeout_s: float = TIMEOUT_S
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(plan, out, *flags),
        capture_output=True,
        text=True,
        env=user_environment(),
        timeout=timeout_s,
        check=False,
    )


def under_way(plan: Path, out: Path) -> subprocess.Popen[str]:
    """The command, whose progress is read."""
    return subprocess.Popen(
        command(plan, out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=user_environment(),
    )


def kill_in_the_second_stage(plan: Path, out: Path) -> None:
    with under_way(plan, out) as process:
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


# One at once, 18 ms each: 55 samples/s; sixteen at once do far more. A trial's run lasts 20 s at
# least, and a trial takes 63 s and more where the machine is busy; the searching part of the budget
# has to hold two.
TUNED = """\
scenarios: [Offline]
systems: [cpu]
tune: [Offline]
budget: 5m
space: {engine.null.slots: [1, 16]}
common:
  engine.kind: "null"
  engine.null.slots: 1
  engine.null.ttft_ms: 3
  engine.null.tpot_ms: 1
  engine.null.tokens: 16
  generation.max_tokens: 16
  dataset: synthetic
  offline.min_duration_s: 2
  validity.others_cpu_share: null
"""
TUNE, PERFORMANCE = "cpu.base.Offline-tune", "cpu.base.Offline-performance"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_settings_are_searched_first_and_an_interruption_costs_one_trial(tmp_path: Path) -> None:
    plan, out = tmp_path / "plan.yaml", tmp_path / "campaign"
    plan.write_text(TUNED)
    with under_way(plan, out) as process:
        wait_for_line(process, "Trial 1 ")
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        process.stderr.read()
    assert process.returncode == 130
    assert left_running(str(out)) == []
    (search,) = (out / "tunes").iterdir()
    first = (search / "trials" / "001" / "trial.json").read_bytes()
    done = made(plan, out, "--json", timeout_s=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Trial 1 " not in done.stderr
    assert (search / "trials" / "001" / "trial.json").read_bytes() == first
    tune, performance = json.loads(done.stdout)["stages"]
    assert (tune["stage"], tune["state"]) == (TUNE, "found")
    assert tune["search"]["best"] == {"engine.null.slots": 16}
    assert (performance["stage"], performance["state"]) == (PERFORMANCE, "VALID")
    session = read_session(out / performance["session"])
    assert session.config.of(Scenario.OFFLINE).engine.null.slots == 16
    assert performance["figures"]["samples/s"] > 100, "one at once answers 55 a second"
    again = made(plan, out, "--json")
    assert [row["kept"] for row in json.loads(again.stdout)["stages"]] == [True, True]
    assert left_running(str(out)) == []
