"""`user_confs/references/<model>.json`: what transformers answered, to hold an engine to.

`scripts/make_reference.py` writes the file. The answers themselves are in it, so that any part
of the data set can be judged, and with whatever sentence splitter is at hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, ValidationError

from qsl.dataset import Prompts, TokenIds
from sut.config.schema import RunConfig
from sut.config.shipped import CONF_ROOT
from sut.config.strict import Strict
from sut.errors import ConfigError

REFERENCES = CONF_ROOT / "references"
REMEDY = "Make it again: make reference."


class ReferenceScores(Strict):
    """The scores over the whole data set, for a reader; judging computes them again."""

    metrics: dict[str, float | None] = Field(description="by the checker's name")
    gen_num: int
    tokens_per_sample: float
    tool: str | None = Field(description="what the scorer found on the machine and needed")


class Reference(Strict):
    """One model's answers to one data set, and how they were made."""

    model: str
    model_sha256: str | None = Field(description="over the weight files")
    dataset: str
    dataset_sha256: str
    prompt_format: str
    max_tokens: int
    min_tokens: int
    dtype: str = Field(description="weights and activations")
    made_by: str = Field(description="the command")
    made_with: dict[str, str] = Field(description="package → version")
    scores: ReferenceScores
    outputs_sha256: str = Field(description="over offsets and int32 ids of all outputs")
    outputs: list[list[int]] = Field(description="token ids, in the order of the data set")

    def answers(self, indices: Sequence[int]) -> list[TokenIds]:
        """The answers to these samples."""
        prompts = Prompts.from_sequences(self.outputs)
        return [prompts[index] for index in indices]

    def mismatches(self, config: RunConfig, dtype: str | None, dataset_sha256: str) -> list[str]:
        """Conditions in which a run differs from this reference, one sentence part each.

        Args:
            config: the run's.
            dtype: of weights and activations, as the engine tells it.
            dataset_sha256: of what was asked.
        """
        ours = {
            "data set": dataset_sha256[:12],
            "prompt format": config.model.prompt_format,
            "max_tokens": config.generation.max_tokens,
            "min_tokens": config.generation.min_tokens,
            "dtype": dtype or "not known",
        }
        theirs = {
            "data set": self.dataset_sha256[:12],
            "prompt format": self.prompt_format,
            "max_tokens": self.max_tokens,
            "min_tokens": self.min_tokens,
            "dtype": self.dtype,
        }
        return [
            f"{name} {ours[name]} where it has {theirs[name]}"
            for name in ours
            if ours[name] != theirs[name]
        ]


def load_reference(model: str, folder: Path = REFERENCES) -> Reference | None:
    """The reference of a model, None if there is none.

    Raises:
        ConfigError: the file is malformed, or its outputs are not those that were written.
    """
    path = folder / f"{model}.json"
    if not path.is_file():
        return None
    try:
        reference = Reference.model_validate_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        first = str(error).splitlines()[0]
        raise ConfigError(
            f"the reference is malformed: {first}.", where=str(path), remedy=REMEDY
        ) from error
    found = outputs_sha256(reference.outputs)
    if found != reference.outputs_sha256:
        raise ConfigError(
            f"outputs have SHA-256 {found}, must have {reference.outputs_sha256}.",
            where=str(path),
            remedy=REMEDY,
        )
    return reference


def outputs_sha256(outputs: Sequence[Sequence[int]]) -> str:
    """Hex SHA-256 of the outputs: a moved boundary changes it too."""
    return Prompts.from_sequences(outputs).sha256()
