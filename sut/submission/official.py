"""MLCommons' own submission checker as a subprocess, and its whole log read back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sut.errors import ConfigError, RunError
from sut.submission.complaints import NOISE, explain
from sut.submission.findings import Finding, Severity

PACKAGE = "submission_checker"
SCRIPT = "submission_checker.py"
BELOW_CHECKOUT = Path("tools") / "submission"
TIMEOUT_S = 1800
PASSED = "SUMMARY: submission looks OK"
LINE = re.compile(r"^\[[^\]]*\s\S+:\d+\s(?P<level>[A-Z]+)\]\s?(?P<text>.*)$")
UNKNOWN_VERSION = re.compile(r"argument --version: invalid choice: .*\(choose from (?P<known>.+)\)")
LAST_LINES = 3


@dataclass(frozen=True)
class Message:
    """One message of the checker's log, its continuation lines included."""

    level: str
    text: str


@dataclass(frozen=True)
class OfficialReport:
    """What the checker printed and how it ended."""

    exit_code: int
    log: str

    @property
    def messages(self) -> list[Message]:
        """Its messages in order; text outside of any message is one of level NONE."""
        found: list[Message] = []
        for line in self.log.splitlines():
            match = LINE.match(line)
            if match:
                found.append(Message(match["level"], match["text"]))
            elif found and found[-1].level == "NONE":
                found[-1] = Message("NONE", f"{found[-1].text}\n{line}")
            else:
                found.append(Message("NONE", line))
        return found

    @property
    def passed(self) -> bool:
        """Its own verdict: exit code and last word agree."""
        return self.exit_code == 0 and PASSED in self.log


def run_checker(tree: Path, version: str, checker: Path) -> OfficialReport:
    """Run the checker of a checkout of mlcommons/inference on a tree.

    Args:
        tree: the folder that holds closed, open or network.
        version: its --version.
        checker: the checkout, or its tools/submission.

    Raises:
        ConfigError: there is no checker in that folder, or it does not know the version.
        RunError: it did not end.
    """
    program, folder = checker_program(checker)
    with tempfile.TemporaryDirectory() as scratch:
        command = [
            *(sys.executable, *program),
            *("--input", str(tree.resolve()), "--version", version),
            *("--csv", str(Path(scratch) / "summary.csv")),
        ]
        try:
            ended = subprocess.run(
                command,
                cwd=scratch,
                env=dict(os.environ) | {"PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise RunError(
                f"the official checker did not end within {TIMEOUT_S} s.",
                where=str(checker),
                remedy="Run it by hand to see where it stops.",
            ) from error
    _refuse_other_round(ended.stdout, version, checker)
    return OfficialReport(ended.returncode, ended.stdout)


def checker_program(checker: Path) -> tuple[list[str], Path]:
    """What Python is to run, and its folder: today a package, up to v5.1.1 one script.

    Both have the flags that are used here, the form of the log and its last word in common.

    Raises:
        ConfigError: there is no checker in that folder.
    """
    for root in (checker / BELOW_CHECKOUT, checker):
        if (root / PACKAGE / "main.py").is_file():
            return ["-m", f"{PACKAGE}.main"], root.resolve()
        if (root / SCRIPT).is_file():
            return [str((root / SCRIPT).resolve())], root.resolve()
    raise ConfigError(
        f"there is neither {BELOW_CHECKOUT / PACKAGE} nor {SCRIPT} in this folder.",
        where=str(checker),
        remedy="Give a checkout: git clone https://github.com/mlcommons/inference.",
    )


def _refuse_other_round(log: str, version: str, checker: Path) -> None:
    """A checker that never looked at the tree has no complaint about it."""
    match = UNKNOWN_VERSION.search(log)
    if match:
        raise ConfigError(
            f"this checker knows no round {version}; it knows {match['known']}.",
            where=str(checker),
            remedy="Give the checkout of a release that knows the round.",
        )


def official_findings(tree: Path, version: str, checker: Path) -> list[Finding]:
    """Run the checker and explain what it says.

    Raises:
        ConfigError, RunError: as `run_checker`.
    """
    return findings_of(run_checker(tree, version, checker), tree)


def findings_of(report: OfficialReport, tree: Path) -> list[Finding]:
    """Every complaint of the log, explained where it is known and raw where it is not."""
    found = list(dict.fromkeys(_complaints(report, f"{tree.resolve()}{os.sep}")))
    if not report.passed and not any(each.severity == "error" for each in found):
        last = " | ".join(report.log.strip().splitlines()[-LAST_LINES:])
        found.append(_unknown("error", f"It ended with exit code {report.exit_code}: {last}"))
    return found


def _complaints(report: OfficialReport, root: str) -> Iterable[Finding]:
    for message in report.messages:
        text = message.text.replace(root, "").strip()
        if message.level in ("INFO", "DEBUG") or not text or NOISE.search(text):
            continue
        # Outside of a message it prints blank lines of its summary, or a traceback.
        if message.level == "NONE" and "Traceback" not in text:
            continue
        severity: Severity = "warning" if message.level == "WARNING" else "error"
        known = explain(text)
        if known is None:
            yield _unknown(severity, text)
        else:
            yield Finding(severity, known.place, known.sentence, known.remedy, "official")


def _unknown(severity: Severity, text: str) -> Finding:
    return Finding(severity, "", text, "(The checker's own words; not known here.)", "official")
