"""The sizes of a dense Llama-like model, from its config.json; all that follows from them alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Models whose layers are the ones counted here; another architecture is not guessed at.
LLAMA_LIKE = ("LlamaForCausalLM", "MistralForCausalLM")


@dataclass(frozen=True)
class ModelShape:
    """Layers and widths of one model.

    Attributes:
        layers: transformer blocks.
        hidden: width of the residual stream.
        intermediate: width inside the MLP.
        heads: of queries.
        kv_heads: of keys and values.
        head_dim: width of a head.
        vocabulary: tokens known.
        tied: whether the head shares the embedding's matrix.
    """

    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocabulary: int
    tied: bool

    @classmethod
    def of_config(cls, config: Mapping[str, Any]) -> ModelShape | None:
        """The shape that a config.json describes; None for another kind of model."""
        named = config.get("architectures") or []
        if not any(name in LLAMA_LIKE for name in named):
            return None
        try:
            heads, hidden = int(config["num_attention_heads"]), int(config["hidden_size"])
            return cls(
                layers=int(config["num_hidden_layers"]),
                hidden=hidden,
                intermediate=int(config["intermediate_size"]),
                heads=heads,
                kv_heads=int(config.get("num_key_value_heads") or heads),
                head_dim=int(config.get("head_dim") or hidden // heads),
                vocabulary=int(config["vocab_size"]),
                tied=bool(config.get("tie_word_embeddings", False)),
            )
        except (KeyError, TypeError, ValueError, ZeroDivisionError):
            return None

    @property
    def block_parameters(self) -> int:
        """Elements of the matrices of all blocks: attention, and an MLP with a gate."""
        attention = self.hidden * self.head_dim * (2 * self.heads + 2 * self.kv_heads)
        return self.layers * (attention + 3 * self.hidden * self.intermediate)

    @property
    def head_parameters(self) -> int:
        """Elements of the matrix that makes logits; the embedding has as many."""
        return self.vocabulary * self.hidden

    @property
    def parameters(self) -> int:
        """Elements of all matrices; norms are a few thousandths of a percent and left out."""
        return self.block_parameters + self.head_parameters * (1 if self.tied else 2)

    def kv_bytes_per_token(self, element_bytes: float) -> float:
        """Keys and values of one token over all layers."""
        return 2 * self.layers * self.kv_heads * self.head_dim * element_bytes

    def prefill_flop(self, tokens: float) -> float:
        """Operations to read a prompt, one logit row included.

        A multiply and an add for each element and token; attention multiplies each token with
        those before it, n²/2 pairs, for scores and again for values.
        """
        attention = 2 * self.layers * self.heads * self.head_dim * tokens**2
        return 2 * (self.block_parameters * tokens + self.head_parameters) + attention

    def decode_flop(self, context: float) -> float:
        """Operations for one further token after `context` tokens."""
        attention = 4 * self.layers * self.heads * self.head_dim * context
        return 2 * (self.block_parameters + self.head_parameters) + attention
