"""Numbers in advice: three digits of what was measured, two of what to set."""

from __future__ import annotations

import math
from collections.abc import Callable

MEASURED_DIGITS = 3
ADVISED_DIGITS = 2


def figure(value: float) -> str:
    """A number with three digits that mean something, and no exponent; a whole one as it is."""
    if float(value).is_integer():
        return str(int(value))
    return f"{float(f'{value:.{MEASURED_DIGITS}g}'):.12g}"


def roughly(value: float) -> str:
    """A number that is foretold: two digits."""
    return figure(float(f"{value:.{ADVISED_DIGITS}g}"))


def rounded_up(value: float) -> float:
    """The next number of two digits at or above a positive one."""
    return _rounded(value, math.ceil, -1e-9)


def rounded_down(value: float) -> float:
    """The next number of two digits at or below a positive one."""
    return _rounded(value, math.floor, 1e-9)


def _rounded(value: float, towards: Callable[[float], int], slack: float) -> float:
    step = 10.0 ** (math.floor(math.log10(value)) - ADVISED_DIGITS + 1)
    # The slack keeps 0.29 / 0.01 = 28.999999999999996 from being taken for less than 29.
    return float(f"{towards(value / step + slack) * step:.{ADVISED_DIGITS}g}")
