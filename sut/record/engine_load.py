"""How busy the engine was while LoadGen ran: `engine.jsonl`, a line for each time it told."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pydantic import Field, ValidationError

from sut.errors import LogError
from sut.record.frozen import Facts


class LoadSample(Facts):
    """One line of `engine.jsonl`."""

    monotonic_ns: int = Field(description="the ledger's clock, when the answer came")
    running: int = Field(description="sequences of the engine's last step")
    waiting: int = Field(description="queries that it had not begun, or had pre-empted")
    kv_cache_used: float = Field(description="share of the KV cache, 0 to 1")
    preemptions: int = Field(description="since the engine started")


def load_lines(samples: Iterable[LoadSample]) -> str:
    """The file."""
    return "".join(f"{each.model_dump_json()}\n" for each in samples)


def read_load(path: Path) -> list[LoadSample]:
    """Every line; none where there is no file.

    Raises:
        LogError: a line is not such a sample.
    """
    if not path.is_file():
        return []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [LoadSample.model_validate_json(line) for line in lines]
    except (ValidationError, UnicodeDecodeError) as error:
        raise LogError("is not what the harness writes.", where=str(path)) from error
