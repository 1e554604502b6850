"""`samples.json`: a few answers of a run as text, for a person; no verdict rests on them.

A log has token ids alone, and the tokenizer and the data set lie elsewhere. So the texts are kept
when the answers are scored.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from sut.record.frozen import Facts

SHOWN = 4
CHARACTERS = 1200


class SampleAnswer(Facts):
    """One answer; texts are cut where they are long."""

    sample_index: int
    tokens: int = Field(description="token ids of the answer, an end-of-sequence id included")
    answer: str | None = Field(description="null: no tokenizer was at hand")
    reference: str | None = Field(description="null: the data set has none")


class SampleAnswers(Facts):
    """Some of a log's answers."""

    log_sha256: str = Field(description="of the mlperf_log_accuracy.json that they are from")
    tokenizer_sha256: str | None = Field(description="what decoded them; null: not known")
    answers: list[SampleAnswer]


def spread(count: int) -> list[int]:
    """Which of so many are shown: the first, the last and some between."""
    if count <= SHOWN:
        return list(range(count))
    return [place * (count - 1) // (SHOWN - 1) for place in range(SHOWN)]


def cut(text: str) -> str:
    """As much of it as is kept."""
    return text if len(text) <= CHARACTERS else f"{text[:CHARACTERS]}…"


def read_sample_answers(path: Path) -> SampleAnswers | None:
    """What was kept; None where nothing was, or where it is not what the harness writes."""
    try:
        return SampleAnswers.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
