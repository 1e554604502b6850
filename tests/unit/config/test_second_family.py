"""Another model's benchmark is two files of YAML: what it is, and what its round asks."""

from __future__ import annotations

import pytest

from audit.bounds import of_benchmark
from sut.accuracy.judge import judge, round_yardstick, verdict
from sut.accuracy.scores import Scores
from sut.accuracy.targets import for_count
from sut.config import official as officials
from sut.config.names import Scenario
from sut.config.rounds import load_round
from sut.errors import ConfigError
from sut.plan.run_plan import plan_runs
from tests.unit.config.support import loaded, written

MODEL = """\
model:
  name: llama2-70b
  path: meta-llama/Llama-2-70b-chat-hf
  benchmark: llama2-70b-99
  official: true
  context_tokens: 4096
  vocab_size: 32000
  eos_token_ids: [2]
  prompt_format: chat
recognised_by:
  must_say:
    hidden_size: 8192
    num_hidden_layers: 80
"""
ROUND = """\
name: v7.0
extends: v6.1
loadgen_versions: ["7.0.0", "7.0.1"]
loadgen_install: "7.0.1"
seeds:
  qsl_rng_seed: 1
  sample_index_rng_seed: 2
  schedule_rng_seed: 3
benchmarks:
  llama2-70b-99:
    system_type: datacenter
    dataset: OpenOrca
    dataset_count: 24576
    max_tokens: 1024
    min_tokens: 1
    scenarios:
      Offline:
        loadgen_model: llama2-70b
        min_duration_ms: 600000
        min_query_count: 24576
        latency_percentile: 90
      Server:
        loadgen_model: llama2-70b
        min_duration_ms: 600000
        min_query_count: 100
        latency_percentile: 99
        ttft_limit_ms: 2000
        tpot_limit_ms: 200
    required: [Offline]
    scorer: rouge
    accuracy_min:
      ROUGE1: 43.98689
      ROUGE2: 21.814847
      ROUGEL: 28.330038
      TOKENS_PER_SAMPLE: 265.005
    accuracy_max:
      TOKENS_PER_SAMPLE: 323.895
    compliance_tests: [TEST06]
    aliases: [llama2-70b]
"""


@pytest.fixture
def family(conf_root):
    (conf_root / "models" / "llama2-70b.yaml").write_text(MODEL)
    (conf_root / "rounds" / "v7.0.yaml").write_text(ROUND)
    return load_round("v7.0")


def test_its_runs_are_planned(family):
    flags = ("--model", "llama2-70b", "--round", "v7.0", "--profile", "mlperf")
    result = loaded(*flags, "--dataset", "synthetic", "--mode", "all")
    assert result.config.generation.max_tokens == 1024
    plans = plan_runs(result.config, family, 24576)
    assert {plan.loadgen_model for plan in plans} == {"llama2-70b"}
    assert [str(plan.run) for plan in plans if plan.run.test] == ["Offline TEST06", "Server TEST06"]


def test_its_prompt_is_held_like_any_official_models(family):
    with pytest.raises(ConfigError, match=r"official model is\s+asked with chat"):
        loaded(
            *("--model", "llama2-70b", "--round", "v7.0"),
            *("--set", "model.prompt_format=llama3.1-8b-cnn"),
        )


def test_its_own_metrics_are_judged(family):
    yardstick, notes = for_count(family, 24576)
    assert yardstick is not None
    assert (yardstick.name, notes) == ("round v7.0, llama2-70b-99", [])
    rouge = {"ROUGE1": 44.4, "ROUGE2": 22.0, "ROUGEL": 28.6, "ROUGELSUM": None}
    yardstick = round_yardstick("v7.0", "llama2-70b-99", family.benchmarks["llama2-70b-99"])
    for tokens, passed in ((294.45, True), (264.9, False), (324.0, False)):
        scores = Scores(values=rouge, characters=None, gen_num=24576, tokens_per_sample=tokens)
        assert verdict(judge(scores, yardstick), yardstick) == (True, passed)


def test_foreign_logs_and_trees_of_it_are_read_by_its_own_ids(family):
    assert of_benchmark("llama2-70b-99", "v7.0").eos_token_ids == (2,)
    assert of_benchmark("llama2-70b-99", "v7.0").max_tokens == 1024
    assert family.id_of("llama2-70b") == "llama2-70b-99"
    assert family.id_of("llama3_1-8b") == "llama3.1-8b"
    with pytest.raises(ConfigError, match="has no model of its own"):
        of_benchmark("gptj")


OWN = """\
model:
  name: own
  path: own/weights
  official: false
  context_tokens: 4096
  vocab_size: 32000
  eos_token_ids: [2]
"""


def test_a_model_that_names_no_benchmark_takes_the_rounds_and_its_prompt(family, tmp_path):
    found = loaded("--model", written(tmp_path, OWN))
    assert found.config.model.benchmark == "llama3.1-8b"
    assert found.config.model.prompt_format == "llama3.1-8b-cnn"
    assert found.config.model.loadgen_model == "llama3_1-8b"
    assert found.origins["model.benchmark"].startswith("user_confs/rounds/v6.1.yaml:")
    assert found.origins["model.prompt_format"].startswith("user_confs/models/llama3.1-8b.yaml:")
    text = f"{OWN}  benchmark: llama2-70b-99\n"
    found = loaded("--model", written(tmp_path, text), "--round", "v7.0")
    assert found.config.model.prompt_format == "chat"
    assert found.config.model.loadgen_model == "llama2-70b"


def test_a_benchmark_is_lent_scenarios_by_the_one_that_it_names(family):
    with pytest.raises(ConfigError, match="SingleStream is not one of llama2-70b-99"):
        family.scenario_rules("llama2-70b-99", Scenario.SINGLE_STREAM)
    lent = family.benchmarks["llama2-70b-99"].model_copy(update={"edge": "llama3.1-8b-edge"})
    rules = family.model_copy(update={"benchmarks": family.benchmarks | {"llama2-70b-99": lent}})
    found, _, _ = rules.scenario_rules("llama2-70b-99", Scenario.SINGLE_STREAM)
    assert found == "llama3.1-8b-edge"


def test_weights_are_those_of_the_benchmarks_that_their_file_names(family, conf_root):
    assert [each.name for each in officials.of_benchmark("llama3.1-8b-edge")] == ["llama3.1-8b"]
    assert officials.of_benchmark("llama2-70b-99-edge") == []
