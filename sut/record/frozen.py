"""What every record and every published object is made of."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

FIRST_YEAR, LAST_YEAR = 1970, 9000


def _a_time(text: str) -> str:
    with suppress(ValueError):
        when = datetime.fromisoformat(text)
        # Without its offset it compares with no other; near the ends of years no offset is left.
        if when.tzinfo is not None and FIRST_YEAR <= when.year <= LAST_YEAR:
            return text
    raise ValueError("it is not a time in ISO 8601, e.g. 2026-11-24T00:00:00Z")


Utc = Annotated[str, AfterValidator(_a_time)]
"""A moment as text in ISO 8601, which whoever reads it may take apart."""


class Facts(BaseModel):
    """Frozen; unknown keys are kept out so that a reader never guesses.

    No field holds NaN or an infinity: JSON has neither, and nobody measured it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Published(Facts):
    """What is published, as JSON with a schema of its own."""
