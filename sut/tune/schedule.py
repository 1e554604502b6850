"""What to measure next: pure, so that a search goes on from the trials on disk.

1. The given settings, which all else is held against.
2. Search, for the larger part of the budget.
3. The best few once more: of many noisy figures the highest is one that had luck.
4. Effects: the best settings, the given ones, and the best with one setting put back at a time, in
   turn, so that what the machine does meanwhile falls on all of them alike.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sut.tune.measured import Measured, Purpose, best_of, same, values_at
from sut.tune.space import Settings

SEARCH_SHARE = 0.6
FINALISTS = 2

Propose = Callable[[Sequence[Measured]], Settings | None]


@dataclass(frozen=True)
class Wishes:
    """How the search is to be made.

    Attributes:
        budget_s: seconds that all trials may take, of earlier calls too.
        trials: in the search at most.
        rounds: of the effects at most.
    """

    budget_s: float
    trials: int = 200
    rounds: int = 3


@dataclass(frozen=True)
class Job:
    """One trial that is to be made."""

    purpose: Purpose
    settings: Settings


def next_job(
    given: Settings, measured: Sequence[Measured], wishes: Wishes, propose: Propose
) -> Job | None:
    """What to do after these trials; None: the search is over.

    Args:
        given: the settings that the user has.
        measured: every trial so far.
        wishes: how it is to be made.
        propose: names settings that were not tried, or None.
    """
    if not measured:
        return Job(Purpose.GIVEN, given)
    if not values_at(measured, given):
        return None  # there is nothing to hold another against
    spent_s = sum(each.cost_s for each in measured)
    next_s = statistics.mean(each.cost_s for each in measured)
    if spent_s + next_s > wishes.budget_s:
        return None
    searched = sum(each.purpose is Purpose.SEARCH for each in measured)
    if searched < wishes.trials and spent_s + next_s <= SEARCH_SHARE * wishes.budget_s:
        settings = propose(measured)
        if settings is not None:
            return Job(Purpose.SEARCH, settings)
    again = _to_repeat(measured)
    if again is not None:
        return Job(Purpose.REPEAT, again)
    settings = _next_effect(given, measured, wishes.rounds)
    return None if settings is None else Job(Purpose.EFFECT, settings)


def _to_repeat(measured: Sequence[Measured]) -> Settings | None:
    """One of the best few that was measured once; None: none is left."""
    searched = [each for each in measured if each.purpose is Purpose.SEARCH]
    sound = [each for each in searched if each.value is not None]
    first = sorted(sound, key=lambda each: -(each.value or 0.0))[:FINALISTS]
    repeated = [each.settings for each in measured if each.purpose is Purpose.REPEAT]
    for each in first:
        if not any(same(each.settings, one) for one in repeated):
            return each.settings
    return None


def chosen(given: Settings, measured: Sequence[Measured]) -> Settings:
    """The settings that the search ends with: of those measured twice the best, or the given.

    Before any is measured twice, the best of all.
    """
    before = [each for each in measured if each.purpose is not Purpose.EFFECT]
    repeated = [each.settings for each in before if each.purpose is Purpose.REPEAT]
    final = [
        each
        for each in before
        if each.purpose is Purpose.GIVEN or any(same(each.settings, one) for one in repeated)
    ]
    return best_of(final if repeated else before) or given


def rows_of(given: Settings, best: Settings) -> list[Settings]:
    """The best settings, the given ones, and the best with each one put back that differs."""
    rows = [best]
    differ = [key for key in best if not same({key: best[key]}, {key: given[key]})]
    rows += [best | {key: given[key]} for key in differ] if len(differ) > 1 else []
    return [*rows, given] if differ else []


def _next_effect(given: Settings, measured: Sequence[Measured], rounds: int) -> Settings | None:
    rows = rows_of(given, chosen(given, measured))
    made = [each for each in measured if each.purpose is Purpose.EFFECT]
    count = [sum(same(each.settings, row) for each in made) for row in rows]
    if not rows or min(count) >= rounds:
        return None
    return rows[count.index(min(count))]
