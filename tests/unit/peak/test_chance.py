"""The chance of a full run: sure where it is, unsure where a queue remembers long."""

from __future__ import annotations

import numpy as np
import pytest

from sut.peak.chance import Seen, chance_of_limit
from sut.rules.limits import Limit

LIMIT_MS = 100.0
P99 = Limit("TTFT", 99.0, LIMIT_MS, loadgens=True)
N = 3000
ALLOWED = P99.allowed(N)


def drawn(rate: float, share: float, seed: int, queries: int = 1500, size: int = 1) -> Seen:
    """Times of which a share is over the limit, `size` neighbours alike."""
    random = np.random.Generator(np.random.PCG64(seed))
    heads = random.random(queries // size) < share
    times = np.where(np.repeat(heads, size), 150.0, 50.0)
    return Seen(rate, times, LIMIT_MS)


@pytest.mark.parametrize(("size", "low", "high"), [(1, 1, 2.5), (20, 10, 40)])
def test_neighbours_that_are_late_together_tell_as_much_as_one(
    size: int, low: float, high: float
) -> None:
    found = [drawn(1.0, 0.3, seed, 6000, size).dispersion for seed in range(9)]
    assert low <= np.median(found) <= high


def test_times_that_are_all_alike_or_for_ever_have_a_dispersion_too() -> None:
    assert Seen(1.0, np.full(100, 50.0), LIMIT_MS).dispersion == 1
    failed = Seen(1.0, np.append(np.full(99, 50.0), np.inf), LIMIT_MS)
    assert failed.over == 1
    assert 1 <= failed.dispersion < 10


def test_a_queue_that_grows_from_end_to_end_is_one_observation() -> None:
    growing = Seen(1.0, np.linspace(0, 90, 600), LIMIT_MS)
    assert growing.over == 0
    assert growing.dispersion > 60


def test_a_rate_that_is_far_from_its_limit_is_sure_and_one_beyond_is_lost() -> None:
    shares = {4: 0.0, 5: 0.0, 6: 0.001, 7: 0.05, 8: 0.5}
    runs = [drawn(rate, share, seed=rate) for rate, share in shares.items()]
    chances = [chance_of_limit(rate, N, ALLOWED, runs) or 0.0 for rate in shares]
    assert chances == sorted(chances, reverse=True)
    assert chances[0] > 0.95
    assert chances[3] < 0.05
    assert chances[4] < 1e-6


def test_a_queue_that_remembers_makes_the_outcome_less_sure() -> None:
    """Nobody was late in either: the one whose times wander tells less."""
    places = np.arange(600, dtype=np.float64)
    restless = Seen(1.0, 50 + 30 * (places % 2), LIMIT_MS)
    wandering = Seen(1.0, 50 + 30 * np.sin(places / 60), LIMIT_MS)
    sure, unsure = (chance_of_limit(1.0, N, ALLOWED, [each]) for each in (restless, wandering))
    assert sure is not None
    assert unsure is not None
    assert sure > unsure + 0.1


def test_without_a_run_nothing_is_said_and_too_few_queries_never_pass() -> None:
    assert chance_of_limit(1.0, N, ALLOWED, []) is None
    assert chance_of_limit(1.0, 300, P99.allowed(300), [drawn(1.0, 0.0, 1)]) == 0


def test_a_run_with_room_for_every_query_passes() -> None:
    assert chance_of_limit(1.0, 50, 50, [drawn(1.0, 0.3, 1)]) == pytest.approx(1)


@pytest.mark.parametrize("share", [0.002, 0.006, 0.012])
def test_the_chance_is_that_of_simulated_runs(share: float) -> None:
    """Independent queries: the mean chance foretold is near the share of runs that pass."""
    random = np.random.Generator(np.random.PCG64(7))
    foretold = [
        chance_of_limit(1.0, N, ALLOWED, [drawn(1.0, share, seed)]) or 0.0 for seed in range(60)
    ]
    passed = (random.random((2000, N)) < share).sum(axis=1) <= ALLOWED
    assert np.mean(foretold) == pytest.approx(passed.mean(), abs=0.2)
