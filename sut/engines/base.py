"""The seam between the harness and whatever answers queries.

An engine lives on one asyncio loop. All methods are called on that loop, and the engine
delivers its events there too, in batches, by calling the `EventSink` it was given. The
caller owns accounting (`sut.harness.ledger`); the engine owns nothing but the work in flight.

Queries are named by `(run, seq)`: `seq` counts from 0 within one LoadGen run. LoadGen's
own ids are raw pointers and never leave LoadGen's process.

Guarantees every engine gives:
  * each submitted seq ends with exactly one Finished or Failed, or is named by `cancel`;
  * FirstToken, when the run asks for it, precedes Finished and its token begins the answer;
  * when the engine dies, every seq in flight gets Failed and `health` raises from then on;
  * `close` returns with no process left, whatever state the engine is in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import msgspec
import numpy as np
import numpy.typing as npt

from sut.config.engine_traits import EngineTraits
from sut.config.schema import RunConfig
from sut.machine.variables import Variable
from sut.record.engine_load import LoadSample

TokenIds = npt.NDArray[np.int32]
PROBE_RUN = -1  # the run of `sut.harness.reuse_probe`, which is no LoadGen run either
NO_REPLICA = -1  # of a query that ended by no replica's word


class FirstToken(msgspec.Struct, frozen=True, gc=False):
    """The first output token of a query exists."""

    seq: int
    token: int


class Finished(msgspec.Struct, frozen=True, gc=False):
    """A query is answered. `tokens` are int32 bytes, first token included.

    The harness holds the three against each other (`sut.record.answer`): an answer that stopped
    ends with an end-of-sequence id of the model and has none before, any other has max_tokens.
    """

    seq: int
    tokens: bytes
    finish_reason: str  # "stop": an end-of-sequence token; "length": max_tokens reached
    replica: int = 0


class Failed(msgspec.Struct, frozen=True, gc=False):
    """A query has no answer, and why. Never to be confused with an empty one."""

    seq: int
    reason: str
    replica: int = 0


Event = FirstToken | Finished | Failed
EventSink = Callable[[Sequence[Event]], None]


@dataclass(frozen=True)
class EngineRequest:
    """What an engine needs beside the configuration.

    Attributes:
        model_path: local folder of the weights.
        context_tokens: longest prompt plus longest answer.
        log: file for whatever the engine prints.
        dataset_sha256: of the data set here, which every replica's must equal.
    """

    config: RunConfig
    model_path: Path
    context_tokens: int
    log: Path
    dataset_sha256: str


@dataclass(frozen=True)
class RunSpec:
    """What one LoadGen run asks of the engine."""

    run: int
    max_tokens: int
    min_tokens: int
    reports_first_token: bool
    throughput_first: bool  # Offline: no latency counts, everything is submitted at once
    block: int = 0  # samples of one copy of the data set; 0: keep the order
    dispatch: str | None = None  # policy that shares queries out to replicas; None: as started

    @property
    def is_warmup(self) -> bool:
        """Run 0 comes before LoadGen's (`sut.harness.warmup`), and so does `PROBE_RUN`."""
        return self.run < 1


@dataclass(frozen=True)
class RunReport:
    """What an engine has to say of a run beside its events."""

    incidents: list[str] = field(default_factory=list)
    """What a reader must know, e.g. a replica that was lost; any makes the run INVALID."""
    figures: dict[str, float] = field(default_factory=dict)
    """Measured by the engine, units in the names."""
    load: list[LoadSample] = field(default_factory=list)
    """How busy it was, again and again; empty where it does not tell."""
    replicas: dict[int, dict[str, float]] = field(default_factory=dict)
    """What each replica's engine measured of itself, by its number; empty without replicas."""


@dataclass(frozen=True)
class EngineInfo:
    """What the engine says of itself once it is ready.

    Rules and results read the traits. Arguments, sampling and details are in the engine's own
    words: they are recorded, shown and compared, and nothing is looked up in them.
    """

    kind: str
    replicas: int
    arguments: dict[str, Any]
    sampling: dict[str, Any]
    traits: EngineTraits
    model_path: str | None = None
    model_sha256: str | None = None
    """Over the weight files that it read, where it read them itself; see `sut.inputs.weights`."""
    details: dict[str, Any] = field(default_factory=dict)
    variables: list[Variable] | None = None
    """What its own processes found in their environment; None: it does not tell."""
    cards: list[str] | None = None
    """UUIDs of the cards that its processes were given; None: any that this process may use."""


class Engine(Protocol):
    """One or many replicas that answer queries; conformance is tested by one suite."""

    async def start(self) -> EngineInfo:
        """Return once queries can be answered.

        Raises:
            EngineStartError: with the cause in one line.
        """
        ...

    async def load_samples(self, samples: Mapping[int, TokenIds]) -> None:
        """Take prompts (sample index → int32 token ids) to wherever they will be used."""
        ...

    async def unload_samples(self, indices: Sequence[int]) -> None:
        """Forget prompts."""
        ...

    def begin_run(self, spec: RunSpec, sink: EventSink) -> None:
        """Every later `submit` belongs to this run; its events go to `sink`."""
        ...

    def submit(self, first_seq: int, indices: Sequence[int]) -> None:
        """Accept queries first_seq, first_seq+1, … for these sample indices; never blocks."""
        ...

    async def cancel(self) -> None:
        """Abandon everything in flight; no event of this run follows."""
        ...

    async def drain(self, deadline_s: float) -> int:
        """Wait until nothing is in flight, at most so long; return how many still are."""
        ...

    async def stats(self) -> dict[str, float]:
        """The engine's own monotonic counters; a counter it lacks is absent, not 0."""
        ...

    def report(self) -> RunReport:
        """What there is to say of the run since `begin_run`."""
        ...

    async def health(self) -> None:
        """Return if the engine can answer; soon, whatever state it is in.

        Raises:
            RunError: naming what died or hangs.
        """
        ...

    async def close(self) -> None:
        """Stop everything and wait until it has stopped; safe to call twice."""
        ...


@runtime_checkable
class OfReplicas(Protocol):
    """What an engine of replicas says beside the rest, while a run goes on."""

    def preempted_on(self) -> Mapping[int, float]:
        """Sequences put off so far in the run, by replica that told; asked from any thread."""
        ...
