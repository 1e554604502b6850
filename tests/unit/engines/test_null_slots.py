"""The null engine with as many slots as a card has: the others wait their turn."""

from __future__ import annotations

import asyncio

import pytest

from sut.config.schema import NullConfig
from sut.engines.base import Event, Finished, RunSpec
from sut.engines.null import NullEngine


def made(slots: int | None, tpot_ms: float) -> tuple[NullEngine, list[Event]]:
    events: list[Event] = []
    engine = NullEngine(NullConfig(tokens=3, tpot_ms=tpot_ms, slots=slots), (2,))
    spec = RunSpec(1, 8, 1, reports_first_token=False, throughput_first=True)
    engine.begin_run(spec, events.extend)
    return engine, events


def ended(events: list[Event]) -> list[int]:
    return [each.seq for each in events if isinstance(each, Finished)]


@pytest.mark.parametrize("slots", [1, 2, 7, None])
def test_every_query_is_answered_once_and_in_turn(slots: int | None) -> None:
    async def run() -> list[int]:
        engine, events = made(slots, tpot_ms=0.1)
        engine.submit(0, [0] * 5)
        engine.submit(5, [0] * 2)
        assert await engine.drain(10) == 0
        return ended(events)

    assert asyncio.run(run()) == list(range(7))


def test_a_slot_is_taken_until_its_answer_is_whole() -> None:
    async def run() -> int:
        engine, _ = made(2, tpot_ms=1e6)
        engine.submit(0, [0] * 5)
        left = await engine.drain(0)
        await engine.cancel()
        assert await engine.drain(0) == 0
        return left

    assert asyncio.run(run()) == 1 + 3, "one batch of two on its timer, and three that wait"


def test_answers_without_delay_need_no_deep_stack() -> None:
    engine, events = made(1, tpot_ms=0.0)
    engine.submit(0, [0] * 20_000)
    assert ended(events) == list(range(20_000))
