"""What an accelerator can do at most, from `user_confs/cards.yaml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from sut.config.keys import sentence
from sut.config.shipped import CONF_ROOT
from sut.config.strict import Strict
from sut.errors import ConfigError

CARDS_FILE = CONF_ROOT / "cards.yaml"


class Card(Strict):
    """One card's printed figures; None: not found, or the sources disagree."""

    name: str = Field(description="as its driver calls it")
    published_as: tuple[str, ...] = Field((), description="its names in published results")
    memory_gb: float | None = Field(None, gt=0, description="10^9 bytes, as printed")
    bandwidth_gbs: float | None = Field(None, gt=0, description="of the memory, 10^9 bytes/s")
    bf16_tflops: float | None = Field(None, gt=0, description="dense, 10^12 operations/s")
    fp8_tflops: float | None = Field(None, gt=0)
    int8_tops: float | None = Field(None, gt=0)
    tdp_w: float | None = Field(None, gt=0)
    capability: str | None = Field(None, description="CUDA's compute capability, as 8.0")
    source: str
    notes: str | None = None

    def operations_per_s(self, activations: str) -> float | None:
        """Dense matrix rate with operands of a type, operations/s; None: the card has none."""
        found = {
            "bfloat16": self.bf16_tflops,
            "float16": self.bf16_tflops,
            "fp8": self.fp8_tflops,
            "int8": self.int8_tops,
        }.get(activations)
        return None if found is None else found * 1e12


@cache
def cards(path: Path = CARDS_FILE) -> tuple[Card, ...]:
    """Every card of the file.

    Raises:
        ConfigError: the file is not a list of cards.
    """
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
        return tuple(Card.model_validate(row) for row in rows)
    except (OSError, yaml.YAMLError, TypeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(path)) from error
    except ValidationError as error:
        raise ConfigError(sentence(error), where=str(path)) from error


def card_named(name: str) -> Card | None:
    """The card that a driver calls so, to the letter but for case; None: it is not in the file.

    A variant is another card: an H200 NVL is not the H200.
    """
    return next((each for each in cards() if each.name.lower() == name.strip().lower()), None)
