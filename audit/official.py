"""MLCommons' own TEST06: its audit.config and its script, from a checkout of mlcommons/inference.

The script is run as it is, in a process of its own, on the logs that we judge ourselves. It
ends with exit code 0 whatever it finds, so its verdict is read from all that it prints.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from audit.logs import AuditLogs
from sut.errors import ConfigError

SCRIPT = "run_verification.py"
CONFIG = "audit.config"
TIMEOUT_S = 600

# What the checker looks for in verify_accuracy.txt (checks/compliance_check.py).
FIRST_TOKEN_LINES = ("First token check pass: True", "First token check pass: Skipped")
OTHER_LINES = ("EOS check pass: True", "Sample length check pass: True")


@dataclass(frozen=True)
class OfficialVerdict:
    """What the official script said.

    Attributes:
        output: all that it printed, both streams.
        passed: whether the checker would take its output for a pass.
    """

    command: tuple[str, ...]
    output: str
    passed: bool


def official_file(checkout: Path, test: str, name: str) -> Path:
    """A file of the test in a checkout.

    Raises:
        ConfigError: it is not there.
    """
    path = checkout / "compliance" / test / name
    if not path.is_file():
        raise ConfigError(
            f"there is no compliance/{test}/{name} in {checkout}.",
            where="--official",
            remedy="Give the folder of a checkout of mlcommons/inference.",
        )
    return path.resolve()


def official_verdict(checkout: Path, test: str, logs: AuditLogs) -> OfficialVerdict:
    """Run the official script on these logs.

    Raises:
        ConfigError: the checkout has no such script.
    """
    script = official_file(checkout, test, SCRIPT)
    with tempfile.TemporaryDirectory(prefix="official-") as out:
        command = (
            sys.executable, str(script), "-c", str(logs.accuracy.parent.resolve()),
            "-o", out, "-s", logs.scenario.value, "-d", logs.token_type,
        )  # fmt: skip
        try:
            done = subprocess.run(
                command,
                cwd=out,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return OfficialVerdict(command, f"no end within {TIMEOUT_S} s", passed=False)
    return OfficialVerdict(command, done.stdout, not done.returncode and passes(done.stdout))


def passes(output: str) -> bool:
    """Whether the checker would find its three lines."""
    lines = {line.strip() for line in output.splitlines()}
    return any(line in lines for line in FIRST_TOKEN_LINES) and lines.issuperset(OTHER_LINES)
