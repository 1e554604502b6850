"""Parties → what they differ in, and every figure side by side. A pure function of their files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from sut.compare.alike import Area, Unlike, unlike, unlike_within
from sut.compare.noise import LEVEL
from sut.compare.party import Party, read_party
from sut.compare.verdict import Cell, Row, rows_of
from sut.errors import ConfigError

ONE_RUN = (
    "Noise is that within each run. Runs differ among themselves by more: join several with commas."
)
REPEATS = "Noise is that between the repeats of each."
LEVEL_SAID = f"{LEVEL:.0%} bands"


@dataclass(frozen=True)
class Comparison:
    """What may be said of runs side by side."""

    parties: tuple[Party, ...]
    unlike: tuple[Unlike, ...]
    rows: tuple[Row, ...]

    @property
    def comparable(self) -> bool:
        """Whether all did the same task."""
        return not any(each.area is Area.TASK for each in self.unlike)

    def notes(self) -> Iterator[str]:
        """What a reader must know beside the figures."""
        for each in self.parties:
            if not each.valid:
                yield f"{each.name} is not VALID: its figures prove nothing."
            for path in each.stated:
                yield f"{each.name} is only stated: no session lies beside {path.name}."
            yield from _disturbed(each)
        missing = {s.value for each in self.parties for s in each.scenarios}
        missing -= {row.scenario.value for row in self.rows}
        if missing:
            yield f"Not in every one, and not compared: {', '.join(sorted(missing))}."
        single = all(len(each.sessions) == 1 for each in self.parties)
        yield f"{ONE_RUN if single else REPEATS} ({LEVEL_SAID})"


def _disturbed(party: Party) -> Iterator[str]:
    """The first thing that disturbed each scenario, whatever it cost."""
    for scenario in party.scenarios:
        found = [each.result.scenarios[scenario].disturbed_by for each in party.sessions]
        said = next((each[0] for each in found if each), None)
        if said is not None:
            yield f"{party.name}: {scenario.value} was disturbed: {said.rstrip('.')}."


def compared(texts: Sequence[str], tolerance: float = 0.0) -> Comparison:
    """Read what the texts name, and hold all against the first.

    Args:
        texts: a path each, or several joined with commas: repeats.
        tolerance: a change that does not matter, as a share.

    Raises:
        LogError: one is no result.
        ConfigError: what is joined with commas was not one task on one machine.
    """
    parties = tuple(read_party(*each) for each in zip(ascii_uppercase, texts, strict=False))
    for each in parties:
        mixed = unlike_within(each)
        if mixed:
            raise ConfigError(
                f"these are no repeats of one run: {mixed[0].sentence}.",
                where=texts[parties.index(each)],
                remedy="Join with commas what ran with the same settings on the same machine.",
            )
    return Comparison(parties, tuple(unlike(parties)), tuple(rows_of(parties, tolerance)))


def document(comparison: Comparison) -> dict[str, Any]:
    """For programs."""
    return {
        "comparable": comparison.comparable,
        "parties": [
            {"name": p.name, "paths": [str(s.path) for s in p.sessions], "valid": p.valid}
            for p in comparison.parties
        ],
        "differences": [
            {"in": each.area.value, "key": each.difference.key,
             "values": [{"value": v, "parties": list(n)} for v, n in each.difference.values]}
            for each in comparison.unlike
        ],
        "figures": [
            {
                "scenario": row.scenario.value,
                "figure": row.figure.name,
                "higher_is_better": row.figure.higher_is_better,
                "parties": {
                    party.name: _cell(cell)
                    for party, cell in zip(comparison.parties, row.cells, strict=True)
                },
            }
            for row in comparison.rows
        ],
        "notes": list(comparison.notes()),
        "level": LEVEL,
    }  # fmt: skip


def _cell(cell: Cell) -> dict[str, Any]:
    verdict = cell.verdict
    return {
        "value": cell.measured.value,
        "noise": cell.measured.noise,
        "ratio": cell.ratio,
        "ratio_noise": cell.noise,
        "verdict": None if verdict is None else verdict.value,
    }
