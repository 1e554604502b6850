"""The rules on what was answered, by ledger, counters, evaluation and file hashes of one run."""

from __future__ import annotations

from collections.abc import Iterable

from sut.record.facts import Verified
from sut.report.compliance.evidence import (
    ACCURACY,
    ACCURACY_FILE,
    COMPLIANCE,
    VERIFICATION_FILE,
    RunView,
    SessionView,
    value_proof,
)
from sut.report.compliance.rows import Proof, Row, Verdict, text_of
from sut.report.compliance.selected import MISSING, selected
from sut.rules.catalogue import CATALOGUE
from sut.rules.check import Check
from sut.rules.rule import Statement

SELECTED = (
    "warm-up",
    "run-ended",
    "no-failures",
    "same-samples",
    "longest-answer",
    "prefix-cache-hits",
    "files-unchanged",
)


def rows(view: SessionView, run: RunView) -> Iterable[Row]:
    """Every rule of this kind that binds the run."""
    for name in SELECTED:
        yield from selected(run, name)
    if run.run.mode == ACCURACY:
        yield from selected(run, "accuracy-covers-all")
        yield from _accuracy(view, run)
    if run.run.mode == COMPLIANCE:
        yield from selected(run, "compliance-test", "evaluated-log")
        yield from _conditions(run)


def _accuracy(view: SessionView, run: RunView) -> Iterable[Row]:
    """A row for each metric, held to the round's target or to the model's own reference."""
    yield from selected(run, "accuracy-evaluated", "evaluated-log")
    yield from selected(run, "answers-sound")
    rule, say, model = CATALOGUE["accuracy"], run.subject, view.config.model
    if run.accuracy is None:
        yield say.row(
            rule,
            Verdict.NOT_MEASURED,
            required=ACCURACY_FILE,
            measured=None,
            reason=MISSING["accuracy-evaluated"],
        )
        return
    source, field, reason = rule.source, rule.round_field, None
    if not model.official:
        source, field = "user_confs/references", None
        against = f"judged against {run.accuracy.judged_against}"
        reason = f"{against}: {model.name} is not the benchmark's own model"
    bounds: dict[str, list[Check]] = {}
    for each in rule.checks(run.case):
        bounds.setdefault(each.name, []).append(each)
    for name, checks in bounds.items():
        words = Statement(f"accuracy-{name}", f"{name} reaches its target", source, field)
        yield say.combined(words, checks, [_metric(run, name)], reason)
    if not bounds:
        why = f"{model.name} is not the benchmark's own model, and has no reference to hold it to"
        yield say.not_applicable(rule, why)


def _metric(run: RunView, name: str) -> Proof:
    """The value in accuracy.json; the whole list where the metric is not there."""
    found = list(enumerate(run.accuracy.metrics if run.accuracy else ()))
    position, value = next(((i, m.value) for i, m in found if m.name == name), (None, None))
    path = "$.metrics" if position is None else f"$.metrics[{position}].value"
    return value_proof(f"{run.place}/{ACCURACY_FILE}", path, value)


def _conditions(run: RunView) -> Iterable[Row]:
    """One row for each condition of the test."""
    place = f"{run.place}/{VERIFICATION_FILE}"
    for position, each in enumerate(run.verification.checks if run.verification else ()):
        yield _condition(run, position, each, place)


def _condition(run: RunView, position: int, found: Verified, place: str) -> Row:
    verdict = Verdict.MET if found.passed else Verdict.NOT_MET
    if found.measured is None and not found.passed:
        verdict = Verdict.NOT_MEASURED
    unit = f" {found.unit}" if found.unit else ""
    mark = "" if found.comparison == "==" else f"{found.comparison} "
    rule = Statement(f"{run.kind}-{position + 1}", f"{run.kind}: {found.name}", found.source)
    return run.subject.row(
        rule,
        verdict,
        required=f"{mark}{text_of(found.limit)}{unit}",
        measured=None if found.measured is None else f"{text_of(found.measured)}{unit}",
        proof=[value_proof(place, f"$.checks[{position}]", found.measured)],
    )
