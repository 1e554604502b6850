"""What tensors a model's folder holds, by the headers of its files, and what config.json implies.

A safetensors file begins with the length of its header, 8 bytes little-endian, and the header: a
JSON object that has the type and the shape of each tensor (safetensors' README, "Format"). Only
headers are read, so tens of GB cost some kilobytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sut.given_file import given_bytes, open_given
from sut.json_text import decoded

Shape = tuple[int, ...]
Tensors = Mapping[str, Shape | None]
"""By name; None: an index names the tensor, and its file is not here."""

_PATTERN, _INDEX = "*.safetensors", "model.safetensors.index.json"
_LENGTH_BYTES = 8
_LONGEST_HEADER = 100_000_000  # safetensors' own limit
_QUANTISED = ("quantization_config", "compression_config")
_QUANTISED_FILE = "hf_quant_config.json"
# Buffers that older checkpoints hold and every engine computes anew.
_COMPUTED = ".rotary_emb.inv_freq"
_WEIGHT, _BIAS = ".weight", ".bias"
_FEW = 2


class UnreadableTensorsError(Exception):
    """A file of the folder is no safetensors file; the text says which, and why."""


def differences(folder: Path, config: Mapping[str, Any]) -> list[str]:
    """In what the tensors of a folder are not those of this config.json, in words.

    Empty where they are, and where nothing can be said: no safetensors file is here, or the
    tensors of the architecture are not known.

    Args:
        folder: the model's.
        config: what its config.json says.
    """
    shapes_of = next(
        (_ARCHITECTURES[name] for name in _names(config) if name in _ARCHITECTURES), None
    )
    try:
        found = tensors(folder)
        if shapes_of is None or not found:
            return []
        wanted = dict(shapes_of(config))
    except UnreadableTensorsError as error:
        return [str(error)]
    except (KeyError, TypeError, ZeroDivisionError):
        return []  # config.json has no such shape; whoever compares it says so
    quantised = any(key in config for key in _QUANTISED) or (folder / _QUANTISED_FILE).is_file()
    told = list(_against(found, wanted, config, quantised))
    return told[:_FEW] + ([f"and {len(told) - _FEW} more"] if len(told) > _FEW else [])


def tensors(folder: Path) -> Tensors:
    """Every tensor of a folder's safetensors files; empty where there are none.

    Where an index is, the files that it names are the model's, and no others.

    Raises:
        UnreadableTensorsError: a header or the index is broken.
    """
    named = _indexed(folder / _INDEX)
    found: dict[str, Shape | None] = dict.fromkeys(named or ())
    files = (
        sorted(folder.glob(_PATTERN))
        if named is None
        else [folder / name for name in dict.fromkeys(named.values())]
    )
    for path in files:
        if path.is_file():
            found |= _header(path)
    return found


def _indexed(path: Path) -> dict[str, str] | None:
    if not path.is_file():
        return None
    try:
        named = decoded(given_bytes(path))["weight_map"]
        if all(isinstance(file, str) and Path(file).name == file for file in named.values()):
            return dict(named)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass
    raise UnreadableTensorsError(f"{path.name} is not an index of safetensors files")


def _header(path: Path) -> Iterator[tuple[str, Shape]]:
    """Name and shape of each tensor of one file."""
    try:
        with open_given(path) as stream:
            length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
            if length > _LONGEST_HEADER:
                raise ValueError
            entries = decoded(stream.read(length))
        return iter(
            [
                (name, tuple(int(size) for size in entry["shape"]))
                for name, entry in entries.items()
                if name != "__metadata__"
            ]
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadableTensorsError(f"{path.name} has no safetensors header") from error


def _names(config: Mapping[str, Any]) -> list[str]:
    said = config.get("architectures")
    return [name for name in said if isinstance(name, str)] if isinstance(said, list) else []


def _llama(config: Mapping[str, Any]) -> Iterator[tuple[str, Shape]]:
    """The parameters of transformers' LlamaForCausalLM (modeling_llama.py), by its sizes."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    heads, words = config["num_attention_heads"], config["vocab_size"]
    groups = config.get("num_key_value_heads") or heads
    head = config.get("head_dim") or hidden // heads
    attention = {
        "q_proj": (heads * head, hidden),
        "k_proj": (groups * head, hidden),
        "v_proj": (groups * head, hidden),
        "o_proj": (hidden, heads * head),
    }
    mlp = {"gate_proj": (inner, hidden), "up_proj": (inner, hidden), "down_proj": (hidden, inner)}
    yield "model.embed_tokens.weight", (words, hidden)
    for layer in range(config["num_hidden_layers"]):
        place = f"model.layers.{layer}"
        for name in ("input_layernorm", "post_attention_layernorm"):
            yield f"{place}.{name}.weight", (hidden,)
        for part, of_part, biased in (
            ("self_attn", attention, config.get("attention_bias")),
            ("mlp", mlp, config.get("mlp_bias")),
        ):
            for name, shape in of_part.items():
                yield f"{place}.{part}.{name}.weight", shape
                if biased:
                    yield f"{place}.{part}.{name}.bias", shape[:1]
    yield "model.norm.weight", (hidden,)
    if not config.get("tie_word_embeddings"):
        yield "lm_head.weight", (words, hidden)


_ARCHITECTURES: dict[str, Callable[[Mapping[str, Any]], Iterator[tuple[str, Shape]]]] = {
    "LlamaForCausalLM": _llama
}


def _against(
    found: Tensors, wanted: Mapping[str, Shape], config: Mapping[str, Any], quantised: bool
) -> Iterator[str]:
    """What is missing, of another shape, or too many."""
    matrices = [name.removesuffix(_WEIGHT) for name, shape in wanted.items() if _is_matrix(shape)]
    # What holds several has tensors of its own where it is quantised: the scales of a KV cache.
    parents = Counter(name.rpartition(".")[0] for name in matrices)
    places = {*matrices, *(name for name, count in parents.items() if count > 1)}
    held = {name.rpartition(".")[0] for name in found}
    for name, shape in wanted.items():
        free = quantised and _is_matrix(shape)
        other = found.get(name)
        if name not in found:
            if not (free and name.removesuffix(_WEIGHT) in held):
                yield f"{name} is missing"
        elif other is not None and other != shape and not (free and _packed(other, shape)):
            yield f"{name} is {list(other)}, not {list(shape)}"
    tied = {"lm_head.weight"} if config.get("tie_word_embeddings") else set()
    for name in sorted(found.keys() - wanted.keys() - tied):
        beside = quantised and name.rpartition(".")[0] in places
        if not (beside and not name.endswith(_BIAS)) and not name.endswith(_COMPUTED):
            yield f"{name} is none of its tensors"


def _is_matrix(shape: Shape) -> bool:
    return len(shape) == 2


def _packed(found: Shape, wanted: Shape) -> bool:
    """Whether several numbers of a row share an element."""
    return (
        len(found) == len(wanted)
        and found[0] == wanted[0]
        and 0 < found[1] < wanted[1]
        and wanted[1] % found[1] == 0
    )
