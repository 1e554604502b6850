"""LoadGen's times against the ledger's: honest hand-overs pass, a clock that was set does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from sut.logs.figures import PERCENTILE_FIELDS, Figures, Quantiles
from sut.metrics import percentile_ns
from sut.rules.clocks import times_agree

MS = 1_000_000
S = 1_000 * MS


@dataclass(frozen=True)
class Query:
    """One query by the ledger, and what LoadGen's clock adds to it, ns."""

    gap_ns: int
    ttft_ns: int
    tokens: int
    tpot_ns: int
    first_later_ns: int
    last_later_ns: int


queries = st.lists(
    st.builds(
        Query,
        st.integers(0, 100 * MS),
        st.integers(1, 900 * MS),
        st.integers(2, 128),
        st.integers(0, 90 * MS),
        st.integers(0, 90 * MS),
        st.integers(0, 90 * MS),
    ),
    min_size=1,
    max_size=60,
)


def quantiles(values: list[int]) -> Quantiles:
    ascending = np.sort(np.array(values, np.int64))
    named = {
        field: percentile_ns(ascending, float(text)) for text, field in PERCENTILE_FIELDS.items()
    }
    return Quantiles(
        min_ns=int(ascending[0]), max_ns=int(ascending[-1]), mean_ns=int(ascending.mean()), **named
    )


def run(made: list[Query], *, set_by_ns: int = 0) -> tuple[Figures, pa.Table]:
    """What ledger and LoadGen write of a Server run, the wall clock set before its last answer."""
    rows: list[dict[str, Any]] = []
    latency: list[int] = []
    ttft: list[int] = []
    tpot: list[int] = []
    at_ns = 5 * S
    for seq, each in enumerate(made):
        at_ns += each.gap_ns
        first_ns = at_ns + each.ttft_ns
        done_ns = first_ns + each.tpot_ns * (each.tokens - 1)
        rows.append(
            {
                "seq": seq,
                "issued_ns": at_ns,
                "first_token_ns": first_ns,
                "done_ns": done_ns,
                "tokens_out": each.tokens,
                "state": "succeeded",
            }
        )
        ttft.append(each.ttft_ns + each.first_later_ns)
        last = seq == len(made) - 1
        latency.append(done_ns - at_ns + each.last_later_ns + (set_by_ns if last else 0))
        tpot.append((latency[-1] - ttft[-1]) // (each.tokens - 1))
    span_ns = rows[-1]["done_ns"] - rows[0]["issued_ns"] + made[-1].last_later_ns + set_by_ns
    rate = float(f"{(len(made) - 1) / (span_ns / S):.6g}") if span_ns > 0 else None
    issue_ns = rows[-1]["issued_ns"] - rows[0]["issued_ns"]
    scheduled = float(f"{(len(made) - 1) / (max(issue_ns, 1) / S):.6g}")
    return (
        Figures(
            completed_samples_per_second=rate,
            scheduled_samples_per_second=scheduled,
            latency=quantiles(latency),
            ttft=quantiles(ttft),
            tpot=quantiles(tpot),
        ),
        pa.Table.from_pylist(rows),
    )


@settings(deadline=None)
@given(queries.filter(lambda made: len(made) > 1))
def test_what_the_hand_over_takes_is_no_contradiction(made: list[Query]) -> None:
    figures, ledger = run(made)
    assert times_agree("Server", figures, len(made), ledger).measured == "none"


@settings(deadline=None)
@given(queries.filter(lambda made: len(made) > 1), st.sampled_from([-5, -1, 3, 60]))
def test_a_clock_that_was_set_contradicts_the_ledger(made: list[Query], by_s: int) -> None:
    figures, ledger = run(made, set_by_ns=by_s * S)
    judged = times_agree("Server", figures, len(made), ledger)
    assert not judged.passed
    assert "duration" in str(judged.measured)


def test_a_run_without_figures_or_ledger_was_not_measured() -> None:
    figures, ledger = run([Query(0, MS, 2, MS, 0, 0)] * 3)
    for each in (
        times_agree("Server", Figures(), 3, ledger),
        times_agree("Server", figures, 3, None),
        times_agree("Server", figures, 0, ledger.slice(0, 0)),
    ):
        assert each.measured is None
        assert not each.passed
