"""What the harness saw of the machine, and of itself, while LoadGen ran."""

from __future__ import annotations

from pydantic import Field

from sut.record.frozen import Facts


class SurroundingsFacts(Facts):
    """Whose the processor's time was, and how late the harness's own loop came to its work.

    Shares are of the time of all threads that the harness may run on, 0 to 1. None: the kernel
    does not tell, or what ran elsewhere cannot be told apart from others.
    """

    cores: int = Field(description="hardware threads that the harness may run on")
    seconds: float = Field(description="from the first look to the last")
    harness_share: float | None = Field(description="this process: engine's frontend, ledger")
    loadgen_share: float | None = Field(description="LoadGen's process")
    engine_share: float | None = Field(description="every other process that we started")
    others_share: float | None = Field(description="everything else on these threads")
    others_share_most: float | None = Field(description="the same in its worst second")
    steal_share: float | None = Field(description="given to another machine by the hypervisor")
    throttled_s: float | None = Field(description="kept back by the control group's limit")
    loop_late_ms_p99: float | None = Field(description="the engine's loop, asked each 20 ms")
    loop_late_ms_most: float | None
    collections: int = Field(description="garbage collections of this process")
    collection_ms_most: float = Field(description="the longest; nothing else ran meanwhile")
