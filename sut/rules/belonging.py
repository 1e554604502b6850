"""The rules on what belongs together: a run and its session, a run and the configuration.

Each file of a session can be edited. What it says is held against what follows from the others.
"""

from __future__ import annotations

from collections.abc import Iterable

from sut.config.names import Mode
from sut.errors import ConfigError
from sut.plan.settings import user_conf
from sut.record.folder import RunDir, sha256_of
from sut.rules.case import RunCase
from sut.rules.check import Check, check
from sut.rules.planned import planned_settings
from sut.rules.rule import Book, Ground

OURS = "our own condition: evidence belongs together (docs/rules.md)"

BELONGING: Book[RunCase] = Book(Ground.RECORD)


@BELONGING.rule("of-session", "The run is one of this session's", OURS, ground=Ground.HASHES)
def of_session(case: RunCase) -> Iterable[Check]:
    """By the session's id, and by its files as they were when the run began."""
    said, here = case.evidence.run.session, case.evidence.of_run
    files = {"config_sha256": "config.json", "facts_sha256": "session.json"}
    for field, name in {"session_id": "session", **files}.items():
        measured = getattr(said, field) if said is not None else None
        limit = getattr(here, field) if here is not None else None
        keys = (f"run.json/session/{field}",)
        yield check(f"{name} of the run", measured, "==", limit, OURS, keys=keys)


@BELONGING.rule("settings-recorded", "run.json names the settings that follow from the plan", OURS)
def settings_recorded(case: RunCase) -> Iterable[Check]:
    """What the logs are held to is worked out anew; what run.json says of it must be the same."""
    planned, said = planned_settings(case.evidence), case.evidence.run.expected_settings
    measured = None
    if planned is not None:
        names = sorted(set(planned) | set(said))
        other = [name for name in names if planned.get(name) != said.get(name)]
        measured = ", ".join(other) or "none"
    keys = ("run.json/expected_settings",)
    yield check("settings recorded otherwise than planned", measured, "==", "none", OURS, keys=keys)


@BELONGING.rule("user-conf", "user.conf is what the configuration gives", OURS)
def user_conf_as_planned(case: RunCase) -> Iterable[Check]:
    """Byte for byte: the harness wrote it. One that was changed since is another rule's."""
    evidence = case.evidence
    path, measured = RunDir(evidence.directory).user_conf, None
    if not path.is_file() or sha256_of(path) != evidence.run.log_sha256.get(path.name):
        return
    if evidence.round is not None:
        with_rules = (evidence.config, evidence.scenario, evidence.session.dataset.count)
        try:
            text = user_conf(*with_rules, evidence.round, Mode(evidence.run.mode))
        except ConfigError:
            text = None
        if text is not None:
            measured = path.read_bytes() == text.encode()
    keys = ("run.json/log_sha256/user.conf",)
    yield check("user.conf as the configuration gives it", measured, "==", True, OURS, keys=keys)
