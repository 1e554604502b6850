"""Every sabotage that a test does, in one table; docs/sabotages.md is written from it.

    python -m tests.unit.sabotages

The rows are those of the tables that the tests themselves run, never copies: a row that is new
there is new here. What a row of a list does has no name, so its own source stands for it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.unit.audit.sabotage import SABOTAGES
from tests.unit.cluster.test_unlike_nodes import LOST
from tests.unit.cluster.unlike import ALIKE, TOLD_OTHERWISE, UNLIKE
from tests.unit.report import breaks
from tests.unit.rules import (
    breakages,
    broken_answers,
    broken_lines,
    broken_record,
    test_session_runs,
)
from tests.unit.submission.broken_structure import STRUCTURE
from tests.unit.submission.broken_trees import FILES, LOGS
from tests.unit.submission.displaced_folders import COPIED, MOVED, OLD, RENAMED
from tests.unit.submission.sabotaged_files import ACCURACY, DOCUMENTS, STRAYS, TEST06, USER_CONF
from tests.unit.submission.sabotaged_logs import FIGURES, LINES, SETTINGS
from tests.unit.submission.sabotaged_words import NAMES, SYSTEMS, USER_CONF_IN_C, WORDS
from tests.unit.submission.test_made_files import EDITS as MADE_FILES
from tests.unit.submission.test_power import INCOMPLETE
from tests.unit.submission.test_sabotages import INTERACTIVE, OLD_LAYOUT
from tests.unit.verify.test_nodes import EDITS as SUMS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "sabotages.md"
TREE_TABLES: Mapping[str, Mapping[str, tuple[Any, Any]]] = {
    "LOGS": LOGS,
    "FILES": FILES,
    "STRUCTURE": STRUCTURE,
    "FIGURES": FIGURES,
    "LINES": LINES,
    "SETTINGS": SETTINGS,
    "ACCURACY": ACCURACY,
    "TEST06": TEST06,
    "USER_CONF": USER_CONF,
    "DOCUMENTS": DOCUMENTS,
    "STRAYS": STRAYS,
    "USER_CONF_IN_C": USER_CONF_IN_C,
    "SYSTEMS": SYSTEMS,
    "WORDS": WORDS,
    "NAMES": NAMES,
    "INTERACTIVE": INTERACTIVE,
    "OLD_LAYOUT": OLD_LAYOUT,
    "RENAMED": RENAMED,
    "COPIED": COPIED,
    "MOVED": MOVED,
    "OLD": OLD,
    "INCOMPLETE": INCOMPLETE,
}
# The test of a table of trees, where it is not test_sabotages.py.
TREE_TESTS: Mapping[str, str] = {
    **dict.fromkeys(("LOGS", "FILES", "STRUCTURE"), "check_tree"),
    **dict.fromkeys(("RENAMED", "COPIED", "MOVED", "OLD"), "displaced"),
    "INCOMPLETE": "power",
}
HEAD = """\
# Sabotages

`python -m tests.unit.sabotages` writes this page, and `tests/unit/test_sabotage_table.py` holds it
to the tables that the tests run.

Each row is done to an honest session, sum or tree, and is refused. The last column is what refuses
it: the id of a rule, or the words that a finding begins with. The test of each part does every row.
"""


@dataclass(frozen=True)
class Sabotage:
    """One row."""

    part: str
    """What it is done to."""
    test: str
    """The test that does it, and sees it refused."""
    what: str
    """What is done."""
    refused_by: str
    """Id of a rule, or the beginning of a finding."""


def every() -> list[Sabotage]:
    """All rows, in the order of their tables."""
    return [*_sessions(), *_sides(), *_pages(), *_audits(), *_sums(), *_written(), *_trees()]


def _sessions() -> Iterator[Sabotage]:
    test = "tests/unit/rules/test_run.py"
    parts = [
        broken_answers.BROKEN_ANSWERS,
        broken_lines.BROKEN_LINES,
        broken_record.BROKEN_RECORD,
    ]
    tables: tuple[tuple[Any, str, Sequence[Any]], ...] = (
        (broken_answers, "BROKEN_ANSWERS", parts[0]),
        (broken_lines, "BROKEN_LINES", parts[1]),
        (broken_record, "BROKEN_RECORD", parts[2]),
        (breakages, "BREAKAGES", breakages.BREAKAGES[sum(map(len, parts)) :]),
        (breakages, "BESIDE_VALID", breakages.BESIDE_VALID),
    )
    for module, name, rows in tables:
        for (rule, recording, *_), what in _told(module, name, rows):
            yield Sabotage("a session", test, f"{recording}: {what}", rule)


def _sides() -> Iterator[Sabotage]:
    test = "tests/unit/rules/test_session_runs.py"
    rows = _told(test_session_runs, "SIDE_BY_SIDE", test_session_runs.SIDE_BY_SIDE)
    for (rule, subject, _), what in rows:
        yield Sabotage("the runs of a session", test, f"{subject}: {what}", rule)


def _pages() -> Iterator[Sabotage]:
    test = "tests/unit/report/test_compliance.py"
    for name in ("SESSION_BREAKS", "LOG_BREAKS", "ANSWER_BREAKS"):
        for (rule, subject, *_), what in _told(breaks, name, getattr(breaks, name)):
            yield Sabotage("a compliant session", test, f"{subject}: {what}", rule)


def _told(module: Any, name: str, rows: Sequence[Any]) -> Iterable[tuple[Any, str]]:
    """The rows of a list of a module, each with the source of what it does, its third item."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    (value,) = (
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name) and target.id == name
    )
    assert isinstance(value, ast.List), f"{name} is no list"
    sources = [ast.unparse(each.elts[2]) for each in value.elts if isinstance(each, ast.Tuple)]
    return zip(rows, sources, strict=True)


def _audits() -> Iterator[Sabotage]:
    test = "tests/unit/audit/test_test06.py"
    for each in SABOTAGES:
        if each.failed:
            yield Sabotage("a log of TEST06", test, each.what, "; ".join(each.failed))


def _sums() -> Iterator[Sabotage]:
    part, test = "one node of a coordinated sum", "tests/unit/cluster/test_unlike_nodes.py"
    for what, (_, sentence) in UNLIKE.items():
        yield Sabotage(part, test, f"another than the others': {what}", ALIKE + sentence)
    for what, (_, sentence) in TOLD_OTHERWISE.items():
        yield Sabotage(part, test, f"its own result says otherwise: {what}", sentence)
    for what, (_, sentence) in LOST.items():
        yield Sabotage(part, test, f"lost: {what}", sentence)


def _written() -> Iterator[Sabotage]:
    test = "tests/unit/verify/test_nodes.py"
    for what, (_, _, sentence) in SUMS.items():
        yield Sabotage("the file of a coordinated sum", test, what, sentence)
    test = "tests/unit/submission/test_made_files.py"
    for what, (place, _) in MADE_FILES.items():
        yield Sabotage("a file that was made of a session", test, what, f"{place} contradicts")


def _trees() -> Iterator[Sabotage]:
    for table, rows in TREE_TABLES.items():
        name = TREE_TESTS.get(table, "sabotages")
        for what, (_, meets) in rows.items():
            said = meets if isinstance(meets, str) else "; ".join(dict.fromkeys(meets))
            yield Sabotage("a tree", f"tests/unit/submission/test_{name}.py", what, said)


def page() -> str:
    """docs/sabotages.md."""
    rows = every()
    lines = [HEAD, f"There are {len(rows)} rows.\n"]
    for part, test in dict.fromkeys((each.part, each.test) for each in rows):
        mine = [each for each in rows if (each.part, each.test) == (part, test)]
        lines.append(f"## Done to {part}: {len(mine)}, by `{test}`\n")
        lines += ["| what is done | refused by |", "| --- | --- |"]
        lines += [f"| {_cell(each.what)} | {_cell(each.refused_by)} |" for each in mine]
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    """Code that a page shows as it is, in one line of a table."""
    return f"`{' '.join(text.split()).replace('`', chr(39)).replace('|', chr(92) + '|')}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.exit(0)
