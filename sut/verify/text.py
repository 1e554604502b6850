"""What was found, for a terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sut.verify.standing import FORGED, MEANS, Item, Standing, contradicted


def verify_text(items: Sequence[Item]) -> str:
    """Each standing with its items, what contradicts last, then the verdict."""
    lines: list[str] = []
    for standing in Standing:
        mine = [each for each in items if each.standing is standing]
        if mine:
            lines.append(f"{standing.value.upper()} ({MEANS[standing]})")
            lines += [f"  {each.line}" for each in mine]
            lines.append("")
    return "\n".join([*lines, verdict(items), FORGED]) + "\n"


def verdict(items: Sequence[Item]) -> str:
    """The counts in one line."""
    counts = {each: sum(item.standing is each for item in items) for each in Standing}
    said = ", ".join(f"{count} {standing.value}" for standing, count in counts.items())
    return f"{'Something does not hold' if contradicted(items) else 'Nothing contradicts'}: {said}."


def document(items: Sequence[Item]) -> dict[str, Any]:
    """The same for a machine; the keys of the lists are the standings."""
    lists = {
        each.name.lower(): [
            {"subject": i.subject, "sentence": i.sentence, "rule": i.rule, "ground": i.ground}
            for i in items
            if i.standing is each
        ]
        for each in Standing
    }
    return {"contradicted": contradicted(items), **lists, "not_provable": FORGED}
