from __future__ import annotations

import numpy as np
import pytest

from sut.engines.ray.times import Times, percentiles_ms


@pytest.mark.parametrize(
    ("count", "p50_ms", "p99_ms"), [(1, 0, 0), (2, 1, 1), (100, 50, 99), (1000, 500, 990)]
)
def test_a_percentile_is_the_value_at_floor_of_n_p(count: int, p50_ms: int, p99_ms: int) -> None:
    times_ns = np.arange(count, dtype=np.int64)[::-1] * 1_000_000
    assert percentiles_ms("x", times_ns) == {"x_p50_ms": p50_ms, "x_p99_ms": p99_ms}


def test_what_was_not_measured_has_no_figure() -> None:
    times = Times()
    assert times.figures() == {}
    times.answer(1_000_000, 2_000_000)
    assert times.figures() == {
        "replica_answer_p50_ms": 1.0,
        "replica_answer_p99_ms": 1.0,
        "driver_answer_p50_ms": 2.0,
        "driver_answer_p99_ms": 2.0,
    }


def test_the_way_is_taken_query_by_query() -> None:
    times = Times()
    times.first(1_000_000, 9_000_000)
    times.first(8_000_000, 10_000_000)
    figures = times.figures()
    assert figures["replica_first_token_p99_ms"] == 8.0
    assert figures["driver_first_token_p99_ms"] == 10.0
    assert figures["data_plane_first_token_p99_ms"] == 8.0, "not 10 less 8"
    assert figures["data_plane_first_token_mean_ms"] == 5.0
    times.first(0, 0)  # computing figures keeps nothing from being added
