"""What a Server or Interactive run that missed its limits is told: the rate to try, or why none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sut.advice.load import load_of
from tests.unit.advice.advised import (
    MS,
    S,
    arrivals_ns,
    judged,
    ledger,
    one_server,
    said_of_rate,
    server,
    value,
)

# Server and Interactive


def test_a_rate_beyond_what_was_completed_is_lowered_to_four_fifths_of_that(
    tmp_path: Path,
) -> None:
    table = one_server(arrivals_ns(20.0, 1200), served_per_s=5.0)
    (sentence,) = said_of_rate(server(tmp_path, table, asked=20.0))
    assert sentence == (
        "The rate was too high: 20 queries/s were asked for, 5 were answered and the others "
        "waited longer and longer. Try --set server.target_qps=3.9."
    )


@pytest.mark.parametrize("over", [1.3, 2.0, 5.0, 40.0])
def test_the_advised_rate_is_one_the_system_holds(tmp_path: Path, over: float) -> None:
    """Down to a rate at which the queue of one server stays within the limit."""
    asked, held = 6.0 * over, False
    for step in range(4):
        table = one_server(arrivals_ns(asked, 400), served_per_s=6.0)
        evidence = server(tmp_path / str(step), table, asked=asked)
        held = all(each.passed for each in judged(evidence) if each.rule in ("ttft", "tpot"))
        if held:
            break
        (sentence,) = said_of_rate(evidence)
        wanted = value(sentence, "server.target_qps")
        assert wanted < asked
        asked = wanted
    assert held
    assert asked >= 0.3 * 6.0, "not far below what it holds"


def test_a_limit_missed_without_a_queue_lowers_the_rate_by_how_far_it_was_missed(
    tmp_path: Path,
) -> None:
    """Two in three answers are slower than the limit, the fastest are not."""
    issued = arrivals_ns(4.0, 300)
    tpot = np.where(np.arange(300) % 3 > 0, 160 * MS, 40 * MS)
    evidence = server(tmp_path, ledger(issued, 100 * MS, tpot), asked=4.0)
    (sentence,) = said_of_rate(evidence)
    assert sentence == (
        "The rate was too high: at 4 queries/s TPOT P95 was 160 ms, and the limit is 100 ms. "
        "Try --set server.target_qps=2.4."
    )


def test_interactive_has_its_own_flag_and_enough_queries_for_its_percentile(
    tmp_path: Path,
) -> None:
    issued = arrivals_ns(4.0, 300)
    ttft = np.where(np.arange(300) % 3 > 0, 2000 * MS, 40 * MS)
    evidence = server(
        tmp_path, ledger(issued, ttft, 10 * MS), asked=4.0, name="interactive",
        latency_percentile=99, ttft_limit_ms=500, tpot_limit_ms=30,
    )  # fmt: skip
    (sentence,) = said_of_rate(evidence)
    assert value(sentence, "interactive.target_qps") == pytest.approx(0.3 * 4.0, rel=0.1)
    assert value(sentence, "interactive.min_query_count") == 460


@pytest.mark.parametrize(
    ("ttft_ms", "tpot_ms", "words"),
    [
        (2500, 10, "had a TTFT of 2,500 ms, and the limit is 2,000 ms. Only a faster machine"),
        (10, 150, "had a TPOT of 150 ms, and the limit is 100 ms. Only a faster machine"),
    ],
)
def test_where_even_one_query_alone_is_too_slow_no_rate_is_advised(
    tmp_path: Path, ttft_ms: int, tpot_ms: int, words: str
) -> None:
    table = ledger(arrivals_ns(1.0, 120), ttft_ms * MS, tpot_ms * MS)
    (sentence,) = said_of_rate(server(tmp_path, table, asked=1.0))
    assert sentence.startswith("No rate helps: even the fastest of 120 queries")
    assert words in sentence
    assert "target_qps" not in sentence


def test_our_own_end_to_end_limit_is_named_as_ours(tmp_path: Path) -> None:
    table = ledger(arrivals_ns(1.0, 120), 100 * MS, 50 * MS)
    evidence = server(tmp_path, table, asked=1.0, e2e_p99_limit_ms=1000)
    (sentence,) = said_of_rate(evidence)
    assert "a latency of 1,700 ms, and the limit is 1,000 ms. It is a check of ours" in sentence
    assert value(sentence, "server.e2e_p99_limit_ms") == 2200


def test_slow_answers_out_of_a_growing_queue_are_no_proof_against_every_rate(
    tmp_path: Path,
) -> None:
    """All share a full batch there: alone, a query may be ten times as fast."""
    issued = arrivals_ns(20.0, 1200)
    waiting = np.linspace(0, 200, 1200) * S
    table = ledger(issued, waiting, 150 * MS)
    (sentence,) = said_of_rate(server(tmp_path, table, asked=20.0))
    assert sentence.startswith("The rate was too high")


@pytest.mark.parametrize(("e2e_ms", "share"), [(8000, 0.8), (2400, 0.5), (1000, 0.3)])
def test_in_a_growing_queue_an_end_to_end_limit_counts_from_the_first_token_on(
    tmp_path: Path, e2e_ms: int, share: float
) -> None:
    """4.8 s of each latency are answering, up to 200 s are waiting."""
    issued = arrivals_ns(20.0, 1200)
    table = ledger(issued, np.linspace(0, 200, 1200) * S, 150 * MS)
    evidence = server(tmp_path, table, asked=20.0, tpot_limit_ms=1000, e2e_p99_limit_ms=e2e_ms)
    completed = evidence.figures.completed_samples_per_second
    assert completed is not None
    (sentence,) = said_of_rate(evidence)
    wanted = value(sentence, "server.target_qps")
    assert wanted == pytest.approx(share * completed, rel=0.1)


def test_a_percentile_that_loadgen_does_not_print_is_taken_from_the_ledger(
    tmp_path: Path,
) -> None:
    issued = arrivals_ns(4.0, 300)
    tpot = np.where(np.arange(300) % 3 > 0, 160 * MS, 40 * MS)
    evidence = server(tmp_path, ledger(issued, 10 * MS, tpot), asked=4.0, latency_percentile=80)
    sentence = said_of_rate(evidence)[0]
    assert "TPOT P80 was 160 ms, and the limit is 100 ms" in sentence


def test_long_answers_in_a_short_run_are_no_growing_queue() -> None:
    """10 s an answer, 60 s of arrivals: completed/scheduled is 0.86 and nothing waits."""
    for seed in range(40):
        load = load_of(ledger(arrivals_ns(1.0, 60, seed), 100 * MS, 300 * MS))
        assert load is not None
        assert not load.overloaded, seed


@pytest.mark.parametrize("over", [1.5, 3.0])
def test_a_system_that_falls_behind_is_seen(over: float) -> None:
    for seed in range(20):
        load = load_of(one_server(arrivals_ns(over * 5, 300, seed), served_per_s=5.0))
        assert load is not None
        assert load.overloaded, seed
        assert not load_of(one_server(arrivals_ns(2.0, 300, seed), 5.0)).overloaded  # type: ignore[union-attr]


def too_few(tmp_path: Path, text: str, issued: int, percentile: float = 99.0) -> list[str]:
    table = ledger(arrivals_ns(2.0, issued), 10 * MS, 10 * MS)
    evidence = server(tmp_path, table, asked=2.0, latency_percentile=percentile)
    assert evidence.logs is not None
    figures = replace(
        evidence.logs.figures, performance_constraints_met=True, early_stopping_met=False
    )
    values = evidence.logs.detail.values | {"early_stopping_ttft_result": text}
    detail = replace(evidence.logs.detail, values=values)
    logs = replace(evidence.logs, detail=detail, figures=figures)
    return said_of_rate(replace(evidence, logs=logs))


MORE = (
    " * Run unsuccessful.  * Processed {0} queries.  * Would need to run at least {1} more "
    "queries,  with the run being successful if every additional  query were under latency."
)


def test_too_few_queries_for_the_percentile_says_how_many(tmp_path: Path) -> None:
    assert too_few(tmp_path, MORE.format(100, 359), 100) == [
        "Too few queries for the 99th percentile: the run had 100, and LoadGen wants 459. Try "
        "--set server.min_query_count=460."
    ]


def test_more_of_the_same_share_over_the_limit_is_counted_in(tmp_path: Path) -> None:
    """1 of 500 over it: 662 would do if no other were, but the second comes by then."""
    (sentence,) = too_few(tmp_path, MORE.format(500, 162), 500)
    assert "had 500 with 1 of them over a limit, and LoadGen wants 662" in sentence
    assert value(sentence, "server.min_query_count") == 840


def test_too_many_over_the_limit_ask_for_a_lower_rate(tmp_path: Path) -> None:
    (sentence,) = too_few(tmp_path, MORE.format(200, 638), 200)  # 2 of 200 is the 99th itself
    assert value(sentence, "server.target_qps") == 1.6
    assert "min_query_count" not in sentence
