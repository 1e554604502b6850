"""The files of user_confs/, and which rounds, models and systems they are.

Standard library only, so that `--help` and `make setup` may read it.
"""

from __future__ import annotations

from pathlib import Path

CONF_ROOT = Path(__file__).resolve().parents[2] / "user_confs"

# The round of the LoadGen release that `make setup` installs; a new round's file does not move it.
DEFAULT_ROUND = "v6.1"


def names(kind: str) -> list[str]:
    """The files of user_confs/<kind>; rounds in the order they were held, v9.0 before v10.0."""
    found = (path.stem for path in (CONF_ROOT / kind).glob("*.yaml"))
    return sorted(found, key=_in_order)


def conf_path(kind: str, name: str) -> Path:
    """The file of a name, whether it is there or not."""
    return CONF_ROOT / kind / f"{name}.yaml"


def round_names() -> list[str]:
    """Every round there is a file for, the oldest first."""
    return names("rounds")


def round_help() -> str:
    """The rounds and the one that is taken unless another is named, for a flag's help."""
    return f"{', '.join(round_names())} ({DEFAULT_ROUND})"


def _in_order(name: str) -> tuple[tuple[int, ...], str]:
    parts = name.removeprefix("v").split(".")
    return (tuple(int(part) for part in parts) if all(map(str.isdecimal, parts)) else (), name)
