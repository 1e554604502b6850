"""The figures that runs are compared by: each with its direction, and how its noise is found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sut.result.schema import RunResult


class Kind(StrEnum):
    """What a figure is; it decides how its noise is found."""

    RATE = "rate"
    TIME = "time"
    SHARE = "share"
    OTHER = "other"


@dataclass(frozen=True)
class Figure:
    """One figure of a run.

    Attributes:
        field: of the run's result; of a time its distribution's.
        percentile: of a time, in percent.
        higher_is_better: else lower is.
    """

    name: str
    kind: Kind
    field: str
    higher_is_better: bool
    percentile: float | None = None

    def value(self, run: RunResult) -> float | None:
        """The published figure; ms for times."""
        found = getattr(run, self.field)
        if self.kind is Kind.TIME:
            found = None if found is None else getattr(found, f"p{self.percentile:g}_ns")
            return None if found is None else float(found) / 1e6
        return None if found is None else float(found)


def _times(name: str, field: str) -> list[Figure]:
    return [Figure(f"{name} P{p:g}, ms", Kind.TIME, field, False, p) for p in (50.0, 90.0, 99.0)]


FIGURES = (
    Figure("tokens/s", Kind.RATE, "throughput_tokens_per_sec", True),
    Figure("samples/s", Kind.RATE, "achieved_qps", True),
    *_times("TTFT", "ttft"),
    *_times("TPOT", "tpot"),
    *_times("latency", "latency"),
    Figure("answered", Kind.SHARE, "accuracy", True),
    Figure("J a token", Kind.OTHER, "energy_per_token_j", False),
)
