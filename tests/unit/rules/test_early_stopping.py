"""The queries LoadGen wants for a percentile, against its own words and published counts."""

from __future__ import annotations

import pytest

from sut.rules.early_stopping import (
    over_limit_allowed,
    over_limit_of,
    queries_needed,
)


@pytest.mark.parametrize(
    ("over", "percentile", "needed"),
    [(0, 99, 459), (1, 99, 662), (2, 99, 838), (0, 95, 90), (0, 90, 44), (1, 90, 64)],
)
def test_the_counts_are_those_loadgen_asks_for(over: int, percentile: float, needed: int) -> None:
    """459: "Processed 100 queries. Would need to run at least 359 more" in a published log."""
    assert queries_needed(over, percentile) == needed
    assert over_limit_of(needed, percentile) == over


@pytest.mark.parametrize(("queries", "most"), [(13368, 107), (26736, 229), (133680, 1252)])
def test_large_counts_neither_underflow_nor_take_long(queries: int, most: int) -> None:
    assert queries_needed(most, 99) <= queries < queries_needed(most + 1, 99)


def test_more_over_the_limit_always_needs_more() -> None:
    counts = [queries_needed(over, 97) for over in range(12)]
    assert counts == sorted(set(counts))


@pytest.mark.parametrize("percentile", [90, 95, 99])
def test_what_is_allowed_is_what_the_needed_count_is_needed_for(percentile: float) -> None:
    first = queries_needed(0, percentile)
    assert over_limit_allowed(first - 1, percentile) is None
    assert over_limit_allowed(first, percentile) == 0
    for queries in (first + 1, 480, 663, 5000):
        allowed = over_limit_allowed(queries, percentile)
        assert allowed is not None
        assert queries_needed(allowed, percentile) <= queries
        assert queries_needed(allowed + 1, percentile) > queries
