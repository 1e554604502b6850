"""Of all conditions that do not hold, those to tell of: causes, and not what follows from them.

A reader mends what is told first. So a condition is left out where one told before explains it:
by the same key of LoadGen's, or by the table below.
"""

from __future__ import annotations

from collections.abc import Iterable

from sut.rules.check import Check

# The log of another scenario or of another kind of run: nothing in it is of this folder.
ALIEN = "loadgen-mode"
_LIMITS = ("token-latencies", "latency-limits-asked")
_LATENCIES = (*_LIMITS, "ttft", "tpot")
_COUNTS = ("sample-counts", "offline-query-size", "min-queries")
_DURATIONS = ("min-duration-asked", "min-duration")
_FIGURES = ("times-in-order", "counts-agree", "rates-follow", "answer-length")

# A rule → the rules whose failure explains that it does not hold.
EXPLAINED_BY: dict[str, tuple[str, ...]] = {
    "seeds": ("loadgen-release",),
    "ttft": _LIMITS,
    "tpot": _LIMITS,
    "latency-constraints": _LATENCIES,
    "early-stopping": (*_LATENCIES, "latency-percentile", "latency-constraints", "min-queries"),
    "min-queries": ("sample-counts", "offline-query-size"),
    "min-queries-met": _COUNTS,
    "counts-agree": _COUNTS[:2],
    "min-duration": ("min-duration-asked", "counts-agree"),
    "loadgen-verdict": (
        *_LATENCIES,
        *_COUNTS,
        *_DURATIONS,
        "latency-constraints",
        "early-stopping",
        "min-queries-met",
    ),
    "rates-follow": (*_FIGURES[:2], *_COUNTS),
    "answer-length": (*_FIGURES[:3], "token-latencies"),
    "stamps-agree": (*_FIGURES, *_DURATIONS),
    "samples-loaded": ("sample-counts",),
    "log-clock": ("stamps-agree", "lines-in-order", *_FIGURES),
}


def causes(checks: Iterable[Check]) -> list[list[Check]]:
    """What does not hold, by rule, in the order given; what is explained by an earlier one is not.

    `checks` stand in the order of cause: what may explain another comes before it.
    """
    told: dict[str, list[Check]] = {}
    keys: set[str] = set()
    for each in (each for each in checks if not each.passed):
        if ALIEN in told and each.rule != ALIEN:
            continue
        others = told.keys() - {each.rule}
        if others & set(EXPLAINED_BY.get(each.rule, ())):
            continue
        if each.rule not in told and keys & set(each.keys):
            continue
        told.setdefault(each.rule, []).append(each)
        keys |= set(each.keys)
    return list(told.values())
