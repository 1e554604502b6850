"""What a round asks of a run, field by field; what it does not say is not known."""

from __future__ import annotations

from sut.config.names import Scenario
from sut.config.rounds import load_round
from sut.rules.demands import round_demands

ROUND = load_round("v6.1")
BENCHMARK = ROUND.benchmarks["llama3.1-8b"]
SERVER = BENCHMARK.scenarios[Scenario.SERVER]


def test_each_figure_is_the_rounds() -> None:
    asked = round_demands(ROUND, BENCHMARK, SERVER, {"effective_x": 1})
    assert (asked.origin, asked.round_name) == ("round v6.1", "v6.1")
    assert asked.seeds == ROUND.seeds.model_dump()
    assert asked.releases == ROUND.loadgen_versions
    assert (asked.min_duration_s, asked.min_samples) == (600.0, SERVER.min_query_count)
    assert (asked.percentile, asked.loadgen_model) == (99.0, "llama3_1-8b")
    assert asked.latency_limits_ms == {"TTFT": 2000, "TPOT": 100}
    assert (asked.dataset_count, asked.answers, asked.max_tokens) == (13368, 13368, 128)
    assert asked.accuracy_min == BENCHMARK.accuracy_min
    assert asked.accuracy_max == BENCHMARK.accuracy_max
    assert asked.settings == {"effective_x": 1}
    assert asked.fixed_settings == ROUND.fixed_settings


def test_of_an_unknown_benchmark_the_round_says_what_holds_for_all() -> None:
    asked = round_demands(ROUND, None, None)
    assert asked.latency_limits_ms == {"TTFT": None, "TPOT": None}
    for each in (
        asked.min_duration_s, asked.min_samples, asked.percentile, asked.dataset_count,
        asked.loadgen_model, asked.max_tokens, asked.answers, asked.accuracy_min,
    ):  # fmt: skip
        assert each is None
    assert (asked.accuracy_max, asked.settings) == ({}, {})
    assert asked.fixed_settings == ROUND.fixed_settings


def test_another_model_is_not_held_to_the_benchmarks_scores() -> None:
    asked = round_demands(ROUND, BENCHMARK, SERVER, own_model=False)
    assert (asked.accuracy_min, asked.accuracy_max) == (None, {})
    assert asked.dataset_count == 13368
