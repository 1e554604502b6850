"""Clocks, power and load of the cards while LoadGen runs, once a second, into a file of the run."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
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
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> CardWatch:
        """Start; the driver is asked in the thread alone, for one that is wedged never answers."""
        if self._uuids:
            self._thread = threading.Thread(target=self._watch, name="card-watch", daemon=True)
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

    def _watch(self) -> None:
        with open_nvml() as nvml:
            handles = {uuid: nvml.handle(uuid) for uuid in self._uuids} if nvml else {}
            known = {uuid: each for uuid, each in handles.items() if each is not None}
            # A full disk costs the samples that follow, and never the run.
            with suppress(OSError):
                if nvml is not None and known:
                    self._sample_all(nvml, known)

    def _sample_all(self, nvml: Nvml, cards: dict[str, Any]) -> None:
        """With the energy counters first and last."""
        with self._path.open("w", encoding="utf-8", buffering=1) as stream:
            _sample(nvml, cards, stream, energy=True)
            while not self._over.wait(self._period_s):
                _sample(nvml, cards, stream, energy=False)
            _sample(nvml, cards, stream, energy=True)


def _sample(nvml: Nvml, cards: dict[str, Any], stream: TextIO, *, energy: bool) -> None:
    for uuid, handle in cards.items():
        sample = CardSample(
            monotonic_ns=time.monotonic_ns(),
            uuid=uuid,
            **asdict(nvml.read(handle)),
            energy_mj=nvml.energy_mj(handle) if energy else None,
        )
        stream.write(sample_line(sample))
