"""A table in several orders: the place of each row in each of them, for CSS to choose among."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")
# As many as parts.html has a rule for.
MOST = 8
Key = Callable[[T], Any]


@dataclass(frozen=True)
class Placed(Generic[T]):
    """One row, with its place in each order."""

    row: T
    places: list[int]


@dataclass(frozen=True)
class Sortable(Generic[T]):
    """The rows as they are given, and the orders that a reader may choose; the first holds."""

    orders: list[str]
    rows: list[Placed[T]]


def sortable(rows: Sequence[T], keys: Mapping[str, Key[T]]) -> Sortable[T]:
    """Put rows into each order; equal ones stay as they are given.

    Args:
        rows: in the order in which they are written.
        keys: what each order sorts by, by its name; MOST at most.
    """
    assert len(keys) <= MOST
    places = [[0] * len(keys) for _ in rows]
    for order, key in enumerate(keys.values()):
        ranked = sorted(range(len(rows)), key=lambda n, key=key: key(rows[n]))  # type: ignore[misc]
        for place, number in enumerate(ranked):
            places[number][order] = place
    return Sortable(list(keys), [Placed(row, mine) for row, mine in zip(rows, places, strict=True)])


def as_given(_: object) -> int:
    """A key that changes nothing."""
    return 0


def largest_first(value: float | None) -> tuple[bool, float]:
    """A key: what was not measured is last."""
    return (value is None, -(value or 0.0))


def smallest_first(value: float | None) -> tuple[bool, float]:
    """A key: what was not measured is last."""
    return (value is None, value or 0.0)
