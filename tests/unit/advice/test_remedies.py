"""What an INVALID run is told to change: cause, flag and value, and when nothing is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sut.advice.remedies import ERRORS, SIZE_OR_RATE, advice
from sut.advice.server_remedies import KINDS
from sut.config.names import Scenario
from sut.config.scenario_sections import SingleStreamConfig
from sut.config.schema import NullConfig
from sut.logs.detail import MessageGroup
from sut.logs.figures import Figures
from sut.plan.forecast import forecast
from sut.result.build import build
from sut.rules.catalogue import VALID
from sut.rules.evidence import Evidence
from tests.unit.advice.advised import (
    evidence_of,
    judged,
    offline,
    said,
    said_of_rate,
    value,
)
from tests.unit.result.sessions import (
    NAMES,
    dump,
    edit,
    make_accuracy,
    make_round,
    make_session,
)

# Offline


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
        (
            {},
            "Look at the weights in model.path, engine.vllm.dtype, engine.vllm.quantization, "
            "engine.vllm.kv_cache_dtype, before anything is measured.",
        ),
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
