"""What was written after a run, accuracy.txt and verify_accuracy.txt, against what it came from.

Neither is among the files whose hash the run recorded, for both are made later. So nothing is
taken from them on trust: the one must say what accuracy.json says, whose scores are held to
the round's own targets elsewhere; the other is made again from the log and must be the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from audit.logs import find_logs
from audit.verify import OFFICIAL_NAME as VERIFICATION
from audit.verify import official_text as verification_text
from audit.verify import verify_run
from sut.accuracy.evaluate import read_facts
from sut.accuracy.text import official_text as evaluation_text
from sut.config.schema import Scenario
from sut.errors import HarnessError
from sut.result.facts import VerificationFacts
from sut.submission.sessions import Run

EVALUATION = "accuracy.txt"
EVALUATE = "python -m sut.main accuracy"
VERIFY = "python -m sut.main audit --verify"


def evaluation_problems(run: Run) -> Iterable[str]:
    """A line if accuracy.txt is missing or does not say what accuracy.json does."""
    yield from _missing(run, EVALUATION, EVALUATE) or _other_text(run)


def _other_text(run: Run) -> list[str]:
    folder = run.folder.root
    try:
        wanted = evaluation_text(read_facts(folder))
    except HarnessError as error:
        return [f"{run.name}: {error.render()}"]
    if _text(folder / EVALUATION) == wanted:
        return []
    return [
        f"{run.name}/{EVALUATION} does not say what accuracy.json beside it does: make both "
        f"again with `{EVALUATE} {folder} --replace`."
    ]


def verification_problems(run: Run) -> Iterable[str]:
    """Lines if verify_accuracy.txt is missing, or the run's logs do not say the same again."""
    missing = _missing(run, VERIFICATION, VERIFY)
    if missing:
        yield from missing
        return
    scenario = run.job.scenario
    try:
        facts = verified(run)
    except HarnessError as error:
        yield f"{run.name}: {error.render()}"
        return
    failed = [each for each in facts.checks if not each.passed]
    if failed:
        first = failed[0]
        yield (
            f"{run.name} does not pass {run.facts.test}: {first.name} is {first.measured}, must "
            f"be {first.comparison} {first.limit}."
        )
    if _text(run.folder.root / VERIFICATION) != verification_text(facts, scenario):
        yield (
            f"{run.name}/{VERIFICATION} does not say what its logs do: judge them again with "
            f"`{VERIFY} {run.folder.root}`."
        )


def verified(run: Run) -> VerificationFacts:
    """The verdict of a compliance run's logs, made anew.

    Raises:
        LogError: a log is missing or corrupt.
    """
    config = run.session.config
    logs = find_logs(
        run.folder.root,
        Scenario(run.facts.scenario),
        config.model.eos_token_ids,
        max_tokens=config.generation.max_tokens,
    )
    return verify_run(str(run.facts.test), logs)


def _missing(run: Run, name: str, verb: str) -> list[str]:
    path = run.folder.root / name
    if path.is_file() and path.stat().st_size:
        return []
    return [f"{run.name} has no {name}: make it with `{verb} {run.folder.root}`."]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
