"""No honest run is outside of the bounds that LoadGen's figures leave to a mean."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sut.logs.figures import PERCENTILE_FIELDS, Quantiles
from sut.rules.spread import most_deviation, most_deviation_of_counts

MOST = 128
answers = st.lists(st.tuples(st.integers(2, MOST), st.integers(0, 10**9)), min_size=1, max_size=300)


def printed(values: list[int]) -> Quantiles:
    """As LoadGen's results.cc takes them of the sorted values."""
    n, ordered = len(values), sorted(values)
    at = {name: ordered[int(n * float(p) / 100)] for p, name in PERCENTILE_FIELDS.items()}
    return Quantiles(min_ns=ordered[0], max_ns=ordered[-1], mean_ns=sum(values) // n, **at)


@given(answers)
def test_the_time_of_the_tokens_is_near_that_of_the_mean_answer(
    drawn: list[tuple[int, int]],
) -> None:
    counts, steps = ([each[place] for each in drawn] for place in (0, 1))
    n, mean = len(drawn), float(np.mean(counts))
    spent = sum((count - 1) * step for count, step in drawn) / n
    apart = most_deviation(printed(steps), n)
    assert apart is not None
    assert apart >= np.std(steps) - 1
    assert most_deviation_of_counts(mean, MOST) >= np.std(counts) * (1 - 1e-9)
    room = most_deviation_of_counts(mean, MOST) * apart
    whole = sum(steps) // n
    assert (whole * (mean - 1) - room) * (1 - 1e-4) - MOST <= spent
    assert spent <= ((whole + 1) * (mean - 1) + room) * (1 + 1e-4) + MOST


def test_a_figure_that_is_missing_leaves_no_bound() -> None:
    assert most_deviation(Quantiles(mean_ns=5), 9) is None
    assert most_deviation(printed([5]), 0) is None
    assert most_deviation(printed([5, 5, 5]), 3) == 0


def test_where_all_answers_are_as_long_as_they_may_be_there_is_no_room() -> None:
    assert most_deviation_of_counts(128, 128) == 0
    assert math.isclose(most_deviation_of_counts(64, 128), 64)
    assert most_deviation_of_counts(129, 128) == 0
