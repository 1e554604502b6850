"""What an INVALID run is told to change: cause, flag and value, and when nothing is said."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from sut.advice.load import load_of
from sut.advice.remedies import ERRORS, SIZE_OR_RATE, advice
from sut.advice.server_remedies import KINDS
from sut.config.names import Scenario
from sut.config.schema import NullConfig, ServerConfig, SingleStreamConfig
from sut.logs.detail import MessageGroup
from sut.logs.figures import Figures, Quantiles
from sut.logs.run_logs import read_logs
from sut.plan.forecast import forecast
from sut.record.facts import RunFacts, SessionFacts
from sut.record.ledger_file import COLUMNS, read_ledger
from sut.result.build import build
from sut.rules.case import run_case
from sut.rules.catalogue import VALID, judge
from sut.rules.check import Check
from sut.rules.demands import run_demands
from sut.rules.evidence import Evidence
from tests.unit.result.sessions import (
    NAMES,
    dump,
    edit,
    make_accuracy,
    make_config,
    make_round,
    make_run,
    make_session,
    make_session_facts,
)

MS, S = 1_000_000, 1_000_000_000


def evidence_of(tmp_path: Path, name: str, *, figures: dict[str, Any], **config: Any) -> Evidence:
    """A recording's evidence with some of LoadGen's figures, under another configuration."""
    root = make_session(tmp_path, name)
    folder = root / NAMES[name][0] / NAMES[name][1]
    logs = read_logs(folder)
    logs = replace(logs, figures=replace(logs.figures, **figures))
    return Evidence(
        config=make_config((name,), **config),
        session=SessionFacts.model_validate(make_session_facts()),
        run=RunFacts.model_validate(make_run(folder, *NAMES[name])),
        directory=folder,
        logs=logs,
        logs_problem=None,
        ledger=read_ledger(folder / "ledger.parquet"),
        round=make_round(),
    )


def judged(evidence: Evidence) -> list[Check]:
    """What depends on size and rate; the recordings were asked for other limits."""
    names = [each for each in VALID if each in {*SIZE_OR_RATE, *ERRORS, "min-queries"}]
    return judge(names, run_case(evidence, run_demands(evidence)), "performance")


def said(evidence: Evidence) -> str:
    (sentence,) = advice(evidence, judged(evidence))
    return sentence


def value(sentence: str, key: str) -> float:
    found = re.search(rf"--set {re.escape(key)}=([0-9.]+[0-9]|[0-9])", sentence)
    assert found is not None, sentence
    return float(found[1])


# Offline


def offline(tmp_path: Path, rate: float, lasted_s: float, asked: float, **more: Any) -> Evidence:
    sized = {"target_qps": asked, "min_query_count": 1, "min_duration_s": 60.0}
    return evidence_of(
        tmp_path,
        "offline",
        figures={
            "valid": False,
            "min_duration_met": False,
            "samples_per_second": rate,
            "latency": Quantiles(max_ns=int(lasted_s * S)),
        },
        offline=sized | more.pop("offline", {}),
        **more,
    )


def test_an_offline_run_too_fast_for_its_minimum_is_told_the_rate_to_be_sized_for(
    tmp_path: Path,
) -> None:
    assert said(offline(tmp_path, 17.2, 41.0, 10.0)) == (
        "The run lasted 41 s of the 60 s it must: this system answers 17.2 samples/s and the run "
        "was sized for 10. Try --set offline.target_qps=19 (1296 samples, about 75 s)."
    )


@pytest.mark.parametrize("rate", [0.31, 7.7, 17.2, 99.0, 1234.5])
@pytest.mark.parametrize("copy", [1, 48])
def test_the_next_run_at_the_measured_rate_lasts_long_enough_and_not_twice_so(
    tmp_path: Path, rate: float, copy: int
) -> None:
    """A run of whole copies of the data set is rounded up by LoadGen: that counts, too."""
    evidence = offline(tmp_path, rate, 40.0, rate / 2, loadgen={"performance_sample_count": copy})
    wanted = value(said(evidence), "offline.target_qps")
    changed = evidence.config.offline.model_copy(update={"target_qps": wanted})
    config = evidence.config.model_copy(update={"offline": changed})
    samples = forecast(config, Scenario.OFFLINE, 48, make_round()).queries_expected
    assert 1.25 * 60 <= samples / rate <= 1.45 * 60 + copy / rate
    assert wanted == float(f"{wanted:.2g}") >= rate


def test_a_whole_copy_that_lasts_long_enough_needs_no_higher_rate(tmp_path: Path) -> None:
    evidence = offline(tmp_path, 0.31, 20.0, 0.1, loadgen={"performance_sample_count": 48})
    assert "offline.target_qps=0.31 (48 samples, about 150 s)" in said(evidence)


def test_after_a_run_of_moments_the_value_is_called_uncertain(tmp_path: Path) -> None:
    assert said(offline(tmp_path, 100.0, 5.0, 10.0)).endswith("it may take a second try.")
    assert not said(offline(tmp_path / "b", 100.0, 7.0, 10.0)).endswith("second try.")


def test_no_rate_makes_the_null_engine_last(tmp_path: Path) -> None:
    engine = {"kind": "null", "null": NullConfig()}
    sentence = said(offline(tmp_path, 9000.0, 0.1, 10.0, engine=engine))
    assert sentence.endswith("in the same time. Try --set offline.min_duration_s=0.")
    strict = offline(tmp_path / "b", 9000.0, 0.1, 10.0, engine=engine, profile="mlperf")
    (sentence,) = said_of_rate(strict)
    assert sentence.endswith("Leave out --engine null.")


# SingleStream


def single_stream(tmp_path: Path, each_ms: float, **config: Any) -> Evidence:
    """192 queries; the run was to last 60 s."""
    evidence = evidence_of(
        tmp_path,
        "singlestream",
        figures={
            "valid": False,
            "min_duration_met": False,
            "samples_per_second_with_overhead": 1000 / each_ms,
        },
        single_stream=SingleStreamConfig(min_duration_s=60, min_query_count=96),
        **config,
    )
    assert evidence.logs is not None
    text = "Ending early: Ran out of generated queries to issue before the minimum query count"
    errors = (MessageGroup("error_runtime", text, 1, 1),)
    detail = replace(evidence.logs.detail, errors=errors)
    return replace(evidence, logs=replace(evidence.logs, detail=detail))


def test_a_single_stream_run_out_of_queries_is_told_the_latency_to_expect(
    tmp_path: Path,
) -> None:
    assert said(single_stream(tmp_path, 218.0)) == (
        "The run lasted 41.6 s of the 60 s it must: this system takes 218 ms a query and was "
        "expected to take 1000. Try --set single_stream.target_latency_ms=210."
    )


def test_a_hint_below_a_millisecond_is_none_so_queries_are_asked_for(tmp_path: Path) -> None:
    """LoadGen takes whole milliseconds: int(0.1) ms would be no latency at all."""
    sentence = said(single_stream(tmp_path, 0.1))
    assert value(sentence, "single_stream.min_query_count") == 750000
    assert "target_latency_ms=1." in said(single_stream(tmp_path / "b", 1.9))


def test_any_other_error_of_loadgen_silences_the_advice(tmp_path: Path) -> None:
    evidence = single_stream(tmp_path, 218.0)
    assert evidence.logs is not None
    errors = (*evidence.logs.errors, MessageGroup("error_runtime", "completed twice", 1, 1))
    detail = replace(evidence.logs.detail, errors=errors)
    evidence = replace(evidence, logs=replace(evidence.logs, detail=detail))
    assert advice(evidence, judged(evidence)) == []


def test_a_single_stream_percentile_needs_64_queries(tmp_path: Path) -> None:
    evidence = evidence_of(
        tmp_path,
        "singlestream",
        figures={
            "valid": False,
            "early_stopping_met": False,
            "samples_per_second_with_overhead": 100.0,
        },
    )
    assert evidence.logs is not None
    values = evidence.logs.detail.values | {"result_query_count": 50}
    logs = replace(evidence.logs, detail=replace(evidence.logs.detail, values=values))
    evidence = replace(evidence, logs=logs)
    checks = [each for each in judged(evidence) if each.rule != "min-queries"]
    (sentence,) = advice(evidence, checks)
    assert sentence == (
        "Too few queries for the 90th percentile: LoadGen wants 64 and the run had 50. Try --set "
        "single_stream.min_query_count=64."
    )


# Server and Interactive


def ledger(issued_ns: npt.NDArray[np.int64], ttft_ns: Any, tpot_ns: Any, tokens: int = 33) -> Any:
    """A ledger of answers of one length, of queries that all succeeded."""
    first = issued_ns + np.broadcast_to(ttft_ns, issued_ns.shape).astype(np.int64)
    done = first + (np.broadcast_to(tpot_ns, issued_ns.shape) * (tokens - 1)).astype(np.int64)
    n = len(issued_ns)
    columns: dict[str, Any] = dict.fromkeys(COLUMNS, [None] * n)
    columns |= {
        "seq": range(n),
        "issued_ns": issued_ns,
        "first_token_ns": first,
        "done_ns": done,
        "tokens_out": [tokens] * n,
        "state": ["succeeded"] * n,
    }
    return pa.table({name: pa.array(column) for name, column in columns.items()})


def arrivals_ns(rate: float, count: int, seed: int = 7) -> npt.NDArray[np.int64]:
    gaps = np.random.default_rng(seed).exponential(1 / rate, count)
    return np.asarray(np.cumsum(gaps) * S, dtype=np.int64)


def one_server(issued_ns: npt.NDArray[np.int64], served_per_s: float) -> Any:
    """The ledger of a system that answers one query after the other."""
    service = int(S / served_per_s)
    done = np.empty_like(issued_ns)
    free = 0
    for number, issued in enumerate(issued_ns):
        free = max(free, int(issued)) + service
        done[number] = free
    ttft = done - issued_ns - service // 2
    return ledger(issued_ns, ttft, np.full(issued_ns.shape, service // 2 / 32))


def server(
    tmp_path: Path, table: Any, *, asked: float, name: str = "server", **limits: Any
) -> Evidence:
    """The evidence LoadGen would leave of a run with this ledger."""
    issued, done = (table[each].to_numpy() for each in ("issued_ns", "done_ns"))
    n = len(issued)
    times = {
        "latency": done - issued,
        "ttft": table["first_token_ns"].to_numpy() - issued,
        "tpot": (done - table["first_token_ns"].to_numpy()) // (table["tokens_out"].to_numpy() - 1),
    }
    kinds = {kind: _quantiles(values) for kind, values in times.items()}
    section = "interactive" if name == "interactive" else "server"
    rules = {"target_qps": asked, "min_query_count": 100, "latency_percentile": 95} | limits
    evidence = evidence_of(
        tmp_path,
        name,
        figures={
            "valid": False,
            "performance_constraints_met": False,
            "scheduled_samples_per_second": (n - 1) / ((issued[-1] - issued[0]) / S),
            "completed_samples_per_second": (n - 1) / ((done[-1] - issued[0]) / S),
            **kinds,
        },
        **{section: ServerConfig(min_duration_s=0, **rules)},
    )
    facts = evidence.run.ledger.model_copy(update={"issued": n})
    run = evidence.run.model_copy(update={"ledger": facts})
    return replace(evidence, ledger=table, run=run)


def _quantiles(values: npt.NDArray[np.int64]) -> Quantiles:
    ascending = np.sort(values)
    at = {each: int(ascending[int(len(values) * share)]) for each, share in SHARES.items()}
    return Quantiles(min_ns=int(ascending[0]), max_ns=int(ascending[-1]), **at)


SHARES = {"p50_ns": 0.5, "p90_ns": 0.9, "p95_ns": 0.95, "p97_ns": 0.97, "p99_ns": 0.99}


def rate_checks(evidence: Evidence) -> list[Check]:
    """What fails for the rate alone; counts of the recording do not matter here."""
    return [each for each in judged(evidence) if each.rule not in ("min-queries", "min-duration")]


def said_of_rate(evidence: Evidence) -> list[str]:
    return advice(evidence, rate_checks(evidence))


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
        (2500, 10, "had a TTFT of 2500 ms, and the limit is 2000 ms. Only a faster machine"),
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
    assert "a latency of 1700 ms, and the limit is 1000 ms. It is a check of ours" in sentence
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


# When nothing is said


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("server", {"engine_failure": "worker died"}),
        ("server", {"interrupted": True}),
        ("server", {"incidents": ["replica 1 was lost"]}),
        ("server", {"loadgen_returned": False, "loadgen_exit": "ended"}),
        ("offline", {"engine_failure": "worker died"}),
    ],
)
def test_after_a_crash_or_an_interruption_no_rate_is_advised(
    tmp_path: Path, name: str, changes: dict[str, Any]
) -> None:
    root = make_session(tmp_path, name, offline={"min_duration_s": 60.0, "target_qps": 400})
    folder = root / NAMES[name][0] / "performance"
    edit(folder / "run.json", **changes)
    (run,) = build(root, make_round()).scenarios.values()
    assert not run.valid
    assert run.advice == []


def test_a_check_that_nobody_foresaw_here_silences_the_advice(tmp_path: Path) -> None:
    """A clock that was set, say: what it measured is nothing to compute a rate from."""
    evidence = offline(tmp_path, 17.2, 41.0, 10.0)
    checks = judged(evidence)
    strange = checks[0].model_copy(
        update={"rule": "clock-steady", "measured": "set", "passed": False}
    )
    assert advice(evidence, checks) != []
    assert advice(evidence, [*checks, strange]) == []


def test_what_was_not_measured_is_nothing_to_advise_from(tmp_path: Path) -> None:
    evidence = replace(offline(tmp_path, 17.2, 41.0, 10.0), logs=None)
    assert evidence.figures == Figures()
    assert advice(evidence, judged(evidence)) == []
    whole = offline(tmp_path / "b", 17.2, 41.0, 10.0)
    checks = [
        each.model_copy(update={"measured": None}) if not each.passed else each
        for each in judged(whole)
    ]
    assert advice(whole, checks) == []


def test_a_valid_run_has_no_advice(tmp_path: Path) -> None:
    for name in NAMES:
        result = build(make_session(tmp_path / name, name), make_round())
        runs = [*result.scenarios.values(), *result.accuracy_runs.values()]
        assert [run.advice for run in runs] == [[]]


def test_every_rule_that_advice_knows_is_in_the_catalogue() -> None:
    """A rule of another id would silence the advice without a word."""
    assert {*SIZE_OR_RATE, *ERRORS, *KINDS, "answers-sound"} <= set(VALID)


# Accuracy


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ({"kind": "null"}, "leave out --engine null"),
        ({"vllm": {"load_format": "dummy"}}, "choose a --system and a --model with weights"),
        ({}, "Look at the weights in model.path"),
    ],
)
def test_alarms_that_fail_a_run_say_where_to_look(
    tmp_path: Path, engine: dict[str, Any], words: str
) -> None:
    root = make_session(tmp_path, "accuracy", engine=engine, validity={"alarms_fail": True})
    folder = root / "Offline" / "accuracy"
    dump(folder / "accuracy.json", make_accuracy(folder, problems=["all loop", "all alike"]))
    (sentence,) = build(root, make_round()).accuracy_runs[Scenario.OFFLINE].advice
    assert sentence.startswith("all loop; all alike. No working model answers so. ")
    assert words in sentence
