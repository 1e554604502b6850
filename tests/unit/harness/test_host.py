"""The loop that an engine lives on: one that hangs is waited for once, and not again and again."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

import sut.harness.host
from sut.errors import RunError
from sut.harness.host import HANGS, EngineHost

LONG_S = 600.0


class Hanging:
    """A loop that somebody holds up, until it is let go."""

    def __init__(self, host: EngineHost) -> None:
        self.host, self.go, self._held = host, threading.Event(), threading.Event()
        host.loop.call_soon_threadsafe(self._hang)
        self._held.wait()

    def _hang(self) -> None:
        self._held.set()
        self.go.wait()


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    for name in ("FUNCTION_S", "AGAIN_S", "END_S"):
        monkeypatch.setattr(sut.harness.host, name, 0.01)
    with EngineHost() as host:
        made = Hanging(host)
        yield made
        made.go.set()


async def answer() -> int:
    return 7


def test_one_that_hung_is_not_waited_for_again_however_long_a_call_may_take(hanging: Hanging):
    with pytest.raises(RunError, match=HANGS):
        hanging.host.run(lambda: 7)
    with pytest.raises(TimeoutError):  # or this test takes ten minutes
        hanging.host.call(answer(), LONG_S)


def test_whether_it_responds_is_told(hanging: Hanging):
    assert not hanging.host.responds(0.01)
    with pytest.raises(TimeoutError):
        hanging.host.call(answer(), LONG_S)
    hanging.go.set()
    assert hanging.host.responds(LONG_S)


def test_one_that_goes_on_has_all_its_time_again(
    hanging: Hanging, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(RunError, match=HANGS):
        hanging.host.run(lambda: 7)
    monkeypatch.setattr(sut.harness.host, "AGAIN_S", LONG_S)
    hanging.go.set()
    assert hanging.host.call(answer(), LONG_S) == 7
