"""The configuration of a result: each key with its value and where that is from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sut.result.schema import Result


@dataclass(frozen=True)
class Set:
    """One key.

    Attributes:
        value: as JSON; None: the configuration does not have the key.
        origin: where it is from; None: nobody wrote it down.
    """

    key: str
    value: str | None
    origin: str | None


def settings(result: Result) -> list[Set]:
    """Every key of the configuration and of its origins, in alphabetical order."""
    origins = result.configuration_origins
    values = _leaves(result.configuration, origins)
    return [
        Set(key, values.get(key), origins.get(key))
        for key in sorted(values.keys() | origins.keys())
    ]


def _leaves(tree: Mapping[str, Any], whole: Mapping[str, str], above: str = "") -> dict[str, str]:
    """Values by their dotted keys; one that has an origin as a whole is not taken apart."""
    found: dict[str, str] = {}
    for name, value in tree.items():
        key = f"{above}{name}"
        if isinstance(value, dict) and value and key not in whole:
            found |= _leaves(value, whole, f"{key}.")
        else:
            found[key] = json.dumps(value, ensure_ascii=False)
    return found
