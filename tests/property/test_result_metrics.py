"""Distributions and comparisons over any input."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sut.logs.figures import PERCENTILE_FIELDS
from sut.logs.run_logs import printed_quantum, significant_quantum
from sut.metrics import distribution_of
from sut.rules.check import same_setting

TIMES = st.lists(st.integers(0, 2**62), min_size=1, max_size=300)


@given(TIMES)
def test_a_distribution_is_ordered_and_made_of_its_values(values: list[int]) -> None:
    made = distribution_of(np.array(values, dtype=np.int64))
    assert made is not None
    names = ("min_ns", *PERCENTILE_FIELDS.values(), "max_ns")
    figures = [getattr(made, name) for name in names]
    assert figures == sorted(figures)
    assert set(figures) <= set(values)
    assert (made.min_ns, made.max_ns) == (min(values), max(values))
    assert made.mean_ns == sum(values) // len(values)
    assert made.count == len(values)


@given(TIMES, st.randoms())
def test_order_does_not_matter(values: list[int], random: object) -> None:
    mixed = list(values)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    as_array = [np.array(each, dtype=np.int64) for each in (values, mixed)]
    assert distribution_of(as_array[0]) == distribution_of(as_array[1])


@given(st.floats(1e-9, 1e12))
def test_a_double_and_its_six_digits_are_one_setting(value: float) -> None:
    logged = float(f"{value:.6g}")
    assert same_setting(value, logged)
    assert not same_setting(value, logged + 2 * significant_quantum(value))


@given(st.integers(0, 10**9), st.integers(0, 6))
def test_quantum_of_a_printed_number_is_its_last_digit(whole: int, decimals: int) -> None:
    text = f"{whole / 10**decimals:.{decimals}f}"
    assert printed_quantum(text) == 10.0**-decimals


@given(st.integers(0, 2**64 - 1), st.integers(1, 2**32))
def test_whole_settings_must_be_equal(value: int, by: int) -> None:
    assert same_setting(value, value)
    assert not same_setting(value, value + by)
