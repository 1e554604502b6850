"""The search over simulated machines: it ends, finds the peak, and trusts no trial."""

from __future__ import annotations

import math
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from sut.peak.search import Kind, Step, Tried, Wishes, next_step

MOST_STEPS = 60
Machine = Callable[[float, bool], Tried]
"""What a rate does, in a trial or in full."""


def searched(machine: Machine, wishes: Wishes) -> tuple[Step, list[Tried]]:
    tried: list[Tried] = []
    for _ in range(MOST_STEPS):
        step = next_step(tried, wishes)
        if step.kind is Kind.END:
            return step, tried
        assert step.rate is not None
        tried.append(machine(step.rate, step.kind is Kind.CONFIRMATION))
    raise AssertionError("the search does not end")


def smooth(peak: float, power: float, gives_up: float) -> Machine:
    """The worst ratio grows with a power of the rate; far beyond the peak a trial is given up."""

    def run(rate: float, full: bool) -> Tried:
        worst = (rate / peak) ** power
        early = not full and rate > gives_up * peak
        return Tried(rate, worst <= 1, None if early else worst, full)

    return run


RATES = st.floats(0.05, 500)
MACHINES = st.builds(smooth, RATES, st.floats(0.3, 12), st.floats(1.01, 3))


@given(st.data(), RATES, st.floats(0.3, 12), st.floats(1.01, 3), st.floats(0.1, 10))
def test_the_peak_is_found_within_the_tolerance(
    data: st.DataObject, peak: float, power: float, gives_up: float, away: float
) -> None:
    wishes = Wishes(first=peak * away, tolerance=data.draw(st.sampled_from([0.03, 0.05, 0.1])))
    wishes = Wishes(wishes.first, wishes.tolerance, trials=30)
    end, tried = searched(smooth(peak, power, gives_up), wishes)
    assert end.rate is not None
    assert end.rate <= peak
    # Rates have three digits, so that the bracket may end a step of the last one wider.
    assert end.rate * (1 + wishes.tolerance) * 1.011 >= peak
    assert sum(each.full for each in tried) == 1


@given(st.data(), RATES, st.floats(0.5, 1))
def test_a_full_run_that_fails_takes_the_search_further_down(
    data: st.DataObject, peak: float, fuller: float
) -> None:
    """Short trials flatter a machine: its queue has no time to grow."""
    short, full = smooth(peak, 4, 1.5), smooth(peak * fuller, 4, 1.5)
    wishes = Wishes(peak * data.draw(st.floats(0.2, 3)), trials=60, confirmations=40)
    end, _ = searched(lambda rate, whole: (full if whole else short)(rate, whole), wishes)
    assert end.rate is not None
    assert peak * fuller / 1.05**2 / 1.02 <= end.rate <= peak * fuller


@given(st.randoms(use_true_random=False), st.floats(0.1, 0.9), RATES)
def test_whatever_comes_the_search_ends_and_calls_nothing_valid_that_was_not_confirmed(
    random, luck: float, first: float
) -> None:
    def machine(rate: float, full: bool) -> Tried:
        held = random.random() < luck
        worst = None if random.random() < 0.2 else random.uniform(0.1, 1) + (not held)
        return Tried(rate, held, worst, full)

    wishes = Wishes(first)
    end, tried = searched(machine, wishes)
    assert sum(not each.full for each in tried) <= wishes.trials
    assert sum(each.full for each in tried) <= wishes.confirmations
    confirmed = {each.rate for each in tried if each.full and each.held}
    assert end.rate is None if not confirmed else end.rate in confirmed


@given(MACHINES, RATES)
def test_a_search_goes_on_from_what_is_on_disk(machine: Machine, first: float) -> None:
    """Its next step depends on the runs alone, not on their order."""
    wishes = Wishes(first)
    _, tried = searched(machine, wishes)
    for made in range(len(tried)):
        assert next_step(tried[:made], wishes) == next_step(tried[:made][::-1], wishes)


def test_where_nothing_holds_no_rate_is_named() -> None:
    end, tried = searched(lambda rate, full: Tried(rate, False, 3.0, full), Wishes(8.0, trials=50))
    assert (end.kind, end.rate) == (Kind.END, None)
    assert not any(each.full for each in tried)
    assert min(each.rate for each in tried) > 8.0 * 1e-3 * 0.99
    assert math.isclose(tried[1].rate, 4.61)


def test_a_search_that_ran_out_of_trials_says_so() -> None:
    end, _ = searched(smooth(100.0, 4, 1.5), Wishes(10.0, trials=2))
    assert end.rate is not None
    assert end.why == "2 trials were made; a higher rate may hold"
    end, _ = searched(smooth(100.0, 4, 1.5), Wishes(90.0, trials=20))
    assert end.why == "the next rate that was tried did not hold"
