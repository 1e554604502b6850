"""What had a part in a run's figures: each disturbance beside its bound, and none unmeasured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sut.record.session import read_session
from sut.report.page.trust import Trusted, trust
from sut.result.build import result_of
from tests.unit.result.sessions import edit, make_session
from tests.unit.rules.test_surroundings import QUIET


def rows(tmp_path: Path, name: str = "server", **facts: Any) -> dict[str, Trusted]:
    root = make_session(tmp_path, name)
    record = read_session(root)
    if facts:
        edit(record.runs[0].folder.run_facts, **facts)
        record = read_session(root)
    run = next(iter(result_of(record).scenarios.values()))
    return {each.name: each for each in trust(run, record.runs[0], 0.1)}


def test_nothing_is_said_of_a_machine_that_nobody_watched(tmp_path: Path) -> None:
    found = rows(tmp_path, surroundings=None, clock=None)
    assert "other programs" not in found
    assert "garbage collections" not in found
    assert "the wall clock" not in found
    assert "pre-emptions" not in found


def test_a_quiet_machine_keeps_every_bound(tmp_path: Path) -> None:
    found = rows(tmp_path, surroundings=QUIET)
    assert found["other programs"].measured == "2.0% of the processor, 4.0% in the worst second"
    assert found["other programs"].bound.startswith("<= 10%")
    assert [each.name for each in found.values() if each.within is False] == []


@pytest.mark.parametrize(
    ("seen", "name"),
    [
        ({"others_share": 0.2}, "other programs"),
        ({"steal_share": 0.06}, "other machines"),
        ({"throttled_s": 0.7}, "kept from the processor"),
        ({"loop_late_ms_p99": 21.0}, "the event loop came late"),
        ({"collection_ms_most": 51.0}, "garbage collections"),
    ],
)
def test_what_is_beyond_its_bound_says_so(tmp_path: Path, seen: dict, name: str) -> None:
    found = rows(tmp_path, surroundings=QUIET | seen)
    assert [each.name for each in found.values() if each.within is False] == [name]


def test_loadgens_times_stand_beside_the_ledgers(tmp_path: Path) -> None:
    found = rows(tmp_path)
    assert {"latency: LoadGen beside the ledger", "TTFT: LoadGen beside the ledger"} <= set(found)
    first = found["TTFT: LoadGen beside the ledger"]
    assert first.measured.startswith("P99 3.176 ms beside ")
    assert first.within is True


def test_offline_has_no_first_tokens_to_compare(tmp_path: Path) -> None:
    assert "TTFT: LoadGen beside the ledger" not in rows(tmp_path, "offline")


def test_the_way_to_loadgen_is_told_where_the_trace_is_on(tmp_path: Path) -> None:
    found = rows(tmp_path / "on")
    assert " ms P99, " in found["first tokens reached LoadGen after"].measured
    assert " ms P99, " in found["answers reached LoadGen after"].measured
    root = make_session(tmp_path / "off", "server")
    record = read_session(root)
    (record.runs[0].folder.root / "mlperf_log_trace.json").unlink()
    run = next(iter(result_of(record).scenarios.values()))
    off = {each.name for each in trust(run, record.runs[0], None)}
    assert "answers reached LoadGen after" not in off


def test_pre_emptions_are_a_share_of_the_samples(tmp_path: Path) -> None:
    few = rows(tmp_path / "few", engine_figures={"preemptions": 2.0})["pre-emptions"]
    many = rows(tmp_path / "many", engine_figures={"preemptions": 24.0})["pre-emptions"]
    assert (few.within, many.within) == (True, False)
    assert many.measured == "24, 10.0% of the samples"
