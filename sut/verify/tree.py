"""A submission tree: what its logs prove, what its documents only state, what `check` finds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from sut import metrics
from sut.config.names import Scenario
from sut.config.rounds import Round, load_round
from sut.errors import LogError
from sut.given_file import given_text
from sut.json_text import decoded
from sut.logs.accuracy import ACCURACY_NAME
from sut.logs.run_logs import LoadGenLogs, read_logs
from sut.rules.case import LogCase
from sut.rules.catalogue import CATALOGUE, judge
from sut.rules.demands import round_demands
from sut.rules.rule import ACCURACY, PERFORMANCE
from sut.submission.accuracy_files import EVALUATION
from sut.submission.check_tree import check_tree
from sut.submission.files import lines_of
from sut.submission.findings import Finding
from sut.submission.log_checks import OF_ACCURACY, SENTENCES
from sut.submission.walk import TreeEntry, entries
from sut.verify.standing import Item, Standing, of_rule

ROUGE = (
    "These scores cannot be worked out here: a tree holds the two ends of the accuracy log, and "
    "neither model nor data set"
)
SHA_OF_WHOLE = "The SHA-256 is of the whole accuracy log, which is not here"


def verify_tree(tree: Path, round_: str | Round) -> list[Item]:
    """Everything a tree's files prove, state and contradict.

    Raises:
        ConfigError: the tree is not there, or the round takes none.
    """
    rules = round_ if isinstance(round_, Round) else load_round(round_)
    found = check_tree(tree, rules)
    items = [item for each in entries(tree, rules) for item in _entry(each, found)]
    items += [
        item for path in sorted(tree.glob("*/*/systems/*.json")) for item in _said(tree, path)
    ]
    return [*items, *(_complaint(each) for each in found)]


def _complaint(found: Finding) -> Item:
    """An error of `check` contradicts; a warning is what nothing shows."""
    standing = Standing.CONTRADICTS if found.severity == "error" else Standing.OPEN
    return Item(standing, found.place or "the tree", found.sentence, found.rule)


def _entry(entry: TreeEntry, found: Iterable[Finding]) -> Iterator[Item]:
    if entry.foreign or entry.rules is None:
        return
    against = {(each.place, each.rule) for each in found if each.severity == "error"}
    for path, names, mode in (
        (entry.place.performance, tuple(SENTENCES), PERFORMANCE),
        (entry.place.accuracy, OF_ACCURACY, ACCURACY),
    ):
        place = _place(entry, path)
        logs = _logs(entry.root / path)
        if logs is not None and (place, "") not in against:
            yield from _proved(entry, logs, place, names, mode)
    yield from _tests(entry, {place for place, _ in against})
    yield from _accuracy(entry)
    yield from _said(entry.tree, entry.root / entry.place.measurements_file)


def _place(entry: TreeEntry, path: Path) -> str:
    return entry.finding(path, "", "").place


def _logs(folder: Path) -> LoadGenLogs | None:
    with suppress(LogError):
        return read_logs(folder)
    return None


def _proved(
    entry: TreeEntry, logs: LoadGenLogs, place: str, names: tuple[str, ...], mode: str
) -> Iterator[Item]:
    """The rules that hold; those that do not are findings of `check`."""
    demands = round_demands(entry.round, entry.benchmark, entry.rules)
    case = LogCase(logs, entry.scenario, mode, demands)
    checks = judge(names, case, mode)
    for name in names:
        mine = [each for each in checks if each.rule == name]
        if all(each.passed for each in mine):
            yield from of_rule(CATALOGUE[name], mine, place)
    words = ", ".join(_figures(entry.scenario, logs)) if mode == PERFORMANCE else ""
    if words and all(each.passed for each in checks):
        yield Item(Standing.PROVED, place, words, ground="held to the log's counts and times")


def _figures(scenario: Scenario | None, logs: LoadGenLogs) -> Iterator[str]:
    if scenario is None:
        return
    rates = metrics.loadgen_rates(scenario.value, logs.figures)
    named = {"samples/s": rates.samples.per_second, "tokens/s": rates.tokens.per_second}
    yield from (f"{value:.6g} {name}" for name, value in named.items() if value is not None)
    times = {"latency": logs.figures.latency, "TTFT": logs.figures.ttft, "TPOT": logs.figures.tpot}
    for name, quantiles in times.items():
        if quantiles.p99_ns is not None:
            yield f"{name} P99 {quantiles.p99_ns / 1e6:.6g} ms"


def _tests(entry: TreeEntry, against: set[str]) -> Iterator[Item]:
    """A compliance test that `check` judged again on its log, and found nothing."""
    for test in entry.benchmark.compliance_tests if entry.benchmark else ():
        place = _place(entry, entry.place.compliance(test))
        log = entry.root / entry.place.compliance(test) / "accuracy" / ACCURACY_NAME
        if log.is_file() and not any(each.startswith(place) for each in against):
            sentence = f"{test} passes on its log: first tokens, ends and lengths"
            yield Item(Standing.PROVED, place, sentence, ground="the log's answers, judged again")


def _accuracy(entry: TreeEntry) -> Iterator[Item]:
    """The scores, and the hash of a log that is not here as a whole."""
    path = entry.place.accuracy / EVALUATION
    if not (entry.root / path).is_file():
        return
    lines = [each for each in lines_of(entry.root / path) if each]
    hashes = [each for each in lines if each.startswith("hash=")]
    scores = [each for each in lines if each not in hashes]
    place = _place(entry, path)
    yield Item(Standing.STATED, place, f"{ROUGE}: {' '.join(scores)}")
    log = entry.root / entry.place.accuracy / ACCURACY_NAME
    for each in hashes if log.is_file() else ():
        if entry.place.submission.accuracy_log.separator in log.read_text("utf-8", "replace"):
            yield Item(Standing.STATED, place, f"{SHA_OF_WHOLE}: {each.removeprefix('hash=')}")


def _said(tree: Path, path: Path) -> Iterator[Item]:
    """Every field of a description: nobody else tells it."""
    try:
        document: Any = decoded(given_text(path))
    except (OSError, ValueError):
        return  # `check` says so
    place = path.relative_to(tree).as_posix()
    for key, value in document.items() if isinstance(document, dict) else ():
        yield Item(Standing.STATED, place, f"{key} is {json.dumps(value, ensure_ascii=False)}")
