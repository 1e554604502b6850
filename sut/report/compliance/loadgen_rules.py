"""The rows that LoadGen's own log proves, for one run."""

from __future__ import annotations

from collections.abc import Iterable

from sut.report.compliance.evidence import (
    COMPLIANCE,
    RunView,
    SessionView,
)
from sut.report.compliance.rows import Row, part
from sut.report.compliance.selected import selected
from sut.rules.rule import Statement

ONE_PROCESS = Statement(
    "one-process",
    "LoadGen ran once in a process of its own",
    "FromConfig in loadgen/test_settings_internal.cc: a second run gets no built-in settings",
)
TEST_SETTINGS = Statement(
    "audit-settings",
    "The settings in force are those of the test's official audit.config",
    "compliance/TEST06/audit.config",
)

# A row each; where rules share a row, it bears the first one's name.
SELECTED: tuple[tuple[str, ...], ...] = (
    ("loadgen-release",),
    ("loadgen-unmodified",),
    ("seeds",),
    ("loadgen-model",),
    ("loadgen-mode",),
    ("token-latencies",),
    ("equal-issue",),
    ("sample-counts",),
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
LAST: tuple[tuple[str, ...], ...] = (("no-errors",), ("audit-config", "audit-config-given"))

# compliance/TEST06/audit.config of mlcommons/inference, the same since v5.1.
OFFICIAL_AUDIT: dict[str, dict[str, int | bool]] = {
    "TEST06": {
        "effective_accuracy_log_rng_seed": 720381539243781796,
        "effective_accuracy_log_sampling_target": 100,
        "effective_min_duration_ms": 0,
        "effective_sample_concatenate_permutation": False,
    }
}


def rows(view: SessionView, run: RunView) -> Iterable[Row]:
    """Every rule that LoadGen's log of this run speaks to."""
    yield _one_process(view, run)
    measured = MEASURED if run.run.mode == "performance" else ()
    for names in (*SELECTED, *measured, *LAST):
        yield from selected(run, *names)
    if run.run.mode == COMPLIANCE and run.kind in OFFICIAL_AUDIT:
        wanted = OFFICIAL_AUDIT[run.kind]
        parts = [
            part(key.removeprefix("effective_"), run.logged(key), wanted[key]) for key in wanted
        ]
        yield run.subject.combined(TEST_SETTINGS, parts, run.log(*wanted), run.problem)


def _one_process(view: SessionView, run: RunView) -> Row:
    """By LoadGen's first line and by the process ids in its log."""
    mine = run.index.process_ids
    starts = processes = shared = None
    if run.logs is not None:
        starts, processes = run.index.starts, len(mine)
        shared = sum(bool(mine & other.index.process_ids) for other in view.runs) - bool(mine)
    parts = [
        part("runs in the log", starts, 1),
        part("processes", processes, 1),
        part("other runs of this process", shared, 0),
    ]
    return run.subject.combined(ONE_PROCESS, parts, run.log("loadgen_version"), run.problem)
