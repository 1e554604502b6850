"""docs/submission.md's way from a run to a tree, walked with recordings in place of the runs."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from sut.commands import submit
from sut.config.schema import RunConfig
from sut.submission.statement import EXAMPLE
from tests.unit.submission.support import session

PAGE = Path(__file__).resolve().parents[3] / "docs/submission.md"
RUN = ["python", "-m", "sut.main"]


def commands() -> list[list[str]]:
    """What follows `python -m sut.main` in the page's first commands."""
    text = PAGE.read_text(encoding="utf-8")
    block = text.partition("```sh\n")[2].partition("```")[0]
    words = [shlex.split(line, comments=True) for line in block.splitlines()]
    return [each[len(RUN) :] for each in words if each[: len(RUN)] == RUN]


def flag(command: list[str], name: str) -> str | None:
    return command[command.index(name) + 1] if name in command else None


def leave_session(command: list[str], name: str) -> None:
    """The session that a run of the command leaves; without --scenario it has both."""
    asked = flag(command, "--scenario")
    scenarios = ["offline", "server"] if asked is None else [asked.lower()]
    kinds = ["+accuracy"] if "--smoke" in command else ["", "+accuracy", "+TEST06"]
    default = RunConfig.model_fields["results_dir"].default
    folder = Path(flag(command, "--results-dir") or default)
    session(folder, *(f"{s}{k}" for s in scenarios for k in kinds), name=name)


def test_its_commands_lead_to_a_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    runs = [each for each in commands() if each[0].startswith("--")]
    assert ["--smoke" in each for each in runs] == [True, False, False]
    for number, command in enumerate(runs):
        leave_session(command, f"NODE_TIME{number}")
    text = EXAMPLE.read_text(encoding="utf-8")
    text = text.replace("documents: {}", "documents: {bandwidth: bandwidth.md}")
    Path("system.yaml").write_text(text, encoding="utf-8")
    Path("bandwidth.md").write_text("One port.\n", encoding="utf-8")
    submits = [each[1:] for each in commands() if each[0] == "submit"]
    assert len(submits) == 2
    for arguments in submits:
        shell = arguments.index(">") if ">" in arguments else len(arguments)
        assert submit.main(arguments[:shell]) == 0
    assert Path("tree/closed/NAME").is_dir()
