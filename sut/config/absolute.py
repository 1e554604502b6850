"""Paths that mean the same wherever a process was started: on another node, in another folder."""

from __future__ import annotations

from pathlib import Path

from sut.config.schema import RunConfig
from sut.machine.places import expanded


def with_absolute_paths(config: RunConfig) -> RunConfig:
    """The configuration with data set, model and audit.config as absolute paths.

    A model that is not a folder here, a hub's id for one, stays as it is.
    """
    changes: dict[str, object] = {}
    if config.dataset.path is not None:
        path = expanded(config.dataset.path).absolute()
        changes["dataset"] = config.dataset.model_copy(update={"path": path})
    model = expanded(Path(config.model.path))
    if (model / "config.json").is_file():
        changes["model"] = config.model.model_copy(update={"path": str(model.absolute())})
    if config.compliance.audit_config is not None:
        path = expanded(config.compliance.audit_config).absolute()
        changes["compliance"] = config.compliance.model_copy(update={"audit_config": path})
    return config.model_copy(update=changes)
