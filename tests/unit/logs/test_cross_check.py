"""Each figure that LoadGen prints twice is compared, to the last printed digit."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from sut.logs.figures import Figures, Quantiles
from sut.logs.run_logs import (
    Disagreement,
    LoadGenLogs,
    cross_check,
    printed_quantum,
    read_logs,
    significant_quantum,
)

ALWAYS = {
    "sut_name", "scenario", "mode", "valid", "min_duration_met", "min_queries_met",
    "early_stopping_met", "errors", "warnings",
}  # fmt: skip
LATENCY, TTFT, TPOT = (
    {f"{kind}.{each.name}" for each in fields(Quantiles)} for kind in ("latency", "ttft", "tpot")
)
COMPARED = {
    "offline": ALWAYS | LATENCY | {"samples_per_second", "tokens_per_second"},
    "server": ALWAYS | LATENCY | TTFT | TPOT | {
        "performance_constraints_met", "completed_samples_per_second",
        "scheduled_samples_per_second", "completed_tokens_per_second",
    },
    "singlestream": ALWAYS | LATENCY | TTFT | TPOT | {
        "samples_per_second_with_overhead", "samples_per_second_without_overhead",
        "tokens_per_second_with_overhead", "tokens_per_second_without_overhead",
    },
}  # fmt: skip


def another(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    return f"another {value}" if isinstance(value, str) else (value or 0) * 2 + 1


def with_summary(logs: LoadGenLogs, figures: Figures) -> LoadGenLogs:
    assert logs.summary is not None
    return replace(logs, summary=replace(logs.summary, figures=figures))


@pytest.mark.parametrize("name", COMPARED)
def test_a_figure_that_differs_is_found_alone(recorded: Path, name: str) -> None:
    logs = read_logs(recorded / name)
    assert logs.summary is not None
    figures, found = logs.summary.figures, set()
    for each in fields(Figures):
        value = getattr(figures, each.name)
        if not isinstance(value, Quantiles):
            changed = replace(figures, **{each.name: another(value)})
            found |= {d.figure for d in cross_check(with_summary(logs, changed))}
            continue
        for time in fields(Quantiles):
            spoiled = replace(value, **{time.name: another(getattr(value, time.name))})
            times: dict[str, Any] = {each.name: spoiled}
            changed = replace(figures, **times)
            found |= {d.figure for d in cross_check(with_summary(logs, changed))}
    assert found == COMPARED[name]


def test_a_disagreement_says_what_each_log_has_and_under_which_key(recorded: Path) -> None:
    logs = read_logs(recorded / "server")
    figures = replace(
        logs.figures, ttft=replace(logs.figures.ttft, p99_ns=7, mean_ns=8), valid=False
    )
    assert cross_check(with_summary(logs, figures)) == [
        Disagreement("valid", "False", "True", "result_validity"),
        Disagreement(
            "ttft.mean_ns", "8", str(logs.figures.ttft.mean_ns),
            "result_first_token_mean_latency_ns",
        ),
        Disagreement(
            "ttft.p99_ns", "7", str(logs.figures.ttft.p99_ns),
            "result_first_token_99.00_percentile_latency_ns",
        ),
    ]  # fmt: skip


def test_a_parameter_that_differs_is_found(recorded: Path) -> None:
    logs = read_logs(recorded / "server")
    assert logs.summary is not None
    parameters = {**logs.summary.parameters, "max_query_count": "5", "unheard of": "1"}
    changed = replace(logs, summary=replace(logs.summary, parameters=parameters))
    assert cross_check(changed) == [
        Disagreement("max_query_count", "5", "0", "effective_max_query_count")
    ]


@pytest.mark.parametrize(
    ("text", "quantum"), [("48.15", 0.01), ("48", 1.0), ("1e+08", 1e8), ("1.25e+08", 1e6)]
)
def test_the_worth_of_the_last_printed_digit(text: str, quantum: float) -> None:
    assert printed_quantum(text) == quantum


@pytest.mark.parametrize(
    ("value", "quantum"),
    [(0.0, 0.0), (float("inf"), 0.0), (1.0, 1e-5), (-1.0, 1e-5), (123456.7, 1.0), (99.5, 1e-4)],
)
def test_the_worth_of_the_sixth_digit(value: float, quantum: float) -> None:
    assert significant_quantum(value) == pytest.approx(quantum, rel=1e-12)
