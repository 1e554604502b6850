"""What is shown of a run beside its counts: times so far, rates, what is still needed.

Nothing is done for a token, and for an answer only in a look: of the answers since the last one a
thousand at most are read, evenly spread. So a look costs the same at any rate.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sut.config.names import Mode, Scenario
from sut.config.schema import RunConfig
from sut.harness.eta import Pace, Seen
from sut.harness.ledger import NO_TIME, Ledger, State
from sut.harness.spread import Spread
from sut.plan.run_id import RunId
from sut.record.engine_load import PREEMPTIONS
from sut.rules.early_stopping import queries_needed
from sut.rules.limits import OWN_PERCENTILE, limits_of

MOST_ANSWERS = 1000
"""Of those since the last look. Reading so many takes about a millisecond."""
WINDOW_S = 10.0
"""Rates are of the last so many seconds."""
COUNTERS_S = 5.0
"""An engine is asked for its counters so often: with replicas, that is a call to each."""
NS_PER_MS = 1e6

Times = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Counters = Future[dict[str, float]]
needed_for = lru_cache(maxsize=4096)(queries_needed)


@dataclass(frozen=True)
class Watched:
    """A time that is shown.

    Attributes:
        kind: TTFT, TPOT or latency.
        percentile: in percent.
        limit_ms: what it may be; None: nothing holds it to a limit.
        loadgens: whether LoadGen holds it, with its early stopping.
    """

    kind: str
    percentile: float
    limit_ms: float | None = None
    loadgens: bool = False

    @property
    def name(self) -> str:
        """As a reader knows it."""
        return f"{self.kind} P{self.percentile:g}"


def watched_of(config: RunConfig, run: RunId) -> tuple[Watched, ...]:
    """The times that a run's verdict rests on; accuracy has none, and Offline's tell nothing."""
    if run.mode is Mode.ACCURACY or run.scenario is Scenario.OFFLINE:
        return ()
    if run.scenario is Scenario.SINGLE_STREAM:
        at = config.single_stream.latency_percentile
        return tuple(Watched(kind, at) for kind in ("TTFT", "TPOT", "latency"))
    held = [
        Watched(each.kind, each.percentile, each.limit_ms, each.loadgens)
        for each in limits_of(config, run.scenario)
    ]
    if all(each.kind != "latency" for each in held):
        held.append(Watched("latency", OWN_PERCENTILE))
    return tuple(held)


@dataclass(frozen=True)
class SoFar:
    """A time as it is now.

    Attributes:
        watched: which one.
        ms: its percentile; None: not measured.
        late: answers over the limit, estimated where not every answer was read.
    """

    watched: Watched
    ms: float | None
    late: int

    @property
    def within(self) -> bool | None:
        """Whether it holds so far; None where there is nothing to say."""
        if self.ms is None or self.watched.limit_ms is None:
            return None
        return self.ms <= self.watched.limit_ms


@dataclass(frozen=True)
class Figures:
    """What a close look has found.

    Attributes:
        tokens_out: output tokens of the answers so far.
        tokens_per_s: of the last ten seconds; None: no two looks yet.
        answers_per_s: the same of answers.
        times: TTFT, TPOT and latency, from the issue of a query.
        needed: queries that must still end, for the minimum or a percentile; None: more are over a
            limit than its percentile lets pass, to the end of the run.
        needed_for: the percentile that asks for the most, or is lost; None: the minimum does.
        preemptions: sequences that the engine put off in this run; None: it does not count them.
        preempted_on: the same of each replica on Ray, by its last word.
    """

    tokens_out: int
    tokens_per_s: float | None
    answers_per_s: float | None
    times: tuple[SoFar, ...]
    needed: int | None
    needed_for: SoFar | None
    preemptions: float | None
    preempted_on: Mapping[int, float]


class Closely:
    """Looks closely at one run.

    Args:
        ledger: of the run.
        pace: its plan.
        watched: the times that are shown.
        ask: begins to ask the engine for its counters; None: nobody is asked.
        preempted_on: what is known of each replica's pre-emptions by now.
    """

    def __init__(
        self,
        ledger: Ledger,
        pace: Pace,
        watched: Sequence[Watched],
        ask: Callable[[], Counters] | None = None,
        preempted_on: Callable[[], Mapping[int, float]] = dict,
    ):
        self._ledger, self._pace = ledger, pace
        self._watched = [_Kept(each) for each in watched]
        self._read = 0
        self._before: deque[tuple[float, int, int]] = deque()
        self._preemptions, self._preempted_on = _Preemptions(ask), preempted_on

    def look(self, seen: Seen) -> Figures:
        """What there is to say, at a time at which so much has ended."""
        self._read_answers()
        times = tuple(each.so_far() for each in self._watched)
        tokens, answers = self._rates(seen)
        needed, asks = self._needed(times, seen)
        return Figures(
            tokens_out=self._ledger.tokens_out_total,
            tokens_per_s=tokens,
            answers_per_s=answers,
            times=times,
            needed=needed,
            needed_for=asks,
            preemptions=self._preemptions.so_far(seen.elapsed_s),
            preempted_on=self._preempted_on(),
        )

    def _needed(self, times: Sequence[SoFar], seen: Seen) -> tuple[int | None, SoFar | None]:
        """For the minimum, or for the percentile that LoadGen's early stopping asks most for."""
        most, asks = self._pace.min_queries, None
        for each in times:
            if not each.watched.loadgens:
                continue
            at = each.watched.percentile
            if each.late > max(self._pace.queries, seen.issued) * (1 - at / 100):
                return None, each
            if (count := needed_for(each.late, at)) > most:
                most, asks = count, each
        return max(most - seen.ended, 0), asks

    def _read_answers(self) -> None:
        ledger, ended = self._ledger, self._ledger.ended
        if ended == self._read or not self._watched:
            return
        step = -(-(ended - self._read) // MOST_ANSWERS)
        # A slice of an array is a copy: one that is exported could not grow meanwhile.
        picked = ledger.ended_seqs[self._read : ended : step]
        self._read = ended
        rows = _rows(ledger, picked)
        for each in self._watched:
            each.add(_KINDS[each.watched.kind](rows), step)

    def _rates(self, seen: Seen) -> tuple[float | None, float | None]:
        """Tokens and answers a second."""
        now = seen.elapsed_s, self._ledger.tokens_out_total, seen.ended
        while len(self._before) > 1 and now[0] - self._before[1][0] >= WINDOW_S:
            self._before.popleft()
        self._before.append(now)
        lasted_s, tokens, ended = (
            late - early for late, early in zip(now, self._before[0], strict=True)
        )
        return (tokens / lasted_s, ended / lasted_s) if lasted_s > 0 else (None, None)


@dataclass(frozen=True)
class _Rows:
    """Answers that succeeded: times in ns, and output tokens."""

    issued: Times
    first_token: Times
    done: Times
    tokens_out: Times


def _rows(ledger: Ledger, seqs: Sequence[int]) -> _Rows:
    """Copied one value at a time, without a line of Python for each."""
    state, issued, first_token, done, tokens_out = (
        np.fromiter(map(column.__getitem__, seqs), np.int64, len(seqs))
        for column in (
            ledger.state, ledger.issued_ns, ledger.first_token_ns, ledger.done_ns,
            ledger.tokens_out,
        )
    )  # fmt: skip
    kept = state == State.SUCCEEDED
    return _Rows(issued[kept], first_token[kept], done[kept], tokens_out[kept])


def _ttft_ms(rows: _Rows) -> Floats:
    known = rows.first_token != NO_TIME
    found: Floats = (rows.first_token - rows.issued)[known] / NS_PER_MS
    return found


def _tpot_ms(rows: _Rows) -> Floats:
    """As LoadGen counts it: `sut.metrics.tpot_ns`."""
    known = (rows.first_token != NO_TIME) & (rows.tokens_out >= 2)
    spans_ns = (rows.done - rows.first_token)[known]
    found: Floats = spans_ns / (rows.tokens_out[known] - 1) / NS_PER_MS
    return found


def _latency_ms(rows: _Rows) -> Floats:
    return (rows.done - rows.issued) / NS_PER_MS


_KINDS: dict[str, Callable[[_Rows], Floats]] = {
    "TTFT": _ttft_ms,
    "TPOT": _tpot_ms,
    "latency": _latency_ms,
}


class _Kept:
    """One watched time and all that was read of it."""

    def __init__(self, watched: Watched):
        self.watched = watched
        self._spread, self._late = Spread(), 0

    def add(self, times_ms: Floats, stands_for: int) -> None:
        """Some answers, each of which stands for so many."""
        self._spread.add(times_ms)
        if (limit_ms := self.watched.limit_ms) is not None:
            self._late += stands_for * int((times_ms > limit_ms).sum())

    def so_far(self) -> SoFar:
        return SoFar(self.watched, self._spread.percentile_ms(self.watched.percentile), self._late)


class _Preemptions:
    """The engine's count, asked for without waiting; its first answer is where the run begins."""

    def __init__(self, ask: Callable[[], Counters] | None):
        self._ask, self._asked_s = ask, -math.inf
        self._asked: Counters | None = None
        self._first: float | None = None
        self._last: float | None = None

    def so_far(self, now_s: float) -> float | None:
        if self._asked is not None and self._asked.done():
            self._take(self._asked)
            self._asked = None
        if self._ask is not None and self._asked is None and now_s - self._asked_s >= COUNTERS_S:
            self._asked_s, self._asked = now_s, self._ask()
        if self._last is None or self._first is None:
            return None
        return self._last - self._first

    def _take(self, answer: Counters) -> None:
        if answer.cancelled() or answer.exception() is not None:
            return
        self._last = answer.result().get(PREEMPTIONS, self._last)
        self._first = self._last if self._first is None else self._first
