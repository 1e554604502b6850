"""The results of a folder by time: one line for each scenario of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sut.errors import LogError
from sut.figure_text import figure_text
from sut.result.schema import Result
from sut.result.stored import load_stored

HEAD = (
    f"{'start (UTC)':16}{'node':13}{'scenario':13}{'':8}{'tokens/s':>9}{'samples/s':>10}"
    f"{'TTFT P99':>10}"
)


@dataclass(frozen=True)
class Line:
    """One scenario of one result; times in ms. None: not measured.

    Attributes:
        proved: whether the session's files give it; else a file alone states it.
    """

    timestamp: str
    node: str
    model: str
    profile: str
    commit: str | None
    scenario: str
    valid: bool
    tokens_per_s: float | None
    samples_per_s: float | None
    ttft_p99_ms: float | None
    latency_p99_ms: float | None
    proved: bool = True

    @property
    def text(self) -> str:
        """In 80 columns."""
        when = f"{self.timestamp[:8]} {self.timestamp[9:]}"
        figures = [self.tokens_per_s, self.samples_per_s, self.ttft_p99_ms]
        cells = ["-" if value is None else figure_text(value, 5) for value in figures]
        verdict = "VALID" if self.valid else "INVALID"
        return (
            f"{when:16}{self.node[:12]:13}{self.scenario:13}{verdict:8}"
            f"{cells[0]:>9}{cells[1]:>10}{cells[2]:>10}"
        )


@dataclass(frozen=True)
class History:
    """The lines, the oldest first, and why a file gave none."""

    lines: tuple[Line, ...]
    unread: tuple[str, ...]

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {"results": [asdict(each) for each in self.lines], "unread": list(self.unread)}

    def notes(self) -> Iterator[str]:
        """What a reader must know beside the lines."""
        yield from self.unread
        stated = sum(not each.proved for each in self.lines)
        if stated:
            yield f"{stated} lines are only stated: no session lies beside their files."


def history_of(folder: Path) -> History:
    """The published results of a folder.

    Raises:
        LogError: it has none.
    """
    paths = sorted(folder.glob("mlperf_datacenter_*.json"))
    if not paths:
        raise LogError(
            "there is no mlperf_datacenter_*.json in this folder.",
            where=str(folder),
            remedy="Name a results directory, as results/mlperf_datacenter.",
        )
    lines: list[Line] = []
    unread: list[str] = []
    for path in paths:
        try:
            found = load_stored(path, evaluated=False)
        except LogError as error:
            unread.append(error.render())
        else:
            lines += lines_of(found.result, proved=found.built)
    lines.sort(key=lambda each: (each.timestamp, each.node))
    return History(tuple(lines), tuple(unread))


def lines_of(result: Result, *, proved: bool = True) -> Iterator[Line]:
    """One for each scenario with a performance run."""
    info = result.benchmark_info
    for scenario, run in result.scenarios.items():
        first_ns = run.ttft.p99_ns if run.ttft else None
        yield Line(
            timestamp=info.timestamp,
            node=info.node,
            model=info.model,
            profile=info.profile,
            commit=result.software.harness_commit,
            scenario=scenario.value,
            valid=run.valid,
            tokens_per_s=run.throughput_tokens_per_sec,
            samples_per_s=run.achieved_qps,
            ttft_p99_ms=None if first_ns is None else first_ns / 1e6,
            latency_p99_ms=run.latency_p99,
            proved=proved,
        )
