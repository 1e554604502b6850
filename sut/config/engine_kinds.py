"""What a kind of engine consists of, ours or another package's, and how one is found by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sut.config.engine_traits import EngineOptions
from sut.config.installed_engines import engine_entry, provider, registered_by
from sut.errors import ConfigError
from sut.machine.hardware import package_version
from sut.machine.variables import Watch


@dataclass(frozen=True)
class EngineKind:
    """One kind of engine: what an entry point of the group `sut.engines` must name.

    Attributes:
        options: its settings: the configuration's section of its name, or engine.options.
        make: `sut.engines.base.EngineRequest` → `sut.engines.base.Engine`, not yet started.
        builds: for each platform (cpu, cuda) the packages that can answer there, the one to
            install first; nodes of a cluster are asked for them. Empty: none but its own.
        watch: the variables of the environment that are its own.
        sets: `RunConfig` and the user's environment → what it sets for its own processes.
    """

    options: type[EngineOptions]
    make: Callable[[Any], Any]
    builds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    watch: Watch = field(default_factory=Watch)
    sets: Callable[[Any, Mapping[str, str]], Mapping[str, str]] = lambda _config, _given: {}


def engine_kind(name: str) -> EngineKind:
    """The kind of engine of this name; its module is imported here.

    Raises:
        ConfigError: no engine has the name, or what has it is not an EngineKind, or fails.
    """
    entry = engine_entry(name)
    package = provider(entry) or "this project"
    remedy = f"Mend or uninstall {package}, or name another engine."
    try:
        found = entry.load()
    except Exception as error:  # whatever another package's module does when it is imported
        raise ConfigError(
            f"engine {name} of {package} cannot be loaded: {type(error).__name__}: {error}.",
            where=entry.value,
            remedy=remedy,
        ) from error
    if not isinstance(found, EngineKind):
        raise ConfigError(
            f"engine {name} of {package} is a {type(found).__name__}, must be an EngineKind.",
            where=entry.value,
            remedy=remedy,
        )
    return found


def builds_for(name: str, platform: str) -> tuple[str, ...]:
    """The packages that can answer on a platform, the one to install first; none of them: ().

    Raises:
        ConfigError: as `engine_kind`.
    """
    own = registered_by(name)
    return engine_kind(name).builds.get(platform) or (() if own is None else (own.split()[0],))


def package_of(name: str) -> str | None:
    """Name and version of the package here that can answer; None if there is none."""
    try:
        builds = engine_kind(name).builds
    except ConfigError:
        return None
    packages = dict.fromkeys(package for each in builds.values() for package in each)
    for package in packages:
        if version := package_version(package):
            return f"{package} {version}"
    return registered_by(name)
