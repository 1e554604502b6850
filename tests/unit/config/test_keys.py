"""A value as a message shows it."""

from __future__ import annotations

import pytest

from sut.config.keys import MOST_SHOWN, Setting, checked, show
from sut.errors import ConfigError


def test_of_a_long_value_the_beginning_is_shown() -> None:
    assert show("x" * MOST_SHOWN) == "x" * MOST_SHOWN
    assert show("x" * 1000) == "x" * MOST_SHOWN + "… (1000 characters)"
    assert show(["x" * 200] * 3).endswith("… (606 characters)")


def test_bytes_that_are_no_text_are_refused() -> None:
    setting = Setting("results_dir", "results/\udcff", "--results-dir")
    with pytest.raises(ConfigError, match=r"results_dir is .* which is not UTF-8") as refused:
        checked(setting)
    assert refused.value.where == "--results-dir"


@pytest.mark.parametrize("value", ["a\0b", ["x", "\0"]])
def test_a_zero_byte_is_refused_wherever_it_stands(value: object) -> None:
    with pytest.raises(ConfigError, match=r"results_dir is .* which has a zero byte") as refused:
        checked(Setting("results_dir", value, "my.yaml:1"))
    assert refused.value.where == "my.yaml:1"
