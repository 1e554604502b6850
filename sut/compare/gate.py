"""A run against a stored one: which figures are worse beyond noise. For CI, so it never guesses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from sut.compare.alike import Area
from sut.compare.comparison import Comparison
from sut.compare.party import Party
from sut.compare.text import band_text
from sut.compare.verdict import Row, Verdict
from sut.errors import ConfigError
from sut.figure_text import figure_text

# A gate is on the code and its versions: all else has to be the same.
MUST_BE_ALIKE = (Area.TASK, Area.ENGINE, Area.MACHINE)
SESSION = "session"


class Outcome(StrEnum):
    """Of one thing that was held."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Held:
    """One figure, or the session's verdict, against the baseline's."""

    group: str
    name: str
    outcome: Outcome
    sentence: str


@dataclass(frozen=True)
class Gate:
    """All that was held."""

    held: tuple[Held, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing failed."""
        return not any(each.outcome is Outcome.FAILED for each in self.held)


def gate_of(comparison: Comparison, *, any_system: bool = False) -> Gate:
    """Hold the second party against the first.

    Args:
        comparison: of the baseline and the run.
        any_system: take another machine, or other engine settings, all the same.

    Raises:
        ConfigError: they cannot be held against each other.
    """
    must = (Area.TASK,) if any_system else MUST_BE_ALIKE
    against = [each for each in comparison.unlike if each.area in must]
    if against:
        first = against[0]
        raise ConfigError(
            f"the run cannot be held against the baseline: {first.area.value} differs: "
            f"{first.sentence}{f'; and {len(against) - 1} more' if len(against) > 1 else ''}.",
            where="--baseline",
            remedy="Take a baseline of the same task on the same system"
            + ("." if first.area is Area.TASK else ", or give --any-system."),
        )
    _refuse_invalid(comparison.parties[0])
    if not comparison.rows:
        raise ConfigError(
            "baseline and run have no performance run of one scenario in common.",
            where="--baseline",
            remedy="See both with: python -m sut.main compare BASELINE RUN.",
        )
    return Gate((_session(comparison), *_lost(comparison), *map(_figure, comparison.rows)))


def _refuse_invalid(baseline: Party) -> None:
    """What is held against figures that prove nothing is never worse than they are.

    Raises:
        ConfigError: the baseline is not VALID.
    """
    if not baseline.valid:
        why = next((each for s in baseline.sessions for each in s.result.reasons), "no reason")
        raise ConfigError(
            f"the baseline is not VALID, so its figures prove nothing: {why.rstrip('.')}.",
            where="--baseline",
            remedy="Take a baseline that is VALID.",
        )


def _session(comparison: Comparison) -> Held:
    run = comparison.parties[1]
    why = "; ".join(reason for each in run.sessions for reason in each.result.reasons[:3])
    if not run.valid:
        return Held(SESSION, "VALID", Outcome.FAILED, f"INVALID: {why}")
    if run.stated:
        said = f"{run.stated[0].name} says VALID, and no session lies beside it to prove it"
        return Held(SESSION, "VALID", Outcome.SKIPPED, said)
    return Held(SESSION, "VALID", Outcome.PASSED, "the run is VALID")


def _lost(comparison: Comparison) -> Iterator[Held]:
    """Scenarios that the baseline has and the run has not."""
    baseline, run = comparison.parties[:2]
    for scenario in baseline.scenarios:
        if scenario not in run.scenarios:
            yield Held(scenario.value, "run", Outcome.FAILED, "the run has no such scenario")


def _figure(row: Row) -> Held:
    first, cell = row.cells[:2]
    ratio = "" if cell.ratio is None else f", {cell.ratio:.3f} of it {band_text(cell.noise)}"
    sentence = (
        f"{row.figure.name}: {figure_text(cell.measured.value, 5)}, baseline "
        f"{figure_text(first.measured.value, 5)}{ratio.rstrip()}"
    )
    outcome = {
        Verdict.WORSE: Outcome.FAILED,
        Verdict.UNKNOWN: Outcome.SKIPPED,
        # What the baseline never had is no regression; what the run lost is.
        Verdict.MISSING: Outcome.SKIPPED if first.measured.value is None else Outcome.FAILED,
    }.get(cell.verdict or Verdict.UNKNOWN, Outcome.PASSED)
    said = cell.verdict.value if cell.verdict else Verdict.UNKNOWN.value
    return Held(row.scenario.value, row.figure.name, outcome, f"{sentence}: {said}")
