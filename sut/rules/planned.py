"""What a run's log must show, worked out anew: from the configuration, the round, the audit.config.

`run.json` holds the same from when the run was made. Nobody judges by that: it can be edited.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sut.config.names import Mode
from sut.errors import ConfigError
from sut.plan.audit_config import AuditSettings, parse_audit_config
from sut.plan.settings import effective, expected_settings
from sut.record.folder import RunDir
from sut.rules.evidence import Evidence


def planned_settings(evidence: Evidence) -> Mapping[str, Any] | None:
    """What LoadGen's log must show, from the configuration and the round; None: nobody knows."""
    audit = audit_in_force(evidence)
    if evidence.round is None or audit is None:
        return None
    config, scenario = evidence.config, evidence.scenario
    mode, count = Mode(evidence.run.mode), evidence.session.dataset.count
    try:
        will = effective(config, scenario, count, evidence.round, mode=mode, audit=audit)
    except ConfigError:
        return None
    return expected_settings(config, will, evidence.round, audit=audit)


def audit_in_force(evidence: Evidence) -> AuditSettings | None:
    """What the run's audit.config sets; nothing for a run without one, None if it is not known."""
    run = evidence.run
    if run.mode != Mode.COMPLIANCE:
        return AuditSettings()
    path = RunDir(evidence.directory).audit_config
    if not path.is_file() or run.audit_config_sha256 != _sha256(path.read_bytes()):
        return None
    try:
        return parse_audit_config(path)
    except ConfigError:
        return None


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
