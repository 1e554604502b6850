"""A model fitted to an engine whose step time is known is that engine."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest

from sut.config.names import Scenario
from sut.errors import LogError
from sut.simulate.fit import fit
from sut.simulate.step import BatchLimits, StepModel
from tests.unit.simulate.synthetic import KNOWN, LIMITS, answered, arrivals, at_once, recorded


@pytest.mark.parametrize("replicas", [1, 2])
def test_server_is_exact(replicas: int) -> None:
    run = recorded(arrivals(300, 2.0 * replicas), replicas=replicas)
    assert astuple(fit(run)) == pytest.approx(astuple(KNOWN), rel=1e-6)


@pytest.mark.parametrize("rate", [8.0, 20.0])
@pytest.mark.parametrize("replicas", [1, 2])
def test_under_load_every_step_is_nearly_exact(rate: float, replicas: int) -> None:
    """An engine that is never idle hardly tells when a query came into its queue."""
    found = fit(recorded(arrivals(300, rate * replicas), replicas=replicas))
    assert astuple(found)[:3] == pytest.approx(astuple(KNOWN)[:3], rel=0.01)
    assert found.entry_s == pytest.approx(KNOWN.entry_s, abs=0.0005)


def test_offline_is_exact_though_it_has_no_first_tokens() -> None:
    run = recorded(at_once(200), replace(KNOWN, entry_s=0.0), scenario=Scenario.OFFLINE)
    found = fit(run)
    assert astuple(found) == pytest.approx(astuple(replace(KNOWN, entry_s=0.0)), rel=1e-6, abs=1e-9)


def test_what_costs_nothing_is_no_less_than_0() -> None:
    free = StepModel(base_s=0.01, decode_s=0.0, prefill_s=0.0)
    found = fit(recorded(arrivals(200, 10.0), free))
    assert min(astuple(found)) >= 0
    assert astuple(found) == pytest.approx(astuple(free), rel=1e-6, abs=1e-9)


def test_noise_in_the_stamps_moves_the_terms_little() -> None:
    work = arrivals(600, 10.0)
    run = recorded(work)
    draw = np.random.default_rng(3)
    noisy = replace(run, first_s=run.first_s + draw.exponential(0.0005, len(work)))
    assert astuple(fit(noisy))[:3] == pytest.approx(astuple(KNOWN)[:3], rel=0.1)


def test_the_model_foretells_a_run_that_it_has_not_seen() -> None:
    model = fit(recorded(arrivals(300, 5.0, seed=1)))
    limits = BatchLimits(sequences=8, tokens=64)
    other = arrivals(300, 9.0, seed=2)
    foretold, made = (answered(other, each, limits) for each in (model, KNOWN))
    assert foretold.done_s == pytest.approx(made.done_s, rel=1e-3)
    assert limits != LIMITS


def test_too_few_queries_are_refused() -> None:
    with pytest.raises(LogError, match="9 queries were answered, and a model needs 10"):
        fit(recorded(arrivals(9, 1.0)))
