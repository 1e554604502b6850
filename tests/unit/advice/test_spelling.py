from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sut.advice.spelling import figure, rounded_down, rounded_up


@pytest.mark.parametrize(
    ("value", "shown"),
    [(17.234, "17.2"), (22345.6, "22300"), (0.041234, "0.0412"), (60.0, "60"), (100, "100")],
)
def test_three_digits_and_no_exponent(value: float, shown: str) -> None:
    assert figure(value) == shown


@given(st.floats(1e-6, 1e9))
def test_rounding_keeps_two_digits_on_the_right_side(value: float) -> None:
    below, above = rounded_down(value), rounded_up(value)
    assert below <= value * (1 + 1e-9)
    assert above >= value * (1 - 1e-9)
    for each in (below, above):
        assert each == float(f"{each:.2g}")
        assert math.isclose(each, value, rel_tol=0.1001)


@pytest.mark.parametrize("value", [0.29, 19.0, 38.0, 1300.0])
def test_two_digits_stay_as_they_are(value: float) -> None:
    assert rounded_up(value) == rounded_down(value) == value
