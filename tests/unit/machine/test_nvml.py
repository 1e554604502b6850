"""The driver's library, answering as an H200's did, and failing as others do."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sut.harness.card_watch import CardWatch
from sut.machine.nvml import describe_cards, open_nvml, reasons_in
from sut.record.cards import by_card, read_samples
from sut.record.facts import CardFacts
from sut.result.card_use import cards_used, energy_per_token_j

UUID = "GPU-010ea8fa"
POWER_LIMIT = 0x4


class FakeNvml(SimpleNamespace):
    """pynvml as one H200 answered it; `silent` are the questions that it does not know."""

    class NVMLError(Exception):
        pass

    def __init__(self, silent: frozenset[str] = frozenset(), *, there: bool = True):
        super().__init__()
        self.silent, self.there, self.open, self.asked_energy = silent, there, 0, 0

    def nvmlInit(self) -> None:  # noqa: N802
        if not self.there:
            raise self.NVMLError("NVML Shared Library Not Found")
        self.open += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.open -= 1

    def __getattr__(self, name: str) -> Any:
        if name not in ANSWERS:
            raise AttributeError(name)

        def answer(*arguments: Any) -> Any:
            if name in self.silent:
                raise self.NVMLError("Not Supported")
            if name == "nvmlDeviceGetTotalEnergyConsumption":
                self.asked_energy += 1
                return 1_000_000 * self.asked_energy
            if name == "nvmlDeviceGetHandleByUUID" and arguments[0] != UUID:
                raise self.NVMLError("Not Found")
            found = ANSWERS[name]
            return found[arguments[1]] if isinstance(found, dict) else found

        return answer


ANSWERS: dict[str, Any] = {
    "nvmlDeviceGetHandleByUUID": "handle",
    "nvmlSystemGetCudaDriverVersion": 13000,
    "nvmlDeviceGetMemoryInfo": SimpleNamespace(
        total=150754820096, free=150109880320, used=644939776
    ),
    "nvmlDeviceGetEccMode": [1, 1],
    "nvmlDeviceGetMigMode": [0, 0],
    "nvmlDeviceGetPersistenceMode": 1,
    "nvmlDeviceGetMaxClockInfo": {1: 1980, 2: 3201},
    "nvmlDeviceGetClockInfo": {1: 1485, 2: 3201},
    "nvmlDeviceGetEnforcedPowerLimit": 700000,
    "nvmlDeviceGetPowerManagementDefaultLimit": 700000,
    "nvmlDeviceGetCurrPcieLinkGeneration": 5,
    "nvmlDeviceGetCurrPcieLinkWidth": 16,
    "nvmlDeviceGetMaxPcieLinkWidth": 16,
    "nvmlDeviceGetComputeRunningProcesses": [],
    "nvmlDeviceGetPowerUsage": 690000,
    "nvmlDeviceGetTemperature": {0: 61},
    "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=100, memory=40),
    "nvmlDeviceGetCurrentClocksThrottleReasons": POWER_LIMIT,
    "nvmlDeviceGetTotalEnergyConsumption": None,
}


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch):
    def use(fake: FakeNvml) -> FakeNvml:
        monkeypatch.setitem(sys.modules, "pynvml", fake)
        return fake

    return use


def test_a_card_says_what_it_is(nvml) -> None:
    fake = nvml(FakeNvml())
    (found,) = (CardFacts.model_validate(each) for each in describe_cards([UUID]))
    assert (found.cuda, found.ecc, found.mig, found.persistence) == ("13.0", True, False, True)
    assert (found.sm_mhz_max, found.power_limit_mw, found.processes) == (1980, 700000, 0)
    assert found.memory_free_bytes == 150109880320
    assert fake.open == 0


def test_what_a_card_does_not_know_is_left_out_and_never_zero(nvml) -> None:
    silent = frozenset(ANSWERS) - {"nvmlDeviceGetHandleByUUID"}
    nvml(FakeNvml(silent))
    (found,) = (CardFacts.model_validate(each) for each in describe_cards([UUID]))
    assert found == CardFacts(uuid=UUID)


def test_without_a_driver_nobody_is_asked(nvml) -> None:
    nvml(FakeNvml(there=False))
    assert describe_cards([UUID]) == []
    with open_nvml() as opened:
        assert opened is None


def test_a_card_that_nvml_does_not_know_has_its_name_only(nvml) -> None:
    nvml(FakeNvml())
    assert describe_cards(["GPU-other"]) == [{"uuid": "GPU-other"}]


def test_the_watch_leaves_a_line_a_sample_and_energy_at_both_ends(nvml, tmp_path: Path) -> None:
    fake = nvml(FakeNvml())
    path = tmp_path / "cards.jsonl"
    with CardWatch([UUID], path, period_s=0):
        while len(read_samples(path)) < 4:
            pass
    samples = read_samples(path)
    assert list(by_card(samples)) == [UUID]
    energy = [each.energy_mj for each in samples]
    assert (energy[0], energy[-1]) == (1_000_000, 2_000_000)
    assert set(energy[1:-1]) == {None}
    assert {each.sm_mhz for each in samples} == {1485}
    assert fake.open == 0


@pytest.mark.parametrize("uuids", [[], [UUID]])
def test_without_cards_or_driver_no_file_is_made(nvml, tmp_path: Path, uuids) -> None:
    nvml(FakeNvml(there=False))
    with CardWatch(uuids, tmp_path / "cards.jsonl"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_samples_in_a_few_figures(nvml, tmp_path: Path) -> None:
    nvml(FakeNvml())
    with CardWatch([UUID], tmp_path / "cards.jsonl", period_s=0):
        pass
    (used,) = cards_used(tmp_path)
    assert (used.power_w_mean, used.sm_mhz_median, used.busy) == (690.0, 1485, 1.0)
    assert used.energy_j == 1000.0
    assert used.held_back == {"power limit": 1.0}
    assert energy_per_token_j([used], 500) == 2.0
    assert energy_per_token_j([used], 0) is None
    assert energy_per_token_j([used, used.model_copy(update={"energy_j": None})], 500) is None
    assert energy_per_token_j([], 500) is None


def test_a_card_that_tells_nothing_has_no_figures(nvml, tmp_path: Path) -> None:
    nvml(FakeNvml(frozenset(ANSWERS) - {"nvmlDeviceGetHandleByUUID"}))
    with CardWatch([UUID], tmp_path / "cards.jsonl", period_s=0):
        pass
    (used,) = cards_used(tmp_path)
    told = used.model_dump(exclude={"uuid", "samples", "seconds", "held_back"})
    assert set(told.values()) == {None}
    assert used.held_back == {}


def test_a_line_that_was_cut_off_is_left_out_and_another_one_costs_the_figures(
    tmp_path: Path,
) -> None:
    path = tmp_path / "cards.jsonl"
    path.write_text('{"monotonic_ns": 1, "uuid": "a"}\n{"monotonic_ns": 2, "uu')
    (used,) = cards_used(tmp_path)
    assert used.samples == 1
    path.write_text('{"monotonic_ns": "x"}\n')
    assert cards_used(tmp_path) == []


def test_what_is_no_loss_is_not_called_one() -> None:
    assert reasons_in(0x1 | 0x2) == []
    assert reasons_in(0x4 | 0x20) == ["power limit", "heat"]


def test_a_wedged_driver_holds_nobody_up(nvml, tmp_path: Path, monkeypatch) -> None:
    """A card whose driver never answers: the run goes on without its figures."""
    answer = threading.Event()
    fake = FakeNvml()
    monkeypatch.setattr(fake, "nvmlInit", lambda: answer.wait(60))
    nvml(fake)
    monkeypatch.setattr("sut.machine.nvml.ANSWER_S", 0.01)
    monkeypatch.setattr("sut.harness.card_watch.END_S", 0.01)
    try:
        assert describe_cards([UUID]) == []
        with CardWatch([UUID], tmp_path / "cards.jsonl") as watch:
            pass
        assert list(tmp_path.iterdir()) == []
    finally:
        answer.set()
        assert watch._thread is not None
        watch._thread.join()
