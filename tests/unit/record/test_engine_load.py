"""The load of several engines as one has it; lines of before replicas told theirs."""

from __future__ import annotations

from pathlib import Path

from sut.record.engine_load import read_load, together

FIRST = {
    "sequences_running_mean": 10.0, "sequences_running_most": 20.0, "sequences_waiting_most": 0.0,
    "kv_cache_used_mean": 0.2, "kv_cache_used_most": 0.3, "preemptions": 0.0,
}  # fmt: skip
SECOND = {
    "sequences_running_mean": 20.0, "sequences_running_most": 32.0, "sequences_waiting_most": 9.0,
    "kv_cache_used_mean": 0.6, "kv_cache_used_most": 1.0, "preemptions": 12.0,
}  # fmt: skip


def test_preemptions_are_of_all_and_the_rest_of_one() -> None:
    assert together([FIRST, SECOND, {}, {"other_ms": 1.0}]) == {
        "sequences_running_mean": 15.0, "sequences_running_most": 32.0,
        "sequences_waiting_most": 9.0, "kv_cache_used_mean": 0.4, "kv_cache_used_most": 1.0,
        "preemptions": 12.0,
    }  # fmt: skip


def test_one_alone_is_as_it_is_and_nothing_is_nothing() -> None:
    assert together([FIRST]) == FIRST
    assert together([]) == together([{}]) == {}


def test_a_line_without_a_replica_is_of_the_only_one(tmp_path: Path) -> None:
    path = tmp_path / "engine.jsonl"
    path.write_text(
        '{"monotonic_ns":1,"running":2,"waiting":3,"kv_cache_used":0.5,"preemptions":4}\n'
    )
    (found,) = read_load(path)
    assert (found.replica, found.running) == (0, 2)
