"""What every record and every published object is made of."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


def _a_time(text: str) -> str:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("it is not a time in ISO 8601, e.g. 2026-11-24T00:00:00Z") from None
    return text


Utc = Annotated[str, AfterValidator(_a_time)]
"""A moment as text in ISO 8601, which whoever reads it may take apart."""


class Facts(BaseModel):
    """Frozen; unknown keys are kept out so that a reader never guesses."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Published(Facts):
    """Frozen; an unknown key is an error; no NaN can get into the JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
