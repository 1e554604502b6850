"""How busy the engine was while LoadGen ran: `engine.jsonl`, a line for each time it told.

With replicas each tells for itself, and a line says which it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean

from pydantic import Field, ValidationError

from sut.errors import LogError
from sut.record.frozen import Facts

PREEMPTIONS = "preemptions"


class LoadSample(Facts):
    """One line of `engine.jsonl`."""

    monotonic_ns: int = Field(description="the ledger's clock, when the answer came")
    replica: int = Field(0, description="whose engine it was, from 0")
    running: int = Field(description="sequences of the engine's last step")
    waiting: int = Field(description="queries that it had not begun, or had pre-empted")
    kv_cache_used: float = Field(description="share of the KV cache, 0 to 1")
    preemptions: int = Field(description="since the engine started")


# A batch and a KV cache are one engine's: theirs are not summed.
_TOGETHER: Mapping[str, Callable[[Sequence[float]], float]] = {
    "sequences_running_mean": fmean,
    "sequences_running_most": max,
    "sequences_waiting_most": max,
    "kv_cache_used_mean": fmean,
    "kv_cache_used_most": max,
    PREEMPTIONS: sum,
}


def together(figures: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The load of several engines as one has it: pre-emptions of all, means and extremes of one.

    Args:
        figures: of each; what is not one of load is left out.
    """
    told = [each for each in figures if each]
    return {
        name: combined([each[name] for each in told if name in each])
        for name, combined in _TOGETHER.items()
        if any(name in each for each in told)
    }


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
