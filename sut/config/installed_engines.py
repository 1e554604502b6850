"""Which kinds of engine are installed, by name: ours, and those of other packages.

Standard library only, so that `--help` may read it. Nothing of an engine is imported to list it.
"""

from __future__ import annotations

import difflib
from importlib.metadata import EntryPoint, entry_points

from sut.errors import ConfigError

# Another package names its engines in this group of entry points, as NAME = "module:KIND", where
# KIND is an `sut.config.engine_kinds.EngineKind`.
GROUP = "sut.engines"
# The same for ours. By name, because the configuration lies below the engines.
BUILT_IN = {
    "vllm": "sut.engines.vllm.engine:KIND",
    "null": "sut.engines.null:KIND",
}


def engine_names() -> list[str]:
    """Every kind of engine that is installed, ours first."""
    others = {entry.name for entry in entry_points(group=GROUP)}
    return [*BUILT_IN, *sorted(others - BUILT_IN.keys())]


def engine_entry(name: str) -> EntryPoint:
    """Where the kind of engine of this name is.

    Raises:
        ConfigError: no engine has the name, or those of two packages do.
    """
    if name in BUILT_IN:
        return EntryPoint(name, BUILT_IN[name], GROUP)
    found = list(entry_points(group=GROUP, name=name))
    if len(found) > 1:
        both = " and ".join(sorted(provider(entry) or entry.value for entry in found))
        raise ConfigError(
            f"engine.kind is {name}, which {both} both have.", remedy="Uninstall one of them."
        )
    if not found:
        known = engine_names()
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        raise ConfigError(
            f"engine.kind is {name}, but the engines installed here are {', '.join(known)}.",
            remedy=f"The nearest is {near[0]}." if near else "Install its package.",
        )
    return found[0]


def registered_by(name: str) -> str | None:
    """Name and version of the package that brings an engine; None for one of ours."""
    found = [] if name in BUILT_IN else list(entry_points(group=GROUP, name=name))
    return provider(found[0]) if found else None


def provider(entry: EntryPoint) -> str | None:
    """Name and version of the package that an entry point is of."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist is not None else None
