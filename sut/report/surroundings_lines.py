"""What had a part in a run's figures beside the system, as rows of the summary."""

from __future__ import annotations

from collections.abc import Iterable

from sut.report.lines import row
from sut.result.schema import RunResult

SHARES = (
    ("harness", "harness_share"),
    ("LoadGen", "loadgen_share"),
    ("engine", "engine_share"),
    ("others", "others_share"),
    ("hypervisor", "steal_share"),
)


def surroundings(run: RunResult) -> Iterable[str]:
    """Nothing of a run that nobody watched."""
    for each in run.disturbed_by:
        yield row("disturbed", each)
    seen = run.surroundings
    if seen is None:
        return
    told = [(name, getattr(seen, field)) for name, field in SHARES]
    shares = ", ".join(f"{name} {share:.1%}" for name, share in told if share is not None)
    if shares:
        yield row("processor time", f"{shares}, of {seen.cores} threads")
    late = (
        ("queries", run.issue_late_ms_p99),
        ("event loop", seen.loop_late_ms_p99),
    )
    spelled = [f"{name} {value:.3g} ms" for name, value in late if value is not None]
    if spelled:
        yield row("late, P99", ", ".join(spelled))
