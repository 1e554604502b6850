"""Files that were made of a run's evidence and that people read: each against the same made anew.

The manifest names none of them, since they may be made again later. What they say must be what the
evidence gives. Of a text that only a tokenizer and a data set could give, it is said that nothing
here holds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from audit.verify import OFFICIAL_NAME as VERIFICATION
from audit.verify import official_text as verification_text
from sut.accuracy.text import official_text
from sut.config.names import Scenario
from sut.errors import ConfigError, LogError
from sut.given_file import given_bytes
from sut.logs.accuracy import ACCURACY_NAME, read_accuracy_log
from sut.logs.trace import TRACE_NAME, read_trace
from sut.record.folder import sha256_of
from sut.record.ledger_file import read_ledger
from sut.record.samples import read_sample_answers
from sut.record.session import RunRecord, SessionRecord
from sut.report.compliance.build import (
    HTML_NAME,
    JSON_NAME,
    compliance_html,
    compliance_json,
    report_of,
)
from sut.report.compliance.evidence import view_of
from sut.result.queries import join
from sut.result.schema import Result
from sut.submission.accuracy_files import EVALUATION
from sut.verify.standing import Item, Standing

FIGURE = re.compile(r"'(\w+)': ([^,}]+)")
MADE, NOT_MADE = "It is what its files give.", "It is not what its files give."
OTHER_WORDS = (
    "It is not what this version of the harness makes of its files; nothing else holds it."
)
TEXTS = "Its texts are not held here: that needs tokenizer and data set."


def made_files(record: SessionRecord, result: Result, *, same_version: bool) -> Iterator[Item]:
    """Each such file that is there.

    Args:
        record: the session, every run evaluated.
        result: built of it.
        same_version: this version of the harness made the session's own result.
    """
    for run in record.runs:
        yield from _scores(run)
        yield from _verification(run)
        yield from _queries(run)
        yield from _samples(run)
    yield from _compliance(record, result, same_version)


def _item(place: str, wrong: str | None) -> Item:
    standing = Standing.PROVED if wrong is None else Standing.CONTRADICTS
    return Item(standing, place, MADE if wrong is None else wrong)


def _scores(run: RunRecord) -> Iterator[Item]:
    """accuracy.txt: every figure in it is one of those scored, as its scorer prints it."""
    path = run.folder.root / EVALUATION
    if run.accuracy is None or not path.is_file():
        return
    ours = dict(FIGURE.findall(official_text(run.accuracy)))
    theirs = FIGURE.findall(_text(path))
    wrong = [f"{key} is {said}, and {ours.get(key)} by the log" for key, said in theirs
             if ours.get(key) != said]  # fmt: skip
    if not theirs:
        wrong = ["It holds no figure"]
    yield _item(f"{run.place}/{EVALUATION}", f"{wrong[0]}." if wrong else None)


def _verification(run: RunRecord) -> Iterator[Item]:
    """verify_accuracy.txt: the verdicts in it."""
    path = run.folder.root / VERIFICATION
    if run.verification is None or not path.is_file():
        return
    text = verification_text(run.verification, Scenario(run.facts.scenario))
    ours, theirs = (_verdicts(each) for each in (text, _text(path)))
    yield _item(f"{run.place}/{VERIFICATION}", NOT_MADE if ours != theirs else None)


def _text(path: Path) -> str:
    """What a file says; nothing, where it cannot be read."""
    try:
        return given_bytes(path).decode("utf-8", "replace")
    except OSError:
        return ""


def _verdicts(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if " pass: " in line]


def _queries(run: RunRecord) -> Iterator[Item]:
    """queries.parquet: ledger and trace, joined again."""
    folder = run.folder
    if not folder.queries.is_file():
        return
    trace = folder.root / TRACE_NAME
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        made = join(read_ledger(folder.ledger), read_trace(trace), trace.name)
        found = pq.read_table(folder.queries)
        same = found.select(made.column_names).cast(made.schema).equals(made)
    except LogError:
        return  # of the ledger or the trace; said by its rule
    except (OSError, KeyError, ValueError, pa.ArrowException):
        same = False
    yield _item(f"{run.place}/{folder.queries.name}", None if same else NOT_MADE)


def _samples(run: RunRecord) -> Iterator[Item]:
    """samples.json: of which log its answers are, and how long they are."""
    path = run.folder.samples
    if not path.is_file():
        return
    place, shown = f"{run.place}/{path.name}", read_sample_answers(path)
    log = run.folder.root / ACCURACY_NAME
    if shown is None:
        yield Item(Standing.CONTRADICTS, place, "It is not what the harness writes.")
        return
    with suppress(LogError, OSError):
        lengths = {each.sample_index: len(each.tokens) for each in read_accuracy_log(log)}
        if shown.log_sha256 != sha256_of(log):
            yield Item(Standing.CONTRADICTS, place, "Its answers are of another log.")
            return
        for each in shown.answers:
            if lengths.get(each.sample_index) != each.tokens:
                said = f"sample {each.sample_index} has {each.tokens} tokens"
                found = lengths.get(each.sample_index, "none")
                words = f"It says that {said}, and {found} by the log."
                yield Item(Standing.CONTRADICTS, place, words)
                return
    yield Item(Standing.OPEN, place, TEXTS)


def _compliance(record: SessionRecord, result: Result, same_version: bool) -> Iterator[Item]:
    """compliance.json and compliance.html, where the same version would make the same."""
    paths = [record.folder.root / name for name in (JSON_NAME, HTML_NAME)]
    if not any(path.is_file() for path in paths):
        return
    try:
        report = report_of(view_of(record, result))
    except (ConfigError, LogError):
        return  # nobody knows the round; that is said of the session
    texts = (compliance_json(report), compliance_html(report))
    for path, text in zip(paths, texts, strict=True):
        if path.is_file():
            yield _page(path, text, same_version)


def _page(path: Path, text: str, same_version: bool) -> Item:
    if _text(path) == text:
        return Item(Standing.PROVED, path.name, MADE)
    if same_version:
        return Item(Standing.CONTRADICTS, path.name, NOT_MADE)
    return Item(Standing.OPEN, path.name, OTHER_WORDS)
