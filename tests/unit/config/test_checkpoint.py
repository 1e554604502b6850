"""What the headers of weight files say of a folder, and what follows for whose weights it holds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sut.config.checkpoint import differences
from sut.config.official import contradicted, recognise, require_recognised
from sut.errors import ConfigError
from tests.unit.config.support import LLAMA, SINGLE, loaded, tensors, weights, written

A30 = ("--system", "a30-bf16")
MLPERF = (*A30, "--profile", "mlperf", "--dataset", "cnn_eval.json")
INDEX = "model.safetensors.index.json"
SHARD = "model-00001-of-00004.safetensors"
Q_PROJ = "model.layers.3.self_attn.q_proj"
Shapes = dict[str, list[int]]


def of_llama(layers: int = 32, hidden: int = 4096, inner: int = 14336, groups: int = 8) -> Shapes:
    """The 291 tensors of Llama-3.1-8B, as its model.safetensors.index.json and headers list them.

    Written down apart from the code under test: heads of 128, 128,256 words.
    """
    shapes = {
        "model.embed_tokens.weight": [128256, hidden],
        "lm_head.weight": [128256, hidden],
        "model.norm.weight": [hidden],
    }
    for layer in range(layers):
        place = f"model.layers.{layer}."
        shapes |= {
            place + "input_layernorm.weight": [hidden],
            place + "post_attention_layernorm.weight": [hidden],
            place + "self_attn.q_proj.weight": [hidden, hidden],
            place + "self_attn.k_proj.weight": [groups * 128, hidden],
            place + "self_attn.v_proj.weight": [groups * 128, hidden],
            place + "self_attn.o_proj.weight": [hidden, hidden],
            place + "mlp.gate_proj.weight": [inner, hidden],
            place + "mlp.up_proj.weight": [inner, hidden],
            place + "mlp.down_proj.weight": [hidden, inner],
        }
    return shapes


def folder_of(tmp_path: Path, shapes: Shapes, shards: int = 4, **changes: Any) -> Path:
    return tensors(Path(weights(tmp_path / "model", **changes)), shapes, shards)


@pytest.mark.parametrize("shards", [1, 4])
def test_the_tensors_that_follow_from_config_json_are_the_models_own(
    tmp_path: Path, shards: int
) -> None:
    folder = folder_of(tmp_path, of_llama(), shards)
    assert len(of_llama()) == 291
    assert differences(folder, LLAMA) == []
    assert recognise(folder) is not None
    assert loaded(*MLPERF, "--model", str(folder)).config.model.official


def test_the_small_model_is_what_its_own_config_json_says(small_model: Path) -> None:
    config = json.loads((small_model / "config.json").read_text())
    assert differences(small_model, config) == []
    larger = config | {"num_hidden_layers": config["num_hidden_layers"] + 1}
    assert differences(small_model, larger)[-1] == "and 7 more"


def without(name: str) -> Callable[[Shapes], object]:
    return lambda shapes: shapes.pop(name)


def other(**changes: list[int]) -> Callable[[Shapes], object]:
    return lambda shapes: shapes.update({k.replace("__", "."): v for k, v in changes.items()})


OTHERS: dict[str, tuple[Callable[[Shapes], object], str]] = {
    "fewer layers": (
        lambda shapes: [shapes.pop(n) for n in list(shapes) if ".layers.31." in n],
        "model.layers.31.input_layernorm.weight is missing, "
        "model.layers.31.post_attention_layernorm.weight is missing, and 7 more",
    ),
    "more layers": (
        other(model__layers__32__input_layernorm__weight=[4096]),
        "model.layers.32.input_layernorm.weight is none of its tensors",
    ),
    "a narrower projection": (
        other(model__layers__3__self_attn__q_proj__weight=[2048, 4096]),
        f"{Q_PROJ}.weight is [2048, 4096], not [4096, 4096]",
    ),
    "another vocabulary": (
        other(model__embed_tokens__weight=[32000, 4096]),
        "model.embed_tokens.weight is [32000, 4096], not [128256, 4096]",
    ),
    "no head": (without("lm_head.weight"), "lm_head.weight is missing"),
    "a draft model beside it": (
        other(draft__fc__weight=[4096, 8192]),
        "draft.fc.weight is none of its tensors",
    ),
    "scales in weights that are not quantised": (
        other(model__layers__3__self_attn__q_proj__weight_scale=[4096, 1]),
        f"{Q_PROJ}.weight_scale is none of its tensors",
    ),
}


@pytest.mark.parametrize("shards", [1, 4])
@pytest.mark.parametrize("case", OTHERS)
def test_another_models_tensors_are_refused_in_mlperf_and_not_official_in_quick(
    tmp_path: Path, case: str, shards: int
) -> None:
    change, said = OTHERS[case]
    shapes = of_llama()
    change(shapes)
    folder = folder_of(tmp_path, shapes, shards)
    assert recognise(folder) is None
    with pytest.raises(ConfigError) as refused:
        require_recognised(folder, loaded(*A30).config.model)
    assert f"its tensors are another model's: {said}" in refused.value.message
    for flags in (("--model", str(folder)), ("--set", f"model.path={folder}")):
        with pytest.raises(ConfigError) as refused:
            loaded(*MLPERF, *flags)
        assert refused.value.exit_code == 2
        assert said in refused.value.message
        assert "\n" not in refused.value.render()
        assert not loaded(*A30, *flags).config.model.official
    with pytest.raises(ConfigError, match="its tensors are another model's"):
        loaded(*MLPERF, "--set", f"model.path={folder}", "--set", "model.official=false")


def int8(shapes: Shapes) -> None:
    """Compressed-tensors, INT8 weights with a scale for each row."""
    for name in [n for n in shapes if "_proj" in n]:
        shapes[f"{name}_scale"] = [shapes[name][0], 1]


def packed(shapes: Shapes) -> None:
    """Compressed-tensors, eight numbers of 4 bits in an element; the name says so, too."""
    for name in [n for n in shapes if "_proj" in n]:
        rows, columns = shapes.pop(name)
        shapes[f"{name}_packed"] = [rows, columns // 8]
        shapes |= {f"{name}_scale": [rows, columns // 128], f"{name}_shape": [2]}


def fp8_with_a_cache(shapes: Shapes) -> None:
    for name in [n for n in shapes if "_proj" in n]:
        module = name.removesuffix(".weight")
        shapes |= {f"{module}.weight_scale": [], f"{module}.input_scale": []}
    for layer in range(32):
        shapes |= {f"model.layers.{layer}.self_attn.{each}_scale": [] for each in "kv"}


def nvfp4(shapes: Shapes) -> None:
    """Two numbers in a byte, under the plain name."""
    for name in [n for n in shapes if "_proj" in n]:
        rows, columns = shapes[name]
        shapes[name] = [rows, columns // 2]
        shapes |= {f"{name}_scale": [rows, columns // 16], f"{name}_scale_2": []}


def gptq(shapes: Shapes) -> None:
    for name in [n for n in shapes if "_proj" in n]:
        rows, columns = shapes.pop(name)
        module = name.removesuffix(".weight")
        shapes |= {f"{module}.qweight": [columns // 8, rows], f"{module}.g_idx": [columns]}


@pytest.mark.parametrize("quantise", [int8, packed, fp8_with_a_cache, nvfp4, gptq])
def test_a_quantised_checkpoint_of_the_model_is_recognised_and_of_another_is_not(
    tmp_path: Path, quantise: Callable[[Shapes], None]
) -> None:
    shapes = of_llama()
    quantise(shapes)
    config: dict[str, Any] = {"quantization_config": {"quant_method": "x"}}
    folder = folder_of(tmp_path, shapes, 4, **config)
    assert differences(folder, LLAMA | config) == []
    assert differences(folder, LLAMA) != [], "unless config.json says that it is quantised"
    smaller = of_llama(layers=16)
    quantise(smaller)
    tensors(folder, smaller, 4)
    assert recognise(folder) is None


def test_a_tool_that_says_it_in_a_file_of_its_own_is_understood(tmp_path: Path) -> None:
    shapes = of_llama()
    fp8_with_a_cache(shapes)
    folder = folder_of(tmp_path, shapes)
    (folder / "hf_quant_config.json").write_text("{}")
    assert differences(folder, LLAMA) == []


def test_a_shard_that_is_not_here_is_known_by_its_names_alone(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, of_llama())
    (folder / SHARD).unlink()
    assert differences(folder, LLAMA) == []
    folder = folder_of(tmp_path / "other", of_llama(layers=31))
    (folder / SHARD).unlink()
    assert len(differences(folder, LLAMA)) == 3


def test_files_that_the_index_does_not_name_are_not_the_models(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, of_llama())
    tensors(folder, {"of.another": [1]})
    assert (folder / SINGLE).is_file()
    assert differences(folder, LLAMA) == []


def test_where_no_weights_are_config_json_alone_tells(tmp_path: Path) -> None:
    folder = Path(weights(tmp_path))
    assert differences(folder, LLAMA) == []
    assert recognise(folder) is not None
    assert contradicted(str(folder)) is None
    assert contradicted("meta-llama/Llama-3.1-8B-Instruct") is None


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        (SINGLE, b"", f"{SINGLE} has no safetensors header"),
        (SINGLE, b"\xff" * 8, f"{SINGLE} has no safetensors header"),
        (SINGLE, (4).to_bytes(8, "little") + b"[[[[", f"{SINGLE} has no safetensors header"),
        (SINGLE, (9).to_bytes(8, "little") + b'{"a": 1}\n', f"{SINGLE} has no safetensors header"),
        (INDEX, b"{}", f"{INDEX} is not an index of safetensors files"),
        (INDEX, b'{"weight_map": {"a": "../b"}}', f"{INDEX} is not an index of safetensors files"),
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, file: str, content: bytes, said: str) -> None:
    folder = Path(weights(tmp_path))
    (folder / file).write_bytes(content)
    assert differences(folder, LLAMA) == [said]
    assert recognise(folder) is None


def test_an_architecture_that_nobody_computed_says_nothing(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"anything": [1]})
    assert differences(folder, LLAMA | {"architectures": ["Other"]}) == []


def test_a_models_own_yaml_does_not_hide_other_tensors(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, of_llama(layers=16))
    own = written(
        tmp_path,
        f"model:\n  name: mine\n  path: {folder}\n  official: false\n  benchmark: llama3.1-8b\n"
        "  context_tokens: 131072\n  vocab_size: 128256\n  eos_token_ids: [128001]\n"
        "  prompt_format: chat\n",
    )
    with pytest.raises(ConfigError, match="its tensors are another model's"):
        loaded(*MLPERF, "--model", own)
