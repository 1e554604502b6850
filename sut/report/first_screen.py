"""What a run says at its end: twenty lines at most, in 80 columns; the summary has the rest."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable, Sequence

from sut.config.names import Scenario
from sut.figure_text import figure_text, of_limit
from sut.record.ending import HEAD
from sut.report.lines import causes_first, latency_of_one, what_to_do
from sut.report.summary import NO_MODEL, alarms_of
from sut.result.schema import Result, RunResult
from sut.rules.check import Check, number, shown

WIDTH = 80
LINES = 20
# So many reasons against a run are told; the others are counted.
REASONS, AGAINST = 5, 2
# What explains the rest where it fails.
CAUSES = ("run-ended", "clock-steady", "files-unchanged", "warm-up", "settings-as-asked")
LIMITS = ("ttft", "tpot", "latency-p99")


def first_screen(result: Result) -> str:
    """The verdict and what to do, then each run's figures beside their limits.

    A run that could not be judged in some check is not called by that: what was not measured is
    no reason beside one that was.
    """
    runs = list(_runs(result))
    head = list(_head(result, [run for _, run in runs]))
    body = [line for name, run in runs for line in _run(name, run)]
    room = LINES - len(head) - 1
    if len(body) > room:
        body = [*body[: room - 1], f"… and {len(body) - room + 1} more lines in the summary"]
    return "\n".join([*head, "", *body]) + "\n"


def _runs(result: Result) -> Iterable[tuple[str, RunResult]]:
    yield from ((scenario.value, run) for scenario, run in result.scenarios.items())
    for scenario, run in result.accuracy_runs.items():
        yield f"{scenario} accuracy", run
    for scenario, tests in result.compliance_runs.items():
        yield from ((f"{scenario} {test}", run) for test, run in tests.items())


def _head(result: Result, runs: Sequence[RunResult]) -> Iterable[str]:
    info = result.benchmark_info
    about = f"{info.model}, round {info.round}, {info.profile}"
    alarms = list(alarms_of(result))
    if result.valid:
        against = result.not_submission_grade_because
        yield f"VALID{f', but {NO_MODEL}' if alarms else ''}: {about}"
        for each in alarms:
            yield from _wrapped(each.strip(), "  ")
        if against:
            rest = len(against) - AGAINST
            more = f"; and {rest} more, in the summary" if rest > 0 else ""
            yield from _wrapped(f"Not submission-grade: {'; '.join(against[:AGAINST])}{more}", "")
        return
    yield f"INVALID: {about}"
    for each in what_to_do(_runs(result)):
        yield from _wrapped(each, "  ")
    causes = {each.reason for run in runs for each in run.checks if each.rule in CAUSES}
    first, follow = causes_first(result.reasons, _runs(result))
    reasons = sorted(first, key=lambda each: not _is_cause(each, causes))
    for each in reasons[:REASONS]:
        yield from _wrapped(f"- {each}", "  ")
    if len(reasons) > REASONS:
        yield f"  - and {len(reasons) - REASONS} more, in the summary"
    if follow:
        yield f"  - and {len(follow)} more that follow from it, in the summary"


def _is_cause(reason: str, causes: Collection[str]) -> bool:
    # Each reason is a run's name, a colon and a check's own words.
    return reason.startswith(HEAD) or reason.partition(": ")[2] in causes


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=indent, subsequent_indent=f"{indent}  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _run(name: str, run: RunResult) -> Iterable[str]:
    verdict = "VALID" if run.valid else "INVALID"
    yield from _wrapped(f"{name:<12} {verdict:<8} {', '.join(_figures(run))}", "")
    limits = [_limit(each) for each in run.checks if each.rule in LIMITS]
    if (known_by := latency_of_one(Scenario(name.split()[0]), run)) is not None:
        limits.append(f"latency {known_by[0]} {figure_text(known_by[1])} ms")
    if limits:
        yield from _wrapped(", ".join(limits), " " * 13)
    if run.disturbed_by and not run.advice:
        yield from _wrapped(f"disturbed: {run.disturbed_by[0]}", " " * 13)
    if run.card_limit is not None and run.card_limit.reached is not None:
        yield f"{'':<13}{run.card_limit.reached:.0%} of what {run.card_limit.card} can do"
    if any(card.held_back for card in run.cards):
        why = ", ".join(sorted({reason for card in run.cards for reason in card.held_back}))
        yield f"{'':<13}held back by {why}"


def _figures(run: RunResult) -> Iterable[str]:
    if run.evaluation is not None and run.mode == "accuracy":
        found = run.evaluation.metrics.items()
        yield from (f"{name} {shown(value)}" for name, value in found if value is not None)
        return
    if run.mode == "performance":
        if run.throughput_tokens_per_sec is not None:
            yield f"{figure_text(run.throughput_tokens_per_sec, 5)} tokens/s"
        if run.achieved_qps is not None:
            yield f"{figure_text(run.achieved_qps)} samples/s"
    queries = run.queries
    if queries.succeeded < queries.issued:
        yield f"{queries.succeeded} of {queries.issued} samples answered"


def _limit(check: Check) -> str:
    measured, limit = number(check.measured), number(check.limit)
    if measured is None or limit is None:
        return f"{check.name} not measured"
    unit = f" {check.unit}" if check.unit else ""
    over = "" if check.passed else ", over the limit"
    return f"{check.name} {of_limit(measured, limit)}{unit}{over}"
