"""The percentile that is held to a limit, as it stood at each moment."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from sut.metrics import percentile_ns, ttft_ns
from sut.record.ledger_file import read_ledger
from sut.record.session import read_session
from sut.report.page import plots, series
from sut.report.page.figures import figures
from sut.result.build import result_of
from sut.rules.early_stopping import over_limit_allowed
from tests.unit.result.sessions import RECORDED, make_session


def test_the_last_point_is_the_percentile_of_the_run() -> None:
    ledger = read_ledger(RECORDED / "interactive" / "ledger.parquet")
    percentiles, held = series.so_far(ledger, "TTFT", 99)
    values = np.sort(ttft_ns(ledger))
    assert percentiles[-1]["value"] == percentile_ns(values, 99) / 1e6
    allowed = over_limit_allowed(len(values), 99)
    assert allowed is not None
    assert held[-1]["value"] == values[len(values) - allowed - 1] / 1e6
    assert held[-1]["value"] >= percentiles[-1]["value"]
    times = [each["s"] for each in percentiles]
    assert times == sorted(times)


def test_early_stopping_has_no_figure_until_queries_suffice() -> None:
    ledger = read_ledger(RECORDED / "interactive" / "ledger.parquet")
    few = ledger.slice(0, 400)
    assert series.so_far(few, "TTFT", 99)[1] == []
    later = series.so_far(ledger, "TTFT", 99)[1]
    assert 0 < len(later) < series.SO_FAR


def test_a_kind_that_a_run_does_not_have_is_not_drawn() -> None:
    offline = read_ledger(RECORDED / "offline" / "ledger.parquet")
    assert series.so_far(offline, "TTFT", 99) == ([], [])
    assert len(series.so_far(offline, "latency", 90)[0]) == series.SO_FAR
    assert series.so_far(offline.slice(0, 0), "latency", 90) == ([], [])


@pytest.mark.parametrize("name", ["server", "server_with_errors"])
def test_failed_queries_and_answers_of_one_token_have_no_tpot(name: str) -> None:
    ledger = read_ledger(RECORDED / name / "ledger.parquet")
    points, _ = series.so_far(ledger, "TPOT", 95)
    assert all(math.isfinite(each["value"]) and each["value"] > 0 for each in points)


def test_the_limit_is_drawn_where_it_is_near_and_the_second_line_differs_in_dash() -> None:
    points = [{"s": 0.0, "value": 1.0}, {"s": 1.0, "value": 2.0}]
    near = plots.so_far(points, points[1:], "ms", 3.0)
    assert 'class="limit"' in near
    assert 'class="line dotted"' in near
    far = plots.so_far(points, [], "ms", 30.0)
    assert "limit" not in far
    assert "dotted" not in far


def test_the_figure_says_what_is_drawn_and_by_which_formula(tmp_path: Path) -> None:
    record = read_session(make_session(tmp_path, "interactive", "server"))
    result = result_of(record)
    for (scenario, run), folder in zip(
        sorted(result.scenarios.items()), sorted(record.runs, key=lambda r: r.scenario), strict=True
    ):
        found = {each.title: each for each in figures(run, folder)}
        share = {"Interactive": "99", "Server": "95"}[scenario.value]
        first = found[f"TTFT P{share} so far"]
        assert "early stopping" in first.note
        assert f"floor(n * 0.{share})" in first.formula
        assert "lies far beyond" in first.note
    assert "too few queries" not in found["latency P99 so far"].note
