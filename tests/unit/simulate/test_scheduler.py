"""One replica's steps, counted by hand."""

from __future__ import annotations

from sut.simulate.scheduler import Query, Replica
from sut.simulate.step import BatchLimits, StepModel

SECOND = StepModel(base_s=1.0, decode_s=0.0, prefill_s=0.0)


def steps(
    queries: list[Query], limits: BatchLimits
) -> tuple[list[tuple[int, int]], list[list[int]]]:
    """What each step holds (sequences that decode, prompt tokens), and who is done at its end."""
    replica = Replica(limits, SECOND)
    replica.add(queries)
    done, now = [], 0.0
    while (end := replica.start(now)) is not None:
        now = end
        done.append(sorted(replica.finish().done))
    table = list(zip(replica.steps.decodes, replica.steps.prefill_tokens, strict=True))
    return table, done


def test_a_prompt_is_read_and_then_a_token_comes_with_each_step() -> None:
    assert steps([Query(0, 5, 3)], BatchLimits(4, 100)) == (
        [(0, 5), (1, 0), (1, 0)],
        [[], [], [0]],
    )


def test_one_token_is_done_where_its_prompt_is_read() -> None:
    assert steps([Query(0, 5, 1)], BatchLimits(4, 100)) == ([(0, 5)], [[0]])


def test_a_long_prompt_is_split_by_the_budget() -> None:
    assert steps([Query(0, 25, 2)], BatchLimits(4, 10))[0] == [(0, 10), (0, 10), (0, 5), (1, 0)]


def test_those_that_decode_come_before_prompts() -> None:
    table, _ = steps([Query(0, 8, 4), Query(1, 17, 1)], BatchLimits(4, 10))
    # 8 + 2 of the second's, then one token of the first and 9 of the second's, and so on.
    assert table == [(0, 10), (1, 9), (1, 6), (1, 0)]


def test_no_more_sequences_run_than_may() -> None:
    queries = [Query(seq, 1, 2) for seq in range(3)]
    table, done = steps(queries, BatchLimits(2, 100))
    assert table == [(0, 2), (2, 0), (0, 1), (1, 0)]
    assert done == [[], [0, 1], [], [2]]


def test_a_cap_leaves_room_for_the_next_prompt() -> None:
    queries = [Query(0, 20, 1), Query(1, 4, 1)]
    _, plain = steps(queries, BatchLimits(4, 10))
    _, capped = steps(queries, BatchLimits(4, 10, prefill_cap=6))
    assert plain == [[], [0], [1]]
    assert capped[0] == [1]


def test_without_chunks_a_prompt_waits_until_it_fits() -> None:
    queries = [Query(0, 6, 1), Query(1, 6, 1)]
    whole = BatchLimits(4, 10, chunked=False)
    assert steps(queries, BatchLimits(4, 10))[0] == [(0, 10), (0, 2)]
    assert steps(queries, whole)[0] == [(0, 6), (0, 6)]


def test_a_prompt_beyond_the_budget_is_split_all_the_same() -> None:
    assert steps([Query(0, 15, 1)], BatchLimits(4, 10, chunked=False))[0] == [(0, 10), (0, 5)]


def test_nothing_to_do_is_no_step() -> None:
    assert Replica(BatchLimits(4, 10), SECOND).start(0.0) is None
