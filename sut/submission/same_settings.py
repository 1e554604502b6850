"""The runs of one scenario: one system, one model, one set of settings, answers of one length."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sut.result.alike import engine_facts, session_facts, shown
from sut.result.schema import engine_of
from sut.rules.same_answers import answers_of, in_common
from sut.submission.entries import ACCURACY, PERFORMANCE, Entry
from sut.submission.gather import Run

# The answers of a performance run are not logged, so only their lengths can be compared. Greedy
# answers change a little with what shares a batch; the rules' own bound on length is a tenth.
LENGTH_TOLERANCE = 0.1


def agreement(entry: Entry) -> Iterable[str]:
    """A line for each setting that two runs of the entry differ in (inference_rules.adoc 5.1)."""
    runs = list(entry.runs.values())
    first, *others = ((run, settings(run)) for run in runs)
    for other, theirs in others:
        if other.session is first[0].session:
            continue
        ours = first[1]
        for key in sorted(ours.keys() | theirs.keys()):
            if ours.get(key) != theirs.get(key):
                yield (
                    f"{entry.name}: {key} is {shown(ours.get(key))} in {first[0].name} and "
                    f"{shown(theirs.get(key))} in {other.name}: the runs of a scenario need the "
                    "same settings."
                )


def same_lengths(entry: Entry) -> Iterable[str]:
    """A line if performance and accuracy run answered at different length.

    Both must return the same outputs (inference_rules §5.1), and both ask every sample equally
    often.
    """
    if PERFORMANCE not in entry.runs or ACCURACY not in entry.runs:
        return  # said by refusals
    ours, theirs = (_mean_tokens(run) for run in (entry.performance, entry.accuracy))
    if ours is None or theirs is None or abs(ours - theirs) <= LENGTH_TOLERANCE * theirs:
        return
    yield (
        f"{entry.name}: an answer has {ours:.4g} tokens in {entry.performance.name} and "
        f"{theirs:.4g} in {entry.accuracy.name}: both runs must return the same outputs."
    )


def same_answers(entry: Entry) -> Iterable[str]:
    """A line for each run that another model answered than the accuracy run.

    Runs of one session are judged with it, by the same rule.
    """
    if ACCURACY not in entry.runs:
        return  # said by refusals
    theirs = answers_of(entry.accuracy.record.ledger)
    for run in entry.runs.values():
        if run.session is entry.accuracy.session:
            continue
        found = in_common(answers_of(run.record.ledger), theirs)
        if found.says_enough and not found.of_one_model:
            yield (
                f"{entry.name}: of {found.samples} samples {found.same} have the same answer in "
                f"{run.name} and {entry.accuracy.name}: another model gave it. Run both anew."
            )


def _mean_tokens(run: Run) -> float | None:
    ledger = run.facts.ledger
    answered = ledger.issued - ledger.failed
    return ledger.tokens_out / answered if answered else None


def settings(run: Run) -> dict[str, Any]:
    """What must be the same in performance, accuracy and compliance run of a scenario."""
    result, config = run.session.result, run.session.config
    engine = engine_of(result, run.result)
    return {
        "system": config.system.name,
        "model": config.model.path,
        "generation": config.generation.model_dump(mode="json"),
        **session_facts(result),
        **(engine_facts(engine) if engine else {}),
    }
