"""What the cards did during one run: `cards.jsonl` in a few figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, median

from sut.errors import LogError
from sut.machine.nvml import reasons_in
from sut.record.cards import CardSample, by_card, read_samples
from sut.record.folder import RunDir
from sut.result.schema import CardUse


def cards_used(run: Path) -> list[CardUse]:
    """One for each card; none where nobody sampled, or what was sampled cannot be read."""
    try:
        samples = read_samples(RunDir(run).cards)
    except LogError:
        return []
    return [_use(uuid, each) for uuid, each in by_card(samples).items()]


def energy_per_token_j(cards: Sequence[CardUse], tokens: int) -> float | None:
    """Joules of all cards over the output tokens; None where a card does not tell."""
    joules = [each.energy_j for each in cards]
    known = [each for each in joules if each is not None]
    return sum(known) / tokens if known and len(known) == len(joules) and tokens else None


def _use(uuid: str, samples: Sequence[CardSample]) -> CardUse:
    def over(what: Callable[[CardSample], float | None]) -> list[float]:
        return [value for each in samples if (value := what(each)) is not None]

    clocks, power = over(lambda each: each.sm_mhz), over(lambda each: each.power_mw)
    heat, busy = over(lambda each: each.temperature_c), over(lambda each: each.busy_percent)
    memory = over(lambda each: each.memory_used_bytes)
    return CardUse(
        uuid=uuid,
        samples=len(samples),
        seconds=(samples[-1].monotonic_ns - samples[0].monotonic_ns) / 1e9,
        sm_mhz_median=median(clocks) if clocks else None,
        sm_mhz_least=int(min(clocks)) if clocks else None,
        power_w_mean=fmean(power) / 1e3 if power else None,
        power_w_most=max(power) / 1e3 if power else None,
        energy_j=_energy_j(samples),
        temperature_c_most=int(max(heat)) if heat else None,
        busy=fmean(busy) / 100 if busy else None,
        memory_used_gib_most=max(memory) / 2**30 if memory else None,
        held_back=_held_back(samples),
    )


def _energy_j(samples: Sequence[CardSample]) -> float | None:
    """Between the counter's first reading and its last; None with less than two."""
    read = [each.energy_mj for each in samples if each.energy_mj is not None]
    return (read[-1] - read[0]) / 1e3 if len(read) > 1 else None


def _held_back(samples: Sequence[CardSample]) -> dict[str, float]:
    told = [each.reasons for each in samples if each.reasons is not None]
    count = Counter(name for bits in told for name in reasons_in(bits))
    return {name: number / len(told) for name, number in count.items()}
