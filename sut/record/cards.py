"""What the cards did while LoadGen ran: `cards.jsonl`, a line for each card and second.

A run that was cut off keeps what was written. Energy is the card's own counter, read at the
beginning and at the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import Field

from sut.errors import LogError
from sut.given_file import given_text
from sut.record.frozen import Facts

# A line of 300 bytes for each of 16 cards and each second of a day.
MOST_BYTES = 512 * 2**20


class CardSample(Facts):
    """One line of `cards.jsonl`."""

    monotonic_ns: int = Field(description="the ledger's clock")
    uuid: str
    sm_mhz: int | None = None
    memory_mhz: int | None = None
    power_mw: int | None = None
    temperature_c: int | None = None
    busy_percent: int | None = None
    memory_used_bytes: int | None = None
    reasons: int | None = Field(None, description="NVML's bits of what holds the clocks back")
    energy_mj: int | None = Field(None, description="the card's counter; first and last line only")


def sample_line(sample: CardSample) -> str:
    """One line, without what is not known."""
    return json.dumps(sample.model_dump(exclude_none=True)) + "\n"


def read_samples(path: Path) -> list[CardSample]:
    """Every line that is whole; none where there is no file.

    Raises:
        LogError: a line is not such a sample; the last may be cut off.
    """
    if not path.is_file():
        return []
    try:
        lines = given_text(path, MOST_BYTES).splitlines(keepends=True)
        whole = [line for line in lines if line.endswith("\n")]
        return [CardSample.model_validate_json(line) for line in whole]
    except OSError as error:
        raise LogError(f"cannot be read: {error.strerror}.", where=str(path)) from error
    except ValueError as error:  # ValidationError and UnicodeDecodeError are such
        raise LogError("is not what the harness writes.", where=str(path)) from error


def by_card(samples: Iterable[CardSample]) -> dict[str, Sequence[CardSample]]:
    """The samples of each card, in their order."""
    found: dict[str, list[CardSample]] = {}
    for each in samples:
        found.setdefault(each.uuid, []).append(each)
    return dict(found)
