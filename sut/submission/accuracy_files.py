"""accuracy.txt and the two ends of the accuracy log: what they say, and whether that can be."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sut.config.names import Scenario
from sut.config.rounds import AccuracyLogRules, BenchmarkRules
from sut.json_text import decoded
from sut.logs.accuracy import ACCURACY_NAME
from sut.record.folder import sha256_of
from sut.rules.evaluated import within
from sut.submission.files import CONVERTED, COPY_WHOLE, says_nothing, was_converted
from sut.submission.findings import Finding, Severity
from sut.submission.walk import TreeEntry

EVALUATION = "accuracy.txt"
RESTORE = "Make the tree with submit from the log as LoadGen left it."
AGAIN = "Evaluate the run again."

SHA256 = re.compile(r"[0-9a-fA-F]{64}")
# Fewer different digits than any SHA-256 will ever have: one in 10^21 has.
LEAST_DIGITS = 8

ENTRY = re.compile(r"\{[^{}]*\}")
# What is left of an entry where the log was cut: its begin, or its end.
CUT_BEGIN, CUT_END = re.compile(r"\{[\w\s\":,]*"), re.compile(r"[\w\s\":,]*\}?")
BYTES_PER_TOKEN = 4


def evaluation(entry: TreeEntry) -> Iterable[Finding]:
    """accuracy.txt: metrics in their bounds; the accuracy log: LoadGen's, and its hash."""
    folder = entry.place.accuracy
    text, log = entry.root / folder / EVALUATION, entry.root / folder / ACCURACY_NAME
    if not says_nothing(log):
        yield from _log(entry, folder / ACCURACY_NAME, log)
    if says_nothing(text):
        return  # said by log_checks.py
    lines = text.read_text(encoding="utf-8", errors="replace").splitlines()
    yield from _hash(entry, folder / EVALUATION, lines, log)
    if entry.benchmark is not None:
        yield from _bounds(entry, folder / EVALUATION, lines, entry.benchmark)


def _log(entry: TreeEntry, path: Path, log: Path) -> Iterable[Finding]:
    limit, size = entry.place.submission.accuracy_log.max_bytes, log.stat().st_size
    if size > limit:
        yield entry.finding(
            path,
            f"The log has {size} bytes; at most {limit} are taken.",
            "Make the tree with submit, which shortens it and writes its hash.",
        )
        return
    try:
        found, whole = _entries(log, entry.place.submission.accuracy_log)
        _judge(found, entry)
    except ValueError as error:
        yield entry.finding(path, f"This is not LoadGen's accuracy log: {error}.", RESTORE)
        return
    count = entry.benchmark.dataset_count if entry.benchmark else None
    if whole and count is not None and len(found) != count and _hash_fits(entry, log):
        sentence = f"The log holds {len(found)} answers; the data set has {count}."
        yield entry.finding(path, sentence, "Run it over all of it.")


def _entries(log: Path, rules: AccuracyLogRules) -> tuple[list[dict[str, Any]], bool]:
    """The whole entries of a log, and whether it was not cut.

    Raises:
        ValueError: this is no log of LoadGen's.
    """
    text = log.read_bytes().decode("ascii")
    ends = text.replace("\r\n", "\n").split(rules.separator)
    if len(ends) > 2:
        raise ValueError("it was cut more than once")
    head, tail = ends[0].strip(), ends[-1].strip()
    if not head.startswith("[") or not tail.endswith("]"):
        raise ValueError("it is not a JSON list from its begin to its end")
    if len(ends) == 1:
        document = decoded(text)
        if not all(isinstance(each, dict) for each in document):
            raise ValueError("it is not a list of answers")
        return document, True
    if max(map(len, ends)) > rules.kept_characters:
        raise ValueError(f"its ends have more than {rules.kept_characters} characters")
    first, last = _between(head[1:], CUT_BEGIN, -1), _between(tail[:-1], CUT_END, 0)
    if not first or not last:
        raise ValueError("there is no whole answer at one of its ends")
    # Of a log shorter than both ends together some answers stand in either.
    return first + [each for each in last if each not in first], False


def _between(text: str, cut: re.Pattern[str], place: int) -> list[dict[str, Any]]:
    """The entries of one end; between them are commas, at its cut a part of one."""
    rest = ENTRY.split(text)
    torn = rest.pop(place).strip(" \n,")
    if torn and not cut.fullmatch(torn):
        raise ValueError("what stands at its cut is no part of an answer")
    if any(each.strip(" \n,") for each in rest):
        raise ValueError("something stands between its answers")
    return [decoded(each) for each in ENTRY.findall(text)]


def _judge(found: list[dict[str, Any]], entry: TreeEntry) -> None:
    """Each entry as LoadGen writes it, no query and no sample twice.

    Raises:
        ValueError: one is not.
    """
    count = entry.benchmark.dataset_count if entry.benchmark else None
    for each in found:
        _one(each, count)
    for key in ("seq_id", "qsl_idx"):
        values = [each[key] for each in found]
        if len(set(values)) < len(values):
            raise ValueError(f"it holds a {key} more than once")
    counted = [each for each in found if "token_count" in each]
    with_first = [each for each in counted if "token_data" in each]
    if entry.scenario is Scenario.OFFLINE and with_first:
        raise ValueError("it has first tokens, which Offline's has not")
    if entry.scenario not in (None, Scenario.OFFLINE) and len(with_first) < len(counted):
        raise ValueError("it lacks first tokens, which only Offline's does")


def _one(each: dict[str, Any], count: int | None) -> None:
    for key in ("seq_id", "qsl_idx"):
        value = each.get(key)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise ValueError(f"an answer's {key} is {value!r}")
    if count is not None and each["qsl_idx"] >= count:
        raise ValueError(f"it answers sample {each['qsl_idx']} of {count}")
    for key in ("data", "token_data"):
        value = each.get(key, "" if key == "token_data" else None)
        if not isinstance(value, str) or not re.fullmatch(r"(?:[0-9a-fA-F]{2})*", value):
            raise ValueError(f"an answer's {key} is not hexadecimal")
        if len(value) // 2 % BYTES_PER_TOKEN:
            raise ValueError(f"an answer's {key} is no whole number of tokens")


def _hash_fits(entry: TreeEntry, log: Path) -> bool:
    """Whether accuracy.txt names this very log; if not, that is said."""
    text = log.with_name(EVALUATION)
    if says_nothing(text):
        return True
    lines = text.read_text(encoding="utf-8", errors="replace").splitlines()
    return sha256_of(log) in _digests(entry, lines)


def _digests(entry: TreeEntry, lines: list[str]) -> list[str]:
    pattern = entry.place.submission.hash_pattern
    return [match.group(1) for line in lines if (match := re.match(pattern, line))]


def _hash(entry: TreeEntry, path: Path, lines: list[str], log: Path) -> Iterable[Finding]:
    digests = list(dict.fromkeys(_digests(entry, lines)))
    if not digests:
        yield entry.finding(
            path,
            "The line hash=… of the whole accuracy log is missing.",
            "Make the tree with submit, or run MLCommons' truncate_accuracy_log.py.",
        )
        return
    wrong = [each for each in digests if not _is_sha256(each)]
    if wrong:
        yield entry.finding(path, f"{wrong[0]} is not the SHA-256 of a log.", RESTORE)
    elif len(digests) > 1:
        yield entry.finding(path, f"It names {len(digests)} different hashes.", AGAIN)
    elif not says_nothing(log) and _parsed(log) and sha256_of(log) not in digests:
        if was_converted(log, digests):
            yield entry.finding(log.relative_to(entry.root), CONVERTED, COPY_WHOLE)
            return
        sentence = "The hash is not that of the accuracy log beside it."
        yield entry.finding(path, sentence, "Evaluate that log again.")


def _is_sha256(digest: str) -> bool:
    return bool(SHA256.fullmatch(digest)) and len(set(digest.lower())) >= LEAST_DIGITS


def _parsed(log: Path) -> bool:
    """Whether the log is whole: only then is the hash that of the file."""
    try:
        decoded(log.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True


def _bounds(
    entry: TreeEntry, path: Path, lines: list[str], benchmark: BenchmarkRules
) -> Iterable[Finding]:
    severity: Severity = "error" if entry.closed else "warning"
    remedy = "Closed requires it; open reports it." if entry.closed else "Open only reports it."
    values: dict[str, float | None] = {}
    for metric in benchmark.accuracy_min:
        stated = _stated(entry, lines, metric)
        try:
            numbers = list(dict.fromkeys(float(each) for each in stated))
        except ValueError:
            sentence = f"{metric} is {stated[0]}, which is not a number; the checker breaks on it."
            yield entry.finding(path, sentence, AGAIN)
            continue
        if not stated:
            yield entry.finding(
                path,
                f"{metric} is not printed in the form the checker reads.",
                "Evaluate again with `python -m sut.main accuracy`.",
                severity,
            )
        elif len(numbers) > 1:
            listed = " and ".join(stated)
            yield entry.finding(path, f"{metric} is stated as {listed}.", AGAIN, severity)
        elif numbers[0] > benchmark.accuracy_possible.get(metric, numbers[0]):
            yield entry.finding(path, f"{metric} is {stated[0]}; no score is so high.", AGAIN)
        else:
            values[metric] = numbers[0]
    for each in within(values, benchmark.accuracy_min, benchmark.accuracy_max, benchmark.scorer):
        if not each.passed and each.measured is not None:
            way = "at least" if each.comparison == ">=" else "at most"
            sentence = f"{each.name} is {each.measured:.10g}, must be {each.limit:.10g} {way}."
            yield entry.finding(path, sentence, remedy, severity)
    yield from _answers(entry, path, lines, benchmark, severity)


def _stated(entry: TreeEntry, lines: list[str], metric: str) -> list[str]:
    pattern = entry.place.submission.accuracy_patterns[metric]
    return [match.group(1) for line in lines if (match := re.match(pattern, line))]


def _answers(
    entry: TreeEntry, path: Path, lines: list[str], benchmark: BenchmarkRules, severity: Severity
) -> Iterable[Finding]:
    """How many answers were scored, where the script says so."""
    pattern, count = entry.place.submission.answers_pattern, benchmark.dataset_count
    stated = [match.group(1) for line in lines if (match := re.match(pattern, line))]
    for number in dict.fromkeys(stated):
        if int(number) != count:
            sentence = f"{number} answers were scored; the data set has {count}."
            yield entry.finding(path, sentence, "Evaluate the whole run.", severity)
