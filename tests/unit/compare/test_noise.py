"""The bands hold what they say: nothing where nothing varies, more for fewer or for neighbours."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from sut.compare import noise


def drawn(count: int, seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (random.lognormal(3, 0.5, count) * 1e6).astype(np.int64)


def test_what_never_varies_has_no_noise():
    assert noise.of_percentile(np.full(100, 7_000_000), 99) == 0
    assert noise.of_repeats([5.0, 5.0, 5.0]) == 0


def test_too_few_queries_or_repeats_tell_nothing():
    assert noise.of_percentile(drawn(noise.FEWEST - 1), 50) is None
    assert noise.of_percentile(drawn(noise.FEWEST), 50) is not None
    assert noise.of_repeats([5.0]) is None
    assert noise.of_repeats([5.0, 0.0]) is None


def test_more_queries_are_surer_and_a_tail_is_less_sure_than_the_middle():
    few, many = (noise.of_percentile(drawn(n), 50) for n in (100, 10_000))
    assert few is not None
    assert many is not None
    assert many < few / 5
    tail = noise.of_percentile(drawn(1000), 99)
    middle = noise.of_percentile(drawn(1000), 50)
    assert tail is not None
    assert middle is not None
    assert tail > middle


def test_neighbours_that_are_alike_count_less():
    alone = drawn(1024)
    together = np.repeat(alone[::32], 32)
    apart = np.random.default_rng(2).permutation(together)
    blocks, single = noise.of_percentile(together, 50), noise.of_percentile(apart, 50)
    assert blocks is not None
    assert single is not None
    assert blocks > 2 * single


def test_the_same_queries_give_the_same_band():
    assert noise.of_percentile(drawn(500), 90) == noise.of_percentile(drawn(500), 90)


def test_a_true_percentile_lies_within_the_band_nearly_always():
    truth = math.exp(3) * 1e6
    missed = 0
    for seed in range(60):
        values = drawn(300, seed)
        band = noise.of_percentile(values, 50)
        assert band is not None
        missed += abs(math.log(float(np.median(values)) / truth)) > math.log1p(band)
    assert missed <= 4


def ledger(gaps_ns, tokens):
    done = np.cumsum(np.asarray(gaps_ns, dtype=np.int64))
    states = ["succeeded"] * len(done)
    return pa.table({"state": states, "done_ns": done, "tokens_out": tokens})


def test_a_steady_rate_has_no_noise_and_an_unsteady_one_has():
    steady = ledger([1000] * 64, [8] * 64)
    assert noise.of_rate(steady, tokens=False) == pytest.approx(0, abs=1e-12)
    assert noise.of_rate(steady, tokens=True) == pytest.approx(0, abs=1e-12)
    lengths = list(drawn(64) // 1_000_000 + 1)
    assert noise.of_rate(ledger([1000] * 64, lengths), tokens=False) == pytest.approx(0, abs=1e-12)
    assert (noise.of_rate(ledger([1000] * 64, lengths), tokens=True) or 0) > 0.05
    assert (noise.of_rate(ledger(drawn(64), [8] * 64), tokens=False) or 0) > 0.05


def test_what_all_ends_at_once_has_no_rate():
    assert noise.of_rate(ledger([0] * 64, [8] * 64), tokens=False) is None
    assert noise.of_rate(ledger([5], [8]), tokens=False) is None


def test_a_rate_of_arrivals_differs_by_what_the_latencies_differ():
    latencies = np.arange(1000, dtype=np.int64) * 1_000_000
    assert noise.of_arrivals(latencies, 10.0) == pytest.approx(0.99 * 0.999 / 2 / 10)
    assert noise.of_arrivals(np.full(100, 5_000_000), 10.0) == 0
    assert noise.of_arrivals(latencies[: noise.FEWEST - 1], 10.0) is None
    assert noise.of_arrivals(latencies, None) is None


def test_repeats_take_student_s_t():
    logs = np.log([100.0, 110.0, 120.0])
    half = 9.925 * logs.std(ddof=1) / math.sqrt(3)
    assert noise.of_repeats([100.0, 110.0, 120.0]) == pytest.approx(math.expm1(half))
    assert noise.of_repeats([100.0, 101.0] * 20) == pytest.approx(
        math.expm1(2.750 * np.log([100.0, 101.0] * 20).std(ddof=1) / math.sqrt(40))
    )


def test_two_groups_of_repeats_are_held_by_their_pooled_spread():
    first, second = [100.0, 110.0, 120.0], [90.0, 91.0, 92.0]
    squares = sum(float((np.log(each).var(ddof=0)) * 3) for each in (first, second))
    half = 4.604 * math.sqrt(squares / 4 * (1 / 3 + 1 / 3))
    assert noise.of_two_groups(first, second) == pytest.approx(math.expm1(half))
    assert noise.of_two_groups(first, [90.0]) is None
    assert noise.of_two_groups([0.0, 1.0], second) is None
    assert noise.of_two_groups((), ()) is None


def test_the_interval_of_a_share_is_wilson_s():
    assert noise.wilson(0, 0) == (0.0, 1.0)
    assert noise.wilson(10, 10) == pytest.approx((10 / (10 + noise.Z**2), 1.0))
    assert noise.wilson(50, 100) == pytest.approx((0.3753, 0.6247), abs=1e-4)
