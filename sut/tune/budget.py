"""How long a search over settings may take: a time with its unit."""

from __future__ import annotations

import re

from sut.errors import ConfigError

BUDGET_S = 1800.0
"""Seconds, unless a user says otherwise: a few dozen trials of a small model."""
MOST_S = 30 * 86_400
_UNITS = {"s": 1, "m": 60, "h": 3600}


def budget_s(text: str, where: str = "--budget") -> float:
    """A time with its unit, in seconds.

    Args:
        text: as `90s`, `30m` or `2h`.
        where: it is given.

    Raises:
        ConfigError: it is none.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    seconds = float(found[1]) * _UNITS[found[2]] if found else 0.0
    if not 0 < seconds <= MOST_S:
        raise ConfigError(
            f"{text} is not a time from 1s to {MOST_S // 3600}h.",
            where=where,
            remedy="Give one with its unit, e.g. 30m.",
        )
    return seconds
