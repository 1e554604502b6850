"""NVIDIA cards by NVML, the driver's own library: what they are, and what they do just now.

Each question is asked by itself: a card, a driver or a virtual machine that does not know the
answer leaves it out. Missing is None, never 0. On an H200 nearly every question took 1 to 10 µs,
the highest clocks 1.7 ms and the energy counter 3.3 ms (docs/measurements/2026-11-27-h200).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

# NVML's clock domains.
SM, MEMORY = 1, 2
CORE_SENSOR = 0
# nvml.h, nvmlClocksEventReasons: what holds the clocks back just now, bit by bit. Idle and the
# user's own settings are no loss.
REASONS = {
    0x1: "idle",
    0x2: "clocks set by the user",
    0x4: "power limit",
    0x8: "hardware slowdown",
    0x10: "sync boost",
    0x20: "heat",
    0x40: "hardware heat",
    0x80: "hardware power brake",
    0x100: "display clocks",
}
ANSWER_S = 20.0
HARMLESS = ("idle", "clocks set by the user", "sync boost", "display clocks")


@dataclass(frozen=True)
class CardReading:
    """What one card did at one moment."""

    sm_mhz: int | None
    memory_mhz: int | None
    power_mw: int | None
    temperature_c: int | None
    busy_percent: int | None
    """Of the last sample period, some kernel ran in so much of the time."""
    memory_used_bytes: int | None
    reasons: int | None
    """NVML's bits, `REASONS`."""


class Nvml:
    """An open NVML, by `open_nvml`."""

    def __init__(self, library: Any):
        self._nvml = library

    def handle(self, uuid: str) -> Any | None:
        """What NVML wants in place of a UUID; None for a card that it does not know."""
        return self._ask(lambda: self._nvml.nvmlDeviceGetHandleByUUID(uuid))

    def read(self, handle: Any) -> CardReading:
        """What the card does now; some ten µs."""
        n = self._nvml
        rates = self._ask(lambda: n.nvmlDeviceGetUtilizationRates(handle))
        memory = self._ask(lambda: n.nvmlDeviceGetMemoryInfo(handle))
        return CardReading(
            sm_mhz=self._ask(lambda: n.nvmlDeviceGetClockInfo(handle, SM)),
            memory_mhz=self._ask(lambda: n.nvmlDeviceGetClockInfo(handle, MEMORY)),
            power_mw=self._ask(lambda: n.nvmlDeviceGetPowerUsage(handle)),
            temperature_c=self._ask(lambda: n.nvmlDeviceGetTemperature(handle, CORE_SENSOR)),
            busy_percent=None if rates is None else rates.gpu,
            memory_used_bytes=None if memory is None else memory.used,
            reasons=self._ask(lambda: n.nvmlDeviceGetCurrentClocksThrottleReasons(handle)),
        )

    def energy_mj(self, handle: Any) -> int | None:
        """Millijoules since the driver was loaded; some ms."""
        found: int | None = self._ask(
            lambda: self._nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
        )
        return found

    def describe(self, uuid: str) -> dict[str, Any]:
        """What a card is and how it is set, as the fields of `sut.record.cards.CardFacts`."""
        n, card = self._nvml, self.handle(uuid)
        if card is None:
            return {"uuid": uuid}
        memory = self._ask(lambda: n.nvmlDeviceGetMemoryInfo(card))
        ecc = self._ask(lambda: n.nvmlDeviceGetEccMode(card))
        mig = self._ask(lambda: n.nvmlDeviceGetMigMode(card))
        others = self._ask(lambda: n.nvmlDeviceGetComputeRunningProcesses(card))
        cuda = self._ask(n.nvmlSystemGetCudaDriverVersion)
        return {
            "uuid": uuid,
            "cuda": None if cuda is None else f"{cuda // 1000}.{cuda % 1000 // 10}",
            "memory_total_bytes": None if memory is None else memory.total,
            "memory_free_bytes": None if memory is None else memory.free,
            "ecc": None if ecc is None else bool(ecc[0]),
            "mig": None if mig is None else bool(mig[0]),
            "persistence": _truth(self._ask(lambda: n.nvmlDeviceGetPersistenceMode(card))),
            "sm_mhz_max": self._ask(lambda: n.nvmlDeviceGetMaxClockInfo(card, SM)),
            "memory_mhz_max": self._ask(lambda: n.nvmlDeviceGetMaxClockInfo(card, MEMORY)),
            "power_limit_mw": self._ask(lambda: n.nvmlDeviceGetEnforcedPowerLimit(card)),
            "power_limit_default_mw": self._ask(
                lambda: n.nvmlDeviceGetPowerManagementDefaultLimit(card)
            ),
            "pcie_generation": self._ask(lambda: n.nvmlDeviceGetCurrPcieLinkGeneration(card)),
            "pcie_width": self._ask(lambda: n.nvmlDeviceGetCurrPcieLinkWidth(card)),
            "pcie_width_max": self._ask(lambda: n.nvmlDeviceGetMaxPcieLinkWidth(card)),
            "processes": None if others is None else len(others),
        }

    def _ask(self, question: Callable[[], Any]) -> Any:
        try:
            return question()
        except self._nvml.NVMLError:
            return None


def _truth(value: int | None) -> bool | None:
    return None if value is None else bool(value)


@contextmanager
def open_nvml() -> Iterator[Nvml | None]:
    """NVML for the time of the block; None where there is no driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield None
        return
    try:
        yield Nvml(pynvml)
    finally:
        pynvml.nvmlShutdown()


def describe_cards(uuids: Sequence[str]) -> list[dict[str, Any]]:
    """Each card as it is now; none where NVML cannot be asked, or gives no answer in time."""
    found: list[dict[str, Any]] = []

    def ask() -> None:
        with open_nvml() as nvml:
            found.extend([] if nvml is None else [nvml.describe(each) for each in uuids])

    asking = threading.Thread(target=ask, name="nvml", daemon=True)  # a wedged driver holds it
    if uuids:
        asking.start()
        asking.join(ANSWER_S)
    return list(found)


def reasons_in(bits: int) -> list[str]:
    """What holds the clocks back, in words; what is harmless is left out."""
    return [name for bit, name in REASONS.items() if bits & bit and name not in HARMLESS]
