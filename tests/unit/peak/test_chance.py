"""The chance of a full run, against what simulated runs do."""

from __future__ import annotations

import numpy as np
import pytest

from sut.peak.chance import Seen, chance_of_limit, dispersion
from sut.peak.limits import Limit

RANDOM = np.random.Generator(np.random.PCG64(7))
P99 = Limit("TTFT", 99.0, 2000.0, loadgens=True)


def independent(rate: float, share: float, queries: int = 600) -> Seen:
    return Seen(rate, RANDOM.random(queries) < share)


def clustered(share: float, size: int, queries: int = 6000) -> Seen:
    heads = RANDOM.random(queries // size) < share
    return Seen(1.0, np.repeat(heads, size))


def test_neighbours_that_are_late_together_tell_as_much_as_one() -> None:
    assert dispersion([clustered(0.02, 1)]) == pytest.approx(1, abs=0.35)
    assert dispersion([clustered(0.02, 8)]) == pytest.approx(8, rel=0.45)
    assert dispersion([Seen(1.0, np.zeros(100, bool))]) == 1


def test_a_run_far_over_its_limit_says_nothing_of_clusters() -> None:
    growing = Seen(2.0, np.arange(600) > 200)
    assert dispersion([growing]) > 10
    calm = clustered(0.02, 1)
    assert dispersion([calm, growing]) == dispersion([calm])


def test_a_rate_that_is_far_from_its_limit_is_sure_and_one_beyond_is_lost() -> None:
    runs = [independent(r, s) for r, s in ((4, 0.0), (5, 0.0), (6, 0.001), (7, 0.05), (8, 0.5))]
    n = 3000
    chances = [chance_of_limit(r, n, P99.allowed(n), runs) or 0 for r in (4, 5, 6, 7, 8)]
    assert chances[0] > 0.95
    assert chances == sorted(chances, reverse=True)
    assert chances[3] < 0.05
    assert chances[4] < 1e-6


def test_clusters_make_the_outcome_less_sure() -> None:
    n, places = 3000, np.arange(6000)
    single = [Seen(1.0, places % 340 == 5)]
    many = [Seen(1.0, (places % 3000 < 9))]
    assert single[0].over.sum() == many[0].over.sum() == 18
    allowed = P99.allowed(n)
    sure, unsure = (chance_of_limit(1.0, n, allowed, runs) for runs in (single, many))
    assert sure is not None
    assert unsure is not None
    assert sure > unsure


def test_without_a_run_nothing_is_said_and_too_few_queries_never_pass() -> None:
    assert chance_of_limit(1.0, 600, 3, []) is None
    assert chance_of_limit(1.0, 300, P99.allowed(300), [independent(1.0, 0.0)]) == 0


def test_a_run_with_room_for_every_query_passes() -> None:
    assert chance_of_limit(1.0, 50, 50, [independent(1.0, 0.3)]) == pytest.approx(1)


@pytest.mark.parametrize("share", [0.002, 0.006, 0.012])
def test_the_chance_is_that_of_simulated_runs(share: float) -> None:
    """Many runs of the same share: the mean chance foretold is the share of them that pass."""
    n, allowed = 3000, P99.allowed(3000)
    foretold = [
        chance_of_limit(1.0, n, allowed, [independent(1.0, share, 1500)]) or 0 for _ in range(60)
    ]
    passed = (RANDOM.random((4000, n)) < share).sum(axis=1) <= allowed
    assert np.mean(foretold) == pytest.approx(passed.mean(), abs=0.17)
