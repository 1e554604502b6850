"""LoadGen's logs of one run → typed facts, without an opinion about them.

Works for every MLPerf Inference LLM run of v5.1 and v6.x, ours or not. Imports nothing
outside the standard library, so that `python -m scripts.parse_logs` starts at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path

from sut.errors import LogError
from sut.logs.detail import AUDIT_MARK, DETAIL_NAME, DetailLog, MessageGroup, Value
from sut.logs.detail import read_detail as _read_detail
from sut.logs.figure_keys import key_of
from sut.logs.figures import Figures, Quantiles
from sut.logs.summary import SUMMARY_NAME, SummaryLog, printed_number
from sut.logs.summary import read_summary as _read_summary
from sut.machine.places import not_a_folder

SIGNIFICANT_DIGITS = 6
"""Digits of a double in the detail log (C++ streams print 6 unless told otherwise)."""


@dataclass(frozen=True)
class LoadGenLogs:
    """What LoadGen wrote about one run."""

    directory: Path
    detail: DetailLog
    summary: SummaryLog | None
    figures: Figures
    """The detail log's main figures: the official ones."""
    incomplete: str | None
    """Why the logs are not whole; None when they are."""

    @property
    def requested(self) -> dict[str, Value]:
        """Settings as they were asked for, by LoadGen's keys."""
        return self.detail.group("requested_")

    @property
    def effective(self) -> dict[str, Value]:
        """Settings in force, by LoadGen's keys."""
        return self.detail.group("effective_")

    @property
    def result(self) -> dict[str, Value]:
        """LoadGen's `result_*` lines by key."""
        return self.detail.group("result_")

    @property
    def errors(self) -> tuple[MessageGroup, ...]:
        """ERROR lines, grouped."""
        return self.detail.errors

    @property
    def warnings(self) -> tuple[MessageGroup, ...]:
        """WARNING lines, grouped."""
        return self.detail.warnings

    @property
    def loadgen_version(self) -> str | None:
        """The release, e.g. 6.0.17."""
        version = self.detail.values.get("loadgen_version")
        return version.split()[0] if isinstance(version, str) and version.split() else None

    @property
    def num_errors(self) -> int | None:
        """LoadGen's own count of its ERROR lines; absent from an accuracy run."""
        return self._whole("num_errors")

    @property
    def query_count(self) -> int | None:
        """Queries LoadGen issued; Offline's one query holds every sample."""
        return self._whole("result_query_count")

    @property
    def sample_count(self) -> int | None:
        """Samples LoadGen issued in the queries it counted."""
        queries, each = self.query_count, self._whole("generated_samples_per_query")
        return None if queries is None or each is None else queries * each

    @property
    def invalid_reason(self) -> str | None:
        """LoadGen's own words; it never mentions early stopping there."""
        reason = self.detail.values.get("result_invalid_reason")
        return reason.strip() if isinstance(reason, str) else None

    @property
    def audit_config_read(self) -> bool:
        """Whether LoadGen says that an audit.config changed its settings."""
        return any(AUDIT_MARK in group.text for group in self.warnings)

    def _whole(self, key: str) -> int | None:
        value = self.detail.values.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None


@dataclass(frozen=True)
class Disagreement:
    """One figure that LoadGen's two logs print differently."""

    figure: str
    summary: str
    detail: str
    key: str | None = None
    """LoadGen's key in the detail log; None: there is none of its own."""


def read_logs(directory: Path, *, allow_incomplete: bool = False) -> LoadGenLogs:
    """Read detail log and summary of one LoadGen run.

    Raises:
        LogError: a log is missing, empty, truncated or corrupt. With `allow_incomplete`
            only a missing detail log and one that is corrupt before its end are errors.
    """
    if (why := not_a_folder(directory)) is not None:
        raise LogError(
            why,
            where=str(directory),
            remedy=f"Name the folder that holds {DETAIL_NAME}.",
        )
    detail = _read_detail(directory / DETAIL_NAME, allow_incomplete=allow_incomplete)
    summary, problem = None, detail.incomplete
    try:
        summary = _read_summary(directory / SUMMARY_NAME)
    except LogError as error:
        if not allow_incomplete:
            raise
        problem = problem or f"{SUMMARY_NAME}: {error.message.rstrip('.')}"
    return LoadGenLogs(directory, detail, summary, detail.figures(), problem)


# Figures that both logs print, by LoadGen's scenario; None: in every performance run.
_BOTH: dict[str | None, tuple[str, ...]] = {
    None: (
        "sut_name",
        "scenario",
        "mode",
        "valid",
        "min_duration_met",
        "min_queries_met",
        "early_stopping_met",
        "latency",
    ),
    "Offline": ("samples_per_second", "tokens_per_second"),
    "Server": (
        "performance_constraints_met",
        "completed_samples_per_second",
        "scheduled_samples_per_second",
        "completed_tokens_per_second",
        "ttft",
        "tpot",
    ),
    "SingleStream": (
        "samples_per_second_with_overhead",
        "samples_per_second_without_overhead",
        "tokens_per_second_with_overhead",
        "tokens_per_second_without_overhead",
        "ttft",
        "tpot",
    ),
}

PARAMETER_KEYS = {
    "min_duration (ms)": "effective_min_duration_ms",
    "max_duration (ms)": "effective_max_duration_ms",
    "ttft_latency (ns)": "requested_server_ttft_latency",
    "tpot_latency (ns)": "requested_server_tpot_latency",
}


def cross_check(logs: LoadGenLogs) -> list[Disagreement]:
    """Every figure on which summary and detail log disagree, to the last printed digit."""
    if logs.summary is None:
        return []
    found: list[Disagreement] = []
    names: tuple[str, ...] = ("errors", "warnings")
    if logs.figures.valid is not None or logs.summary.figures.valid is not None:
        names += _BOTH[None] + _BOTH.get(logs.figures.scenario, ())
    for name in names:
        ours, theirs = getattr(logs.figures, name), getattr(logs.summary.figures, name)
        if isinstance(ours, Quantiles):
            found += _compare_quantiles(name, theirs, ours)
        elif not _equal(theirs, logs.summary.printed.get(name), ours):
            found.append(Disagreement(name, str(theirs), str(ours), key_of(name)))
    return found + _compare_parameters(logs, logs.summary)


def _compare_quantiles(kind: str, summary: Quantiles, detail: Quantiles) -> list[Disagreement]:
    pairs = ((f.name, getattr(summary, f.name), getattr(detail, f.name)) for f in fields(detail))
    differing = [(f"{kind}.{name}", str(a), str(b)) for name, a, b in pairs if a != b]
    return [Disagreement(*each, key_of(each[0])) for each in differing]


def _compare_parameters(logs: LoadGenLogs, summary: SummaryLog) -> list[Disagreement]:
    found = []
    for name, printed in summary.parameters.items():
        key = PARAMETER_KEYS.get(name, f"effective_{name}")
        if key not in logs.detail.values:
            continue  # Offline's detail log has no latency targets, its summary has
        value = logs.detail.values[key]
        expected = str(int(value)) if isinstance(value, bool) else str(value)
        if printed != expected and not _equal(printed_number(printed), printed, value):
            found.append(Disagreement(name, printed, expected, key))
    return found


def _equal(summary: Value, printed: str | None, detail: Value) -> bool:
    """Whether two figures are one figure printed twice."""
    if isinstance(summary, str) and isinstance(detail, str):
        return summary.split() == detail.split()  # a line loses the blanks at its ends
    if not isinstance(detail, float) or not isinstance(summary, int | float) or printed is None:
        return summary == detail
    slack = (printed_quantum(printed) + significant_quantum(detail)) / 2
    return math.isclose(summary, detail, rel_tol=1e-12, abs_tol=slack * (1 + 1e-9))


def printed_quantum(text: str) -> float:
    """The worth of the last digit of a printed number, e.g. 0.01 for "48.15"."""
    mantissa, _, exponent = text.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    scale = int(exponent) if exponent else 0
    # A number printed whole may be rounded to 6 significant digits, e.g. 103030 or 1e+08.
    return float(10.0 ** (scale - decimals))


def significant_quantum(value: float) -> float:
    """The worth of the sixth significant digit of a double."""
    if value == 0 or not math.isfinite(value):
        return 0.0
    return float(10.0 ** (math.floor(math.log10(abs(value))) - SIGNIFICANT_DIGITS + 1))
