"""The bounds of every quantity in the configuration: beyond them lies a slip, never a run.

Most are generous ends of what a machine or LoadGen can hold. A percentile is in percent: LoadGen's
own interface and its log have fractions, its user.conf has percent.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

MAX_QUERIES = 50_000_000
"""LoadGen prepares every query before the first, and the ledger keeps a row for each."""
MAX_DURATION_S = 30 * 24 * 3600
_DAY_MS = 24 * 3600 * 1000
_WEEK_S = 7 * 24 * 3600
_INT32 = 2**31 - 1
_TOKENS = 10_000_000


def _percent(value: float) -> float:
    if 0 < value <= 1:
        raise ValueError(f"{value:g} is a fraction; write it in percent, e.g. {_in_percent(value)}")
    return value


def _in_percent(fraction: float) -> str:
    percent = round(fraction * 100, 9)
    return f"{percent:g}" if 50 <= percent < 100 else "99"


QueryCount = Annotated[int, Field(ge=1, le=MAX_QUERIES)]
SampleCount = Annotated[int, Field(ge=1, le=MAX_QUERIES)]
GeneratedCount = Annotated[int, Field(ge=1, le=200_000)]
TokenCount = Annotated[int, Field(ge=1, le=_TOKENS)]
TokenCountOrNone = Annotated[int, Field(ge=0, le=_TOKENS)]
TokenId = Annotated[int, Field(ge=0, le=_INT32)]
QueryRate = Annotated[float, Field(ge=1e-6, le=1e6)]
DurationS = Annotated[float, Field(ge=0, le=MAX_DURATION_S)]
Port = Annotated[int, Field(ge=0, le=65_535)]
TimeoutS = Annotated[float, Field(ge=1e-3, le=_WEEK_S)]
LimitMs = Annotated[float, Field(gt=0, le=_DAY_MS)]
DelayMs = Annotated[float, Field(ge=0, le=_DAY_MS)]
Percentile = Annotated[float, AfterValidator(_percent), Field(ge=50, lt=100)]
MOST_REPLICAS = 10_000
Parallel = Annotated[int, Field(ge=1, le=MOST_REPLICAS)]
Gibibytes = Annotated[int, Field(ge=1, le=65_536)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
