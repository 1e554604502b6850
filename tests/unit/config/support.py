"""A configuration from a command line, with nothing taken from this machine."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from sut.config.flags import build_parser, to_overrides
from sut.config.sources import Loaded, load

SINGLE = "model.safetensors"
# A system that leaves every rate to the profile.
BARE = "default_model: smollm2-135m\nsystem:\n  name: bare\n  platform: cpu\n"


def loaded(
    *flags: str,
    environment: Mapping[str, str] | None = None,
    card: str | None = None,
    used_of_ray: Collection[str] = (),
    avx512: bool = True,
) -> Loaded:
    """Parse and load, as the run verb does."""
    namespace = build_parser().parse_args(list(flags))
    return load(
        to_overrides(namespace),
        environment=environment or {},
        card=card,
        host_name="node-a",
        config_file=namespace.config,
        user_conf=namespace.user_conf,
        used_of_ray=used_of_ray,
        avx512=avx512,
    )


def written(folder: Path, text: str, name: str = "own.yaml") -> str:
    """Write a file and return its path as a flag's value."""
    path = folder / name
    path.write_text(text)
    return str(path)


# config.json of meta-llama/Llama-3.1-8B-Instruct, as published.
LLAMA: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"], "attention_bias": False, "attention_dropout": 0.0,
    "bos_token_id": 128000, "eos_token_id": [128001, 128008, 128009], "hidden_act": "silu",
    "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 14336,
    "max_position_embeddings": 131072, "mlp_bias": False, "model_type": "llama",
    "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
    "pretraining_tp": 1, "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192, "rope_type": "llama3",
    },
    "rope_theta": 500000.0, "tie_word_embeddings": False, "torch_dtype": "bfloat16",
    "transformers_version": "4.42.3", "use_cache": True, "vocab_size": 128256,
}  # fmt: skip


def weights(folder: Path, without: Collection[str] = (), **changes: Any) -> str:
    """A folder whose config.json is the official one but for the changes, as a flag's value."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {key: value for key, value in LLAMA.items() if key not in without} | changes
    (folder / "config.json").write_text(json.dumps(config))
    return str(folder)


def tensors(folder: Path, shapes: Mapping[str, Sequence[int]], shards: int = 1) -> Path:
    """Safetensors files of these shapes whose data is left out: nobody here reads it.

    Args:
        folder: the model's.
        shapes: by the tensors' names.
        shards: number of files; several have an index.
    """
    names = list(shapes)
    placed: dict[str, str] = {}
    for number in range(shards):
        file = f"model-{number + 1:05}-of-{shards:05}.safetensors" if shards > 1 else SINGLE
        mine = names[number::shards]
        header: dict[str, Any] = {
            name: {"dtype": "BF16", "shape": list(shapes[name]), "data_offsets": [0, 0]}
            for name in mine
        }
        text = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
        (folder / file).write_bytes(len(text).to_bytes(8, "little") + text)
        placed |= dict.fromkeys(mine, file)
    if shards > 1:
        index = {"metadata": {}, "weight_map": placed}
        (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder
