"""The schemes that `quantize` knows: what weights and activations become, and by which steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sut.errors import ConfigError

# The head decides the token and is a small part of the time: llm-compressor's own examples leave
# it, and the embedding is none of their targets.
IGNORED = ("lm_head",)
# llm-compressor's own values for GPTQ (modifiers/gptq/base.py).
DAMPENING_FRACTION = 0.01
BLOCK_SIZE = 128
GROUP_SIZES = (128, 64, 32)


@dataclass(frozen=True)
class Scheme:
    """One way to quantise the linear layers.

    Attributes:
        name: as `sut.capacity.numbers` names what a checkpoint holds.
        weight_bits: of each weight, a signed integer.
        activation_bits: of each activation, a signed integer; None: they stay as they are.
        grouped: whether a scale is of a group of inputs; else of an output channel.
        smoothing_strength: SmoothQuant's, 0 to 1; None: no SmoothQuant.
    """

    name: str
    weight_bits: int
    activation_bits: int | None
    grouped: bool
    smoothing_strength: float | None

    def groups(self, group_size: int | None) -> dict[str, Any]:
        """The scheme in compressed-tensors' words, for every linear layer."""
        weights: dict[str, Any] = {
            "num_bits": self.weight_bits,
            "type": "int",
            "symmetric": True,
            "strategy": "group" if self.grouped else "channel",
            "dynamic": False,
            "actorder": "static",
        }
        if self.grouped:
            weights["group_size"] = group_size
        group: dict[str, Any] = {"targets": ["Linear"], "weights": weights}
        if self.activation_bits is not None:
            group["input_activations"] = {
                "num_bits": self.activation_bits,
                "type": "int",
                "symmetric": True,
                "strategy": "token",
                "dynamic": True,
            }
        return {"group_0": group}


# W8A8: SmoothQuant's strength is that of llm-compressor's example for Llama. An INT4 weight has
# no activation to make room for, so W4A16 goes without.
SCHEMES = {
    each.name: each
    for each in (
        Scheme("w8a8", 8, 8, grouped=False, smoothing_strength=0.8),
        Scheme("w4a16", 4, None, grouped=True, smoothing_strength=None),
    )
}


def group_size_of(
    scheme: Scheme, asked: int | None, config: Mapping[str, Any], where: str
) -> int | None:
    """How many inputs share a scale; None for a scheme that has no groups.

    Args:
        scheme: what is made.
        asked: as the user has it; None: the largest of GROUP_SIZES that fits the model.
        config: what the model's config.json says.
        where: the model's folder, for messages.

    Raises:
        ConfigError: groups of this size do not fit the model's layers, or the scheme has none.
    """
    if not scheme.grouped:
        if asked is None:
            return None
        raise ConfigError(
            f"{scheme.name} has a scale for each output channel and no groups.",
            where="--group-size",
            remedy="Leave it out.",
        )
    inputs = [config.get(key) for key in ("hidden_size", "intermediate_size")]
    fit = [
        size
        for size in GROUP_SIZES
        if all(isinstance(each, int) and each % size == 0 for each in inputs)
    ]
    if not fit or (asked is not None and asked not in fit):
        choice = ", ".join(map(str, fit)) or "none"
        raise ConfigError(
            f"groups of {asked or GROUP_SIZES[-1]} do not divide the layers' inputs "
            f"({' and '.join(map(str, inputs))}); of {', '.join(map(str, GROUP_SIZES))} "
            f"these do: {choice}.",
            where=where,
            remedy="Choose one of these with --group-size, or another scheme.",
        )
    return asked or fit[0]
