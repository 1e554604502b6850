"""How many queries may be over each limit: as LoadGen counts, and as we do."""

from __future__ import annotations

import pytest

from sut.config.names import Scenario
from sut.rules.early_stopping import queries_needed
from sut.rules.limits import Limit, limits_of
from tests.unit.config.support import loaded


@pytest.mark.parametrize(("percentile", "queries"), [(99.0, 459), (95.0, 90), (90.0, 44)])
def test_the_fewest_queries_that_pass_bear_none_over_the_limit(
    percentile: float, queries: int
) -> None:
    limit = Limit("TTFT", percentile, 1.0, loadgens=True)
    assert limit.allowed(queries) == 0
    assert limit.allowed(queries - 1) == -1


@pytest.mark.parametrize("queries", [459, 700, 5000, 13368])
def test_one_more_would_be_too_many(queries: int) -> None:
    allowed = Limit("TPOT", 99.0, 1.0, loadgens=True).allowed(queries)
    assert queries_needed(allowed, 99.0) <= queries < queries_needed(allowed + 1, 99.0)


@pytest.mark.parametrize(("queries", "allowed"), [(100, 0), (200, 1), (199, 1), (99, 0)])
def test_our_own_limit_takes_the_percentile_as_it_is(queries: int, allowed: int) -> None:
    assert Limit("latency", 99.0, 1.0, loadgens=False).allowed(queries) == allowed


def test_the_limits_are_the_configurations() -> None:
    config = loaded("--set", "server.ttft_limit_ms=700").config
    names = {each.name: each.limit_ms for each in limits_of(config, Scenario.SERVER)}
    assert names == {"TTFT P95": 700, "TPOT P95": 500, "latency P99": 20000}
    config = loaded("--set", "interactive.e2e_p99_limit_ms=null").config
    names = {each.name: each.limit_ms for each in limits_of(config, Scenario.INTERACTIVE)}
    assert names == {"TTFT P95": 500, "TPOT P95": 30}
