"""Checks from what was evaluated after a run: ROUGE of an accuracy run, a compliance test's proof.

Both are read from files beside the logs; an evaluation that is missing fails its run.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sut.config.schema import RunConfig
from sut.record.facts import AccuracyFacts, VerificationFacts
from sut.rules.check import Check, check
from sut.rules.evidence import Evidence

ALARMS = "signs of a broken engine"
UNJUDGED_WEIGHTS = "dummy"


def evaluation_checks(
    evidence: Evidence, accuracy: AccuracyFacts | None, verification: VerificationFacts | None
) -> list[Check]:
    """What an accuracy or compliance run must show beside the rules of any run."""
    if evidence.run.mode == "accuracy":
        return list(_accuracy(evidence, accuracy))
    if evidence.run.mode == "compliance":
        return list(_compliance(evidence, verification))
    return []


def _accuracy(evidence: Evidence, facts: AccuracyFacts | None) -> Iterable[Check]:
    if facts is None:
        yield check("accuracy evaluation", None, "==", "made", "accuracy.json")
        return
    yield _same_log(evidence, facts.log_sha256)
    covered = evidence.session.dataset.count
    yield check("answers evaluated", facts.gen_num, "==", covered, "data set", unit="samples")
    values = {metric.name: metric.value for metric in facts.metrics}
    bounds = _bounds(evidence, facts)
    for name, target in bounds.least.items():
        yield check(name, values.get(name), ">=", target, bounds.source)
    for name, limit in bounds.most.items():
        yield check(name, values.get(name), "<=", limit, bounds.source)
    if alarms_fail(evidence.config):
        alarms = "; ".join(facts.problems) or "none"
        yield check(ALARMS, alarms, "==", "none", "accuracy.json")


def alarms_fail(config: RunConfig) -> bool:
    """Whether signs of a broken engine make an accuracy run INVALID.

    They do wherever a model answers. Nonsense is what the null engine and random weights give,
    and rehearsals want nothing else of them; a smoke test is made to find it, whatever gave it.
    """
    engine = config.engine
    if config.validity.alarms_fail:
        return True
    return engine.kind != "null" and engine.vllm.load_format != UNJUDGED_WEIGHTS


@dataclass(frozen=True)
class _Bounds:
    least: Mapping[str, float]
    most: Mapping[str, float]
    source: str


def _bounds(evidence: Evidence, facts: AccuracyFacts) -> _Bounds:
    """The round's own bounds where it judges the run, else those that it was evaluated with.

    accuracy.json is written after the run: what the round asks is never taken from there.
    """
    config, benchmark = evidence.config, evidence.benchmark
    of_round = evidence.strict and config.model.official and not evidence.session.dataset.synthetic
    if of_round and config.engine.kind != "null" and benchmark is not None:
        source = f"round {config.round}"
        return _Bounds(benchmark.accuracy_min, benchmark.accuracy_max, source)
    metrics = facts.metrics
    return _Bounds(
        {each.name: each.target for each in metrics if each.target is not None},
        {each.name: each.upper_limit for each in metrics if each.upper_limit is not None},
        facts.judged_against or "",
    )


def _compliance(evidence: Evidence, facts: VerificationFacts | None) -> Iterable[Check]:
    test = evidence.run.test or "compliance test"
    if facts is None:
        yield check(f"{test} verification", None, "==", "made", "verification.json")
        return
    yield _same_log(evidence, facts.log_sha256)
    yield check(f"{test} verification", facts.test, "==", test, "verification.json")
    judged = len(facts.checks)
    yield check(f"{test} conditions judged", judged, ">=", 1, "verification.json")
    yield from (Check(**each.model_dump()) for each in facts.checks)
    yield check(f"{test} passed", facts.passed, "==", True, "verification.json")


def _same_log(evidence: Evidence, evaluated: str) -> Check:
    """The evaluation is of the log that LoadGen left."""
    left = evidence.run.log_sha256.get("mlperf_log_accuracy.json")
    return check("accuracy log evaluated", evaluated, "==", left, "SHA-256 in run.json")
