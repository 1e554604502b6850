"""Whose weights a folder holds, and what the mlperf profile then lets nobody change."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from sut.config.official import officials, recognise, require_recognised
from sut.config.rounds import load_round
from sut.errors import ConfigError
from tests.unit.config.support import LLAMA, loaded, weights, written

A30 = ("--system", "a30-bf16")
MLPERF = (*A30, "--profile", "mlperf", "--dataset", "cnn_eval.json")
HUB_ID = "meta-llama/Llama-3.1-8B-Instruct"
ROPE = LLAMA["rope_scaling"]
OF_TRANSFORMERS_5 = {"rope_parameters": ROPE | {"rope_theta": 500000.0}, "dtype": "bfloat16"}
OLD_SPELLING = ("rope_scaling", "rope_theta", "torch_dtype")
DEFAULTS = ("model_type", "hidden_act", "attention_bias", "mlp_bias", "tie_word_embeddings")


def named(folder: Path) -> str | None:
    found = recognise(folder)
    return None if found is None else found.name


def refusal(*flags: str) -> ConfigError:
    with pytest.raises(ConfigError) as refused:
        loaded(*flags)
    assert refused.value.exit_code == 2
    return refused.value


# -- recognition ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("without", "changes"),
    [
        ((), {}),
        ((), {"torch_dtype": "float16", "transformers_version": "5.0.0"}),
        ((), {"quantization_config": {"quant_method": "compressed-tensors", "format": "int"}}),
        ((), {"rope_theta": 500000, "rope_scaling": ROPE | {"factor": 8}}),
        ((), {"eos_token_id": [128009, 128008, 128001], "head_dim": 128}),
        (OLD_SPELLING, OF_TRANSFORMERS_5),
        (DEFAULTS, {}),
    ],
)
def test_the_official_weights_are_recognised_in_whatever_format(
    tmp_path: Path, without: tuple[str, ...], changes: dict[str, Any]
) -> None:
    assert named(Path(weights(tmp_path, without, **changes))) == "llama3.1-8b"


OTHERS: list[tuple[tuple[str, ...], dict[str, Any], str]] = [
    ((), {"eos_token_id": 128001}, "eos_token_id is 128001"),  # the base model
    ((), {"eos_token_id": [128001, 128008, 128008]}, "eos_token_id is"),
    ((), {"hidden_size": 2048}, "hidden_size is 2048, not 4096"),
    ((), {"num_hidden_layers": 31}, "num_hidden_layers is 31, not 32"),
    ((), {"architectures": ["MistralForCausalLM"]}, "architectures is [MistralForCausalLM]"),
    ((), {"rope_scaling": None}, "rope_scaling.rope_type is missing"),
    ((), {"rope_scaling": ROPE | {"factor": 32.0}}, "rope_scaling.factor is 32.0, not 8.0"),
    ((), {"tie_word_embeddings": True}, "tie_word_embeddings is true, not false"),
    ((), {"tie_word_embeddings": 0}, "tie_word_embeddings is 0, not false"),
    (("rms_norm_eps",), {}, "rms_norm_eps is missing"),
    (OLD_SPELLING, {}, "rope_theta is missing"),
    # Two spellings at once, of which a reader may take either.
    ((), {"rope_parameters": ROPE | {"rope_theta": 10000.0}}, "rope_theta is 10000.0"),
    (
        OLD_SPELLING,
        {"rope_parameters": ROPE | {"rope_theta": 500000.0, "factor": 1.0}},
        "rope_scaling.factor is 1.0, not 8.0",
    ),
]


@pytest.mark.parametrize(("without", "changes", "said"), OTHERS)
def test_another_model_is_not_and_what_differs_is_named(
    tmp_path: Path, without: tuple[str, ...], changes: dict[str, Any], said: str
) -> None:
    folder = Path(weights(tmp_path, without, **changes))
    assert named(folder) is None
    with pytest.raises(ConfigError) as refused:
        require_recognised(folder, loaded(*A30).config.model)
    assert said in refused.value.message
    assert str(folder / "config.json") in refused.value.message


@pytest.mark.parametrize("key", [leaf.path for leaf in officials()[0].must_say])
def test_every_sign_is_needed(tmp_path: Path, key: tuple[str, ...]) -> None:
    changed: Any = {key[0]: "other"}
    if len(key) > 1:
        changed = {key[0]: {k: v for k, v in LLAMA[key[0]].items() if k != key[1]}}
    assert named(Path(weights(tmp_path, **changed))) is None


@pytest.mark.parametrize("text", ["", "[]", "{", "\xff", "[" * 100_000])
def test_what_is_no_description_is_nobodys(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text, encoding="latin-1")
    assert named(tmp_path) is None


def test_the_signs_agree_with_the_settings_beside_them() -> None:
    """The file says each of these twice, for the run and for recognition."""
    (own,) = officials()
    signs = {".".join(leaf.path): leaf.value for leaf in own.must_say}
    assert own.held["model.vocab_size"].value == signs["vocab_size"]
    assert own.held["model.context_tokens"].value == signs["max_position_embeddings"]
    assert own.held["model.eos_token_ids"].value == signs["eos_token_id"]
    assert own.hub_id == HUB_ID


def test_only_the_projects_own_files_say_how_weights_are_recognised(tmp_path: Path) -> None:
    shipped = Path("user_confs/models/llama3.1-8b.yaml").read_text()
    own = written(tmp_path, shipped)
    refused = refusal("--model", own)
    assert refused.where is not None
    assert refused.where.startswith(own)
    assert "only the files of user_confs/models" in refused.message


# -- a folder ------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", ["quick", "mlperf"])
@pytest.mark.parametrize("chosen", ["--model", "--set"])
@pytest.mark.parametrize("system", ["a30-bf16", "a30-w8a8", "cpu"])
def test_a_folder_of_official_weights_is_official(
    tmp_path: Path, profile: str, chosen: str, system: str
) -> None:
    folder = weights(tmp_path / "mine", quantization_config={"quant_method": "compressed-tensors"})
    flags = ["--system", system, "--profile", profile, "--dataset", "cnn_eval.json"]
    if chosen == "--set":
        flags += ["--model", "llama3.1-8b", "--set", f"model.path={folder}"]
    else:
        flags += ["--model", folder]
    model = loaded(*flags).config.model
    own = loaded(*A30).config.model
    assert model == own.model_copy(update={"path": folder})


def of_another_folder(tmp_path: Path, *flags: str) -> tuple[str, ...]:
    return (*flags, "--set", f"model.path={weights(tmp_path / 'base', eos_token_id=128001)}")


def test_another_models_folder_is_refused_in_mlperf(tmp_path: Path) -> None:
    refused = refusal(*of_another_folder(tmp_path, *MLPERF))
    assert refused.where == "--set model.path"
    assert "model.official is true, but" in refused.message
    assert "eos_token_id is 128001, not [128001, 128008, 128009]" in refused.message


def test_and_is_not_official_in_quick(tmp_path: Path) -> None:
    found = loaded(*of_another_folder(tmp_path, *A30))
    assert not found.config.model.official
    assert found.origins["model.official"].startswith("not recognised: ")


@pytest.mark.parametrize("profile", ["quick", "mlperf"])
def test_nobody_can_say_that_it_is(tmp_path: Path, profile: str) -> None:
    flags = of_another_folder(tmp_path, *MLPERF, "--profile", profile)
    assert "model.official is true, but" in str(refusal(*flags, "--set", "model.official=true"))
    own = written(
        tmp_path,
        f"model:\n  name: llama3.1-8b\n  path: {tmp_path / 'base'}\n  official: true\n"
        "  context_tokens: 131072\n  vocab_size: 128256\n"
        "  eos_token_ids: [128001, 128008, 128009]\n",
    )
    refused = refusal(*MLPERF, "--profile", profile, "--model", own)
    assert refused.where == f"{own}:3"


def test_an_unofficial_model_runs_in_mlperf_as_what_it_is(tmp_path: Path) -> None:
    flags = of_another_folder(tmp_path, *MLPERF, "--set", "model.official=false")
    assert not loaded(*flags).config.model.official
    assert not loaded(*MLPERF, "--model", str(tmp_path / "base")).config.model.official


def test_a_hub_id_is_recognised_as_the_models_own_and_no_other_is() -> None:
    assert loaded(*MLPERF).config.model.official
    assert loaded(*MLPERF, "--model", HUB_ID).config.model.official
    other = ("--set", "model.path=somebody/Llama-3.1-8B-Instruct")
    assert "is not meta-llama/Llama-3.1-8B-Instruct" in refusal(*MLPERF, *other).message
    assert not loaded(*A30, *other).config.model.official


def test_a_folder_that_lies_where_a_hub_id_points_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights(tmp_path / HUB_ID, hidden_size=2048)
    monkeypatch.chdir(tmp_path)
    assert "hidden_size is 2048" in refusal(*MLPERF).message


# -- what the benchmark fixes ---------------------------------------------------------------------

CHANGES = [
    ("model.eos_token_ids", "[128001, 128008, 128009, 13]"),
    ("model.eos_token_ids", "[128009]"),
    ("model.context_tokens", "4096"),
    ("model.vocab_size", "128255"),
    ("model.prompt_format", "chat"),
    ("generation.max_tokens", "16"),
    ("warmup.queries", "0"),
    ("warmup.queries", "9"),
]
ROUNDS = {
    "v5.1": {}, "v6.0": {}, "v6.1": {},
    "v6.1 edge": {"model.benchmark": "llama3.1-8b-edge", "scenarios": "[Offline, SingleStream]"},
}  # fmt: skip


def in_round(name: str, *more: str) -> tuple[str, ...]:
    round_ = name.partition(" ")[0]
    sets = [part for key, value in ROUNDS[name].items() for part in ("--set", f"{key}={value}")]
    return (*MLPERF, "--round", round_, *sets, *more)


@pytest.mark.parametrize("round_", ROUNDS)
@pytest.mark.parametrize(("key", "value"), CHANGES)
def test_what_the_benchmark_fixes_is_changed_by_no_source(
    tmp_path: Path, round_: str, key: str, value: str
) -> None:
    folder = weights(tmp_path / "own")
    section, _, name = key.partition(".")
    config = written(tmp_path, f"{section}:\n  {name}: {value}\n")
    for flags, where in (
        (("--set", f"{key}={value}"), f"--set {key}"),
        (("--config", config), f"{config}:2"),
    ):
        for model in ((), ("--model", folder)):
            refused = refusal(*in_round(round_, *model, *flags))
            assert refused.where == where
            assert key.removeprefix("model.") in refused.message


def test_the_weights_are_no_other_benchmarks() -> None:
    refused = refusal(*MLPERF, "--set", "model.benchmark=gptj")
    assert refused.where == "--set model.benchmark"


@pytest.mark.parametrize("round_", ROUNDS)
def test_what_it_fixes_may_be_repeated_and_the_warm_up_be_longer(round_: str) -> None:
    flags = in_round(
        round_,
        "--set", "model.eos_token_ids=[128009, 128008, 128001]",
        "--set", "model.context_tokens=131072",
        "--set", "warmup.queries=11",
    )  # fmt: skip
    found = loaded(*flags).config
    assert found.model.official
    assert found.warmup.queries == 11
    assert found.model.benchmark in load_round(found.round).benchmarks


def test_the_quick_profile_leaves_them_open() -> None:
    found = loaded(*A30, "--set", "model.eos_token_ids=[128009]", "--set", "warmup.queries=0")
    assert found.config.model.eos_token_ids == (128009,)
    assert found.config.warmup.queries == 0


def test_the_published_weights_have_the_checksum_that_their_four_files_give() -> None:
    """The SHA-256 of each file is the name of its blob on the hub."""
    files = (
        "2b1879f356aed350030bb40eb45ad362c89d9891096f79a3ab323d3ba5607668",
        "09d433f650646834a83c580877bd60c6d1f88f7755305c12576b5c7058f9af15",
        "fc1cdddd6bfa91128d6e94ee73d0ce62bfcdb7af29e978ddcab30c66ae9ea7fa",
        "92ecfe1a2414458b4821ac8c13cf8cb70aed66b5eea8dc5ad9eeb4ff309d6d7b",
    )
    lines = (
        f"{sha256}  model-{number:05}-of-00004.safetensors\n"
        for number, sha256 in enumerate(files, 1)
    )
    (official,) = officials()
    assert official.weights_sha256 == (hashlib.sha256("".join(lines).encode()).hexdigest(),)
