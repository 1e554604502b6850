"""All that is settled of a LoadGen run before it begins, worked out once.

The runner gives LoadGen what stands here, --dry-run prints it, and `run.json` keeps what the
logs must then show. Nothing here runs LoadGen or writes a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sut.config.rounds import Round
from sut.config.schema import RunConfig
from sut.errors import ConfigError
from sut.plan.audit_config import AuditSettings, audit_config_path, parse_audit_config
from sut.plan.forecast import Forecast, foretell
from sut.plan.run_id import RunId, run_ids
from sut.plan.settings import effective, expected_settings, loadgen_model, user_conf


@dataclass(frozen=True)
class AuditConfig:
    """The audit.config that a compliance run is made under."""

    path: Path
    settings: AuditSettings
    sha256: str
    text: str


@dataclass(frozen=True)
class RunPlan:
    """One LoadGen run to be made."""

    run: RunId
    loadgen_model: str
    user_conf: str
    """The text of the file that LoadGen reads."""
    total_count: int
    """Samples of the data set."""
    performance_count: int
    """Samples that LoadGen cycles through."""
    expected_settings: Mapping[str, Any]
    """Keys of LoadGen's detail log and the values they must have."""
    audit: AuditConfig | None
    forecast: Forecast


def plan_runs(
    config: RunConfig,
    rules: Round,
    dataset_count: int,
    origins: Mapping[str, str] = MappingProxyType({}),
) -> tuple[RunPlan, ...]:
    """The plan of every LoadGen run of a session, in the order they are made.

    Args:
        config: of the session.
        rules: of its round.
        dataset_count: samples of the data set as it was loaded.
        origins: where each key's value is from, for what is refused.

    Raises:
        ConfigError: there is no run to make, an audit.config is missing or malformed, or a run
            would be too large or too long to be made.
    """
    audits = read_audit_configs(config)
    plans = []
    for run in run_ids(config):
        audit = audits[run.test] if run.test is not None else None
        asked = audit.settings if audit is not None else AuditSettings()
        will = effective(config, run.scenario, dataset_count, rules, mode=run.mode, audit=asked)
        plan = RunPlan(
            run=run,
            loadgen_model=loadgen_model(config, run.scenario, rules),
            user_conf=user_conf(config, run.scenario, dataset_count, rules, run.mode),
            total_count=dataset_count,
            performance_count=will.performance_count,
            expected_settings=MappingProxyType(expected_settings(config, will, rules, audit=asked)),
            audit=audit,
            forecast=foretell(will, rules, origins),
        )
        plans.append(plan)
    return tuple(plans)


def read_audit_configs(config: RunConfig) -> dict[str, AuditConfig]:
    """The audit.config of every compliance test that is to be run.

    It needs no data set, so it is asked before weights are fetched and nodes are called.

    Raises:
        ConfigError: there is no run to make, or an audit.config is missing or malformed.
    """
    asked = run_ids(config)
    if not asked:
        raise ConfigError(
            f"mode is {config.mode}, but {config.model.benchmark} has no compliance test in "
            f"round {config.round}.",
            remedy="Choose another --mode.",
        )
    tests = dict.fromkeys(run.test for run in asked if run.test is not None)
    return {test: _read_audit_config(audit_config_path(config, test)) for test in tests}


def _read_audit_config(path: Path) -> AuditConfig:
    settings = parse_audit_config(path)
    data = path.read_bytes()
    return AuditConfig(path, settings, hashlib.sha256(data).hexdigest(), data.decode())
