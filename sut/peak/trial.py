"""One LoadGen run of a search, read from its folder: how near each limit was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sut import metrics
from sut.advice.load import MISSED_SHARE, load_of
from sut.errors import LogError
from sut.logs.figures import PERCENTILE_FIELDS
from sut.peak.search import Tried
from sut.record.facts import RunFacts
from sut.record.session import RunRecord, SessionRecord, read_session
from sut.result.build import result_of
from sut.result.schema import RunResult
from sut.rules.limits import Limit, limits_of

NS_PER_MS, NS_PER_S = 1e6, 1e9
RATE = "achieved rate"
"""The limit that is none of a time: a system must keep up with the arrivals."""
GIVEN_UP = "the trial was given up"

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """What one run showed.

    Attributes:
        folder: its session's.
        full: whether it was a run of full length, to confirm a rate.
        rate: queries/s that LoadGen was given.
        valid: the verdict on the run.
        reasons: why not.
        given_up: why it was ended early; None: it ran to its end.
        measured_ms: by a limit's name, what its percentile was; None: not measured.
        ratios: by a limit's name, the measured figure over what is allowed.
        achieved_qps: queries/s that were completed.
        goodput_qps: of them, those within every limit.
        took_ms: by a limit's name, what each query took, in the order of their issue.
    """

    folder: Path
    full: bool
    rate: float
    valid: bool
    reasons: list[str]
    given_up: str | None
    measured_ms: dict[str, float | None]
    ratios: dict[str, float]
    achieved_qps: float | None
    goodput_qps: float | None
    took_ms: dict[str, Floats]

    @property
    def worst(self) -> tuple[str, float] | None:
        """The limit that is nearest or furthest over, and its ratio; None of a run given up."""
        if self.given_up is not None:
            return None
        # How far a rate is kept hardly moves until it is not: below its limit it tells nothing.
        telling = {name: ratio for name, ratio in self.ratios.items() if name != RATE or ratio > 1}
        return max(telling.items(), key=lambda each: each[1], default=None)

    @property
    def tried(self) -> Tried:
        """As the search takes it."""
        worst = self.worst
        held = self.valid if self.full else worst is not None and worst[1] <= 1
        return Tried(self.rate, held, None if worst is None else worst[1], self.full)


def read_trial(folder: Path, *, full: bool) -> Trial | None:
    """The run of one session of a search; None where it was interrupted or never made.

    Args:
        folder: of the session.
        full: whether it was to confirm a rate; else it has no verdict.

    Raises:
        LogError: it cannot be read; or it is a trial that was edited since.
    """
    record = read_session(folder)
    if not full:
        _refuse_edited(record)
    if not record.runs or record.runs[0].facts.interrupted:
        return None
    run = _only_run(record)
    scenario = run.scenario
    result = result_of(record).scenarios[scenario]
    limits = limits_of(record.config, scenario)
    measured = {each.name: _measured_ms(each, result, run) for each in limits}
    ratios = {
        each.name: value / each.limit_ms
        for each in limits
        if (value := measured[each.name]) is not None
    }
    rate = record.config.latency_rules(scenario).target_qps
    took = {each.name: took_ms(run.ledger, each.kind) for each in limits}
    return Trial(
        folder=folder,
        full=full,
        rate=rate,
        valid=result.valid,
        reasons=result.reasons,
        given_up=_given_up(run.facts),
        measured_ms=measured,
        ratios=ratios | _kept_up(run.ledger, rate, result.achieved_qps),
        achieved_qps=result.achieved_qps,
        goodput_qps=_goodput(run.ledger, limits, took),
        took_ms=took,
    )


def _only_run(record: SessionRecord) -> RunRecord:
    if len(record.runs) > 1:
        said = f"it has {len(record.runs)} runs, and one of a search has one."
        raise LogError(said, where=str(record.folder.root))
    return record.runs[0]


def _refuse_edited(record: SessionRecord) -> None:
    said = record.closed.contradictions if record.closed is not None else "it was never closed"
    if said != "none":
        raise LogError(
            f"its files are not those that it left: {said}.", where=str(record.folder.root)
        )


def _given_up(facts: RunFacts) -> str | None:
    ended = facts.loadgen_exit or ""
    return ended if GIVEN_UP in ended else None


def _measured_ms(limit: Limit, result: RunResult, run: RunRecord) -> float | None:
    """LoadGen's own figure where it prints the percentile, else the ledger's."""
    told = {"TTFT": result.ttft, "TPOT": result.tpot, "latency": result.latency}[limit.kind]
    fields = {float(spelled): name for spelled, name in PERCENTILE_FIELDS.items()}
    if told is not None and limit.percentile in fields:
        value = getattr(told, fields[limit.percentile])
        return None if value is None else value / NS_PER_MS
    if run.ledger is None:
        return None
    times = np.sort(_times_ns(run.ledger, limit.kind))
    return metrics.percentile_ns(times, limit.percentile) / NS_PER_MS if len(times) else None


def _times_ns(ledger: Any, kind: str) -> metrics.Nanoseconds:
    found = {"TTFT": metrics.ttft_ns, "TPOT": metrics.tpot_ns, "latency": metrics.latency_ns}
    return found[kind](ledger)


def _kept_up(ledger: Any, rate: float, achieved: float | None) -> dict[str, float]:
    """How near the system was to falling behind: 1 where a tenth of the arrivals is missed.

    Above 1 only where the open queries grew by more than chance: the end of a short run, when
    LoadGen waits for its last answers, lowers what it achieved as well.
    """
    load = load_of(ledger) if ledger is not None else None
    if load is None or not achieved:
        return {}
    ratio = (1 - MISSED_SHARE) * rate / achieved
    if load.overloaded:
        behind = load.arrived / max(load.served, 1)
        return {RATE: max((1 - MISSED_SHARE) * behind, ratio, 1.01)}
    return {RATE: min(ratio, 0.99)}


def took_ms(ledger: Any, kind: str) -> Floats:
    """What each query took, in the order of issue; one that failed took for ever.

    LoadGen counts from the scheduled time, the ledger from the issue, some microseconds later.
    """
    if ledger is None or not ledger.num_rows:
        return np.zeros(0)
    table = ledger.sort_by("issued_ns")
    issued, first, done, tokens = (
        _floats(table, name) for name in ("issued_ns", "first_token_ns", "done_ns", "tokens_out")
    )
    took = done - issued
    if kind == "TTFT":
        took = first - issued
    elif kind == "TPOT":
        took = np.where(tokens > 1, (done - first) / np.maximum(tokens - 1, 1), 0.0)
    failed = np.array([each != "succeeded" for each in table["state"].to_pylist()], bool)
    return np.where(failed | np.isnan(took), np.inf, took / NS_PER_MS)


def _goodput(ledger: Any, limits: Sequence[Limit], took: dict[str, Floats]) -> float | None:
    """Queries/s that kept every limit, over the time from the first issue to the last answer."""
    span_s = metrics.ledger_span_s(ledger) if ledger is not None else None
    if span_s is None:
        return None
    kept = np.all(np.stack([took[each.name] <= each.limit_ms for each in limits]), axis=0)
    return float(kept.sum()) / span_s


def _floats(table: Any, name: str) -> Floats:
    """A column less the first issue, NaN where there is none."""
    values = table[name].to_pandas()
    if name.endswith("_ns"):
        values = values - table["issued_ns"][0].as_py()
    found: Floats = values.astype("float64").to_numpy()
    return found
