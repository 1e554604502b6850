"""What is compared: one session, or several of one kind, which tell of the noise between runs."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import geometric_mean
from typing import Any

from sut.compare import noise
from sut.compare.figure import FIGURES, Figure, Kind
from sut.config.names import Scenario
from sut.errors import ConfigError, LogError
from sut.metrics import latency_ns, ledger_span_s, tpot_ns, ttft_ns
from sut.record.locate import session_folder
from sut.record.session import SessionRecord, read_session
from sut.result.schema import Result, RunResult
from sut.result.stored import load_result

TIMES = {"latency": latency_ns, "ttft": ttft_ns, "tpot": tpot_ns}


@dataclass(frozen=True)
class Measured:
    """One figure of one party.

    Attributes:
        value: of one session, or the geometric mean of several; None: not measured.
        noise: half its 99 % band as a share of it; None: not known.
        counted: of a share, how many of how many.
        repeats: the value of each session, where there are several.
    """

    value: float | None
    noise: float | None = None
    counted: tuple[int, int] | None = None
    repeats: tuple[float, ...] = ()


@dataclass(frozen=True)
class Session:
    """A result, and its session where that is here: only its ledger tells of the noise.

    Attributes:
        path: as it was named.
        result: by the session's files; where they are not here, as a file states it.
        record: None where there is only that file.
    """

    path: Path
    result: Result
    record: SessionRecord | None

    def ledger(self, scenario: Scenario) -> Any | None:
        """Of the performance run."""
        runs = self.record.runs if self.record is not None else ()
        found = [run for run in runs if run.place == f"{scenario.value}/performance"]
        return found[0].ledger if found else None


@dataclass(frozen=True)
class Party:
    """Sessions of one kind under one letter."""

    name: str
    sessions: tuple[Session, ...]

    @property
    def first(self) -> Result:
        """Stands for all in what they are alike in."""
        return self.sessions[0].result

    @property
    def valid(self) -> bool:
        """Whether each is."""
        return all(each.result.valid for each in self.sessions)

    @property
    def stated(self) -> list[Path]:
        """Files that nothing proves: no session lies beside them."""
        return [each.path for each in self.sessions if each.record is None]

    @cached_property
    def scenarios(self) -> tuple[Scenario, ...]:
        """Those with a performance run in each session."""
        kept = [set(each.result.scenarios) for each in self.sessions]
        return tuple(s for s in Scenario if all(s in mine for mine in kept))

    def measured(self, scenario: Scenario, figure: Figure) -> Measured:
        """A figure of a scenario, with its noise."""
        runs = [each.result.scenarios[scenario] for each in self.sessions]
        values = [figure.value(run) for run in runs]
        known = [value for value in values if value is not None]
        if len(known) < len(values):
            return Measured(None)
        if figure.kind is Kind.SHARE:
            return _share(runs)
        value = geometric_mean(known) if all(each > 0 for each in known) else known[0]
        if len(known) > 1:
            return Measured(value, noise.of_repeats(known), repeats=tuple(known))
        return Measured(value, _within(scenario, self.sessions[0].ledger(scenario), figure))


def _share(runs: list[RunResult]) -> Measured:
    good, of = (sum(getattr(run.queries, name) for run in runs) for name in ("succeeded", "issued"))
    return Measured(good / of if of else None, counted=(good, of))


def _within(scenario: Scenario, ledger: Any | None, figure: Figure) -> float | None:
    """The noise within one run; None without its ledger, or of what the ledger does not hold."""
    if ledger is None:
        return None
    if figure.kind is Kind.TIME:
        assert figure.percentile is not None
        return noise.of_percentile(TIMES[figure.field](ledger), figure.percentile)
    if figure.kind is Kind.RATE and scenario.loadgen_scenario == "Server":
        return noise.of_arrivals(latency_ns(ledger), ledger_span_s(ledger))
    if figure.kind is Kind.RATE:
        return noise.of_rate(ledger, tokens=figure.field == "throughput_tokens_per_sec")
    return None


def read_party(name: str, text: str) -> Party:
    """A party by its paths, joined with commas.

    Raises:
        LogError: one is no result.
        ConfigError: sessions under one letter have not the same configuration.
    """
    paths = [Path(part.strip()) for part in text.split(",") if part.strip()]
    if not paths:
        raise ConfigError("a path is empty.", where=text or "command line", remedy="Name a result.")
    return Party(name, tuple(_session(path) for path in paths))


def _session(path: Path) -> Session:
    record = None
    with suppress(LogError):
        record = read_session(session_folder(path))
    return Session(path, load_result(path), record)


def figures_of(scenario: Scenario) -> list[Figure]:
    """What is compared of a scenario.

    Offline's latencies are the time until its one query got so far: they say what its rate says.
    """
    times = scenario is not Scenario.OFFLINE
    return [each for each in FIGURES if times or each.kind is not Kind.TIME]
