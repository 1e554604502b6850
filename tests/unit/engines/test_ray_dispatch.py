from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sut.engines.ray.dispatch import (
    AUTO,
    Dispatch,
    Equal,
    LeastWork,
    PrefillWeighted,
    Pull,
    Query,
    Work,
    longest_first,
    policy_of,
)
from tests.unit.engines.simulated_replicas import Times, simulate


def queries(count: int, first: int = 0) -> list[Query]:
    return [(first + n, n) for n in range(count)]


def work(index: int) -> int:
    return index % 7 + 10


def arriving(name: str, work: Work = work) -> Dispatch:
    return policy_of(name, throughput_first=False, replicas=2, window=None, work=work)


POLICIES: dict[str, Callable[[int], Dispatch]] = {
    "pull": lambda replicas: Pull(replicas, window=4),
    "equal": Equal,
    "least": lambda replicas: LeastWork(replicas, work),
    "weighted": lambda replicas: PrefillWeighted(replicas, work),
}


@pytest.mark.parametrize("name", POLICIES)
@given(replicas=st.integers(1, 5), batches=st.lists(st.integers(1, 30), max_size=6))
def test_every_query_is_given_out_exactly_once(name, replicas, batches):
    policy = POLICIES[name](replicas)
    offered: list[Query] = []
    given_out: list[Query] = []
    for size in batches:
        batch = queries(size, first=len(offered))
        offered += batch
        policy.offer(batch)
        progress = True
        while progress:
            progress = False
            for replica in range(replicas):
                taken = policy.take(replica)
                policy.ended(replica, taken)
                given_out += taken
                progress = progress or bool(taken)
    assert sorted(given_out) == offered


def test_pull_gives_a_window_and_more_only_as_answers_end():
    policy = Pull(2, window=4)
    policy.offer(queries(100))
    first = policy.take(0)
    assert len(first) == 5
    assert policy.take(0) == []
    policy.ended(0, first[:3])
    assert [seq for seq, _ in policy.take(0)] == [5, 6, 7]


def test_pull_leaves_the_others_their_part_of_the_end():
    policy = Pull(4, window=8)
    policy.offer(queries(8))
    assert [len(policy.take(replica)) for replica in range(4)] == [2, 2, 2, 2]


def test_a_replica_that_holds_its_part_of_the_end_gets_no_more():
    policy = Pull(2, window=8)
    policy.offer(queries(14))
    assert [len(policy.take(replica)) for replica in (0, 1)] == [7, 7]
    policy.offer(queries(2, first=14))
    policy.ended(0, queries(3))
    # 13 are left; 7 of them are the other's, which has not ended any.
    assert [len(policy.take(replica)) for replica in (1, 0)] == [0, 2]


@given(st.integers(1, 5), st.integers(1, 9), st.integers(1, 60), st.data())
def test_a_replica_asked_only_when_it_ended_something_leaves_nothing_behind(
    replicas, window, count, data
):
    """As the pool has it: all are asked after an offer, then each after answers of its own."""
    policy = Pull(replicas, window)
    policy.offer(queries(count))
    held = [policy.take(replica) for replica in range(replicas)]
    ended = 0
    while any(held):
        replica = data.draw(st.sampled_from([n for n in range(replicas) if held[n]]))
        size = data.draw(st.integers(1, len(held[replica])))
        gone, held[replica] = held[replica][:size], held[replica][size:]
        policy.ended(replica, gone)
        ended += size
        held[replica] += policy.take(replica)
    assert ended == count


def test_pull_ends_with_replicas_that_drain_together():
    """Two replicas, one twice as fast: the work ends with at most one step between them."""
    policy, done = Pull(2, window=2), [0, 0]
    policy.offer(queries(90))
    held: list[list[Query]] = [[], []]
    steps = 0
    while sum(done) < 90:
        steps += 1
        for replica, speed in ((0, 2), (1, 1)):
            held[replica] += policy.take(replica)
            ended, held[replica] = held[replica][:speed], held[replica][speed:]
            policy.ended(replica, ended)
            done[replica] += len(ended)
    assert steps <= 90 / 3 + 2
    assert 55 <= done[0] <= 62


def test_equal_is_a_strict_split():
    policy = Equal(3)
    policy.offer(queries(4))
    policy.offer(queries(5, first=4))
    assert [[seq for seq, _ in policy.take(r)] for r in range(3)] == [
        [0, 3, 6],
        [1, 4, 7],
        [2, 5, 8],
    ]


def test_least_work_counts_tokens_and_not_queries():
    policy = LeastWork(2, [110, 11, 11, 11].__getitem__)
    policy.offer([(0, 0), (1, 1), (2, 2), (3, 3)])
    assert policy.take(0) == [(0, 0)]
    assert policy.take(1) == [(1, 1), (2, 2), (3, 3)]
    policy.ended(0, [(0, 0)])
    policy.offer([(4, 1)])
    assert policy.take(0) == [(4, 1)]


def test_a_query_without_a_first_token_weighs_more():
    policy = PrefillWeighted(2, [10, 40, 10].__getitem__, weight=8)
    policy.offer([(0, 0), (1, 1)])
    assert [policy.take(0), policy.take(1)] == [[(0, 0)], [(1, 1)]]
    policy.first(1, [1])
    # 90 tokens stand before the one, 40 before the other, whose prompt is worked out.
    policy.offer([(2, 2)])
    assert policy.take(1) == [(2, 2)]


def test_what_ends_without_a_first_token_weighs_nothing_from_then_on():
    policy = PrefillWeighted(2, [10, 40, 10, 10].__getitem__, weight=8)
    policy.offer([(0, 0), (1, 1)])
    policy.first(0, [0])
    policy.ended(1, [(1, 1)])
    policy.offer([(2, 2)])
    assert policy.take(1) == [(1, 1), (2, 2)]
    policy.first(1, [2, 2])
    policy.offer([(3, 3)])
    assert (policy.take(0), policy.take(1)) == ([(0, 0), (3, 3)], [])


@pytest.mark.parametrize("seed", range(2))
def test_prompts_that_wait_in_the_way_of_first_tokens_are_seen(seed):
    """On simulated replicas, near their limit: the tail of a first token."""
    times = {name: simulated(name, seed) for name in ("tokens", "prefill-weighted", "equal")}
    tails = {name: float(np.percentile(each.ttft_s, 99)) for name, each in times.items()}
    assert tails["prefill-weighted"] < tails["equal"]
    assert tails["prefill-weighted"] < tails["tokens"]


def simulated(name: str, seed: int) -> Times:
    random = np.random.default_rng(seed)
    count, rate = 1200, 12.0
    arrivals = np.cumsum(random.exponential(1 / rate, count))
    prompts = np.clip(random.lognormal(6.6, 0.5, count), 60, 2500).astype(int).tolist()
    answers = random.integers(1, 129, count).tolist()
    policy = arriving(name, lambda index: prompts[index] + 128)
    return simulate(policy, 2, arrivals.tolist(), prompts, answers)


def test_auto_is_one_of_the_policies():
    assert type(arriving("auto", work)) is type(arriving(AUTO, work))


@pytest.mark.parametrize("name", ["equal", "least", "weighted"])
def test_what_a_lost_replica_had_not_taken_comes_back_and_nothing_follows(name):
    policy = POLICIES[name](2)
    policy.offer(queries(6))
    back = policy.lost(1)
    assert back
    policy.offer(back)
    assert sorted(policy.take(0)) == queries(6)
    policy.offer(queries(4, first=6))
    assert policy.take(1) == []
    assert len(policy.take(0)) == 4


def test_pull_gives_the_queue_back_only_when_nobody_is_left():
    policy = Pull(2, window=2)
    policy.offer(queries(6))
    assert policy.lost(0) == []
    assert policy.take(0) == []
    assert policy.lost(1) == queries(6)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=60), st.integers(1, 20))
def test_longest_first_never_crosses_a_block(lengths, block):
    prompt_tokens = np.array(lengths, np.int64)
    issued = queries(len(lengths))
    ordered = longest_first(issued, prompt_tokens, block)
    for start in range(0, len(issued), block):
        part = ordered[start : start + block]
        assert sorted(part) == issued[start : start + block]
        tokens = [lengths[index] for _, index in part]
        assert tokens == sorted(tokens, reverse=True)
