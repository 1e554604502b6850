"""Where replicas differ: pre-emptions of one among many are seen, and whose KV cache is small."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.config.names import Scenario
from sut.report.load_lines import busy, kv_tokens, preempted, replicas
from sut.result.build import build
from sut.result.schema import KvCache, ReplicaShare, RunResult
from tests.unit.result.sessions import make_session


def figures(preemptions: float) -> dict[str, float]:
    return {
        "sequences_running_mean": 14.9, "sequences_running_most": 23.0,
        "sequences_waiting_most": 2.0, "kv_cache_used_mean": 0.5, "kv_cache_used_most": 0.9,
        "preemptions": preemptions,
    }  # fmt: skip


def share(number: int, own: dict[str, float], samples: int = 100) -> ReplicaShare:
    return ReplicaShare(
        replica=str(number), samples=samples, share=0.125, tokens_out=10, failed=0,
        ended_before_last_s=0.0, engine_figures=own,
    )  # fmt: skip


def run_of(tmp_path: Path, *counts: float | None) -> RunResult:
    run = build(make_session(tmp_path, "offline")).scenarios[Scenario.OFFLINE]
    counted = [each for each in counts if each is not None]
    changes = {
        "replicas": [
            share(number, {} if count is None else figures(count))
            for number, count in enumerate(counts)
        ],
        "engine_figures": figures(sum(counted)),
        "queries": run.queries.model_copy(update={"issued": 100 * len(counts)}),
    }
    return run.model_copy(update=changes)


def test_one_replica_of_eight_that_pre_empts_is_named_though_all_together_do_it_seldom(
    tmp_path: Path,
) -> None:
    run = run_of(tmp_path, 0, 0, 0, 7, 0, 0, 0, 0)
    found = preempted(run)
    assert found is not None
    assert found.share < 0.01
    assert not found.few, "7 % of its own samples are worth a word"
    text = "\n".join(busy(run))
    assert "their work was done twice" in text
    assert "most on replica 3: 7 (7.0% of its samples)" in text
    assert "sequences at once of a replica" in text
    lines = "\n".join(replicas(run))
    assert lines.count("0 pre-emptions, 14.9 sequences on average, 23 at most") == 7
    assert "7 pre-emptions, 14.9 sequences on average" in lines
    assert "KV cache 50% in use on average, 90% at most" in lines


def test_none_is_the_most_where_none_pre_empted_or_one_alone_told(tmp_path: Path) -> None:
    for name, counts in (("none", (0.0, 0.0)), ("alone", (5.0, None))):
        run = run_of(tmp_path / name, *counts)
        assert "most on replica" not in "\n".join(busy(run))


def test_a_replica_that_told_nothing_says_so_beside_others_that_did(tmp_path: Path) -> None:
    text = "\n".join(replicas(run_of(tmp_path, 0, 0, None)))
    assert "told nothing of its load" in text


def test_replicas_without_a_word_of_load_have_one_line_each(tmp_path: Path) -> None:
    run = run_of(tmp_path, None, None)
    assert len(list(replicas(run))) == 2
    assert preempted(run.model_copy(update={"engine_figures": {}})) is None


@pytest.mark.parametrize(
    ("each", "told", "said"),
    [
        ([], 900, "900 by the engine"),
        ([900], 900, "900 by the engine"),
        ([], None, "not measured by the engine"),
        ([900, 900], 900, "900 by the engine of each of 2 replicas"),
        ([900, 850, 910], 850, "850 (replica 1) to 910 by the engines of 3 replicas"),
        ([900, None, 910], None, "not measured by the engine of replica 1"),
    ],
)
def test_the_least_kv_cache_is_named(each: list[int | None], told: int | None, said: str) -> None:
    cache = KvCache(
        planned_tokens=900, told_tokens=told, told_by_replica=each, told_over_planned=None,
        queries_at_once=9,
    )  # fmt: skip
    assert kv_tokens(cache) == said
