"""docs/reliability-table.md: what each fault did, by kind."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.provoke.fault import AFTER_SILENCE_S, BOUND_S, Fault, Seen, wrong

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability-table.md"
HEAD = """\
# Faults and hostile inputs, provoked

`python -m scripts.provoke` provokes each of these faults on the command line and writes this page.
[What happens at a fault](reliability.md) says why it ends as it does.

The bounds: {bound:.0f} s from the fault to the end, or the configured silence and {more:.0f} s; no
traceback on the terminal; nothing left running or lying about; a result, or a folder that `recover`
makes one of.

The columns: seconds from the fault (of an input, from the command) to the end; exit code, negative
for the signal that ended it; what was kept. "nothing started" says that it was refused before
anything began, or that the command only reads. "no run begun" says that the session ended before
LoadGen ran. "recovered" says that `recover` then made a result. A row in bold broke a bound.
"""


def page(
    rows: Sequence[tuple[Fault, Seen]], machines: Sequence[str], commits: Sequence[str]
) -> str:
    """The page.

    Args:
        rows: each fault that was provoked, with what it did.
        machines: where they were provoked.
        commits: at what state of the project.
    """
    broken = [wrong(fault, seen) for fault, seen in rows]
    count = sum(map(bool, broken))
    lines = [
        HEAD.format(bound=BOUND_S, more=AFTER_SILENCE_S),
        f"{len(rows)} faults; {count} broke a bound. {' and '.join(machines)}; commit "
        f"{', '.join(commits)}.\n",
    ]
    for kind in dict.fromkeys(fault.kind for fault, _ in rows):
        mine = [(fault, seen) for fault, seen in rows if fault.kind == kind]
        lines += [f"## {kind}: {len(mine)}\n", "| fault | s | code | kept |"]
        lines += ["| --- | --- | --- | --- |", *(_row(*each) for each in mine), ""]
    return "\n".join(lines)


def _row(fault: Fault, seen: Seen) -> str:
    broken = wrong(fault, seen)
    how = f"**{fault.how}: {'; '.join(broken)}**" if broken else fault.how
    seconds = "–" if seen.seconds is None else f"{seen.seconds:.1f}"
    code = "killed" if seen.code is None else str(seen.code)
    return f"| {_cell(how)} | {seconds} | {code} | {seen.kept} |"


def _cell(text: str) -> str:
    """One line of a table, whatever stands in it."""
    shown = "".join(each if each.isprintable() else " " for each in text)
    return " ".join(shown.split()).replace("|", "\\|").replace("<", "&lt;")


def read(path: Path) -> dict[str, dict[str, Any]]:
    """The latest record of each fault, by its id."""
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    return {record["id"]: record for record in map(json.loads, lines)}


def seen_of(record: Mapping[str, Any]) -> Seen:
    """What a record says."""
    return Seen(**{name: record[name] for name in Seen.__dataclass_fields__})
