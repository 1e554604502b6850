"""The thread and event loop that an engine and the SUT live on."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeVar

import uvloop

from sut.errors import RunError

T = TypeVar("T")
# A plain function takes milliseconds on a loop that is alive.
FUNCTION_S = 30.0
END_S = 10.0
RESPONDS_S = 3.0
# A loop that hung a moment ago is given so long: whoever waits for all of it waits for ever.
AGAIN_S = 1.0
HANGS = f"the engine's event loop gave no sign for {FUNCTION_S:g} s"


class EngineHost:
    """A uvloop on a thread of its own; a context manager.

    The main thread stays free for Ctrl-C, deadlines and the progress bar.
    """

    def __init__(self) -> None:
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="engine-loop", daemon=True)
        self._hung = False

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The engine's loop."""
        return self._loop

    def start(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Begin a coroutine on the loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, work: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Run a coroutine on the loop and wait for its result.

        Raises:
            TimeoutError: it took longer than timeout_s, or the loop still hangs; it has been
                cancelled.
        """
        if self._hung:
            self._ask_again(work)
        return _result(self.start(work), timeout_s)

    def _ask_again(self, work: Coroutine[Any, Any, T]) -> None:
        try:
            _result(self.start(_nothing()), AGAIN_S)
        except TimeoutError:
            work.close()
            raise
        self._hung = False

    def responds(self, limit_s: float = RESPONDS_S) -> bool:
        """Whether the loop does anything within so long."""
        try:
            _result(self.start(_nothing()), limit_s)
        except TimeoutError:
            self._hung = True
        else:
            self._hung = False
        return not self._hung

    def run(self, function: Callable[[], T]) -> T:
        """Call a plain function on the loop's thread and wait for its result.

        Raises:
            RunError: the loop hangs.
        """

        async def call() -> T:
            return function()

        try:
            return self.call(call(), FUNCTION_S)
        except TimeoutError as error:
            self._hung = True
            raise RunError(HANGS) from error

    def __enter__(self) -> EngineHost:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(TimeoutError):  # a loop that hangs is left behind: its thread is a daemon
            self.call(_cancel_all(), END_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(END_S)
        if not self._thread.is_alive():
            self._loop.close()


def begin_apart(work: Callable[[], T]) -> Future[T]:
    """Do it on a thread that nobody has to wait for: not even the process, at its end."""
    future: Future[T] = Future()

    def do() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whoever asks for the result gets it
            future.set_exception(error)

    threading.Thread(target=do, name="apart", daemon=True).start()
    return future


def _result(future: Future[T], timeout_s: float | None) -> T:
    try:
        return future.result(timeout_s)
    except TimeoutError:
        future.cancel()
        raise


async def _nothing() -> None:
    """What a loop that is alive does at once."""


async def _cancel_all() -> None:
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
