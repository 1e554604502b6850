"""The faults by kind. Each module has tables of rows, and `faults()` that makes faults of them."""

from __future__ import annotations

from collections import Counter

from scripts.provoke.catalogue import (
    disks,
    engines,
    inputs,
    machines,
    moving,
    records,
    searches,
    settings,
    stopping,
    streams,
    verbs,
)
from scripts.provoke.fault import Fault
from scripts.provoke.page import named

KINDS = (
    stopping,
    disks,
    streams,
    inputs,
    settings,
    machines,
    records,
    verbs,
    searches,
    moving,
    engines,
)


def every() -> list[Fault]:
    """All of them, in the order of their kinds.

    Raises:
        AssertionError: two have one id, or the same words, by which the page knows a row.
    """
    found = [fault for kind in KINDS for fault in kind.faults()]
    for names in ([each.id for each in found], [named(each) for each in found]):
        twice = [name for name, times in Counter(names).items() if times > 1]
        assert not twice, twice
    return found
