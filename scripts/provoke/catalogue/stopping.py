"""Signals: to the harness in each phase, to LoadGen's process, once and twice."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator

import psutil

from scripts.provoke.catalogue.sessions import (
    ENDLESS,
    RUNNING,
    SHORT,
    SLOW_WARMUP,
    SMALL,
    WARMING,
    WRITING,
    run_hit,
    session,
)
from scripts.provoke.fault import (
    ANSWERS,
    EITHER,
    ENDED,
    KILLED,
    NO_RUN,
    NOTHING,
    OURS,
    RECOVERED,
    STOPPED_EARLY,
    VALID,
    Fault,
    Outcomes,
)
from scripts.provoke.under import Under, send

S = signal.Signals
ASKING = (S.SIGINT, S.SIGTERM, S.SIGHUP, S.SIGQUIT)
DEADLY = (S.SIGKILL, S.SIGABRT, S.SIGSEGV, S.SIGBUS, S.SIGILL, S.SIGFPE, S.SIGSYS, S.SIGTRAP)
# What ends a process that does not handle it, and nobody means as an end.
STRAY = (S.SIGUSR1, S.SIGUSR2, S.SIGVTALRM, S.SIGPROF, S.SIGIO, S.SIGPWR, S.SIGXCPU, S.SIGSTKFLT)
HARMLESS = (S.SIGALRM, S.SIGPIPE, S.SIGXFSZ, S.SIGCHLD, S.SIGWINCH, S.SIGURG, S.SIGCONT)
OF_LOADGEN = (*ASKING, S.SIGKILL, S.SIGSEGV, S.SIGABRT, S.SIGUSR1, S.SIGXCPU)
SILENCE_S = 3
SOON = ("--set", f"loadgen.silence_timeout_s={SILENCE_S}")
PAUSE_S = 3.0
# While libraries are imported; before that it is Python itself that answers.
EARLY_S = (0.5, 0.8, 1.2, 2.0)


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _asked()
    yield from _deadly()
    yield from _others()
    yield from _twice()
    yield from _loadgen()


def _asked() -> Iterator[Fault]:
    phases: tuple[tuple[str, str, tuple[str, ...], Outcomes], ...] = (
        ("warm-up", WARMING, SLOW_WARMUP, STOPPED_EARLY),
        ("run", ANSWERS, ENDLESS, ENDED),
        ("writing", WRITING, SMALL, EITHER),
    )
    for number in ASKING:
        for name, at, arguments, ends in phases:
            how = f"{number.name} while {'running' if name == 'run' else name}"
            make = session(arguments, at=at, blow=send(number))
            codes = (130,) if name != "writing" else (0, 1, 130)
            yield Fault(f"signal/{number.name}-{name}", how, make, ends, codes)
    for early_s in EARLY_S:
        make = session(ENDLESS, later_s=early_s, blow=send(S.SIGINT))
        how = f"Ctrl-C {early_s:g} s after the command was given"
        yield Fault(f"signal/SIGINT-at-{early_s:g}s", how, make, STOPPED_EARLY, (130, -S.SIGINT))


def _deadly() -> Iterator[Fault]:
    for number in DEADLY:
        make = run_hit(send(number))
        yield Fault(f"signal/{number.name}", f"{number.name} in a run", make, KILLED, (-number,))
    phases = (("warm-up", WARMING, SLOW_WARMUP), ("writing", WRITING, SMALL))
    for name, at, arguments in phases:
        ends = (NO_RUN,) if name == "warm-up" else (RECOVERED, VALID)
        make = session(arguments, at=at, blow=send(S.SIGKILL))
        yield Fault(f"signal/SIGKILL-{name}", f"SIGKILL while {name}", make, ends, (-9, 0))


def _others() -> Iterator[Fault]:
    for number in STRAY:
        make = run_hit(send(number))
        ends = (RECOVERED, *ENDED)
        codes = (*OURS, -number)
        yield Fault(f"signal/{number.name}", f"{number.name} in a run", make, ends, codes)
    for number in HARMLESS:
        make = run_hit(send(number), SHORT)
        yield Fault(f"signal/{number.name}", f"{number.name} in a run of 6 s", make, EITHER)
    for number in (S.SIGSTOP, S.SIGTSTP):
        how = f"{number.name} in a run of 6 s, and SIGCONT {PAUSE_S:g} s later"
        make = run_hit(_paused(number, _harness), SHORT)
        yield Fault(f"signal/{number.name}", how, make, EITHER)
    make = run_hit(_to_all(S.SIGINT))
    yield Fault("signal/SIGINT-all", "Ctrl-C to every process at once", make, ENDED, (130,))
    make = run_hit(_to_all(S.SIGTERM))
    yield Fault("signal/SIGTERM-all", "SIGTERM to every process at once", make, ENDED, (130,))
    make = run_hit(_to_all(S.SIGKILL))
    yield Fault("signal/SIGKILL-all", "SIGKILL to every process at once", make, KILLED, (-9,))


def _twice() -> Iterator[Fault]:
    for number in ASKING[:2]:
        make = run_hit(_again(number, 1.0))
        ends = (RECOVERED, *ENDED)
        how = f"{number.name}, and again a second later"
        yield Fault(f"signal/{number.name}-twice", how, make, ends, (130,))
    make = run_hit(_again(S.SIGINT, 0.02, times=20))
    how = "Ctrl-C twenty times in 0.4 s"
    yield Fault("signal/SIGINT-many", how, make, (RECOVERED, *ENDED), (130,))
    make = session(SLOW_WARMUP, at=WARMING, blow=_again(S.SIGINT, 1.0))
    how = "Ctrl-C twice while warming up"
    codes = (130, -S.SIGINT)
    yield Fault("signal/SIGINT-twice-warm-up", how, make, (NO_RUN, NOTHING), codes)
    make = run_hit(_terminal_closed)
    how = "SIGHUP to the group, as a closed terminal sends it, and SIGTERM a second later"
    codes = (130, -S.SIGTERM)  # the second one may come when all is written
    yield Fault("signal/SIGHUP-SIGTERM", how, make, (RECOVERED, *ENDED), codes)


def _loadgen() -> Iterator[Fault]:
    for number in OF_LOADGEN:
        make = run_hit(_hit_loadgen(number))
        how = f"{number.name} to LoadGen's process in a run"
        yield Fault(f"loadgen/{number.name}", how, make, ENDED, (1,))
    make = session((*ENDLESS, *SOON), at=ANSWERS, blow=_hit_loadgen(S.SIGSTOP))
    how = f"SIGSTOP to LoadGen's process, with a silence of {SILENCE_S} s"
    yield Fault("loadgen/SIGSTOP", how, make, ENDED, (1,), silence_s=SILENCE_S)
    make = run_hit(_paused(S.SIGSTOP, lambda under: under.loadgen(), 1.0), SHORT)
    yield Fault("loadgen/SIGCONT", "LoadGen's process stopped for a second", make, EITHER)
    for number in (S.SIGKILL, S.SIGSTOP):
        make = session((*ENDLESS, *SOON), at=RUNNING, blow=_hit_loadgen(number))
        how = f"{number.name} to LoadGen's process as it starts"
        yield Fault(
            f"loadgen/{number.name}-start", how, make, ENDED, (1,), silence_s=10.0 + SILENCE_S
        )


def _harness(under: Under) -> psutil.Process:
    return psutil.Process(under.process.pid)


def _paused(
    number: signal.Signals, whom: Callable[[Under], psutil.Process], pause_s: float = PAUSE_S
) -> Callable[[Under], None]:
    def blow(under: Under) -> None:
        process = whom(under)
        process.send_signal(number)
        time.sleep(pause_s)
        process.send_signal(signal.SIGCONT)

    return blow


def _to_all(number: signal.Signals) -> Callable[[Under], None]:
    def blow(under: Under) -> None:
        every = [_harness(under), *_harness(under).children(recursive=True)]
        for process in every:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)

    return blow


def _again(number: signal.Signals, pause_s: float, times: int = 2) -> Callable[[Under], None]:
    def blow(under: Under) -> None:
        for _ in range(times):
            under.process.send_signal(number)
            time.sleep(pause_s)

    return blow


def _terminal_closed(under: Under) -> None:
    os.killpg(under.process.pid, signal.SIGHUP)
    time.sleep(1.0)
    under.process.send_signal(signal.SIGTERM)


def _hit_loadgen(number: signal.Signals) -> Callable[[Under], None]:
    return lambda under: under.loadgen().send_signal(number)
