"""A figure is shown as a person writes it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sut.figure_text import figure_text, of_limit


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (None, 4, "not measured"), (0.0, 4, "0"), (2102.32, 4, "2,102"), (12345.678, 4, "12,346"),
        (10000.0, 4, "10,000"), (9999.6, 4, "10,000"), (0.00012, 4, "0.00012"),
        (123456.0, 5, "123,456"), (34.2341, 4, "34.23"),
    ],
)  # fmt: skip
def test_examples(value: float | None, digits: int, text: str) -> None:
    assert figure_text(value, digits) == text


@given(st.floats(1, 1e14), st.integers(1, 6))
def test_no_figure_is_written_with_an_exponent(value: float, digits: int) -> None:
    assert "e" not in figure_text(value, digits)
    assert float(figure_text(value, digits).replace(",", "")) == pytest.approx(
        value, rel=10.0 ** (1 - digits)
    )


def test_a_figure_stands_beside_its_limit() -> None:
    assert of_limit(130.04, 2000.0) == "130 of 2,000"
    assert of_limit(2102.32, 10000.0) == "2,102 of 10,000"
