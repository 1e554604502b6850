"""How a person reads a figure."""

from __future__ import annotations

# Beyond it the digits of a whole number say nothing more.
WHOLE = 1e15


def figure_text(value: float | None, digits: int = 4) -> str:
    """So many digits, whole where it has more of them: 2,102 and 12,345, never 1.2e+04.

    Args:
        value: the figure; None: it was not measured, which is never shown as 0.
        digits: significant ones, at least 1.
    """
    if value is None:
        return "not measured"
    # 9,999.6 would be rounded up to one digit more.
    whole = 10**digits - 0.5 <= abs(value) < WHOLE
    return f"{value:,.0f}" if whole else f"{value:,.{digits}g}"


def of_limit(value: float | None, limit: float, digits: int = 4) -> str:
    """A figure beside its limit: `130 of 2,000`."""
    return f"{figure_text(value, digits)} of {figure_text(limit, 6)}"
