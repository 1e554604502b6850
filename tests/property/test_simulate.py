"""Whatever is asked: no token is lost, no step is beyond its limits, more capacity is no slower."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sut.simulate.run import Workload
from sut.simulate.step import BatchLimits, StepModel
from tests.unit.simulate.synthetic import answered

MODELS = st.builds(
    StepModel,
    base_s=st.floats(1e-4, 0.1),
    decode_s=st.floats(0, 1e-2),
    prefill_s=st.floats(0, 1e-3),
    entry_s=st.floats(0, 0.01),
)
LIMITS = st.builds(
    BatchLimits,
    sequences=st.integers(1, 12),
    tokens=st.integers(12, 200),
    chunked=st.booleans(),
    prefill_cap=st.sampled_from([0, 7, 50]),
)
QUERIES = st.lists(
    st.tuples(st.floats(0, 0.5), st.integers(1, 300), st.integers(1, 20)), min_size=1, max_size=40
)
POLICIES = st.sampled_from(["equal", "least work", "pull"])


def work_of(queries: list[tuple[float, int, int]], *, together: bool = False) -> Workload:
    gaps, tokens_in, tokens_out = (np.array(each) for each in zip(*queries, strict=True))
    issued = np.zeros(len(queries)) if together else np.cumsum(gaps) - gaps[0]
    return Workload(issued.astype(float), np.arange(len(queries)), tokens_in, tokens_out)


@given(QUERIES, LIMITS, MODELS, POLICIES, st.integers(1, 4))
def test_every_token_is_computed_once_and_every_query_ends_once(
    queries: list[tuple[float, int, int]],
    limits: BatchLimits,
    model: StepModel,
    policy: str,
    replicas: int,
) -> None:
    work = work_of(queries)
    trace = answered(work, model, limits, replicas=replicas, dispatch=policy)
    assert sum(int(each.prefill_tokens.sum()) for each in trace.steps) == work.tokens_in.sum()
    assert sum(int(each.decodes.sum()) for each in trace.steps) == (work.tokens_out - 1).sum()
    assert not np.isnan(trace.first_s).any()
    assert not np.isnan(trace.done_s).any()
    assert (trace.last_step - trace.first_step == work.tokens_out - 1).all()
    assert (trace.first_s >= trace.entered_s).all()
    assert (trace.done_s >= trace.first_s).all()
    assert ((trace.done_s == trace.first_s) == (work.tokens_out == 1)).all()


@given(QUERIES, LIMITS, MODELS)
def test_no_step_is_beyond_its_limits_and_none_overlaps_the_next(
    queries: list[tuple[float, int, int]], limits: BatchLimits, model: StepModel
) -> None:
    (steps,) = answered(work_of(queries), model, limits).steps
    assert (steps.decodes <= limits.sequences).all()
    assert (steps.decodes + steps.prefill_tokens <= limits.tokens).all()
    assert (steps.decodes + steps.prefill_tokens > 0).all()
    assert (steps.end_s[:-1] <= steps.start_s[1:]).all()


@given(QUERIES, LIMITS, MODELS, st.floats(0.1, 1.0))
def test_a_faster_engine_is_done_no_later(
    queries: list[tuple[float, int, int]], limits: BatchLimits, model: StepModel, share: float
) -> None:
    """All at once: the steps are the same, and each is shorter."""
    work = work_of(queries, together=True)
    faster = StepModel(
        model.base_s * share, model.decode_s * share, model.prefill_s * share, model.entry_s
    )
    slow, fast = (answered(work, each, limits) for each in (model, faster))
    assert (fast.done_s <= slow.done_s + 1e-12).all()
    assert (fast.first_s <= slow.first_s + 1e-12).all()


@given(st.integers(1, 60), st.integers(1, 50), st.integers(1, 20), MODELS, st.integers(1, 3))
@settings(max_examples=50)
def test_more_replicas_are_done_no_later(
    count: int, tokens_in: int, tokens_out: int, model: StepModel, replicas: int
) -> None:
    """Equal queries at once, in turn to each: no replica has more of them than before."""
    work = Workload(
        np.zeros(count), np.arange(count), np.full(count, tokens_in), np.full(count, tokens_out)
    )
    limits = BatchLimits(sequences=8, tokens=64)
    few, many = (
        answered(work, model, limits, replicas=each, dispatch="equal").done_s.max()
        for each in (replicas, replicas + 1)
    )
    assert many <= few + 1e-9


@given(QUERIES, LIMITS, MODELS)
def test_steps_that_cost_the_same_are_no_more_where_more_may_run(
    queries: list[tuple[float, int, int]], limits: BatchLimits, model: StepModel
) -> None:
    """Answers of one token: a step has a fixed price, and a larger budget needs no more of them."""
    work = work_of([(gap, tokens, 1) for gap, tokens, _ in queries], together=True)
    flat = StepModel(model.base_s, 0.0, 0.0)
    small = BatchLimits(limits.sequences, limits.tokens)
    large = BatchLimits(2 * limits.sequences, 2 * limits.tokens)
    few, many = (answered(work, flat, each).done_s.max() for each in (small, large))
    assert many <= few + 1e-9
