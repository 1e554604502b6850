"""docs/reliability-table.md: what each fault did, by kind."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


FIGURES = re.compile(r"^\d+ faults; \d+ broke a bound\. (.*); commit (.*)\.$", re.MULTILINE)
AND, BROKEN = " and ", "| **"


@dataclass(frozen=True)
class Standing:
    """A page that there is.

    Attributes:
        rows: each line of a table, by its section and its fault in words.
        machines: where they were provoked.
        commits: at what state of the project.
    """

    rows: Mapping[tuple[str, str], str] = field(default_factory=dict)
    machines: Sequence[str] = ()
    commits: Sequence[str] = ()


def standing(text: str) -> Standing:
    """What stands in a page of ours."""
    rows, kind = {}, ""
    for line in text.splitlines():
        if line.startswith("## "):
            kind = line.removeprefix("## ").partition(":")[0]
        elif kind and line.startswith("| ") and line.split(" ")[1] not in ("fault", "---"):
            rows[kind, _told(line)] = line
    figures = FIGURES.search(text)
    if figures is None:
        return Standing(rows)
    return Standing(rows, figures[1].split(AND), figures[2].split(", "))


def _told(line: str) -> str:
    """The fault of a row, without what it broke."""
    told = line.removeprefix("| ").rsplit(" | ", 3)[0]
    return told.removeprefix("**").partition("**: ")[0] if broke(line) else told


def named(fault: Fault) -> tuple[str, str]:
    """A fault's key in `Standing.rows`."""
    return fault.kind, _cell(fault.how)


def page(faults: Sequence[Fault], seen: Mapping[str, Seen], before: Standing, now: Standing) -> str:
    """The page: what was seen, and of the other faults what stood there before.

    Args:
        faults: the catalogue; a row that stood there and is none of it is left out.
        seen: what each fault did that was provoked, by its id.
        before: the page as it is.
        now: machines and commits of those in `seen`.
    """
    rows: dict[str, list[str]] = {}
    for fault in faults:
        found = seen.get(fault.id)
        line = before.rows.get(named(fault)) if found is None else _row(fault, found)
        if line is not None:
            rows.setdefault(fault.kind, []).append(line)
    every = [line for lines in rows.values() for line in lines]
    machines = sorted({*before.machines, *now.machines})
    commits = sorted({*before.commits, *now.commits})
    lines = [
        HEAD.format(bound=BOUND_S, more=AFTER_SILENCE_S),
        f"{len(every)} faults; {sum(map(broke, every))} broke a bound. {AND.join(machines)}; "
        f"commit {', '.join(commits)}.\n",
    ]
    for kind, mine in rows.items():
        lines += [f"## {kind}: {len(mine)}\n", "| fault | s | code | kept |"]
        lines += ["| --- | --- | --- | --- |", *mine, ""]
    return "\n".join(lines)


def broke(line: str) -> bool:
    """Whether a row says that a bound was broken."""
    return line.startswith(BROKEN)


def _row(fault: Fault, seen: Seen) -> str:
    broken = wrong(fault, seen)
    how = f"**{fault.how}**: {'; '.join(broken)}" if broken else fault.how
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
