"""What every record and every published object is made of."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Facts(BaseModel):
    """Frozen; unknown keys are kept out so that a reader never guesses."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Published(Facts):
    """Frozen; an unknown key is an error; no NaN can get into the JSON."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
