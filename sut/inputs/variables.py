"""The variables that reach the engine: on record always, and in the mlperf profile declared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sut.config.engine_kinds import engine_kind
from sut.config.schema import RunConfig
from sut.errors import ConfigError
from sut.machine.variables import Variable, undeclared, variables

DECLARED = "engine.environment"


def planned_variables(
    config: RunConfig, given: Mapping[str, str], placed: Mapping[str, str] | None = None
) -> list[Variable]:
    """What an engine of this configuration will be reached by, when it is started from here.

    Args:
        config: of the run.
        given: the environment as the user left it.
        placed: what whoever started this process put into it, e.g. Ray.
    """
    kind = engine_kind(config.engine.kind)
    in_force = {**given, **kind.sets(config, given)}
    # A value that depends on what was given is the user's.
    ours = kind.sets(config, {})
    return by_whom(variables(kind.watch, in_force, given=given, ours=ours), placed or {})


def by_whom(found: Sequence[Variable], placed: Mapping[str, str]) -> list[Variable]:
    """What was placed is not the user's."""
    return [
        replace(each, given_by="harness") if placed.get(each.name) == each.value else each
        for each in found
    ]


def require_declared(
    config: RunConfig, given: Mapping[str, str], placed: Mapping[str, str] | None = None
) -> None:
    """Refuse, in the mlperf profile, variables that change the engine and are not declared.

    Args:
        config: of the run.
        given: the environment as the user left it.
        placed: what whoever started this process put into it.

    Raises:
        ConfigError: naming the variables, and how they are declared.
    """
    if config.profile != "mlperf" or not config.engine.planned().has_model:
        return
    names = undeclared(planned_variables(config, given, placed), config.engine.environment)
    if names:
        one = len(names) == 1
        listed = ",".join((*config.engine.environment, *names))
        raise ConfigError(
            f"the environment {'variable' if one else 'variables'} {', '.join(names)} can change "
            f"the engine and {'is' if one else 'are'} not declared.",
            where="environment",
            remedy=f"Unset {'it' if one else 'them'}, or state {'it' if one else 'them'}: "
            f"--set {DECLARED}=[{listed}].",
        )
