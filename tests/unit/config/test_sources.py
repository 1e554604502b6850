from __future__ import annotations

import json

import pytest

from sut.config.keys import leaves
from sut.config.names import Mode, Scenario
from sut.errors import ConfigError
from tests.unit.config.support import BARE, loaded, written


def line_of(path, text):
    lines = path.read_text().splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def refusal(*flags, **sources):
    with pytest.raises(ConfigError) as refused:
        loaded(*flags, **sources)
    assert "\n" not in str(refused.value)
    assert "pydantic" not in str(refused.value)
    assert refused.value.exit_code == 2
    return refused.value


def test_without_a_gpu_the_cpu_and_its_small_model():
    result = loaded()
    assert result.config.system.name == "cpu"
    assert result.config.model.name == "smollm2-135m"
    assert result.config.profile == "quick"
    assert result.config.round == "v6.1"


def test_with_an_nvidia_driver_the_a30_and_the_official_model():
    config = loaded(card="NVIDIA A30").config
    assert (config.system.platform, config.system.name) == ("cuda", "a30-bf16")
    assert config.model.official
    assert config.model.path == "meta-llama/Llama-3.1-8B-Instruct"


def test_a_control_node_without_a_gpu_does_not_choose_for_a_cluster():
    refused = refusal("--replicas", "all", "--address", "10.0.0.1:6379")
    assert refused.where == "--address"
    assert "10.0.0.1:6379" in refused.message
    assert "--system a30-bf16" in refused.remedy
    flags = ("--replicas", "all", "--address", "10.0.0.1:6379")
    assert loaded(*flags, "--system", "cpu").config.system.name == "cpu"
    assert loaded(*flags, card="NVIDIA A30").config.system.name == "a30-bf16"
    assert loaded(*flags, "--engine", "null").config.system.name == "cpu", "no model, no matter"


def test_every_key_has_an_origin():
    assert set(loaded().origins) == set(leaves())


def test_each_layer_wins_over_the_ones_below(tmp_path):
    own = written(tmp_path, "server:\n  target_qps: 3\n")
    conf = written(tmp_path, "*.Server.target_qps = 5\n", "user.conf")
    bare = written(tmp_path, BARE, "bare.yaml")
    environment = {"SERVER_TARGET_QPS": "4"}
    steps = [
        (("--system", bare), {}, 1.0, "default"),
        ((), {}, 2.0, "user_confs/systems/cpu.yaml:"),
        (("--config", own), {}, 3.0, f"{own}:2"),
        (("--config", own), environment, 4.0, "environment SERVER_TARGET_QPS"),
        (("--config", own, "--user-conf", conf), environment, 5.0, f"{conf}:1"),
        (
            ("--config", own, "--user-conf", conf, "--set", "server.target_qps=6"),
            environment,
            6.0,
            "--set server.target_qps",
        ),
    ]
    for flags, variables, value, origin in steps:
        result = loaded(*flags, environment=variables)
        assert result.config.server.target_qps == value
        assert result.origins["server.target_qps"].startswith(origin)


def test_a_set_wins_over_a_flag_of_its_own():
    result = loaded("--engine", "vllm", "--set", "engine.kind=null")
    assert result.config.engine.kind == "null"
    assert result.origins["engine.kind"] == "--set engine.kind"


def test_the_environment_of_the_contract():
    result = loaded(
        environment={
            "NODE_NAME": "node7",
            "MAX_TOKENS": "48",
            "SERVER_TARGET_QPS": "1.5",
            "OFFLINE_TARGET_QPS": "12",
            "HF_TOKEN": "hf_secret",
        }
    )
    config = result.config
    assert config.node_name == "node7"
    assert config.generation.max_tokens == 48
    assert (config.server.target_qps, config.offline.target_qps) == (1.5, 12.0)
    assert result.origins["offline.target_qps"] == "environment OFFLINE_TARGET_QPS"
    assert "hf_secret" not in config.model_dump_json() + json.dumps(result.origins)


def test_an_empty_variable_counts_as_not_set():
    assert loaded(environment={"MAX_TOKENS": " "}).config == loaded().config


def test_a_node_name_that_looks_like_a_number_stays_text():
    assert loaded(environment={"NODE_NAME": "007"}).config.node_name == "007"


def test_a_systems_overlay_applies_under_its_profile_alone():
    assert loaded().config.generation.max_tokens == 32
    mlperf = loaded("--profile", "mlperf", "--dataset", "synthetic").config
    assert mlperf.generation.max_tokens == 128


def test_shorthands_choose_system_model_and_data_set_from_a_file_too(tmp_path):
    own = written(tmp_path, "system: cpu-dummy\nmodel: smollm2-135m\ndataset: synthetic\n")
    config = loaded("--config", own).config
    assert (config.system.name, config.model.name) == ("cpu-dummy", "smollm2-135m")
    assert config.dataset.source == "synthetic"
    assert loaded("--config", own, "--system", "cpu").config.system.name == "cpu"


def test_profile_and_round_can_come_from_a_file(tmp_path):
    own = written(tmp_path, "profile: mlperf\nround: v6.0\ndataset: synthetic\n")
    result = loaded("--config", own)
    assert (result.config.profile, result.config.round) == ("mlperf", "v6.0")
    assert result.origins["round"] == f"{own}:2"
    # v6.0 extends v6.1, whose file says it.
    assert result.origins["server.min_duration_s"].startswith("user_confs/rounds/v6.1.yaml:")


def test_data_set_flags():
    assert loaded("--dataset", "cnn.json").config.dataset.source == "file"
    assert str(loaded("--dataset", "cnn.json").config.dataset.path) == "cnn.json"
    synthetic = loaded("--system", "cpu-dummy", "--dataset", "sample").config.dataset
    assert (synthetic.source, synthetic.path) == ("sample", None)


def test_scenarios_and_mode():
    config = loaded("--scenario", "server,single-stream", "--mode", "accuracy").config
    assert config.scenarios == (Scenario.SERVER, Scenario.SINGLE_STREAM)
    assert config.mode.modes == (Mode.ACCURACY,)
    spelled = loaded("--set", "scenarios=Offline, Server").config
    assert spelled.scenarios == (Scenario.OFFLINE, Scenario.SERVER)


def test_text_of_a_flag_means_what_it_means_in_yaml():
    config = loaded(
        "--set",
        "engine.vllm.enforce_eager=false",
        "--set",
        "engine.vllm.max_model_len=null",
        "--set",
        "server.e2e_p99_limit_ms=null",
        "--set",
        "model.revision=123",
    ).config
    assert config.engine.vllm.enforce_eager is False
    assert config.engine.vllm.max_model_len is None
    assert config.server.e2e_p99_limit_ms is None
    assert config.model.revision == "123"


def test_a_host_name_becomes_a_node_name_that_a_file_may_hold():
    from sut.config.sources import load

    config = load(environment={}, card=None, host_name="böx 1").config
    assert config.node_name == "b-x-1"


@pytest.mark.parametrize(
    ("text", "line", "complaint"),
    [
        ("server:\n  target_qsp: 3\n", 2, "The nearest is server.target_qps."),
        ("sever:\n  target_qps: 3\n", 2, "The nearest is server.target_qps."),
        (
            "server:\n  target_qps: -1\n",
            2,
            "target_qps is -1, must be greater than or equal to 0.000001.",
        ),
        ("server:\n  target_qps: quick\n", 2, "is quick, must be a valid number."),
        ("generation:\n  max_tokens: 12.5\n", 2, "generation.max_tokens is 12.5, must be a valid"),
        ("generation:\n  max_tokens: true\n", 2, "is true, must be a number or text"),
        ("generation:\n  max_tokens: yes\n", 2, "max_tokens is yes, must be a valid integer."),
        ("server:\n  min_duration_s: 10:00\n", 2, "is 10:00, must be a valid number."),
        ("server:\n  min_query_count: 0x10\n", 2, "is 0x10, must be a valid integer."),
        ("server: 3\n", 1, "server is 3, but it is a section."),
        ("system:\n  platform: gpu\n", 2, "system.platform is gpu, must be 'cpu' or 'cuda'."),
        ("scenarios: []\n", 1, "scenarios is [], must have at least 1 item"),
        ("node_name: a b\n", 1, "node_name is a b, must match pattern"),
        ("profile: fast\n", 1, "profile is fast, must be quick or mlperf."),
        ("round: v9.9\n", 1, "round v9.9 is unknown"),
        ("system: cpy\n", 1, "The nearest is cpu."),
        ("model: smollm\n", 1, "The nearest is smollm2-135m."),
        ("fixed: []\n", 1, "fixed is [], but there is no such key."),
    ],
)
def test_a_bad_file_names_line_key_and_value(text, line, complaint, tmp_path):
    own = written(tmp_path, text)
    refused = refusal("--config", own)
    assert refused.where == f"{own}:{line}"
    assert complaint in str(refused)


def test_a_bad_variable_is_named():
    refused = refusal(environment={"MAX_TOKENS": "many"})
    assert refused.where == "environment MAX_TOKENS"
    assert "generation.max_tokens is many, must be a valid integer." in str(refused)


def test_a_rule_between_two_fields_names_the_last_source_of_their_section():
    refused = refusal("--set", "generation.min_tokens=99")
    assert refused.where == "--set generation.min_tokens"
    assert "min_tokens must not exceed max_tokens" in str(refused)


def test_a_missing_value_is_named(tmp_path):
    own = written(tmp_path, "model:\n  name: mine\n  path: weights\n")
    assert "model.context_tokens is missing." in str(refusal("--model", own))


def test_fixed_values_are_refused_from_every_source(tmp_path):
    flags = ("--profile", "mlperf", "--dataset", "synthetic")
    own = written(tmp_path, "generation:\n  max_tokens: 64\n")
    system = written(
        tmp_path,
        "default_model: smollm2-135m\nsystem:\n  name: x\nvalidity:\n  min_success_rate: 0.99\n",
        "system.yaml",
    )
    held = "holds it at 128 (user_confs/rounds/v6.1.yaml:"
    for more, environment, where in [
        (("--config", own), {}, f"{own}:2"),
        ((), {"MAX_TOKENS": "64"}, "environment MAX_TOKENS"),
        (("--set", "generation.max_tokens=64"), {}, "--set generation.max_tokens"),
    ]:
        refused = refusal(*flags, *more, environment=environment)
        assert refused.where == where
        assert "generation.max_tokens is 64" in refused.message
        assert held in refused.message
    refused = refusal(*flags, "--system", system)
    assert "holds it at 1.0 (user_confs/profiles/mlperf.yaml:" in refused.message


def test_a_fixed_value_may_be_repeated_and_not_hidden():
    flags = ("--profile", "mlperf", "--dataset", "synthetic")
    assert loaded(*flags, environment={"MAX_TOKENS": "128"}).config.generation.max_tokens == 128
    # A later source with the right value does not excuse an earlier one with the wrong value.
    refused = refusal(
        *flags, "--set", "generation.max_tokens=128", environment={"MAX_TOKENS": "64"}
    )
    assert refused.where == "environment MAX_TOKENS"


def test_every_fixed_key_is_held():
    config = loaded("--profile", "mlperf", "--dataset", "synthetic").config
    for assignment in (
        "offline.min_query_count=13367",
        "offline.min_duration_s=599",
        "server.latency_percentile=98",
        "server.ttft_limit_ms=2001",
        "interactive.tpot_limit_ms=31",
        "interactive.min_query_count=99",
        "single_stream.latency_percentile=89",
        "dataset.max_samples=13368",
        "dataset.synthetic_count=100",
        "loadgen.performance_sample_count=100",
        "generation.min_tokens=0",
        "validity.min_success_rate=0.99",
        "model.loadgen_model=llama3.1-8b",
    ):
        refused = refusal("--profile", "mlperf", "--dataset", "synthetic", "--set", assignment)
        assert "but the mlperf profile holds it at" in refused.message
    assert config.loadgen.enable_trace is False
    assert config.offline.min_query_count == 13368


def test_the_edge_benchmark_brings_its_own_count():
    config = loaded(
        "--profile", "mlperf", "--dataset", "synthetic", "--scenario", "SingleStream"
    ).config
    assert config.dataset.synthetic_count == 5000
    assert config.loadgen.performance_sample_count == 5000


def test_a_model_folder_describes_itself(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "config.json").write_text(
        json.dumps({"vocab_size": 999, "max_position_embeddings": 2048, "eos_token_id": 7})
    )
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [7, 9]}))
    result = loaded("--model", str(folder))
    model = result.config.model
    assert (model.name, model.path, model.official) == ("mine", str(folder), False)
    assert (model.vocab_size, model.context_tokens, model.eos_token_ids) == (999, 2048, (7, 9))
    assert result.origins["model.vocab_size"] == str(folder / "config.json")
    assert result.origins["model.path"] == "--model"
    assert model.prompt_format == "chat"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "there is no"),
        ("{", "not valid JSON"),
        ("[]", "not a JSON object"),
        ('{"vocab_size": 9, "eos_token_id": 1}', "has no max_position_embeddings"),
        ('{"vocab_size": 9, "max_position_embeddings": 99}', "has no eos_token_id"),
    ],
)
def test_a_folder_that_does_not_describe_itself_wants_a_yaml(text, complaint, tmp_path):
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    refused = refusal("--model", str(tmp_path))
    assert complaint in str(refused)
    assert "Write a YAML" in str(refused)


def test_an_unknown_hub_id_wants_a_yaml_and_a_known_one_is_its_model():
    assert "Write a YAML" in str(refusal("--model", "someone/some-model"))
    assert loaded("--model", "meta-llama/Llama-3.1-8B-Instruct").config.model.official
    assert loaded("--model", "models/smollm2-135m/").config.model.name == "smollm2-135m"


def test_own_yaml_files_for_system_and_model(tmp_path):
    model = written(
        tmp_path,
        "model:\n  name: mine\n  path: w\n  context_tokens: 100\n  vocab_size: 9\n"
        "  eos_token_ids: [1]\ngeneration:\n  max_tokens: 16\n",
        "model.yaml",
    )
    system = written(
        tmp_path,
        f"default_model: {model}\nsystem:\n  name: box\nprofiles:\n  quick:\n    offline:\n"
        "      target_qps: 77\n",
        "system.yaml",
    )
    config = loaded("--system", system).config
    assert (config.system.name, config.model.name) == ("box", "mine")
    assert (config.offline.target_qps, config.generation.max_tokens) == (77.0, 16)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("system:\n  name: x\n", "default_model is missing"),
        ("default_model: smollm2-135m\nprofiles:\n  fast:\n    round: v6.0\n", "profiles.fast"),
        (
            "default_model: smollm2-135m\nsystem:\n  name: x\nprofiles:\n  mlperf:\n    sever:\n"
            "      target_qps: 1\n",
            "The nearest is server.target_qps",
        ),
    ],
)
def test_a_bad_system_file_is_named(text, complaint, tmp_path):
    assert complaint in str(refusal("--system", written(tmp_path, text)))


def test_a_section_left_empty_in_a_file_is_named(tmp_path):
    own = written(tmp_path, "server:\n# target_qps: 3\n")
    assert "server is null, but it is a section." in str(refusal("--config", own))
    assert line_of(tmp_path / "own.yaml", "server:") == 1
