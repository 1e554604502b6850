"""What follows from a run's logs by an evaluation: scores, a compliance test's verdict. Made anew.

accuracy.json and verification.json lie beside the logs since the run ended, or since somebody
edited them. No verdict rests on them: it rests on what is worked out here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from audit.verify import verify_folder
from sut.accuracy.evaluate import Material, Sources, evaluate
from sut.config.names import Mode
from sut.errors import HarnessError
from sut.record.facts import AccuracyFacts, VerificationFacts
from sut.record.session import RunRecord, SessionRecord

Seen = Callable[[RunRecord, Material, AccuracyFacts], None]


def with_evaluations(
    record: SessionRecord,
    sources: Sources | None = None,
    say: Callable[[str], None] = lambda _: None,
    seen: Seen = lambda *_: None,
) -> SessionRecord:
    """The session with each accuracy and compliance run evaluated, or with the reason why not.

    Args:
        record: of the session; what was evaluated before stays.
        sources: data set and tokenizer from elsewhere than the run had them.
        say: told of what takes long.
        seen: given each accuracy run, what its evaluation worked on, and what it found.
    """
    runs = [
        run if run.evaluation is not None or run.facts.mode == Mode.PERFORMANCE
        else replace(run, evaluation=_evaluated(run, record, sources, say, seen))
        for run in record.runs
    ]  # fmt: skip
    return replace(record, runs=tuple(runs))


def _evaluated(
    run: RunRecord,
    session: SessionRecord,
    sources: Sources | None,
    say: Callable[[str], None],
    seen: Seen,
) -> AccuracyFacts | VerificationFacts | str:
    try:
        if run.facts.mode == Mode.ACCURACY:
            say(f"Scoring the answers of {session.name}/{run.place} …")
            return evaluate(run, session, sources, partial(seen, run))
        config = session.config
        return verify_folder(
            run.folder.root,
            str(run.facts.test),
            run.scenario,
            config.model.eos_token_ids,
            max_tokens=config.generation.max_tokens,
        )
    except HarnessError as error:
        # A folder's absolute path would change the result's bytes.
        name = Path(error.where).name if error.where else ""
        return f"{name}: {error.message.rstrip('.')}".removeprefix(": ")
