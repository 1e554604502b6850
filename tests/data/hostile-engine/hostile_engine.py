"""An engine of another package that does, from its twentieth answer on, what no engine may."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sut.config.engine_kinds import EngineKind
from sut.config.engine_traits import EngineOptions, EngineTraits
from sut.config.schema import NullConfig
from sut.engines.base import (
    EngineInfo,
    EngineRequest,
    Event,
    Failed,
    Finished,
    FirstToken,
    RunReport,
)
from sut.engines.null import NullEngine

AFTER = 20
Made = Callable[[Finished], Any]


def _with(**changes: Any) -> Made:
    def made(event: Finished) -> list[Any]:
        fields = {name: getattr(event, name) for name in Finished.__struct_fields__}
        return [Finished(**{**fields, **changes})]

    return made


EVENTS: Mapping[str, tuple[str, Made]] = MappingProxyType(
    {
        "twice": ("each answer twice", lambda event: [event, event]),
        "first-after": ("a first token after the answer", lambda e: [e, FirstToken(e.seq, 7)]),
        "unknown": ("answers to what nobody asked", lambda e: [*_with(seq=e.seq + 10**9)(e), e]),
        "minus": ("answers to samples before the first", lambda e: [*_with(seq=-1 - e.seq)(e), e]),
        "seq-text": ("a sample's number as text", _with(seq="1")),
        "seq-none": ("no sample's number", _with(seq=None)),
        "tokens-none": ("no tokens", _with(tokens=None)),
        "tokens-list": ("a list of tokens", _with(tokens=[7] * 32)),
        "tokens-text": ("text for tokens", _with(tokens="7777" * 32)),
        "tokens-half": ("half a token", lambda event: _with(tokens=event.tokens[:-2])(event)),
        "tokens-many": ("5,000,000 tokens", _with(tokens=b"\7\0\0\0" * 5_000_000)),
        "tokens-minus": ("ids below 0", _with(tokens=b"\xf0\xff\xff\xff" * 32)),
        "reason-none": ("no finish reason", _with(finish_reason=None)),
        "reason-escapes": ("escapes for a finish reason", _with(finish_reason="\x1b[2J[/red]")),
        "replica-none": ("no replica's number", _with(replica=None)),
        "replica-huge": ("a replica's number of 10^6", _with(replica=10**6)),
        "failed-number": ("a number for a failure's reason", lambda e: [Failed(e.seq, 7)]),  # type: ignore[arg-type]
        "failed-escapes": (
            "a failure's reason of escapes, markup and half a surrogate pair",
            lambda event: [Failed(event.seq, "\x1b[2J[/red]\ud800\0" * 1000)],
        ),
        "no-event": ("what is no event", lambda event: [object()]),
        "dropped": ("no answer at all", lambda event: []),
    }
)
CALLS = MappingProxyType(
    {
        "submit": "refuses queries with an error of its own",
        "health": "has an error of its own where it is asked for its health",
        "cancel": "has an error of its own where its queries are cancelled",
        "stats": "has an error of its own where its counters are asked for",
        "close": "has an error of its own where it is stopped",
        "figures": "measures NaN",
    }
)


class HostileOptions(EngineOptions):
    """Which fault it has."""

    how: str = "none"

    def planned(self) -> EngineTraits:
        """It has no model."""
        return EngineTraits(
            package="hostile-engine 1.0",
            weights="none",
            cards_per_replica=0,
            batching="It answers at once.",
        )


class HostileEngine(NullEngine):
    """Answers as the null engine does, but for its fault."""

    def __init__(self, options: HostileOptions, end_ids: Any):
        super().__init__(NullConfig(ttft_ms=20, tokens=8), end_ids)
        self._options, self._given = options, 0

    async def start(self) -> EngineInfo:
        """Ready at once."""
        return EngineInfo("hostile", 1, self._options.model_dump(), {}, self._options.planned())

    def _fails(self, call: str) -> None:
        if self._given >= AFTER and self._options.how == call:
            raise ValueError(f"{call} failed")

    def submit(self, first_seq: int, indices: Sequence[int]) -> None:
        """Answer, or not."""
        self._fails("submit")
        super().submit(first_seq, indices)

    def _deliver(self, events: list[Event]) -> None:
        given: list[Any] = []
        _, made = EVENTS.get(self._options.how, ("", None))
        for event in events:
            self._given += type(event) is Finished
            hostile = made is not None and type(event) is Finished and self._given > AFTER
            given += made(event) if hostile and made is not None else [event]  # type: ignore[arg-type]
        super()._deliver(given)

    async def stats(self) -> dict[str, float]:
        """Answers given."""
        self._fails("stats")
        return await super().stats()

    def report(self) -> RunReport:
        """A figure that is none."""
        return RunReport(figures={"a": float("nan")} if self._options.how == "figures" else {})

    async def health(self) -> None:
        """Healthy at first."""
        self._fails("health")

    async def cancel(self) -> None:
        """Drop what is under way."""
        self._fails("cancel")
        await super().cancel()

    async def close(self) -> None:
        """Nothing to stop."""
        self._fails("close")


def make(request: EngineRequest) -> HostileEngine:
    """The engine with its fault."""
    options = request.config.engine.own
    assert isinstance(options, HostileOptions)
    return HostileEngine(options, request.config.model.eos_token_ids)


KIND = EngineKind(HostileOptions, make)
