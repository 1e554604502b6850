"""Clocks, power and load of the cards while LoadGen runs, once a second, into a file of the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from sut.machine.nvml import Nvml, open_nvml
from sut.record.cards import CardSample, sample_line

PERIOD_S = 1.0
END_S = 5.0


class CardWatch:
    """Samples from a thread of its own between enter and exit; nothing without cards.

    Args:
        uuids: the cards that the engine was given.
        path: the file; it is made only where NVML answers.
        period_s: between two samples.
    """

    def __init__(self, uuids: Sequence[str], path: Path, period_s: float = PERIOD_S):
        self._uuids, self._path, self._period_s = uuids, path, period_s
        self._stack = ExitStack()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> CardWatch:
        """Start, with the energy counters first."""
        if not self._uuids:
            return self
        nvml = self._stack.enter_context(open_nvml())
        if nvml is None:
            return self
        handles = {uuid: nvml.handle(uuid) for uuid in self._uuids}
        known = {uuid: each for uuid, each in handles.items() if each is not None}
        if known:
            stream = self._stack.enter_context(self._path.open("w", encoding="utf-8", buffering=1))
            _sample(nvml, known, stream, energy=True)
            self._thread = threading.Thread(
                target=self._watch, args=(nvml, known, stream), name="card-watch", daemon=True
            )
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop, with the energy counters last; a driver that hangs is not waited for."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(END_S)
            if self._thread.is_alive():
                return  # it holds the library and the file; both go with the process
        self._stack.close()

    def _watch(self, nvml: Nvml, cards: dict[str, Any], stream: TextIO) -> None:
        try:
            while not self._over.wait(self._period_s):
                _sample(nvml, cards, stream, energy=False)
            _sample(nvml, cards, stream, energy=True)
        except OSError:
            return  # a full disk costs the samples that follow, and never the run


def _sample(nvml: Nvml, cards: dict[str, Any], stream: TextIO, *, energy: bool) -> None:
    for uuid, handle in cards.items():
        sample = CardSample(
            monotonic_ns=time.monotonic_ns(),
            uuid=uuid,
            **asdict(nvml.read(handle)),
            energy_mj=nvml.energy_mj(handle) if energy else None,
        )
        stream.write(sample_line(sample))
