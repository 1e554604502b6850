"""A figure at its limit: which side of it a run falls on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sut.config.names import Scenario
from sut.logs.figures import Quantiles
from sut.logs.run_logs import read_logs
from sut.rules import loadgen_log
from sut.rules.case import LogCase
from sut.rules.check import Check
from sut.rules.demands import Demands

DEMANDS = Demands(
    origin="round x",
    round_name="x",
    seeds={},
    releases=None,
    min_duration_s=600.0,
    min_samples=192,
    percentile=99.0,
    ttft_limit_ms=2000,
    tpot_limit_ms=100,
)


def case_of(recorded: Path, name: str, demands: Demands = DEMANDS, **figures: Any) -> LogCase:
    logs = read_logs(recorded / name)
    logs = replace(logs, figures=replace(logs.figures, **figures))
    return LogCase(logs, Scenario(name.capitalize()), "performance", demands)


def passed(checks: list[Check]) -> list[bool]:
    return [each.passed for each in checks]


@pytest.mark.parametrize(("p99_ns", "good"), [(1_999_999_999, True), (2_000_000_000, False)])
def test_a_first_token_comes_before_its_limit(recorded: Path, p99_ns: int, good: bool) -> None:
    (found,) = loadgen_log.ttft.checks(
        case_of(recorded, "server", ttft=Quantiles(p99_ns=p99_ns, p90_ns=7))
    )
    assert (found.passed, found.limit, found.unit, found.source) == (good, 2000, "ms", "round x")
    assert found.measured == p99_ns / 1e6
    assert found.name == "TTFT P99"
    assert found.keys == ("result_first_token_99.00_percentile_latency_ns",)


@pytest.mark.parametrize(("p99_ns", "good"), [(99_999_999, True), (100_000_000, False)])
def test_a_token_comes_before_its_limit(recorded: Path, p99_ns: int, good: bool) -> None:
    case = case_of(recorded, "server", tpot=Quantiles(p99_ns=p99_ns))
    assert passed(loadgen_log.tpot.checks(case)) == [good]


@pytest.mark.parametrize("met", [True, False])
def test_of_a_percentile_that_is_not_printed_loadgens_flag_tells(recorded: Path, met: bool) -> None:
    demands = replace(DEMANDS, percentile=98.0)
    case = case_of(recorded, "server", demands, performance_constraints_met=met)
    (found,) = loadgen_log.ttft.checks(case)
    assert found.passed is met
    assert found.name == "TTFT P98 (not printed; LoadGen's constraint at 2000 ms)"


@pytest.mark.parametrize("missing", ["percentile", "ttft_limit_ms"])
def test_without_a_limit_no_time_is_asked(recorded: Path, missing: str) -> None:
    nothing: dict[str, Any] = {missing: None}
    demands = replace(DEMANDS, **nothing)
    assert loadgen_log.ttft.checks(case_of(recorded, "server", demands)) == []


def test_an_unprinted_percentile_of_a_run_without_times_is_not_measured(recorded: Path) -> None:
    case = case_of(recorded, "server", replace(DEMANDS, percentile=98.0), ttft=Quantiles())
    assert [each.measured for each in loadgen_log.ttft.checks(case)] == [None]


@pytest.mark.parametrize(
    ("longest_ns", "good"),
    # LoadGen prints six digits of a rate, so a duration may be short by the sixth.
    [(600_000_000_000, True), (599_999_000_001, True), (599_998_000_000, False)],
)
def test_a_run_lasts_as_long_as_is_asked(recorded: Path, longest_ns: int, good: bool) -> None:
    case = case_of(recorded, "offline", latency=Quantiles(max_ns=longest_ns), min_duration_met=True)
    assert passed(loadgen_log.min_duration.checks(case)) == [good, True]
    case = case_of(recorded, "offline", latency=Quantiles(), min_duration_met=False)
    assert passed(loadgen_log.min_duration.checks(case)) == [False, False]


@pytest.mark.parametrize(("least", "good"), [(192, True), (193, False), (None, False)])
def test_as_many_samples_are_issued_as_are_asked(
    recorded: Path, least: int | None, good: bool
) -> None:
    case = case_of(recorded, "offline", replace(DEMANDS, min_samples=least))
    assert passed(loadgen_log.min_queries.checks(case)) == [good]


def test_only_a_server_has_latency_constraints_and_only_offline_one_query(recorded: Path) -> None:
    server, offline = case_of(recorded, "server"), case_of(recorded, "offline")
    assert len(loadgen_log.latency_constraints.checks(server)) == 1
    assert loadgen_log.latency_constraints.checks(offline) == []
    assert loadgen_log.offline_query_size.checks(server) == []
    assert len(loadgen_log.offline_query_size.checks(offline)) == 1
