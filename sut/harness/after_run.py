"""What is worked out from a run's logs once the engine is gone: accuracy, compliance tests."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from audit.verify import write_verification
from sut.accuracy.evaluate import write_evaluation
from sut.config.names import Mode
from sut.errors import HarnessError
from sut.record.folder import RunDir


def evaluate_run(run: RunDir, session_root: Path, console: Console | None = None) -> None:
    """Write `accuracy.json` of an accuracy run, `verification.json` of a compliance run.

    One that cannot be made must not cost the result, which then says "not measured"; the
    reason goes to the terminal.
    """
    facts = json.loads(run.run_facts.read_text(encoding="utf-8"))
    config = json.loads((session_root / "config.json").read_text(encoding="utf-8"))["config"]
    try:
        if facts["mode"] == Mode.ACCURACY and not run.accuracy.exists():
            _say(console, f"Evaluating the answers of {facts['scenario']} …")
            write_evaluation(run.root, session_root)
        elif facts["mode"] == Mode.COMPLIANCE and not run.verification.exists():
            write_verification(
                run.root,
                facts["test"],
                facts["scenario"],
                tuple(config["model"]["eos_token_ids"]),
                max_tokens=config["generation"]["max_tokens"],
            )
    except (HarnessError, OSError) as error:
        why = error.render() if isinstance(error, HarnessError) else str(error)
        _say(console, f"No evaluation of {facts['scenario']} {facts['mode']}: {why}")


def _say(console: Console | None, text: str) -> None:
    if console is not None:
        console.print(text, highlight=False, soft_wrap=True)
