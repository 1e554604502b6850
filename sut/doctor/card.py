"""The cards: driver, compiler, memory, and who else uses them. Nothing where there is none."""

from __future__ import annotations

from collections.abc import Iterable

from sut.capacity.cards import card_named
from sut.config.schema import RunConfig
from sut.doctor.row import Row, fail, ok, warn
from sut.errors import ConfigError
from sut.inputs.inputs import check_cards
from sut.machine import toolchain
from sut.machine.devices import cards
from sut.machine.nvml import describe_cards

CAPABILITY_MIN = 7.5
FREE_SHARE = 0.95
MIB, GIB = 2**20, 2**30


def driver(config: RunConfig) -> Iterable[Row]:
    """Whether the engine's CUDA build runs on this driver."""
    seen = cards()
    if config.system.platform != "cuda":
        if seen.found:
            names = ", ".join(gpu.name for gpu in seen.found)
            remedy = f"Leave out --system {config.system.name}."
            yield warn("cards", f"{names}; system {config.system.name} uses none", remedy)
        return
    if not seen.found:
        yield fail("cards", f"none: {seen.problem}", "Look at nvidia-smi and CUDA_VISIBLE_DEVICES.")
        return
    for gpu in seen.found:
        told = "memory not told" if gpu.memory_mib is None else f"{gpu.memory_mib} MiB"
        yield ok("card", f"{gpu.name}, {told}, {gpu.uuid}")
    try:
        note = check_cards(config)
    except ConfigError as error:
        yield fail("driver", error.message, error.remedy)
        return
    version = seen.found[0].driver
    yield warn("driver", note) if note else ok("driver", version)


def compiler(config: RunConfig) -> Iterable[Row]:
    """Triton compiles its launcher at the first start: a C compiler and Python's headers."""
    if config.system.platform != "cuda":
        return
    lacking = {each.name: each for each in toolchain.lacks()}
    for name, here in (
        ("C compiler", toolchain.compiler()),
        ("Python's headers", toolchain.header()),
    ):
        lack = lacking.get(name)
        yield fail(name, lack.found, lack.remedy) if lack else ok(name, str(here))


def state(config: RunConfig) -> Iterable[Row]:
    """What NVML tells of each card: modes, limits, lanes, and other processes."""
    if config.system.platform != "cuda":
        return
    names = {gpu.uuid: gpu.name for gpu in cards().found}
    for facts in describe_cards(list(names)):
        name = names[facts["uuid"]]
        yield from _of_card(name, facts)
        yield from _accelerator(config, name)


def _of_card(name: str, facts: dict[str, object]) -> Iterable[Row]:
    free, total = facts.get("memory_free_bytes"), facts.get("memory_total_bytes")
    others = facts.get("processes")
    if isinstance(others, int) and others:
        remedy = "End them: nvidia-smi lists them."
        yield warn("other processes", f"{others} compute on {name}", remedy)
    if isinstance(free, int) and isinstance(total, int) and free < FREE_SHARE * total:
        found = f"{free / GIB:.1f} of {total / GIB:.1f} GiB free on {name}"
        yield warn(
            "card memory", found, "End what holds the rest, or lower gpu_memory_utilization."
        )
    if facts.get("mig"):
        yield warn("MIG", f"{name} is divided", "Name a part by its UUID in CUDA_VISIBLE_DEVICES.")
    if facts.get("persistence") is False:
        remedy = "As root: nvidia-smi -pm 1."
        yield warn("persistence", f"off on {name}: the driver unloads between runs", remedy)
    limit, usual = facts.get("power_limit_mw"), facts.get("power_limit_default_mw")
    if isinstance(limit, int) and isinstance(usual, int) and limit < usual:
        found = f"{limit / 1e3:.0f} W on {name}, by default {usual / 1e3:.0f}"
        yield warn("power limit", found, f"As root: nvidia-smi -pl {usual / 1e3:.0f}.")
    width, most = facts.get("pcie_width"), facts.get("pcie_width_max")
    if isinstance(width, int) and isinstance(most, int) and width < most:
        yield warn(
            "PCIe", f"{width} of {most} lanes on {name}", "Look at the slot and its settings."
        )


def _accelerator(config: RunConfig, name: str) -> Iterable[Row]:
    stated = config.system.accelerator
    if stated is not None and stated.lower() != name.lower():
        remedy = "Leave out --system, or name the system of this card."
        yield warn("system", f"{config.system.name} is for {stated}, and this is {name}", remedy)
    card = card_named(name)
    if card is None:
        what = f"user_confs/cards.yaml has no figures of {name}: no roofline, the profile's rates"
        yield warn("card's figures", what, "Add its row.")
    elif card.capability is not None and float(card.capability) < CAPABILITY_MIN:
        what = f"{name} has compute capability {card.capability}, vLLM needs {CAPABILITY_MIN}"
        yield fail("compute capability", what)
