"""A step model from one recorded run, by least squares over what its ledger holds.

The ledger has no steps. It has, of each query, when it was issued, when its first token came, and
when its last. What lies between is a sum of steps, and so linear in the model's terms:

    done_i - first_i    = sum over its decoding steps k of t(D_k, P_k)
    first_i - issued_i  = entry + the rest of the step under way + its steps to the first token

Which steps these are, and what was in them, a simulation of the scheduler says, with the terms of
the round before: a fixed point, begun from what the ledger says without any simulation. That
simulation ends a step when a stamp of the ledger says so, where there is one, so that its steps
stay those of the run. Each equation is divided by its number of steps, so that a long answer does
not count for more than a short one. Each round is a least-squares problem with terms of 0 or more:
numpy's lstsq on every choice of terms, the best of those without a negative one; then without the
equations that are far off. Of all rounds the one that foretells the run best, without its stamps,
is kept.

Where every query comes at once, as in Offline, the steps do not depend on the terms, and one round
is exact. Offline's ledger has no first tokens: there the second equation goes to the last token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

import numpy as np
import numpy.typing as npt

from sut.engines.ray.dispatch import Dispatch
from sut.errors import LogError
from sut.simulate.run import StepTable, Trace, Workload, simulate
from sut.simulate.step import TERMS, BatchLimits, Floats, Ints, StepModel

Flags = npt.NDArray[np.bool_]

ROUNDS = 12
TRIMS, FAR = 5, 5.0
ENTRIES = 13
LEAST_QUERIES = 10
SETTLED = 1e-12
"""A round that changes no term by more than this share is the last."""


@dataclass(frozen=True)
class Recorded:
    """One run as its ledger has it, and how it was batched.

    Attributes:
        work: what was asked and answered; its times begin with 0.
        first_s: of each query, NaN where there is no such stamp.
        done_s: of each query.
        limits: of a step.
        replicas: how many engines answered.
        dispatch: makes a policy that gives each query to the replica that had it.
    """

    work: Workload
    first_s: Floats
    done_s: Floats
    limits: BatchLimits
    replicas: int
    dispatch: Callable[[], Dispatch]

    def again(self, model: StepModel) -> Trace:
        """The same run, simulated."""
        return simulate(self.work, self.limits, model, self.dispatch(), self.replicas)

    def followed(self, model: StepModel) -> Trace:
        """The same run, simulated so that a step ends when a stamp says it did."""
        return simulate(self.work, self.limits, model, self.dispatch(), self.replicas, self)

    def end_s(
        self, begun_s: float, foretold_s: float, first: Sequence[int], done: Sequence[int]
    ) -> float:
        """The middle one of the stamps of a step; as foretold where there is none."""
        firsts, lasts = self._stamps
        known = [firsts[seq] for seq in first] + [lasts[seq] for seq in done]
        known = sorted(each for each in known if each == each)  # NaN is not itself
        return max(begun_s, known[len(known) // 2]) if known else foretold_s

    @cached_property
    def _stamps(self) -> tuple[list[float], list[float]]:
        """As lists: one at a time they are read many times faster than from an array."""
        return self.first_s.tolist(), self.done_s.tolist()


def fit(run: Recorded) -> StepModel:
    """The model that foretells a run best.

    Raises:
        LogError: it has too few queries.
    """
    if len(run.work) < LEAST_QUERIES:
        raise LogError(
            f"{len(run.work)} queries were answered, and a model needs {LEAST_QUERIES}.",
            remedy="Simulate from a longer run.",
        )
    best, least = None, np.inf
    for model in _rounds(run):
        error = _miss(run, run.again(model))
        if error < least:
            best, least = model, error
    assert best is not None, "there is a first round"
    return best


def _rounds(run: Recorded) -> Iterator[StepModel]:
    """One model after the other, each from the steps of the one before."""
    model = _with_entry(run, _first_guess(run))
    for _ in range(ROUNDS):
        yield model
        later, _ = _solved(*_equations(run, run.followed(model)))
        if np.allclose(_terms(later), _terms(model), rtol=SETTLED, atol=0):
            return
        model = later


def _with_entry(run: Recorded, model: StepModel) -> StepModel:
    """The guess, solved once more from the entry that leaves the least; of up to one empty step.

    Where the engine is never idle only the queries that just missed a step tell of the entry, so
    that it hardly moves from one round to the next.
    """
    tried = []
    for share in np.linspace(0, 1, ENTRIES):
        with_it = replace(model, entry_s=float(share * model.base_s))
        tried.append(_solved(*_equations(run, run.followed(with_it))))
    return min(tried, key=lambda each: each[1])[0]


def _terms(model: StepModel) -> Floats:
    return np.array([getattr(model, name) for name in TERMS])


def _miss(run: Recorded, trace: Trace) -> float:
    """How far the simulated run is off: mean deviation of every stamp, over the mean latency."""
    off = np.abs(trace.done_s - run.done_s).mean()
    seen = ~np.isnan(run.first_s)
    if seen.any():
        off += np.abs(trace.first_s - run.first_s)[seen].mean()
    return float(off / (run.done_s - run.work.issued_s).mean())


def _equations(run: Recorded, trace: Trace) -> tuple[Floats, Floats]:
    """The rows of both kinds, each divided by its steps.

    Returns:
        terms, one row of four an equation; seconds, one an equation.
    """
    rows: list[Floats] = []
    seconds: list[Floats] = []
    for number, steps in enumerate(trace.steps):
        mine = trace.replica == number
        if mine.any():
            totals = _Totals(steps)
            for sums, entry, took_s in (
                _from_issue(run, trace, mine, totals),
                _from_first(run, trace, mine, totals),
            ):
                count = np.maximum(sums[:, :1], 1.0)
                rows.append(np.column_stack((sums, entry)) / count)
                seconds.append(took_s / count[:, 0])
    return np.vstack(rows), np.concatenate(seconds)


class _Totals:
    """Sums of (1, D, P) over the steps of one replica.

    Args:
        steps: of the replica.
    """

    def __init__(self, steps: StepTable):
        self.steps = steps
        ones = np.ones(len(steps.start_s))
        self.each: Floats = np.column_stack((ones, steps.decodes, steps.prefill_tokens))
        self._before: Floats = np.vstack((np.zeros(3), np.cumsum(self.each, axis=0)))

    def between(self, first: Ints, end: Ints) -> Floats:
        """Over the steps from `first` to before `end`, a row for each pair."""
        return self._before[end] - self._before[first]

    def under_way(self, at_s: Floats) -> tuple[Ints, Floats]:
        """The first step that begins at or after each time, and the rest of the one before it."""
        steps = self.steps
        later = np.searchsorted(steps.start_s, at_s, "left")
        before = np.maximum(later - 1, 0)
        long_s = np.maximum(steps.end_s[before] - steps.start_s[before], np.finfo(float).tiny)
        share = np.clip((steps.end_s[before] - at_s) / long_s, 0.0, 1.0)
        share = np.where(later > 0, share, 0.0)
        return later, share[:, None] * self.each[before]


def _from_issue(
    run: Recorded, trace: Trace, mine: Flags, totals: _Totals
) -> tuple[Floats, Floats, Floats]:
    """From the issue to the first token; to the last one where the first has no stamp."""
    seen = ~np.isnan(run.first_s[mine])
    end_s = np.where(seen, run.first_s[mine], run.done_s[mine])
    last = np.where(seen, trace.first_step[mine], trace.last_step[mine])
    later, rest = totals.under_way(trace.entered_s[mine])
    sums = totals.between(later, last + 1) + rest
    return sums, np.ones(len(sums)), end_s - run.work.issued_s[mine]


def _from_first(
    run: Recorded, trace: Trace, mine: Flags, totals: _Totals
) -> tuple[Floats, Floats, Floats]:
    """From the first token to the last, where both have a stamp and are two."""
    both = mine & ~np.isnan(run.first_s) & (run.work.tokens_out > 1)
    sums = totals.between(trace.first_step[both] + 1, trace.last_step[both] + 1)
    return sums, np.zeros(len(sums)), run.done_s[both] - run.first_s[both]


def _first_guess(run: Recorded) -> StepModel:
    """Without a simulation: what was decoded and read between a query's first token and last.

    Tokens are spread evenly from a query's first to its last; a prompt counts where its first token
    came. Without first tokens any terms will do: the steps do not depend on them.
    """
    seen = ~np.isnan(run.first_s) & (run.work.tokens_out > 1)
    if not seen.any():
        return StepModel(base_s=1e-2, decode_s=1e-4, prefill_s=1e-5)
    first, done = run.first_s[seen], run.done_s[seen]
    steps = (run.work.tokens_out[seen] - 1).astype(float)
    sums = np.column_stack((
        steps,
        _decoded_by(first, done, steps, done) - _decoded_by(first, done, steps, first),
        _read_by(run, done) - _read_by(run, first),
    ))  # fmt: skip
    rows = np.column_stack((sums, np.zeros(len(sums)))) / steps[:, None]
    return _solved(rows, (done - first) / steps)[0]


def _decoded_by(first: Floats, done: Floats, steps: Floats, at_s: Floats) -> Floats:
    """Tokens that all queries together decoded until each time."""
    times = np.concatenate((first, done))
    slopes = np.concatenate((steps / np.maximum(done - first, 1e-9),) * 2)
    slopes[len(first) :] *= -1
    order = np.argsort(times, kind="stable")
    times, pace = times[order], np.cumsum(slopes[order])
    total = np.concatenate(([0.0], np.cumsum(pace[:-1] * np.diff(times))))
    found: Floats = np.interp(at_s, times, total)
    return found


def _read_by(run: Recorded, at_s: Floats) -> Floats:
    """Tokens of the prompts whose first token had come by each time."""
    came = np.sort(run.first_s[~np.isnan(run.first_s)])
    order = np.argsort(np.where(np.isnan(run.first_s), np.inf, run.first_s), kind="stable")
    total = np.concatenate(([0.0], np.cumsum(run.work.tokens_in[order][: len(came)])))
    return total[np.searchsorted(came, at_s, "right")]


def _solved(rows: Floats, seconds: Floats) -> tuple[StepModel, float]:
    """Least squares without the equations that are far off: of those a step was taken for another.

    Far is more than `FAR` times the usual distance, by the median; it is found anew `TRIMS` times.

    Returns:
        the terms, and the usual distance of an equation, seconds.
    """
    kept = np.ones(len(seconds), bool)
    for _ in range(TRIMS):
        found = _least_squares(rows[kept], seconds[kept])
        off = np.abs(rows @ found - seconds)
        kept = off <= FAR * np.median(off) + np.finfo(float).eps
    return StepModel(*(float(each) for each in found)), float(np.median(off))


def _least_squares(rows: Floats, seconds: Floats) -> Floats:
    """Least squares with no term below 0: the best of every choice of terms that has none."""
    scale = np.maximum(np.abs(rows).max(axis=0), np.finfo(float).tiny)
    best, least = np.zeros(len(TERMS)), np.inf
    for chosen in product((False, True), repeat=len(TERMS)):
        taken = np.flatnonzero(chosen)
        if not len(taken):
            continue
        scaled = rows[:, taken] / scale[taken]
        found, *_ = np.linalg.lstsq(scaled, seconds, rcond=None)
        residual = float(np.sum((scaled @ found - seconds) ** 2))
        if (found >= 0).all() and residual < least:
            best, least = np.zeros(len(TERMS)), residual
            best[taken] = found / scale[taken]
    return best
