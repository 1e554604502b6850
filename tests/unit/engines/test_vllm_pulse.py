"""A core that ends no step is told from one that is busy, without vLLM."""

from __future__ import annotations

import asyncio

import pytest

from sut.engines.vllm import pulse as module
from sut.engines.vllm.pulse import ALLOWANCE, QUERY_S, Pulse

LIMIT_S = 10.0


class Core:
    """Answers when it is let; time passes when it is told to."""

    def __init__(self, *, learns: bool) -> None:
        self.now_s = 100.0
        self.steps = asyncio.Event()
        self.error: Exception | None = None
        self.calls: asyncio.Queue[None] = asyncio.Queue()
        self.pulse = Pulse(
            self.ask, LIMIT_S, learns=learns, clock_s=lambda: self.now_s, interval_s=0
        )

    async def ask(self) -> None:
        self.calls.put_nowait(None)
        await self.steps.wait()
        if self.error is not None:
            raise self.error

    async def end_a_step(self) -> None:
        """Answer what is asked, and be asked again."""
        ended, self.steps = self.steps, asyncio.Event()
        ended.set()
        await self.calls.get()


@pytest.fixture(autouse=True)
def no_last_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAST_WAIT_S", 0.0)


async def begun(*, warmup: bool, learns: bool = True) -> Core:
    core = Core(learns=learns)
    core.pulse.begin_run(warmup=warmup)
    await core.calls.get()
    return core


def test_a_run_s_core_that_ends_no_step_is_told_once_its_time_is_up():
    async def run() -> None:
        core = await begun(warmup=False)
        core.now_s += LIMIT_S
        assert await core.pulse.missed_s() is None
        core.now_s += 0.5
        assert await core.pulse.missed_s() == LIMIT_S + 0.5
        await core.end_a_step()
        assert await core.pulse.missed_s() is None, "one that stepped again"
        core.pulse.stop()

    asyncio.run(run())


def test_a_warm_up_may_compile_for_as_long_as_it_likes_and_tells_how_long_steps_are():
    async def run() -> None:
        core = await begun(warmup=True)
        core.now_s += 8 * LIMIT_S
        assert await core.pulse.missed_s() is None
        await core.end_a_step()
        core.pulse.begin_run(warmup=False)
        core.now_s += ALLOWANCE * 8 * LIMIT_S
        assert await core.pulse.missed_s() is None
        core.now_s += 1
        assert await core.pulse.missed_s() == ALLOWANCE * 8 * LIMIT_S + 1
        core.pulse.stop()

    asyncio.run(run())


def test_a_card_s_warm_up_compiles_and_tells_nothing_of_its_steps():
    async def run() -> None:
        core = await begun(warmup=True, learns=False)
        core.now_s += 8 * LIMIT_S
        await core.end_a_step()
        core.pulse.begin_run(warmup=False)
        core.now_s += LIMIT_S + 1
        assert await core.pulse.missed_s() == LIMIT_S + 1
        core.pulse.stop()

    asyncio.run(run())


def test_a_call_behind_many_queries_may_take_longer_and_the_next_may_not():
    async def run() -> None:
        core = await begun(warmup=False)
        core.pulse.given(100_000)
        await core.end_a_step()
        core.now_s += LIMIT_S + 100_000 * QUERY_S
        assert await core.pulse.missed_s() is None
        await core.end_a_step()
        core.now_s += LIMIT_S + 1
        assert await core.pulse.missed_s() == LIMIT_S + 1
        core.pulse.stop()

    asyncio.run(run())


def test_an_answer_that_lay_unread_while_this_process_stood_still_is_no_hang(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(module, "LAST_WAIT_S", 60.0)

    async def run() -> None:
        core = await begun(warmup=False)
        core.now_s += 100 * LIMIT_S
        core.steps.set()
        assert await core.pulse.missed_s() is None
        core.pulse.stop()

    asyncio.run(run())


def test_a_core_that_died_is_not_called_a_hanging_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "LAST_WAIT_S", 60.0)

    async def run() -> None:
        core = await begun(warmup=False)
        core.error = RuntimeError("EngineDeadError")
        core.steps.set()
        core.now_s += 100 * LIMIT_S
        assert await core.pulse.missed_s() is None
        core.now_s += 100 * LIMIT_S
        assert await core.pulse.missed_s() is None
        assert core.calls.empty(), "and asked no more"
        core.pulse.stop()

    asyncio.run(run())
