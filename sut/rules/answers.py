"""Answers: the ledger's rows in themselves, and against what LoadGen logged of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from zlib import crc32

import numpy as np

from sut.errors import LogError
from sut.logs.accuracy import ACCURACY_NAME, LoggedAnswer, read_accuracy_log
from sut.record.answer import GOES_ON, AnswerBounds
from sut.record.ledger_file import ANSWER_COLUMNS, STATES, has_answers
from sut.rules.case import RunCase
from sut.rules.check import Check, check
from sut.rules.rule import ACCURACY, PERFORMANCE, Book, Ground

OURS = "our own condition: answers (docs/rules.md)"
SHOWN = 3

ANSWERS: Book[RunCase] = Book(Ground.LEDGER)
Row = dict[str, Any]


@ANSWERS.rule(
    "late-events",
    "The engine sent nothing for a sample that had ended or never began",
    OURS,
    ground=Ground.RECORD,
)
def late_events(case: RunCase) -> Iterable[Check]:
    """The ledger drops such an event; an engine that sends one has answered something twice."""
    late, keys = case.evidence.run.ledger.late_events, ("run.json/ledger/late_events",)
    yield check("late events", late, "==", 0, "run.json", unit="events", keys=keys)


@ANSWERS.rule("ledger-in-order", "The ledger's rows are whole and in the order of time", OURS)
def ledger_in_order(case: RunCase) -> Iterable[Check]:
    """One row for each sample, with all that its end has and nothing else."""
    ledger, measured = case.evidence.ledger, None
    if ledger is not None:
        first = case.evidence.scenario.reports_first_token
        count = case.evidence.session.dataset.count
        rows = ledger.to_pylist()
        found = [(row["seq"], words) for row in rows for words in _row(row, first, count)]
        measured = _shown([*_sequence(rows), *found])
    yield check("rows out of order", measured, "==", "none", "ledger.parquet")


def _sequence(rows: Sequence[Row]) -> Iterator[tuple[int, str]]:
    """Numbers without a gap, and issues that never go back."""
    before = 0
    for number, row in enumerate(rows):
        if row["seq"] != number:
            yield row["seq"], f"is row {number}"
            return
        if row["issued_ns"] is None or row["issued_ns"] < before:
            yield number, "was issued before its predecessor"
            return
        before = row["issued_ns"]


def _row(row: Row, reports_first: bool, count: int) -> Iterator[str]:
    """What is wrong with one row by itself."""
    state, first, done = row["state"], row["first_token_ns"], row["done_ns"]
    if state not in STATES:
        yield f"is {state}"
    if not 0 <= (-1 if row["sample_index"] is None else row["sample_index"]) < count:
        yield f"asks for sample {row['sample_index']} of {count}"
    if state == STATES[-1]:
        return
    stamps = [each for each in (row["issued_ns"], first, done) if each is not None]
    if done is None or stamps != sorted(stamps):
        yield "ended before it began"
    answered = state != "failed"
    if first is None and reports_first and answered:
        yield "has no first token"
    if first is not None and not reports_first:
        yield "has a first token, which nobody reported"
    parts = ["tokens_out", "finish_reason", *(each for each in ANSWER_COLUMNS if each in row)]
    if any((row[each] is not None) != answered for each in parts) or (
        (row["failure"] is None) != answered
    ):
        yield f"is {state}, with or without what such a sample has"


@ANSWERS.rule(
    "answers-end", "Length, last token and finish reason of each answer fit together", OURS
)
def answers_end(case: RunCase) -> Iterable[Check]:
    """By the ledger. A record of before it kept last tokens is held to the lengths alone."""
    ledger, measured, bounds = case.evidence.ledger, None, case.evidence.bounds
    whole = ledger is not None and has_answers(ledger)
    if ledger is not None and (whole or not _must_have_answers(case)):
        rows = ledger.to_pylist()
        found = [(row["seq"], words) for row in rows if (words := _ending(row, bounds)) is not None]
        measured = _shown(found)
    source = f"ledger.parquet, at most {bounds.max_tokens} tokens"
    yield check("answers that contradict themselves", measured, "==", "none", source)


def _must_have_answers(case: RunCase) -> bool:
    return case.evidence.strict or case.evidence.run.ledger.answers_recorded


def _ending(row: Row, bounds: AnswerBounds) -> str | None:
    if row["state"] not in ("succeeded", "empty"):
        return None
    count, last = row["tokens_out"] or 0, row.get("last_token", min(bounds.end_ids))
    wrong = bounds.contradiction(row["finish_reason"], count, last)
    nothing = count == 1 and last in bounds.end_ids
    if wrong is None and "last_token" in row and nothing != (row["state"] == "empty"):
        return f"is {row['state']}, with {count} tokens, the last of them {last}"
    return wrong


@ANSWERS.rule(
    "answers-logged",
    "LoadGen's accuracy log holds the ledger's answers, in an accuracy run all of them",
    "loadgen/logging.cc; " + OURS,
    ground=Ground.WITNESSES,
)
def answers_logged(case: RunCase) -> Iterable[Check]:
    """Entry by entry: sample, length, tokens, and the order in which they ended."""
    evidence, measured = case.evidence, None
    path, ledger = evidence.directory / ACCURACY_NAME, evidence.ledger
    if not path.is_file():
        return  # files-unchanged says that it is gone
    if ledger is not None and (has_answers(ledger) or not _must_have_answers(case)):
        try:
            logged = read_accuracy_log(path)
            found = [
                *_entries(case, logged, ledger.to_pylist()),
                *_numbers(case.mode, logged, ledger.num_rows),
            ]
            measured = _shown(found)
        except LogError as error:
            measured = error.message.rstrip(".")
    source = f"{ACCURACY_NAME} against ledger.parquet"
    yield check("logged answers that the ledger contradicts", measured, "==", "none", source)


def _numbers(mode: str, logged: Sequence[LoggedAnswer], issued: int) -> Iterator[tuple[int, str]]:
    """Which samples are there: all, some of them under an audit.config, else none."""
    times = Counter(each.seq_id for each in logged)
    yield from ((seq, "is logged twice") for seq, count in times.items() if count > 1)
    if mode == ACCURACY:
        yield from ((seq, "is not logged") for seq in range(issued) if seq not in times)
    elif mode == PERFORMANCE:
        yield from ((seq, "is logged, in a performance run") for seq in times)
    elif not times:
        yield 0, "is not logged, nor is any other"


def _entries(
    case: RunCase, logged: Sequence[LoggedAnswer], rows: Sequence[Row]
) -> Iterator[tuple[int, str]]:
    """Every entry against its row; LoadGen logs an answer when it has ended."""
    by_seq, before = {row["seq"]: row for row in rows}, 0
    for each in logged:
        row = by_seq.get(each.seq_id)
        if row is None:
            yield each.seq_id, "is not in the ledger"
            continue
        wrong = _entry(each, row, case.evidence.bounds)
        done = row["done_ns"] or 0
        if wrong is None and done < before:
            wrong = "ended before the one that is logged before it"
        before = max(before, done)
        if wrong is not None:
            yield each.seq_id, wrong


def _entry(each: LoggedAnswer, row: Row, bounds: AnswerBounds) -> str | None:
    """What is wrong with one entry."""
    if each.sample_index != row["sample_index"]:
        return f"asks for sample {each.sample_index} (ledger {row['sample_index']})"
    tokens, count = each.tokens, row["tokens_out"] or 0
    if len(tokens) != count:
        return f"has {len(tokens)} tokens (ledger {count})"
    if each.token_count is not None and each.token_count != count:
        return f"has a token count of {each.token_count} and {count} tokens"
    first = each.first_tokens
    if first is not None and not np.array_equal(first, tokens[: len(first)]):
        return "does not begin with the first token reported"
    crc = row.get("answer_crc")
    if crc is not None and crc32(tokens.astype("<i4").tobytes()) != crc:
        return "has other tokens than the ledger saw"
    if np.isin(tokens[:-1], list(bounds.end_ids)).any():
        return GOES_ON
    return bounds.contradiction(row["finish_reason"], count, int(tokens[-1])) if count else None


def _shown(found: Sequence[tuple[int, str]]) -> str:
    """The first few, by their numbers, and how many more there are."""
    words = [f"query {seq} {words}" for seq, words in found[:SHOWN]]
    more = len(found) - len(words)
    return "; ".join([*words, *([f"{more} more"] if more else [])]) or "none"
