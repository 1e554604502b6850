"""`quantize.json`, which lies in the folder of quantised weights and says how they were made.

The record is bound to the weights by their SHA-256: of other weights it says nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from sut.config.rounds import CalibrationList
from sut.config.strict import Strict
from sut.errors import ConfigError

FILE = "quantize.json"
IDS_FILE = "calibration-ids.txt"


class CalibrationFacts(Strict):
    """The samples that the quantisation looked at."""

    source: Literal["list", "sample"] = Field(
        description="list: ids looked up in a copy of the data set; sample: shipped articles"
    )
    dataset: str = Field(description="whose samples they are, e.g. CNN/DailyMail 3.0.0, train")
    list_sha256: str | None = Field(description="of the list's file; null: there was none")
    listed: int | None = Field(description="ids in the list")
    count: int = Field(description="samples used: the first of the list")
    ids_sha256: str = Field(description=f"of {IDS_FILE}, the ids of those samples, one a line")
    texts_sha256: str = Field(
        description="of the calibration file in MLCommons' form; of the sample: its own file's"
    )
    prompt_format: str
    prompts_sha256: str = Field(description="over the token ids that the model was given")
    prompt_tokens: int = Field(description="of all samples together")
    prompt_tokens_max: int


def is_official(facts: CalibrationFacts, known: CalibrationList | None) -> bool:
    """Whether the samples are of the round's list, by its SHA-256."""
    return known is not None and facts.list_sha256 == known.sha256


class SourceFacts(Strict):
    """The weights before."""

    model: str = Field(description="its name in user_confs/models")
    origin: str = Field(description="the hub's id, or the folder's name")
    revision: str | None
    weights_sha256: str
    config_sha256: str


class RecipeFacts(Strict):
    """What was done, with every parameter that decides the result."""

    smoothing_strength: float | None = Field(description="SmoothQuant's; null: it was not used")
    dampening_fraction: float = Field(description="GPTQ's")
    block_size: int = Field(description="GPTQ's, columns")
    ignore: tuple[str, ...] = Field(description="layers that stay as they were")
    config_groups: dict[str, Any] = Field(description="in compressed-tensors' words")


class QuantizeFacts(Strict):
    """How quantised weights were made."""

    format: Literal[1] = 1
    made_utc: str
    harness: str
    harness_commit: str | None
    scheme: str = Field(description="w8a8 or w4a16")
    source: SourceFacts
    recipe: RecipeFacts
    calibration: CalibrationFacts
    quantised_modules: int
    versions: dict[str, str] = Field(description="of what made them")
    device: str
    seconds: float
    weights_sha256: str = Field(description="of the quantised weights: what this record is about")


def quantize_facts(folder: Path, weights_sha256: str | None) -> QuantizeFacts | None:
    """How the weights of a folder were made; None where no record is, or it is of other weights.

    Args:
        folder: of the model.
        weights_sha256: of its weights, as `sut.inputs.weights` works it out.

    Raises:
        ConfigError: the record cannot be read.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        found = QuantizeFacts.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValidationError, ValueError) as error:
        raise ConfigError(
            f"the record cannot be read: {str(error).splitlines()[0]}.",
            where=str(path),
            remedy="Quantise again, or remove the file: the weights then have no record.",
        ) from error
    return found if found.weights_sha256 == weights_sha256 else None
