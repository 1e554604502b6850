"""What is worked out from a session's logs once the engine is gone: accuracy, compliance tests."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from audit.verify import write_facts
from sut.accuracy.evaluate import Material, write_files
from sut.accuracy.shown import sample_answers
from sut.errors import HarnessError
from sut.record.facts import AccuracyFacts
from sut.record.folder import write_atomic
from sut.record.session import RunRecord, SessionRecord
from sut.result.evaluated import with_evaluations


def evaluate_runs(record: SessionRecord, say: Callable[[str], None]) -> SessionRecord:
    """Evaluate each run that asks for it, and write `accuracy.json` or `verification.json`.

    One that cannot be made must not cost the result, which then says "not measured"; the reason
    goes to the terminal.
    """
    evaluated = with_evaluations(record, say=say, seen=_keep_samples)
    for run in evaluated.runs:
        try:
            _write(run)
        except (HarnessError, OSError) as error:
            _tell(run, error.render() if isinstance(error, HarnessError) else str(error), say)
        if run.evaluation_problem is not None:
            _tell(run, run.evaluation_problem, say)
    return evaluated


def _write(run: RunRecord) -> None:
    if run.accuracy is not None and not run.folder.accuracy.exists():
        write_files(run.folder.root, run.accuracy)
    if run.verification is not None and not run.folder.verification.exists():
        write_facts(run.folder.root, run.verification, run.scenario)


def _keep_samples(run: RunRecord, scored: Material, facts: AccuracyFacts) -> None:
    """A few answers as text, for the page; without them it shows token ids."""
    with suppress(OSError):
        text = sample_answers(scored, facts).model_dump_json(indent=2)
        write_atomic(run.folder.samples, f"{text}\n")


def _tell(run: RunRecord, why: str, say: Callable[[str], None]) -> None:
    say(f"No evaluation of {run.facts.scenario} {run.facts.mode}: {why}")
