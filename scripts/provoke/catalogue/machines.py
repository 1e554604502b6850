"""The machine around a session: limits, clocks, folders, variables that others read."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from scripts.provoke.catalogue.sessions import ENDLESS, SHORT, SMALL, Make, session
from scripts.provoke.drive import ROOT
from scripts.provoke.fault import (
    ANSWERS,
    EITHER,
    ENDED,
    HONEST,
    NO_RUN,
    NOTHING,
    OURS,
    RECOVERED,
    Call,
    Fault,
    Outcomes,
)
from scripts.provoke.under import Under

CLOCK = ROOT / "tests" / "integration" / "stepped_clock.c"
ANY: Outcomes = (*EITHER, RECOVERED, NO_RUN, NOTHING)
NS = 10**9
YEAR = 365 * 24 * 3600 * NS
AWAITED = 10 * NS
# Limits, and exit codes that the kernel may decide.
LIMITS: tuple[tuple[str, str, str, tuple[int, ...]], ...] = (
    *((f"descriptors-{n}", f"{n} descriptors", f"ulimit -n {n}", ())
      for n in (8, 12, 16, 24, 32, 48, 64)),
    *((f"memory-{n}", f"{n} MiB of address space", f"ulimit -v {n * 1024}", (-6, -9, -11, 127, 134))
      for n in (200, 400, 600, 800, 1000, 1300, 1700, 2200)),
    ("stack", "a stack of 128 KiB", "ulimit -s 128", (-11,)),
    ("cpu", "3 s of processor time", "ulimit -t 3", (-24, -9)),
    ("core", "no core files, no locked memory", "ulimit -c 0; ulimit -l 0", ()),
    ("umask", "umask 777", "umask 777", ()),
    ("ignored", "every signal ignored (nohup)", "trap '' INT TERM HUP QUIT PIPE ALRM CHLD", ()),
    ("cwd-gone", "a working directory that is gone", "mkdir gone; cd gone; rmdir ../gone", ()),
    ("cwd-long", "a working directory of 3,600 characters",
     "for i in $(seq 18); do d=$(printf 'd%.0s' $(seq 200)); mkdir $d; cd $d; done", ()),
)  # fmt: skip
VARIABLES: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("tmpdir-missing", "TMPDIR is missing", {"TMPDIR": "/nonexistent"}),
    ("tmpdir-file", "TMPDIR is a file", {"TMPDIR": "/etc/passwd"}),
    ("tmpdir-proc", "TMPDIR is /proc", {"TMPDIR": "/proc"}),
    ("home-missing", "HOME is missing", {"HOME": "/nonexistent"}),
    ("home-device", "HOME is /dev/null", {"HOME": "/dev/null"}),
    ("path-empty", "PATH is empty", {"PATH": ""}),
    ("lang", "LANG and LC_ALL are unknown", {"LANG": "xx_YY", "LC_ALL": "xx_YY.ISO"}),
    ("ascii", "PYTHONIOENCODING is ascii", {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}),
    ("utf-16", "PYTHONIOENCODING is utf-16", {"PYTHONIOENCODING": "utf-16"}),
    ("no-utf8", "PYTHONUTF8 is 0, and the locale C", {"PYTHONUTF8": "0", "LC_ALL": "C",
                                                    "PYTHONCOERCECLOCALE": "0"}),
    ("timezone", "TZ is nonsense", {"TZ": ":/etc/passwd"}),
    ("columns", "COLUMNS and LINES are 0", {"COLUMNS": "0", "LINES": "0"}),
    ("columns-huge", "COLUMNS is 10^9", {"COLUMNS": "1000000000"}),
    ("columns-minus", "COLUMNS is -5", {"COLUMNS": "-5"}),
    ("columns-text", "COLUMNS is text", {"COLUMNS": "wide"}),
    ("terminal", "TERM is unknown, and colour is asked for", {"TERM": "x", "FORCE_COLOR": "1"}),
    ("session", "SUT_SESSION is set", {"SUT_SESSION": "/nonexistent"}),
    ("threads", "OMP_NUM_THREADS is 0", {"OMP_NUM_THREADS": "0"}),
    ("threads-text", "OMP_NUM_THREADS is text", {"OMP_NUM_THREADS": "many"}),
    ("hf-home", "HF_HOME is a device", {"HF_HOME": "/dev/null"}),
    ("preload", "LD_PRELOAD is missing", {"LD_PRELOAD": "/nonexistent.so"}),
    ("hash", "PYTHONHASHSEED is 0", {"PYTHONHASHSEED": "0"}),
    ("warnings", "PYTHONWARNINGS is error", {"PYTHONWARNINGS": "error"}),
    ("optimised", "PYTHONOPTIMIZE is 2", {"PYTHONOPTIMIZE": "2"}),
    ("unbuffered", "PYTHONUNBUFFERED is 1", {"PYTHONUNBUFFERED": "1"}),
    ("safe-path", "PYTHONDEVMODE is 1", {"PYTHONDEVMODE": "1"}),
    ("tracemalloc", "PYTHONTRACEMALLOC is 5", {"PYTHONTRACEMALLOC": "5"}),
    ("digits", "PYTHONINTMAXSTRDIGITS is 640", {"PYTHONINTMAXSTRDIGITS": "640"}),
    ("cuda", "CUDA_VISIBLE_DEVICES is nonsense", {"CUDA_VISIBLE_DEVICES": "x,-7"}),
)  # fmt: skip
CLOCKS: tuple[tuple[str, str, int, Outcomes], ...] = (
    ("back-2s", "2 s back", -2 * NS, ENDED),
    ("on-2s", "2 s forward", 2 * NS, ENDED),
    ("back-hour", "an hour back", -3600 * NS, ENDED),
    ("on-year", "a year forward", YEAR, ENDED),
    ("on-200-years", "200 years forward", 200 * YEAR, ENDED),
    ("1970", "to before 1970", -57 * YEAR, ENDED),
)


def faults() -> Iterator[Fault]:
    """All of them."""
    for name, how, before, codes in LIMITS:
        make = session(SMALL, before=before)
        limit = None if name.startswith("memory") else 8192
        yield Fault(f"limit/{name}", how, make, ANY, (*OURS, *codes), limit_mib=limit)
    for name, how, variables in VARIABLES:
        make = session(SMALL, variables=variables)
        yield Fault(f"around/{name}", how, make, (*HONEST, NOTHING, NO_RUN), (0, 1, 2, 3))
    for name, how, step_ns, ends in CLOCKS:
        make = _clock(step_ns, at_start=False)
        yield Fault(f"clock/{name}", f"the wall clock is set {how} in a run", make, ends, (1,))
        if step_ns > AWAITED:  # the kernel, whose clock is right, would wait for LoadGen's moments
            continue
        make = _clock(step_ns, at_start=True)
        ends = (*EITHER, NOTHING)
        yield Fault(f"clock/{name}-always", f"the wall clock is {how} of the truth", make, ends)
    yield from _users()
    make = session(ENDLESS, at=ANSWERS, blow=_few_descriptors)
    how = "no further descriptor from the middle of a run on, then SIGTERM"
    yield Fault("limit/descriptors-run", how, make, (*ENDED, RECOVERED), (1, 130))
    make = session(SHORT, at=ANSWERS, blow=_no_file_grows)
    how = "no file may grow beyond 16 KiB, from the middle of a run on"
    yield Fault("limit/file-size-run", how, make, (*EITHER, RECOVERED))


def _clock(step_ns: int, *, at_start: bool) -> Make:
    """The clock that tests step, by the same preloaded library."""

    def make(folder: Path) -> Call:
        library, trigger = folder / "clock.so", folder / "set-it"
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(CLOCK), "-ldl"], check=True
        )
        if at_start:
            trigger.touch()
            os.utime(trigger, (1, 1))
        variables = {
            "LD_PRELOAD": os.pathsep.join(
                filter(None, [str(library), os.environ.get("LD_PRELOAD")])
            ),
            "STEPPED_CLOCK_FILE": str(trigger),
            "STEPPED_CLOCK_NS": str(step_ns),
        }
        arguments = SMALL if at_start else SHORT
        blow = None if at_start else lambda _: trigger.touch()
        at = "start" if at_start else ANSWERS
        return session(arguments, at=at, blow=blow, variables=variables)(folder)

    return make


def _users() -> Iterator[Fault]:
    """Nobody's account, for whom there is no name and no home; only root can become it."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return
    wrap = "os.setgroups([]); os.setgid(54321); os.setuid(54321)"
    make = session(SMALL, before='chmod 777 "$PWD/.." "$TMPDIR" "$PWD"', wrap=wrap)
    how = "a user id without a name"
    yield Fault("around/nobody", how, make, (*HONEST, NOTHING), (0, 1, 2))
    make = session(SMALL, before='chmod 700 "$PWD/.."', wrap=wrap)
    how = "a user who may write nowhere"
    yield Fault("around/nobody-shut", how, make, (NOTHING, NO_RUN), (1, 2))


def _few_descriptors(under: Under) -> None:
    import resource

    resource.prlimit(under.process.pid, resource.RLIMIT_NOFILE, (3, 3))
    under.process.terminate()


def _no_file_grows(under: Under) -> None:
    import resource

    for pid in (under.process.pid, under.loadgen().pid):
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (16 << 10, 16 << 10))
