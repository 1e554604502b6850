"""What was written after a run, accuracy.* and verify_accuracy.txt, against what it came from.

None of them is among the files whose hash the run recorded, for all are made later. So nothing
is taken from them on trust: the answers in LoadGen's log are scored again, the conditions of a
compliance test are judged again, and the files must say the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from audit.verify import OFFICIAL_NAME as VERIFICATION
from audit.verify import official_text as verification_text
from sut.accuracy.evaluate import read_facts
from sut.accuracy.text import official_text as evaluation_text
from sut.errors import HarnessError
from sut.record.facts import AccuracyFacts
from sut.submission.gather import Run

EVALUATION = "accuracy.txt"
STATED = "accuracy.json"
SHARES = ("empty_share", "looping_share", "identical_share")
EVALUATE = "python -m sut.main accuracy"
VERIFY = "python -m sut.main audit --verify"


def evaluation_problems(run: Run) -> Iterable[str]:
    """Lines if accuracy.json or accuracy.txt is missing or does not say what the log does."""
    missing = _missing(run, EVALUATION, EVALUATE)
    if missing:
        yield from missing
        return
    scored = run.record.accuracy
    if scored is None:
        yield (
            f"{run.name}: its answers cannot be scored again, and {STATED} is not taken on trust: "
            f"{run.record.evaluation_problem}. `submit` takes --dataset and --model, too."
        )
        return
    try:
        stated = read_facts(run.folder.root)
    except HarnessError as error:
        yield f"{run.name}: {error.render()}"
        return
    differing = [
        f"{name} is {_shown(theirs)} there and {_shown(ours)} by the log"
        for name, theirs, ours in _figures(stated, scored)
        if theirs != ours
    ]
    again = f"make it again with `{EVALUATE} {run.folder.root} --replace`."
    if differing:
        yield f"{run.name}/{STATED} does not say what its log does: {'; '.join(differing)}; {again}"
    if _text(run.folder.root / EVALUATION) != evaluation_text(scored):
        yield f"{run.name}/{EVALUATION} does not say what its log does: {again}"


def _figures(stated: AccuracyFacts, scored: AccuracyFacts) -> Iterable[tuple[str, object, object]]:
    """Every figure that a verdict or a tree may take from accuracy.json, as stated and by the log.

    How the run was judged is not compared: that follows from the figures and the round.
    """
    values = [{each.name: each.value for each in facts.metrics} for facts in (stated, scored)]
    for name in dict.fromkeys([*values[0], *values[1]]):
        yield name, values[0].get(name), values[1].get(name)
    for name in ("characters", "gen_num", "tokens_per_sample", "success_rate", *SHARES, "problems"):
        yield name, getattr(stated, name), getattr(scored, name)


def _shown(value: object) -> str:
    if isinstance(value, list):
        return "; ".join(map(str, value)) or "none"
    return "not measured" if value is None else str(value)


def verification_problems(run: Run) -> Iterable[str]:
    """Lines if verify_accuracy.txt is missing, or the run's logs do not say the same again."""
    missing = _missing(run, VERIFICATION, VERIFY)
    if missing:
        yield from missing
        return
    facts = run.record.verification
    if facts is None:
        yield f"{run.name}: {run.record.evaluation_problem}."
        return
    failed = [each for each in facts.checks if not each.passed]
    if failed:
        first = failed[0]
        yield (
            f"{run.name} does not pass {run.facts.test}: {first.name} is {first.measured}, must "
            f"be {first.comparison} {first.limit}."
        )
    if _text(run.folder.root / VERIFICATION) != verification_text(facts, run.id.scenario):
        yield (
            f"{run.name}/{VERIFICATION} does not say what its logs do: judge them again with "
            f"`{VERIFY} {run.folder.root}`."
        )


def _missing(run: Run, name: str, verb: str) -> list[str]:
    path = run.folder.root / name
    if path.is_file() and path.stat().st_size:
        return []
    return [f"{run.name} has no {name}: make it with `{verb} {run.folder.root}`."]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
