"""Medians with their spread, and ratios that a noisy machine is refused."""

from __future__ import annotations

from sut.bench.repeats import Repeats, ratio_of

QUIET = (100.0, 101.0, 99.0, 100.0, 102.0)


def test_a_figure_is_its_median_with_least_and_greatest():
    found = Repeats((3.0, 1.0, 2.0))
    assert (found.median, found.noise) == (2.0, 1.0)
    assert found.shown() == "2 (1 to 3)"


def test_one_round_says_nothing_of_the_noise():
    assert Repeats((3.0,)).noise is None


def test_a_ratio_is_the_median_of_rounds_and_not_of_figures():
    above = (110.0, 202.0, 108.9, 110.0, 112.2)
    found = ratio_of(above, QUIET)
    assert found.refused is None
    assert found.median == 1.1
    assert found.shown().startswith("1.100 (1.100, 2.000, ")


def test_a_machine_that_does_not_repeat_itself_gives_no_ratio():
    found = ratio_of(QUIET, (100.0, 130.0, 100.0, 100.0, 100.0))
    assert found.median is None
    assert found.shown() == (
        "no ratio: this machine's own repeats differ by 30%, and 25% is the most"
    )
    assert ratio_of(QUIET, (100.0, 130.0, 100.0, 100.0, 100.0), most_noise=0.3).median == 1.0


def test_few_rounds_give_no_ratio():
    assert ratio_of(QUIET[:4], QUIET[:4]).refused == "4 rounds, and 5 are the least"
