"""The rules on a session's runs side by side, and on what answered them as it was configured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from sut.plan.run_id import run_ids
from sut.record.facts import RunFacts
from sut.rules.check import Check
from sut.rules.rule import ACCURACY, Book, Ground
from sut.rules.same_answers import LEAST_SHARE, SOURCE, Answers, in_common
from sut.rules.session_case import SessionCase, told

OURS = "our own condition: evidence belongs together (docs/rules.md)"
CLOCK_SET = timedelta(minutes=1)
"""A wall clock may be set back by so much between the engine's start and a run."""

SESSION_RUNS: Book[SessionCase] = Book(Ground.RECORD)


@SESSION_RUNS.rule("one-run-each", "Each run that was asked for was made once, and no other", OURS)
def one_run_each(case: SessionCase) -> Iterable[Check]:
    """A run that is missing is told of as such."""
    asked = {f"{each.scenario}/{each.folder}" for each in run_ids(case.config)}
    made = Counter(map(_name, case.runs))
    twice = [name for name, times in made.items() if times > 1]
    yield told("runs made twice", ", ".join(twice) or "none", "==", "none", source=OURS)
    others = sorted(made.keys() - asked)
    yield told("runs that nobody asked for", ", ".join(others) or "none", "==", "none", source=OURS)


def _name(run: RunFacts) -> str:
    return f"{run.scenario}/{run.test or run.mode}"


@SESSION_RUNS.rule(
    "one-at-a-time", "The runs came one after the other, once the engine was ready", OURS
)
def one_at_a_time(case: SessionCase) -> Iterable[Check]:
    """By the ledgers' monotonic clock, which nobody sets, and by the stamps of their begin."""
    words = ", ".join(_overlapping(case.runs)) or "none"
    yield told("runs at the same time", words, "==", "none", source=OURS)
    for starts in case.starts.values() or [case]:
        ready = datetime.fromisoformat(starts.facts.started_utc)
        early = [
            _name(run)
            for run in starts.runs
            if datetime.fromisoformat(run.started_utc) < ready - CLOCK_SET
        ]
        words = ", ".join(early) or "none"
        yield told("runs from before the engine was ready", words, "==", "none", source=OURS)


def _overlapping(runs: Iterable[RunFacts]) -> Iterator[str]:
    spans = [
        (run.ledger.first_issue_ns, run.ledger.last_done_ns, _name(run))
        for run in runs
        if run.ledger.first_issue_ns is not None and run.ledger.last_done_ns is not None
    ]
    for first, second in pairwise(sorted(spans)):
        if second[0] < first[1]:
            yield f"{first[2]} and {second[2]}"


@SESSION_RUNS.rule(
    "one-loadgen", "One LoadGen made all runs", "loadgen/version.cc", ground=Ground.LOADGEN
)
def one_loadgen(case: SessionCase) -> Iterable[Check]:
    """By what each log says of the build that wrote it: no session changes it on its way."""
    told_of = [each for build in case.builds.values() for each in build]
    unlike = [
        key
        for key in dict.fromkeys(told_of)
        if len({build[key] for build in case.builds.values()}) > 1
    ]
    words = ", ".join(unlike) or "none"
    yield told("what LoadGen's logs tell otherwise of it", words, "==", "none", source=OURS)


@SESSION_RUNS.rule(
    "same-answers",
    "The runs of a scenario were answered by one model",
    SOURCE,
    ground=Ground.LEDGER,
)
def same_answers(case: SessionCase) -> Iterable[Check]:
    """Each run against the scenario's accuracy run; without one, against its first."""
    by_scenario: dict[str, dict[str, Answers]] = {}
    for run in case.runs:
        kind = run.test or run.mode
        answers = case.answers.get(f"{run.scenario}/{kind}", {})
        by_scenario.setdefault(run.scenario, {})[kind] = answers
    for scenario, kinds in by_scenario.items():
        first = ACCURACY if ACCURACY in kinds else next(iter(kinds))
        for kind in kinds.keys() - {first}:
            found = in_common(kinds[first], kinds[kind])
            if found.says_enough:
                name = f"{scenario}: samples answered alike in {kind} and {first}"
                share = round(100 * found.share, 1)
                yield told(name, share, ">=", 100 * LEAST_SHARE, unit="%", source=SOURCE)


@SESSION_RUNS.rule("as-configured", "Engine and data set are those of the configuration", OURS)
def as_configured(case: SessionCase) -> Iterable[Check]:
    """What it was that was started and loaded, by its kind; what each says of itself, others ask.

    A session whose engine never became ready names none.
    """
    if case.engine is not None:
        kind, asked = case.engine.kind, case.config.engine.kind
        yield told("engine", kind, "==", asked, source="config.json")
        if not case.traits.has_model and kind == asked:
            weights = case.engine.model_sha256 or case.engine.model_recognised or "none"
            name = "weights of an engine that has none"
            yield told(name, weights, "==", "none", source="session.json")
    data, wanted = case.facts.dataset, case.config.dataset
    yield told("source of the data set", data.source, "==", wanted.source, source="config.json")
    made_up = wanted.source == "synthetic"
    yield told("synthetic data", data.synthetic, "==", made_up, source="config.json")
    if wanted.path is not None and data.path is not None:
        name = Path(data.path).name
        yield told("file of the data set", name, "==", wanted.path.name, source="config.json")
