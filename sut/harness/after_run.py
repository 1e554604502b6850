"""What is worked out from a run's logs once the engine is gone: accuracy, compliance tests."""

from __future__ import annotations

from rich.console import Console

from audit.verify import write_verification
from sut.accuracy.evaluate import evaluate, write_files
from sut.config.names import Mode
from sut.errors import HarnessError
from sut.record.session import RunRecord, SessionRecord


def evaluate_run(run: RunRecord, session: SessionRecord, console: Console | None = None) -> None:
    """Write `accuracy.json` of an accuracy run, `verification.json` of a compliance run.

    One that cannot be made must not cost the result, which then says "not measured"; the
    reason goes to the terminal.
    """
    facts, config = run.facts, session.config
    try:
        if facts.mode == Mode.ACCURACY and not run.folder.accuracy.exists():
            _say(console, f"Evaluating the answers of {facts.scenario} …")
            write_files(run.folder.root, evaluate(run, session))
        elif facts.test is not None and not run.folder.verification.exists():
            write_verification(
                run.folder.root,
                facts.test,
                facts.scenario,
                config.model.eos_token_ids,
                max_tokens=config.generation.max_tokens,
            )
    except (HarnessError, OSError) as error:
        why = error.render() if isinstance(error, HarnessError) else str(error)
        _say(console, f"No evaluation of {facts.scenario} {facts.mode}: {why}")


def _say(console: Console | None, text: str) -> None:
    if console is not None:
        console.print(text, highlight=False, soft_wrap=True)
