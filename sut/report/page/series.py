"""The ledger of one run as points to draw; times are counted from the first query."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sut import metrics
from sut.record.cards import CardSample
from sut.record.engine_load import LoadSample
from sut.rules.early_stopping import over_limit_allowed

STEPS = 200
BINS = 120
POINTS = 1500
SO_FAR = 60
LANES = 60
NS = 1e9
Row = dict[str, float]
TIMES = {"latency": metrics.latency_ns, "TTFT": metrics.ttft_ns, "TPOT": metrics.tpot_ns}


def distribution(values_ns: npt.NDArray[np.int64]) -> list[Row]:
    """A few hundred points of the distribution function: `ms`, `share`."""
    ordered = np.sort(values_ns)
    if not len(ordered):
        return []
    shares = np.unique(np.append(np.linspace(0, 1, STEPS), [0.9, 0.95, 0.97, 0.99]))
    places = np.minimum((shares * len(ordered)).astype(int), len(ordered) - 1)
    return [
        {"ms": float(ordered[place]) / 1e6, "share": float(share)}
        for place, share in zip(places, shares, strict=True)
    ]


def kinds(ledger: Any) -> dict[str, list[Row]]:
    """The distributions that the run has: latency, TTFT, TPOT."""
    found = {name: times(ledger) for name, times in TIMES.items()}
    return {name: distribution(values) for name, values in found.items() if len(values)}


def tokens_per_s(ledger: Any) -> list[Row]:
    """Output tokens of the answers that ended in each interval, per second: `s`, `value`."""
    done, tokens = _column(ledger, "done_ns"), _column(ledger, "tokens_out")
    there = np.isfinite(done) & np.isfinite(tokens)
    origin = _origin(ledger)
    if origin is None or not there.any():
        return []
    at = (done[there] - origin) / NS
    span = float(at.max()) or 1.0
    edges = np.linspace(0, span, min(BINS, max(10, int(span))) + 1)
    summed, _ = np.histogram(at, edges, weights=tokens[there])
    width = edges[1] - edges[0]
    return [
        {"s": float(edge + width / 2), "value": float(value / width)}
        for edge, value in zip(edges[:-1], summed, strict=True)
    ]


def outstanding(ledger: Any) -> list[Row]:
    """Queries issued and not ended: `s`, `value`."""
    issued, done = _column(ledger, "issued_ns"), _column(ledger, "done_ns")
    origin = _origin(ledger)
    if origin is None:
        return []
    begins, ends = np.sort(issued[np.isfinite(issued)]), np.sort(done[np.isfinite(done)])
    last = max(begins[-1], ends[-1] if len(ends) else begins[-1])
    at = np.linspace(origin, last, BINS)
    open_ = np.searchsorted(begins, at, "right") - np.searchsorted(ends, at, "right")
    return [
        {"s": float((when - origin) / NS), "value": float(count)}
        for when, count in zip(at, open_, strict=True)
    ]


def so_far(ledger: Any, kind: str, percentile: float) -> tuple[list[Row], list[Row]]:
    """A percentile of the queries that had ended by then, and what early stopping holds to a limit.

    Args:
        ledger: of the run.
        kind: latency, TTFT or TPOT.
        percentile: e.g. 99.

    Returns:
        `s`, `value` in ms, twice; the second is empty while there are too few queries.
    """
    table = _with(ledger, kind)
    origin, values = _origin(ledger), TIMES[kind](table)
    if origin is None or not len(values):
        return [], []
    done = table["done_ns"].to_numpy() - origin
    percentiles, held = [], []
    for at in np.linspace(done[0], done[-1], SO_FAR):
        count = int(np.searchsorted(done, at, "right"))
        ascending = np.sort(values[:count])
        s = float(at / NS)
        percentiles.append({"s": s, "value": metrics.percentile_ns(ascending, percentile) / 1e6})
        allowed = over_limit_allowed(count, percentile)
        if allowed is not None:
            held.append({"s": s, "value": float(ascending[count - allowed - 1]) / 1e6})
    return percentiles, held


def _with(ledger: Any, kind: str) -> Any:
    """The rows that have such a time, by their end."""
    import pyarrow.compute as pc

    there = pc.and_(pc.equal(ledger["state"], "succeeded"), pc.is_valid(ledger["done_ns"]))
    if kind != "latency":
        there = pc.and_(there, pc.is_valid(ledger["first_token_ns"]))
    if kind == "TPOT":
        there = pc.and_(there, pc.greater_equal(ledger["tokens_out"], 2))
    return ledger.filter(there).sort_by("done_ns")


def by_length(ledger: Any) -> list[Row]:
    """Latency against prompt length, of every so many answers: `x` tokens, `y` ms."""
    ledger = _with(ledger, "latency")
    lengths = _column(ledger, "tokens_in")
    took = (_column(ledger, "done_ns") - _column(ledger, "issued_ns")) / 1e6
    there = np.flatnonzero(np.isfinite(lengths) & np.isfinite(took))
    chosen = there[:: max(1, len(there) // POINTS)]
    return [{"x": float(lengths[place]), "y": float(took[place])} for place in chosen]


def swim(ledger: Any) -> list[Row]:
    """The first queries: `lane`, and seconds of `begin`, `first` token and `end`."""
    names = ("issued_ns", "first_token_ns", "done_ns")
    begin, first, end = (_column(ledger, name)[:LANES] for name in names)
    origin = _origin(ledger)
    if origin is None:
        return []
    first = np.where(np.isfinite(first), first, end)
    return [
        {
            "lane": float(lane),
            "begin": (begin[lane] - origin) / NS,
            "first": (first[lane] - origin) / NS,
            "end": (end[lane] - origin) / NS,
        }
        for lane in range(len(begin))
        if np.isfinite([begin[lane], first[lane], end[lane]]).all()
    ]


def card_series(samples: list[CardSample], field: str, scale: float) -> list[Row]:
    """One figure of a card over the samples' own seconds: `s`, `value`."""
    told = [(each.monotonic_ns, getattr(each, field)) for each in samples]
    return [
        {"s": (at - samples[0].monotonic_ns) / NS, "value": value * scale}
        for at, value in told
        if value is not None
    ]


def engine_series(samples: list[LoadSample], field: str, ledger: Any) -> list[Row]:
    """One figure of the engine's load, in seconds from the first query: `s`, `value`.

    The engine is asked from the run's begin, which is before LoadGen's first query. Of several
    replicas it is the sum of what each said last, and of the KV cache the fullest. Of more
    samples than can be seen the highest of each few is kept.
    """
    origin = _origin(ledger)
    if origin is None:
        return []
    combined, last = (max if field == "kv_cache_used" else sum), dict[int, float]()
    points = []
    for each in samples:
        last[each.replica] = float(getattr(each, field))
        if (s := (each.monotonic_ns - origin) / NS) >= 0:
            points.append({"s": s, "value": combined(last.values())})
    few = -(-len(points) // POINTS) or 1
    parts = (points[at : at + few] for at in range(0, len(points), few))
    return [max(part, key=lambda point: point["value"]) for part in parts]


def _origin(ledger: Any) -> float | None:
    issued = _column(ledger, "issued_ns")
    there = issued[np.isfinite(issued)]
    return float(there.min()) if len(there) else None


def _column(ledger: Any, name: str) -> npt.NDArray[np.float64]:
    """A column as floats, NaN where there is none: to the µs for plots, never for figures."""
    values = ledger[name].to_pandas().astype("float64").to_numpy()
    found: npt.NDArray[np.float64] = values
    return found
