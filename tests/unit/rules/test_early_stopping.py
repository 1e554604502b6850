"""The queries LoadGen wants for a percentile, against its own words and published counts."""

from __future__ import annotations

import pytest

from sut.rules.early_stopping import over_limit_of, queries_needed


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
