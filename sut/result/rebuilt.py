"""A result that somebody states against the one that the session's own files give."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

from sut.result.alike import shown
from sut.result.schema import Result

SHOWN = 5
# The same arithmetic on another processor may end in another last digit.
RELATIVE_TOLERANCE = 1e-9
EVERYTHING = re.compile(r".*", re.DOTALL)


def contradictions(stated: Result, built: Result, held: re.Pattern[str] = EVERYTHING) -> list[str]:
    """Each value that the two give differently, verdicts first, then figures; [] where none.

    Args:
        stated: by somebody.
        built: of the session's own files.
        held: the keys that are compared, as dotted paths.
    """
    ours, theirs = (dict(_leaves("", _plain(each))) for each in (built, stated))
    found = [
        key
        for key in dict.fromkeys([*theirs, *ours])
        if held.fullmatch(key) and not _same(theirs.get(key), ours.get(key))
    ]
    found.sort(key=lambda key: _rank(key, theirs.get(key), ours.get(key)))
    lines = [
        f"{key} is {_said(theirs, key)} in its own result and {_said(ours, key)} built again from "
        "its session's files"
        for key in found[:SHOWN]
    ]
    if len(found) > SHOWN:
        lines.append(f"{len(found) - SHOWN} more values of its own result are not its files'")
    return lines


def _plain(result: Result) -> Any:
    """As JSON has it, without where its files lie: a session that is moved keeps its figures."""
    document = result.model_dump(mode="json")
    runs = [*document["scenarios"].values(), *document["accuracy_runs"].values()]
    runs += [run for tests in document["compliance_runs"].values() for run in tests.values()]
    for log in (log for run in runs for log in run["logs"]):
        del log["path"]
    return document


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _leaves(f"{place}.{key}" if place else key, inner)
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from _leaves(f"{place}[{number}]", inner)
    else:
        yield place, value


def _same(stated: Any, built: Any) -> bool:
    if isinstance(stated, bool) or isinstance(built, bool):
        return stated is built
    if isinstance(stated, float) and isinstance(built, float):
        return math.isclose(stated, built, rel_tol=RELATIVE_TOLERANCE)
    return bool(stated == built)


def _rank(key: str, *values: Any) -> int:
    if key.rpartition(".")[2] == "valid":
        return 0
    return 1 if any(isinstance(value, int | float) for value in values) else 2


def _said(leaves: dict[str, Any], key: str) -> str:
    return "not there" if key not in leaves else shown(leaves[key])
