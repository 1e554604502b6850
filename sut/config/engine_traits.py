"""What everybody else needs to know of an engine, in words that are no engine's own.

An engine tells its traits once it is ready, and they are recorded. Before that the configuration
plans them. Rules, results, reports and submissions read traits and never an engine's arguments.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from sut.config.strict import Strict

UNQUANTISED = "none"
NO_MODEL = "none"


class EngineTraits(Strict):
    """Traits of one engine; null: it did not tell, which fails every rule that needs it."""

    package: str | None = Field(None, description="name and version of the package that answers")
    weights: Literal["real", "random", "none"] | None = Field(
        None, description="read from files, drawn, or none: no model answers"
    )
    dtype: str | None = Field(None, description="type of weights and activations, e.g. bfloat16")
    quantization: str | None = Field(
        None, description="its name; none: the weights are as they were published"
    )
    kv_cache_dtype: str | None = Field(None, description="element type of the KV cache")
    prefix_caching: bool | None = Field(
        None, description="whether a query may use the KV cache of another"
    )
    speculative_decoding: bool | None = Field(None, description="whether tokens are guessed ahead")
    greedy: bool | None = Field(None, description="whether the most probable token is taken")
    max_tokens: int | None = Field(None, description="tokens of an answer at most")
    min_tokens: int | None = Field(None, description="tokens of an answer at least")
    end_token_ids: tuple[int, ...] | None = Field(None, description="ids that end an answer")
    other_sampling: tuple[str, ...] | None = Field(
        None, description="whatever else changes a greedy answer, by the engine's names"
    )
    context_tokens: int | None = Field(None, description="prompt and answer together, at most")
    max_batch_sequences: int | None = Field(None, description="sequences in one step at most")
    max_batch_tokens: int | None = Field(None, description="tokens in one step at most")
    batching: str | None = Field(
        None, description="how it makes batches, in sentences for a submission's documents"
    )
    cards_per_replica: int | None = Field(
        None, description="accelerator cards of one replica, where the system has any"
    )
    card_memory_share: float | None = Field(
        None, description="share of each card's memory that it takes, 0 to 1"
    )
    cache_gib: float | None = Field(
        None, description="memory for the KV cache on a system without cards, GiB"
    )
    free: tuple[str, ...] = Field(
        (), description="names among its arguments and details that engines alike may differ in"
    )
    of_machine: tuple[str, ...] = Field(
        (), description="names among its details that it found out about its machine"
    )

    @property
    def has_model(self) -> bool:
        """Whether a model answers; one that does not tell has one, and must prove the rest."""
        return self.weights != NO_MODEL

    @property
    def quantised_as(self) -> str | None:
        """The name of the quantisation; None for weights as they were published, or not told."""
        return None if self.quantization == UNQUANTISED else self.quantization

    def over(self, planned: EngineTraits) -> EngineTraits:
        """These traits, and what was planned where nothing was told: for documents, never rules."""
        told = {name: getattr(self, name) for name in type(self).model_fields}
        return planned.model_copy(
            update={name: value for name, value in told.items() if value not in (None, ())}
        )


class Refused(NamedTuple):
    """A setting that an engine must not be given.

    Attributes:
        key: its dotted key.
        value: as given.
        why: goes on after "is VALUE, ".
        remedy: what to do.
    """

    key: str
    value: Any
    why: str
    remedy: str


class EngineOptions(Strict):
    """The settings of one kind of engine: a section of the configuration.

    Subclasses have a field for each setting, with unit, bounds and description.
    """

    decides: ClassVar[Mapping[str, str]] = {}
    """Trait → the field that decides it, so that a message can name the key to change."""
    leave_answers: ClassVar[Collection[str]] = frozenset()
    """Fields that could not change what a query is answered, whatever their value."""

    def planned(self) -> EngineTraits:
        """What an engine with these settings will tell, as far as they say it."""
        return EngineTraits()

    def refused(self, *, strict: bool) -> Iterable[Refused]:
        """Settings that would change what rules, traits or seals govern.

        Args:
            strict: whether the round's rules hold unrelaxed.
        """
        del strict
        return ()

    def not_installed(self) -> Iterable[Refused]:
        """Settings that the engine, as it is installed here, does not have; none if it is not."""
        return ()

    def tuned(self) -> Mapping[str, Any]:
        """Settings without a key of the harness, by the engine's names."""
        return {}

    def prompt_part(self) -> tuple[bool, int]:
        """Whether a prompt may be split over steps, and its tokens in one step at most; 0: any."""
        return True, 0

    def searched(self, platform: str) -> Mapping[str, tuple[Any, ...]]:
        """Fields that a search tries where nobody says, with their values; numbers rising.

        Args:
            platform: cpu or cuda.
        """
        del platform
        return {}
