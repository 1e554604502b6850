"""The harness from Python, as the command line uses it: docs/api.md has examples.

`sut.run` and `sut.load_result` are these functions. Their names and arguments are stable.
"""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sut.config.between_fields import check_loadgen
from sut.config.keys import values_of
from sut.config.rounds import load_round
from sut.config.schema import RunConfig
from sut.config.sources import Loaded, load
from sut.errors import ConfigError
from sut.machine.devices import cards
from sut.machine.hardware import gpu_missing, package_version
from sut.machine.processor import has_avx512

if TYPE_CHECKING:
    from rich.console import Console

    from sut.result.schema import Result

Settings = Mapping[str, Any] | Path | str | RunConfig | None
FROM_PYTHON = "sut.run"


def configure(
    overrides: Sequence[tuple[str, Any, str]] = (),
    *,
    config_file: Path | None = None,
    user_conf: Path | None = None,
    used_of_ray: Collection[str] = (),
) -> Loaded:
    """The configuration that this machine, its environment, files and overrides make.

    Args:
        overrides: (key, value, where it is from), in rising precedence; `system`, `model` and
            `dataset` may be names, as the flags have them.
        config_file: the user's own YAML.
        user_conf: the user's user.conf in LoadGen's format.
        used_of_ray: keys of engine.ray that the call uses even where it has no replicas.

    Raises:
        ConfigError: naming key, value, source and remedy.
    """
    seen = cards()
    loaded = load(
        overrides,
        environment=os.environ,
        card=seen.found[0].name if seen.found else None,
        gpu_missing=gpu_missing(seen),
        host_name=platform.node(),
        config_file=config_file,
        user_conf=user_conf,
        used_of_ray=used_of_ray,
        avx512=has_avx512(),
    )
    return check_release(loaded)


def check_release(loaded: Loaded) -> Loaded:
    """A configuration whose round takes the installed LoadGen.

    Raises:
        ConfigError: the round is bound to another.
    """
    installed = package_version("mlcommons-loadgen", "mlcommons_loadgen")
    check_loadgen(load_round(loaded.config.round), installed)
    return loaded


def run(config: Settings = None, *, console: Console | None = None) -> Result:
    """Run the benchmark; its folder, result and summary are written as by the command line.

    Args:
        config: settings by their dotted keys, as `{"scenarios": ["Offline"], "system": "cpu"}`;
            or the path of a YAML file; or a whole RunConfig; None: the defaults. The variables of
            the environment hold as on the command line, and lose to settings that are given.
        console: for progress; None: nothing is printed.

    Returns:
        the result, VALID or not: `result.valid` and `result.reasons` tell.

    Raises:
        ConfigError, DatasetError: before anything was started.
        EngineStartError: the engine did not become ready.
    """
    from rich.console import Console

    from sut.harness.session import run_benchmark

    if threading.current_thread() is not threading.main_thread():
        raise ConfigError(
            "a run answers to signals, which Python gives to the main thread alone.",
            where=FROM_PYTHON,
            remedy="Call it there, or start python -m sut.main as a process.",
        )
    return run_benchmark(_loaded(config), console or Console(quiet=True)).result


def _loaded(config: Settings) -> Loaded:
    if isinstance(config, RunConfig):
        return check_release(Loaded(config, dict.fromkeys(values_of(config), FROM_PYTHON)))
    if isinstance(config, Mapping):
        return configure([(key, value, f"{FROM_PYTHON} {key}") for key, value in config.items()])
    return configure(config_file=None if config is None else _path(config, "config"))


def _path(given: object, argument: str) -> Path:
    """An argument that is a path.

    Raises:
        ConfigError: it is of another type, or no file can have its name.
    """
    if isinstance(given, str | Path) and str(given) != "" and "\0" not in str(given):
        return Path(given)
    raise ConfigError(
        f"{argument} is {given!r}, must be a path as text or pathlib.Path.",
        remedy="docs/api.md has examples.",
    )


def load_result(path: Path | str) -> Result:
    """A result that was stored: a session's folder, or any file of it that was printed.

    It is made again from its session's files where they are here, and refused where it says
    otherwise. A file alone is taken as it is, unless it contradicts itself.

    Raises:
        ConfigError: it is not a path.
        LogError: there is none; it is of another version and its session is not here; or it
            contradicts its session, or itself.
    """
    from sut.result import stored

    return stored.load_result(_path(path, "path"))
