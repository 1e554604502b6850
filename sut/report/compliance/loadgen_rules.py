"""The rules that LoadGen's own log proves, for one run, in the order of the page."""

from __future__ import annotations

from collections.abc import Iterable

from sut.report.compliance.evidence import RunView
from sut.report.compliance.rows import Row
from sut.report.compliance.selected import selected

# A row each; where rules share a row, it bears the first one's name.
SELECTED: tuple[tuple[str, ...], ...] = (
    ("of-session",),
    ("one-process",),
    ("loadgen-release",),
    ("loadgen-unmodified",),
    ("seeds",),
    ("loadgen-model",),
    ("loadgen-mode",),
    ("token-latencies",),
    ("equal-issue",),
    ("sample-counts",),
    ("user-conf",),
    ("settings-recorded",),
    ("settings-as-asked",),
    ("distinct-queries",),
)
MEASURED: tuple[tuple[str, ...], ...] = (
    ("loadgen-verdict",),
    ("min-duration-asked",),
    ("min-duration",),
    ("min-queries", "min-queries-met"),
    ("early-stopping",),
    ("ttft",),
    ("tpot",),
    ("latency-limits-asked",),
    ("latency-percentile",),
)
LAST: tuple[tuple[str, ...], ...] = (
    ("no-errors",),
    ("audit-config", "audit-config-given"),
    ("audit-settings",),
)


def rows(run: RunView) -> Iterable[Row]:
    """Every rule that LoadGen's log of this run speaks to."""
    measured = MEASURED if run.run.mode == "performance" else ()
    for names in (*SELECTED, *measured, *LAST):
        yield from selected(run, *names)
