"""What `run.json` says of the clocks: the wall clock held against the monotonic one."""

from __future__ import annotations

from pydantic import Field

from sut.record.frozen import Facts


class ClockStep(Facts):
    """A jump of the wall clock against the monotonic one."""

    after_s: float = Field(description="seconds from the first reading until it was seen")
    step_s: float = Field(description="seconds; negative: set back")


class ClockFacts(Facts):
    """The wall clock against the monotonic one, read again and again during a run."""

    readings: int
    first_ns: int = Field(description="the first reading, ns of the ledger's monotonic clock")
    last_ns: int
    steps: list[ClockStep]
    drift_s: float = Field(description="seconds that the wall clock gained from first to last")
    suspended_s: float = Field(description="seconds that the machine was suspended")
