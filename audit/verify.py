"""The logs of a compliance run → its verdict, and the two files that hold it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path

from audit.logs import AuditLogs, find_logs
from audit.registry import find_test
from sut.config.names import Scenario
from sut.errors import ConfigError, LogError
from sut.logs.accuracy import ACCURACY_NAME
from sut.record.facts import VerificationFacts
from sut.record.folder import sha256_of, write_atomic
from sut.rules.check import Check, check

VERIFICATION_NAME = "verification.json"
OFFICIAL_NAME = "verify_accuracy.txt"
LOGS_WHOLE = "logs of the compliance run"


def verify_run(test: str, logs: AuditLogs) -> VerificationFacts:
    """The verdict of one test on one run's logs.

    Raises:
        ConfigError: there is no such test.
        LogError: a log is cut short or corrupt.
    """
    return _facts(test, find_test(test).verify(logs), logs.accuracy)


def official_text(facts: VerificationFacts, scenario: Scenario) -> str:
    """The text of verify_accuracy.txt, as the submission checker reads it."""
    checks = [Check.model_validate(each.model_dump()) for each in facts.checks]
    return find_test(facts.test).official_output(checks, scenario)


def verify_folder(
    run_dir: Path,
    test: str,
    scenario: Scenario | str,
    eos_token_ids: Collection[int],
    *,
    max_tokens: int | None = None,
) -> VerificationFacts:
    """The verdict of one run of ours, by its folder.

    A log that cannot be read is a test failed: whatever a run broke on, its result is built.

    Raises:
        ConfigError: there is no such test.
    """
    try:
        logs = find_logs(run_dir, Scenario(scenario), eos_token_ids, max_tokens=max_tokens)
        return verify_run(test, logs)
    except LogError as error:
        return _unreadable(test, error, run_dir)


def write_facts(run_dir: Path, facts: VerificationFacts, scenario: Scenario) -> None:
    """verification.json for us, verify_accuracy.txt for the submission checker.

    Raises:
        FileExistsError: the run has been verified before.
    """
    write_atomic(run_dir / VERIFICATION_NAME, facts.model_dump_json(indent=2) + "\n")
    write_atomic(run_dir / OFFICIAL_NAME, official_text(facts, scenario))


def write_submission_folder(facts: VerificationFacts, logs: AuditLogs, out: Path) -> Path:
    """Make OUT/<test> as a submission holds it: the verdict, and the accuracy log whole.

    Raises:
        ConfigError: the folder is there already, or cannot be made.
    """
    target = out / facts.test
    try:
        out.mkdir(parents=True, exist_ok=True)
        if target.exists():
            raise FileExistsError(None, "it exists already")
        with tempfile.TemporaryDirectory(dir=out, prefix=f".{facts.test}.") as temporary:
            made = Path(temporary) / facts.test
            (made / "accuracy").mkdir(parents=True)
            shutil.copyfile(logs.accuracy, made / "accuracy" / ACCURACY_NAME)
            write_atomic(made / OFFICIAL_NAME, official_text(facts, logs.scenario))
            made.rename(target)
    except OSError as error:
        raise ConfigError(
            f"{target} cannot be made: {error.strerror}.",
            where="--out",
            remedy="Name another folder.",
        ) from error
    return target


def _facts(test: str, checks: list[Check], log: Path) -> VerificationFacts:
    return VerificationFacts.model_validate(
        {
            "test": find_test(test).name,
            "checks": [each.model_dump(exclude={"rule", "keys"}) for each in checks],
            "passed": all(each.passed for each in checks),
            "log_sha256": sha256_of(log) if log.is_file() else "",
        }
    )


def _unreadable(test: str, error: LogError, run_dir: Path) -> VerificationFacts:
    """A failed verdict that says which log is broken and how.

    A folder's absolute path would make another result of a session that was moved.
    """
    where = (error.where or "").removeprefix(str(run_dir)).lstrip("/")
    state = f"{where}: {error.message}" if where else error.message
    checks = [check(LOGS_WHOLE, state, "==", "whole", ACCURACY_NAME)]
    return _facts(test, checks, run_dir / ACCURACY_NAME)
