from __future__ import annotations

import importlib.metadata

import pytest

from sut.config import rounds as rules
from sut.config.between_fields import check_loadgen
from sut.config.names import Scenario
from sut.config.rounds import SubmissionRules, load_round
from sut.config.shipped import round_names
from sut.errors import ConfigError
from tests.unit.config.loadgen_probe import settings_of

WITH_MODEL = ("v5.1", "v6.0", "v6.1")
# Reference scores of the checker's tuples (constants.py), in its own order.
REFERENCE = {
    "llama3.1-8b": (38.7792, 15.9075, 24.4957, 35.793, 8167644),
    "llama3.1-8b-edge": (39.06, 16.1147, 24.6375, 36.124, 3051113),
}


def test_the_rounds_are_those_of_the_contract():
    assert round_names() == ["v5.0", "v5.1", "v6.0", "v6.1"]


@pytest.mark.parametrize("name", round_names())
def test_every_figure_of_a_round_has_a_source(name):
    round_rules = load_round(name)
    named = " ".join(round_rules.sources)
    groups = ["loadgen_versions", "seeds"]
    if round_rules.benchmarks:
        groups += [
            "min_duration_ms",
            "min_query_count",
            "latency_percentile",
            "ttft_limit_ms",
            "tpot_limit_ms",
            "dataset_count",
            "max_tokens",
            "accuracy_min",
            "accuracy_max",
            "compliance_tests",
            "required",
            "one_of",
        ]
    assert [group for group in groups if group not in named] == []


@pytest.mark.parametrize("name", WITH_MODEL)
@pytest.mark.parametrize("benchmark", REFERENCE)
def test_accuracy_bounds_are_the_checkers_products(name, benchmark):
    bounds = load_round(name).benchmarks[benchmark]
    *scores, characters = REFERENCE[benchmark]
    assert list(bounds.accuracy_min.values()) == pytest.approx(
        [score * 0.99 for score in scores] + [characters * 0.9], rel=1e-12
    )
    assert list(bounds.accuracy_min) == ["ROUGE1", "ROUGE2", "ROUGEL", "ROUGELSUM", "GEN_LEN"]
    assert bounds.accuracy_max == pytest.approx({"GEN_LEN": characters * 1.1}, rel=1e-12)


@pytest.mark.parametrize("name", WITH_MODEL)
def test_scenarios_and_compliance_tests(name):
    datacenter = load_round(name).benchmarks["llama3.1-8b"]
    edge = load_round(name).benchmarks["llama3.1-8b-edge"]
    assert set(datacenter.scenarios) == {"Offline", "Server", "Interactive"}
    assert (datacenter.required, datacenter.one_of) == (("Offline",), ("Server", "Interactive"))
    assert set(edge.scenarios) == set(edge.required) == {"Offline", "SingleStream"}
    assert (datacenter.compliance_tests, edge.compliance_tests) == (("TEST06",), ())


@pytest.fixture(scope="module")
def installed_round():
    installed = importlib.metadata.version("mlcommons-loadgen")
    for name in round_names():
        try:
            check_loadgen(load_round(name), installed)
        except ConfigError:
            continue
        return load_round(name)
    return pytest.fail(f"no round claims the installed LoadGen {installed}")


@pytest.mark.parametrize("benchmark", REFERENCE)
@pytest.mark.parametrize("scenario", list(Scenario))
def test_the_installed_loadgen_agrees(installed_round, benchmark, scenario, tmp_path):
    bench = installed_round.benchmarks[benchmark]
    if scenario not in bench.scenarios:
        return
    rule = bench.scenarios[scenario]
    took = settings_of("", rule.loadgen_model, scenario.loadgen_scenario, tmp_path)

    assert took["returned"] == 0
    for seed in ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed"):
        assert took[seed] == getattr(installed_round.seeds, seed)
    assert took["min_duration_ms"] == rule.min_duration_ms
    assert took["min_query_count"] == rule.min_query_count
    assert took["performance_sample_count_override"] == bench.dataset_count
    assert took["use_token_latencies"] is True
    assert took["sample_concatenate_permutation"] is True
    if scenario.loadgen_scenario == "Server":
        assert took["ttft_latency"] == rule.ttft_limit_ms * 1e6
        assert took["tpot_latency"] == rule.tpot_limit_ms * 1e6
        assert took["server_target_latency_percentile"] * 100 == rule.latency_percentile
    if scenario is Scenario.SINGLE_STREAM:
        assert took["single_stream_target_latency_percentile"] * 100 == rule.latency_percentile


@pytest.mark.parametrize("benchmark", REFERENCE)
def test_v5_0_says_why_it_lacks_the_model(benchmark):
    with pytest.raises(ConfigError, match=r"entered MLPerf Inference in v5\.1"):
        load_round("v5.0").benchmark(benchmark)


def test_a_datacenter_benchmark_lends_single_stream_from_its_edge_twin():
    name, bench, rule = load_round("v6.1").scenario_rules("llama3.1-8b", Scenario.SINGLE_STREAM)
    assert (name, bench.dataset_count, rule.loadgen_model) == (
        "llama3.1-8b-edge",
        5000,
        "llama3_1-8b-edge",
    )


def test_the_edge_benchmark_has_no_server():
    with pytest.raises(ConfigError, match=r"Server is not one of llama3.1-8b-edge in round v6.1"):
        load_round("v6.1").scenario_rules("llama3.1-8b-edge", Scenario.SERVER)


@pytest.mark.parametrize(
    ("name", "fits", "too_old", "too_new"),
    [
        ("v5.0", ["5.0.9", "5.0.21"], "5.0.8", "5.0.22"),
        ("v5.1", ["5.0.22", "5.0.25", "5.1.2", "6.0.4"], "5.0.21", "6.0.5"),
        # 6.0.10 lies between 6.0.5 and 6.0.15 as a version, and not as text.
        ("v6.0", ["6.0.5", "6.0.10", "6.0.15"], "6.0.4", "6.0.16"),
        ("v6.1", ["6.0.16", "6.0.17"], "6.0.15", "6.0.18"),
    ],
)
def test_loadgen_versions_are_compared_as_versions(name, fits, too_old, too_new):
    round_rules = load_round(name)
    for version in fits:
        check_loadgen(round_rules, version)
    check_loadgen(round_rules, round_rules.loadgen_install)
    for version in (too_old, too_new, "unknown"):
        with pytest.raises(ConfigError) as refused:
            check_loadgen(round_rules, version)
        assert version in refused.value.message
        assert f"mlcommons-loadgen=={round_rules.loadgen_install}" in str(refused.value)


def test_a_missing_loadgen_names_the_release_to_install():
    with pytest.raises(ConfigError, match=r"not installed.*mlcommons-loadgen==6\.0\.17"):
        check_loadgen(load_round("v6.1"), None)


def test_no_figure_is_lost_between_the_rounds_with_the_model():
    first, *others = (load_round(name).benchmarks for name in WITH_MODEL)
    assert all(other == first for other in others)
    assert rules.load_round("v6.1").seeds.schedule_rng_seed == 16159082839903944936


def submission(name: str) -> SubmissionRules:
    found = load_round(name).submission
    assert found is not None
    return found


def test_a_round_without_the_model_has_no_form_of_a_submission():
    assert load_round("v5.0").submission is None


@pytest.mark.parametrize("name", WITH_MODEL)
def test_every_part_of_a_rounds_submission_has_a_source(name):
    named = " ".join(load_round(name).sources).replace(",", " ").split()
    parts = set(SubmissionRules.model_fields) - {"checker_version"}
    assert sorted(parts - set(named)) == []


@pytest.mark.parametrize("name", WITH_MODEL)
def test_a_systems_json_has_35_keys_of_which_9_may_be_empty(name):
    system = submission(name).system
    keys = (*system.must_be_filled, *system.may_be_empty)
    assert (len(keys), len(set(keys)), len(system.may_be_empty)) == (35, 35, 9)
    assert set(system.integers) <= set(system.must_be_filled)


def test_the_old_layout_has_folders_of_its_own_and_the_new_one_has_not():
    old, new = submission("v5.1"), submission("v6.1")
    assert old.folders == (
        "systems", "code", "documentation", "measurements", "results", "compliance"
    )  # fmt: skip
    assert new.folders == ("systems", "src", "documentation", "results")
    assert old.layout.measurements_file == "{system}_{implementation}_{scenario}.json"
    assert new.layout.measurements_file == "measurements.json"
    assert submission("v6.0") == new.model_copy(update={"checker_version": "v6.0"})


@pytest.mark.parametrize("name", WITH_MODEL)
def test_every_metric_has_its_pattern_and_every_test_its_lines(name):
    rules, form = load_round(name), submission(name)
    for benchmark in rules.benchmarks.values():
        assert set(benchmark.accuracy_min) <= set(form.accuracy_patterns)
        assert set(benchmark.compliance_tests) <= set(form.compliance_lines)
    log = form.accuracy_log
    assert 2 * log.kept_characters + len(log.separator) == 8199 <= log.max_bytes
