"""What a fault is, how its command is started, and in what it may end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.provoke.under import Under

# What was kept, from the most to the least.
VALID = "VALID"
INVALID = "INVALID"
RECOVERED = "recovered"
NO_RUN = "no run begun"
NOTHING = "nothing started"
LOST = "lost"

Outcomes = tuple[str, ...]
HONEST: Outcomes = (VALID,)
ENDED: Outcomes = (INVALID,)
EITHER: Outcomes = (VALID, INVALID)
KILLED: Outcomes = (RECOVERED,)
REFUSED: Outcomes = (NOTHING,)
STOPPED_EARLY: Outcomes = (NO_RUN, NOTHING)

# From the fault to the end, unless a silence is configured.
BOUND_S = 30.0
AFTER_SILENCE_S = 10.0

# What the harness means by its exit codes.
OURS = (0, 1, 2, 3, 130, 141)

AT_START = "start"
ANSWERS = "answers"
"""The moment when the first answers of a run are in the journal; any other is a phase's name."""


@dataclass(frozen=True)
class Call:
    """One command line, and when it is hit.

    Attributes:
        arguments: of `python -m sut.main`.
        variables: of its environment, besides the user's.
        before: what the shell does before it becomes the command, e.g. `ulimit -n 32`.
        streams: the shell's redirections; what they leave is written to files.
        wrap: Python that is run, with os and sys, before that process becomes the command.
        at: the moment of the fault; AT_START, ANSWERS, or how a phase's name begins.
        later_s: seconds from that moment to the fault.
        blow: the fault; None: it lies in the call itself.
        folder: the working directory; None: an empty one.
    """

    arguments: Sequence[str]
    variables: Mapping[str, str] = field(default_factory=dict)
    before: str = ""
    streams: str = ""
    wrap: str = ""
    at: str = AT_START
    later_s: float = 0.0
    blow: Callable[[Under], None] | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class Fault:
    """One row of the table.

    Attributes:
        id: kind/what, unique.
        how: in words, for the table.
        make: prepares a folder and says what is called.
        ends: what may be kept.
        codes: exit codes that are right.
        silence_s: the configured silence that it waits for.
        limit_mib: the address space of the command, MiB; None: any.
        orphans_s: seconds that what it started may take to end after it.
        heard: whether what the command says can reach anybody.
    """

    id: str
    how: str
    make: Callable[[Path], Call]
    ends: Outcomes
    codes: tuple[int, ...] = OURS
    silence_s: float = 0.0
    limit_mib: int | None = 8192
    orphans_s: float = 10.0
    heard: bool = True

    @property
    def kind(self) -> str:
        """The table's section."""
        return self.id.partition("/")[0]

    @property
    def bound_s(self) -> float:
        """From the fault to the end."""
        return max(BOUND_S, self.silence_s + AFTER_SILENCE_S)


@dataclass(frozen=True)
class Seen:
    """What a fault did.

    Attributes:
        seconds: from the fault to the command's end; None: the moment never came.
        code: exit code; None: it had to be killed.
        kept: one of the words above.
        last: the last line on the terminal.
        tracebacks: on the terminal.
        orphans: what it left running or lying about, in words.
    """

    id: str
    seconds: float | None
    code: int | None
    kept: str
    last: str
    tracebacks: int
    orphans: list[str]


def wrong(fault: Fault, seen: Seen) -> list[str]:
    """Which bounds it broke, in words; none of a fault that is handled."""
    found = []
    if seen.seconds is None:
        found.append("the moment of the fault never came")
    elif seen.seconds > fault.bound_s:
        found.append(f"{seen.seconds:.0f} s, at most {fault.bound_s:.0f}")
    if seen.code is None:
        found.append("it had to be killed")
    elif seen.code not in fault.codes:
        found.append(f"exit code {seen.code}")
    if seen.kept not in fault.ends:
        found.append(f"kept: {seen.kept}, not {' or '.join(fault.ends)}")
    if seen.tracebacks:
        found.append("a traceback or a bug of ours on the terminal")
    if fault.heard and seen.code in (1, 2, 3) and not seen.last:
        found.append("it said nothing")
    return found + [f"orphan: {each}" for each in seen.orphans]
