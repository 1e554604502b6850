"""Percentiles in bounded room are right to 1 % over any times, in whatever pieces they came."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sut.harness.spread import STEP, Spread
from sut.metrics import percentile_ns

NS_PER_MS = 1e6
TIMES = st.lists(st.integers(1000, 10**14), min_size=1, max_size=300)


@given(TIMES, st.sampled_from([50.0, 90.0, 95.0, 97.0, 99.0]), st.integers(1, 50))
def test_a_percentile_is_loadgens_to_a_hundredth(
    times_ns: list[int], percentile: float, piece: int
) -> None:
    spread = Spread()
    for start in range(0, len(times_ns), piece):
        spread.add([each / NS_PER_MS for each in times_ns[start : start + piece]])
    exact_ms = percentile_ns(np.sort(np.array(times_ns)), percentile) / NS_PER_MS
    found_ms = spread.percentile_ms(percentile)
    assert found_ms is not None
    assert exact_ms * (1 - 1e-9) <= found_ms <= exact_ms * STEP * (1 + 1e-9)
    assert spread.count == len(times_ns)


def test_nothing_has_no_percentile_and_what_lies_outside_counts_at_the_end() -> None:
    spread = Spread()
    assert spread.percentile_ms(99) is None
    spread.add([])
    assert spread.percentile_ms(99) is None
    spread.add([0.0, 1e12])
    low, high = spread.percentile_ms(0), spread.percentile_ms(99)
    assert low == 0.001
    assert high is not None
    assert high >= 1e8
