"""An engine may be of any package: what it raises or tells costs no result of what it answered."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sut.errors import RunError
from sut.harness import loadgen_run, ready_engine
from sut.harness.host import EngineHost


class Engine:
    """Raises whatever it is asked."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def health(self) -> None:
        raise self._error

    cancel = close = stats = health


class Fails(list[str]):
    fail = list.append


@pytest.fixture
def host() -> Iterator[EngineHost]:
    with EngineHost() as made:
        yield made


def live_of(host: EngineHost, error: Exception) -> Any:
    return SimpleNamespace(host=host, engine=Engine(error))


@pytest.mark.parametrize("error", [ValueError("no"), RunError("no")])
def test_counters_that_it_cannot_tell_are_not_measured(host: EngineHost, error: Exception) -> None:
    assert loadgen_run._stats(live_of(host, error)) is None


def test_what_is_no_number_was_not_measured() -> None:
    numbers: dict[str, Any] = {"a": 1, "b": 2.5, "c": np.float32(0.5), "d": np.int64(7)}
    none = {"e": float("nan"), "f": float("inf"), "g": "x", "h": 10**400, "i": None}
    assert loadgen_run.figures_of(numbers | none) == {"a": 1.0, "b": 2.5, "c": 0.5, "d": 7.0}


def test_an_error_at_the_last_look_is_the_engines_fault(host: EngineHost) -> None:
    for error, said in (
        (ValueError("no"), "the engine's health failed: ValueError: no"),
        (RunError("the card is gone."), "the card is gone."),
    ):
        sut: Any = Fails()
        loadgen_run._last_look(live_of(host, error), sut)
        assert sut[0] == said


def test_one_that_will_not_stop_is_told_of(host: EngineHost) -> None:
    way: Any = SimpleNamespace(say=(told := list[str]()).append)
    engine: Any = Engine(ValueError("no"))
    ready_engine._close(host, engine, way)
    assert told == ["The engine did not stop as it should: ValueError: no"]
