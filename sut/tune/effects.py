"""What each setting does, measured: the best settings against those with it put back, in turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sut.bench.repeats import Ratio, Repeats, ratio_of
from sut.tune.measured import Measured, Purpose, same, values_at
from sut.tune.schedule import rows_of
from sut.tune.space import Settings, Space

LEAST_ROUNDS = 2
"""Below so many a spread says nothing; the five that a benchmark asks for would cost the budget."""
EVERYTHING = "all of them"


@dataclass(frozen=True)
class Effect:
    """What it does to put one setting back, or all of them.

    Attributes:
        key: the setting.
        given, best: its values.
        with_best, put_back: the value of each trial.
        ratio: the best settings over those with it put back, round by round.
    """

    key: str
    given: Any
    best: Any
    with_best: list[float]
    put_back: list[float]
    ratio: Ratio


def effects_of(given: Settings, best: Settings, measured: Sequence[Measured]) -> list[Effect]:
    """One for each setting that differs, and the last for all of them together."""
    made = [each for each in measured if each.purpose is Purpose.EFFECT]
    rows = rows_of(given, best)
    found = []
    for row in rows[1:]:
        differ = [key for key in best if not same({key: best[key]}, {key: row[key]})]
        whole = same(row, given) and len(differ) > 1
        key = EVERYTHING if whole else differ[0]
        above, below = values_at(made, best), values_at(made, row)
        rounds = min(len(above), len(below))
        ratio = ratio_of(above[:rounds], below[:rounds], least_rounds=LEAST_ROUNDS)
        before, after = (None, None) if whole else (given[key], best[key])
        found.append(Effect(key, before, after, above, below, ratio))
    return found


@dataclass(frozen=True)
class Seen:
    """One value of one setting, over all trials that had it, whatever else they had."""

    key: str
    value: Any
    trials: int
    failed: int
    values: Repeats | None


def seen_in(space: Space, measured: Sequence[Measured]) -> list[Seen]:
    """What the search saw of each value; other settings changed beside it."""
    found = []
    for each in space:
        for value in each.values:
            here = [one for one in measured if same({"": one.settings.get(each.key)}, {"": value})]
            values = tuple(one.value for one in here if one.value is not None)
            failed = sum(one.value is None for one in here)
            repeats = Repeats(values) if values else None
            found.append(Seen(each.key, value, len(here), failed, repeats))
    return found
