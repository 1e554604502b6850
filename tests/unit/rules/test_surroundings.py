"""What disturbed a run, and when that makes it INVALID."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sut.result.build import build
from sut.result.schema import RunResult
from tests.unit.result.sessions import edit, make_session

QUIET: dict[str, Any] = {
    "cores": 2, "seconds": 60.0, "harness_share": 0.1, "loadgen_share": 0.05, "engine_share": 0.8,
    "others_share": 0.02, "others_share_most": 0.04, "steal_share": 0.0, "throttled_s": None,
    "loop_late_ms_p99": 1.0, "loop_late_ms_most": 4.0, "collections": 3, "collection_ms_most": 2.0,
}  # fmt: skip

BUSY = {"others_share": 0.6, "engine_share": 0.2}


def run_of(tmp_path: Path, profile: str = "quick", **seen: Any) -> RunResult:
    root = make_session(tmp_path, "server", profile=profile)
    edit(root / "Server" / "performance" / "run.json", surroundings=QUIET | seen)
    return next(iter(build(root).scenarios.values()))


def asked(run: RunResult) -> list[bool]:
    return [each.passed for each in run.checks if each.rule == "undisturbed"]


def test_a_quiet_machine_has_nothing_to_say(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    assert [each for each in run.disturbed_by if "queries" not in each] == []
    assert asked(run) == []


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ({"others_share": 0.4, "others_share_most": 0.9},
         "other programs used 40% of the processor, 90% in the worst second"),
        ({"others_share": 0.4, "others_share_most": 0.41},
         "other programs used 40% of the processor"),
        ({"steal_share": 0.1}, "the hypervisor gave 10% of the processor to other machines"),
        ({"throttled_s": 3.0},
         "the control group's limit kept the run from the processor for 3 of 60 s"),
        ({"loop_late_ms_p99": 80.0}, "the harness's event loop came 80 ms late (P99)"),
        ({"collection_ms_most": 160.0}, "a garbage collection stopped the harness for 160 ms"),
    ],
)  # fmt: skip
def test_each_disturbance_is_told(tmp_path: Path, seen: dict[str, Any], told: str) -> None:
    found = run_of(tmp_path, **seen).disturbed_by
    assert [each for each in found if "queries" not in each] == [told]


def test_a_time_that_was_never_seen_is_not_held_against_a_length_that_makes_no_sense(
    tmp_path: Path,
) -> None:
    run = run_of(tmp_path, throttled_s=None, seconds=-1e308)
    assert [each for each in run.disturbed_by if "queries" not in each] == []


def test_the_mlperf_profile_does_not_take_figures_that_others_had_a_part_in(tmp_path: Path) -> None:
    assert asked(run_of(tmp_path / "a", "mlperf")) == [True]
    assert asked(run_of(tmp_path / "b", "mlperf", others_share=0.45, steal_share=0.1)) == [False]
    assert asked(run_of(tmp_path / "c", "mlperf", others_share=None)) == []
    assert asked(run_of(tmp_path / "d", "quick", others_share=0.9)) == []


def test_a_run_that_failed_says_first_what_disturbed_it(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server", server={"ttft_limit_ms": 1.0})
    edit(root / "Server" / "performance" / "run.json", surroundings=QUIET | BUSY)
    (run,) = build(root).scenarios.values()
    assert not run.valid
    assert run.advice[0].startswith("Disturbed: other programs used 60% of the processor")


def test_nobody_else_makes_a_run_too_short(tmp_path: Path) -> None:
    root = make_session(tmp_path, "offline", offline={"min_duration_s": 0.008})
    edit(root / "Offline" / "performance" / "run.json", surroundings=QUIET | BUSY)
    (run,) = build(root).scenarios.values()
    assert [each.rule for each in run.checks if not each.passed] == ["min-duration"]
    assert "Disturbed" not in " ".join(run.advice)


def test_how_late_queries_came_is_worked_out_from_schedule_and_ledger(tmp_path: Path) -> None:
    run = run_of(tmp_path)
    assert run.issue_late_ms_p99 is not None
    assert run.issue_late_ms_most is not None
    assert 0 <= run.issue_late_ms_p99 <= run.issue_late_ms_most
