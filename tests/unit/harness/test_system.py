"""The SUT between LoadGen's socket and an engine, without either."""

from __future__ import annotations

import asyncio
import gc
from array import array
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from qsl.dataset import Dataset, Prompts
from qsl.library import Library
from sut.config.schema import NullConfig
from sut.engines.base import Finished, RunSpec
from sut.engines.null import NullEngine
from sut.errors import RunError
from sut.harness.ledger import Ledger, State
from sut.harness.system import SystemUnderTest
from sut.loadgen.link import FrameReader, Kind, frame, issue_frame
from sut.record.answer import AnswerBounds

BOUNDS = AnswerBounds(max_tokens=8, min_tokens=1, end_ids=frozenset({2}))


class Recorder(asyncio.Transport):
    """LoadGen's end of the socket."""

    def __init__(self) -> None:
        super().__init__()
        self._reader = FrameReader()
        self.frames: list[tuple[Kind, bytes]] = []

    def write(self, data: Any) -> None:
        self.frames += self._reader.feed(bytes(data))

    def kinds(self) -> list[Kind]:
        return [kind for kind, _ in self.frames]


class SilentEngine(NullEngine):
    """Takes queries, says nothing, and can fall ill."""

    def __init__(self) -> None:
        super().__init__(NullConfig(tokens=2), [2])
        self.submitted: list[tuple[int, list[int]]] = []
        self.illness: str | None = None

    def submit(self, first_seq: int, indices: Sequence[int]) -> None:
        self.submitted.append((first_seq, list(indices)))

    async def health(self) -> None:
        if self.illness:
            raise RunError(self.illness)


def library() -> Library:
    prompts = Prompts.from_sequences([np.full(3, index, np.int32) for index in range(4)])
    return Library(Dataset("four", "synthetic", None, "0" * 64, True, prompts, None, None))


def build(engine: NullEngine) -> tuple[SystemUnderTest, Ledger, Recorder]:
    ledger = Ledger(reports_first_token=True, bounds=BOUNDS)
    sut = SystemUnderTest(engine, ledger, library(), 600.0, clock_ns=lambda: 50)
    engine.begin_run(RunSpec(1, 8, 1, True, False), sut.on_events)
    transport = Recorder()
    sut.connection_made(transport)
    return sut, ledger, transport


async def turn() -> None:
    """Let what is ready on the loop run."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_queries_that_arrive_together_are_submitted_together():
    async def scenario() -> None:
        engine = SilentEngine()
        sut, ledger, _ = build(engine)
        sut.data_received(issue_frame(0, 10, [3]) + issue_frame(1, 11, [1, 2]))
        assert engine.submitted == [(0, [3, 1, 2])]
        assert list(ledger.issued_ns) == [10, 11, 11]
        sut.connection_lost(None)

    asyncio.run(scenario())


def test_an_answer_goes_back_to_loadgen_once():
    async def scenario() -> None:
        sut, ledger, transport = build(NullEngine(NullConfig(tokens=2), [2]))
        sut.data_received(issue_frame(0, 10, [3]))
        assert transport.kinds() == [Kind.EVENTS, Kind.EVENTS]  # first token, then the answer
        sut.on_events([Finished(0, array("i", [7, 7]).tobytes(), "length")])
        assert len(transport.frames) == 2
        assert ledger.late_events == 1
        sut.connection_lost(None)

    asyncio.run(scenario())


def test_samples_are_loaded_before_loadgen_goes_on():
    async def scenario() -> None:
        sut, _, transport = build(SilentEngine())
        sut.data_received(frame(Kind.LOAD, array("I", [0, 2]).tobytes()))
        assert transport.frames == []
        await turn()
        assert transport.kinds() == [Kind.READY]
        sut.connection_lost(None)

    asyncio.run(scenario())


def test_what_was_loaded_is_kept_from_the_collector():
    async def scenario() -> None:
        sut, _, _ = build(SilentEngine())
        gc.unfreeze()
        sut.data_received(frame(Kind.LOAD, array("I", [0, 2]).tobytes()))
        await turn()
        assert gc.get_freeze_count() > 1000
        sut.connection_lost(None)
        assert gc.get_freeze_count() == 0

    try:
        asyncio.run(scenario())
    finally:
        gc.unfreeze()


def test_an_engine_that_falls_ill_fails_what_is_open_and_what_still_comes():
    async def scenario() -> None:
        engine = SilentEngine()
        engine.illness = "the card fell off the bus"
        sut, ledger, _ = build(engine)
        sut.data_received(issue_frame(0, 10, [0, 1]))
        await turn()
        assert sut.fault == "the card fell off the bus"
        assert ledger.count[State.FAILED] == 2
        sut.data_received(issue_frame(2, 20, [3]))
        assert ledger.outstanding == 0
        assert len(engine.submitted) == 1, "a dead engine is asked nothing"
        sut.connection_lost(None)

    asyncio.run(scenario())


def test_a_sample_that_does_not_exist_is_a_fault_and_not_a_hang():
    async def scenario() -> None:
        sut, _, _ = build(SilentEngine())
        sut.data_received(frame(Kind.LOAD, array("I", [99]).tobytes()))
        await turn()
        assert sut.fault is not None
        assert "99" in sut.fault
        sut.connection_lost(None)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("sent", "attribute", "value"),
    [
        (frame(Kind.DONE), "loadgen_returned", True),
        (frame(Kind.ERROR, b"no such scenario"), "loadgen_error", "no such scenario"),
    ],
)
def test_what_loadgen_says_of_itself_is_kept(sent: bytes, attribute: str, value: object):
    async def scenario() -> None:
        sut, _, _ = build(SilentEngine())
        sut.data_received(sent)
        assert getattr(sut, attribute) == value
        sut.connection_lost(None)
        assert sut.disconnected.is_set()

    asyncio.run(scenario())


def test_an_engine_that_answers_nothing_for_too_long_counts_as_hung():
    async def scenario() -> None:
        now_ns = 0
        ledger = Ledger(reports_first_token=True, bounds=BOUNDS)
        engine = SilentEngine()
        sut = SystemUnderTest(engine, ledger, library(), 60.0, clock_ns=lambda: now_ns)
        sut.connection_made(Recorder())
        now_ns = 70_000_000_000
        sut.data_received(issue_frame(0, now_ns, [0]))
        await turn()
        assert ledger.outstanding == 1, "idle time before the first query does not count"
        sut.connection_lost(None)
        now_ns += 61_000_000_000
        sut.connection_made(Recorder())
        await turn()
        assert sut.fault is not None
        assert "61 s" in sut.fault
        assert ledger.count[State.FAILED] == 1
        sut.connection_lost(None)

    asyncio.run(scenario())


def test_a_link_that_breaks_is_the_cause_that_is_named():
    async def scenario() -> None:
        sut, ledger, _ = build(SilentEngine())
        sut.data_received(issue_frame(0, 10, [0]))
        sut.connection_lost(ValueError("sample 7 was issued after 2"))
        assert sut.fault is not None
        assert "sample 7" in sut.fault
        assert ledger.outstanding == 0

    asyncio.run(scenario())


def test_an_engine_that_gives_what_is_no_event_is_at_fault_at_once():
    async def scenario() -> None:
        sut, ledger, transport = build(SilentEngine())
        sut.data_received(issue_frame(0, 10, array("Q", [1, 2])))
        broken: Any = Finished(0, None, "stop")  # type: ignore[arg-type]
        sut.on_events([broken])
        assert sut.fault is not None
        assert sut.fault.startswith("the engine gave what is no event: TypeError: ")
        assert ledger.outstanding == 0
        assert set(ledger.failure.values()) == {sut.fault}
        assert transport.frames

    asyncio.run(scenario())


def test_an_engine_that_takes_no_queries_is_at_fault_at_once():
    class Refusing(SilentEngine):
        def submit(self, first_seq: int, indices: Sequence[int]) -> None:
            raise RuntimeError("full \ud800")

    async def scenario() -> None:
        sut, ledger, _ = build(Refusing())
        sut.data_received(issue_frame(0, 10, array("Q", [1, 2])))
        assert sut.fault == "the engine took no queries: RuntimeError: full \\ud800"
        assert ledger.outstanding == 0

    asyncio.run(scenario())
