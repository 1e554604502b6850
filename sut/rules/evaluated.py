"""Checks from what was evaluated after a run: its answers' scores, a compliance test's proof.

Both are read from files beside the logs; an evaluation that is missing fails its run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sut.record.facts import AccuracyFacts, VerificationFacts
from sut.rules.case import RunCase
from sut.rules.check import Check, check
from sut.rules.rule import ACCURACY, COMPLIANCE, Book, Ground

RULES = "inference_rules.adoc"
# In words, and what the machine had to score with.
UNHELD = ("notes", "tool", "judged_against", "scored_with")

EVALUATED: Book[RunCase] = Book(Ground.LOADGEN)


@EVALUATED.rule(
    "accuracy-evaluated",
    "The accuracy log of this run was evaluated in full",
    "submission_checker",
    "scorer",
    (ACCURACY,),
)
def accuracy_evaluated(case: RunCase) -> Iterable[Check]:
    """All answers of the log that LoadGen left."""
    facts = case.evidence.accuracy
    if facts is None:
        yield _not_made("accuracy evaluation", case.evidence.evaluation_problem)
        return
    wanted, keys = case.demands.answers, ("accuracy.json/gen_num",)
    name = "answers evaluated"
    yield check(name, facts.gen_num, "==", wanted, "data set", unit="samples", keys=keys)
    complete, keys = facts.complete, ("accuracy.json/complete",)
    yield check("evaluation complete", complete, "==", True, "accuracy.json", keys=keys)


@EVALUATED.rule(
    "own-tokenizer",
    "The answers were read with the run's own tokenizer",
    "our own condition: evidence belongs together (docs/rules.md)",
    modes=(ACCURACY,),
)
def own_tokenizer(case: RunCase) -> Iterable[Check]:
    """By its content; a session of before that was on record tells nothing."""
    facts = case.evidence.accuracy
    used = facts.scored_with if facts is not None else None
    if used is not None and used.own is not None:
        keys = ("session.json/tokenizer_sha256",)
        yield check("tokenizer is the run's own", used.own, "==", True, "session.json", keys=keys)


@EVALUATED.rule(
    "evaluation-stated",
    "What was written of the evaluation is what the logs say",
    "our own condition: evidence belongs together (docs/rules.md)",
    modes=(ACCURACY, COMPLIANCE),
)
def evaluation_stated(case: RunCase) -> Iterable[Check]:
    """accuracy.json or verification.json against the same, worked out anew."""
    evidence = case.evidence
    found, stated = evidence.accuracy or evidence.verification, evidence.stated
    if found is not None:
        other = None
        if stated is not None:
            names = [name for name in type(found).model_fields if name not in UNHELD]
            differing = [n for n in names if getattr(found, n) != getattr(stated, n, None)]
            other = ", ".join(differing) or "none"
        name = "figures written otherwise than the logs say"
        yield check(name, other, "==", "none", "mlperf_log_accuracy.json")


@EVALUATED.rule(
    "evaluated-log",
    "What was evaluated is the log that LoadGen left",
    "submission_rules.adoc §5.6.3",
    modes=(ACCURACY, COMPLIANCE),
    ground=Ground.HASHES,
)
def evaluated_log(case: RunCase) -> Iterable[Check]:
    """By its SHA-256, in an accuracy run and in a compliance run alike."""
    facts: AccuracyFacts | VerificationFacts | None = case.evidence.accuracy
    source, log = "accuracy.json", "mlperf_log_accuracy.json"
    if case.mode == COMPLIANCE:
        facts, source = case.evidence.verification, "verification.json"
    if facts is not None:
        left = case.evidence.run.log_sha256.get(log)
        keys = (f"{source}/log_sha256", f"run.json/log_sha256/{log}")
        name, origin = "accuracy log evaluated", "SHA-256 in run.json"
        yield check(name, facts.log_sha256, "==", left, origin, keys=keys)


@EVALUATED.rule(
    "accuracy",
    "The accuracy target is reached",
    "submission_checker",
    "accuracy_min",
    (ACCURACY,),
)
def accuracy(case: RunCase) -> Iterable[Check]:
    """The round's targets, or those of the reference that the run was evaluated with."""
    facts = case.evidence.accuracy
    if facts is None:
        return
    values = {metric.name: metric.value for metric in facts.metrics}
    least, most = case.demands.accuracy_min, case.demands.accuracy_max
    source = f"round {case.demands.round_name}"
    if least is None:
        source, metrics = facts.judged_against or "", facts.metrics
        least = {each.name: each.target for each in metrics if each.target is not None}
        most = {each.name: each.upper_limit for each in metrics if each.upper_limit is not None}
    yield from within(values, least, most, source)


def _not_made(name: str, problem: str | None) -> Check:
    why = f" ({problem})" if problem else ""
    return check(f"{name}{why}", None, "==", "made", "mlperf_log_accuracy.json")


def within(
    values: Mapping[str, float | None],
    least: Mapping[str, float],
    most: Mapping[str, float],
    source: str,
) -> Iterable[Check]:
    """Metrics held to their bounds, in a session as in a tree."""
    for name, target in least.items():
        yield check(name, values.get(name), ">=", target, source)
    for name, limit in most.items():
        yield check(name, values.get(name), "<=", limit, source)


@EVALUATED.rule(
    "answers-sound",
    "The answers show no sign of a broken engine",
    f"{RULES} §9.4",
    modes=(ACCURACY,),
)
def answers_sound(case: RunCase) -> Iterable[Check]:
    """Where an answer of sense was to be had."""
    facts = case.evidence.accuracy
    if facts is not None and case.demands.alarms_fail:
        alarms, keys = "; ".join(facts.problems) or "none", ("accuracy.json/problems",)
        yield check("signs of a broken engine", alarms, "==", "none", "accuracy.json", keys=keys)


@EVALUATED.rule(
    "compliance-test",
    "The compliance test was verified on the log of this run",
    "compliance/README.md",
    modes=(COMPLIANCE,),
)
def compliance_test(case: RunCase) -> Iterable[Check]:
    """That test, at least one condition of it, and all of them passed."""
    facts, test = case.evidence.verification, case.evidence.run.test or "compliance test"
    source = "verification.json"
    if facts is None:
        yield _not_made(f"{test} verification", case.evidence.evaluation_problem)
        return
    keys = (f"{source}/test",)
    yield check(f"{test} verification", facts.test, "==", test, source, keys=keys)
    yield check(f"{test} conditions judged", len(facts.checks), ">=", 1, source)
    keys = (f"{source}/passed",)
    yield check(f"{test} passed", facts.passed, "==", True, source, keys=keys)


@EVALUATED.rule(
    "compliance-condition",
    "Each condition of the compliance test is met",
    "compliance/README.md",
    modes=(COMPLIANCE,),
)
def compliance_condition(case: RunCase) -> Iterable[Check]:
    """As audit.verify judged it."""
    facts = case.evidence.verification
    for each in facts.checks if facts else ():
        yield Check(**each.model_dump())
