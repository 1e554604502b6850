"""Starts a command, hits it at the moment, and sees what it does until nothing of it is left."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from scripts.provoke.fault import (
    ANSWERS,
    AT_START,
    INVALID,
    LOST,
    NO_RUN,
    NOTHING,
    RECOVERED,
    VALID,
    Call,
    Fault,
    Seen,
)
from scripts.provoke.under import GIVEN, MOMENT_S, RESULTS, TEMPORARY, WORKING, Under
from sut.machine.processes import SHARED

ROOT = Path(__file__).resolve().parents[2]
MARK = "SUT_PROVOKED"
"""In the environment of all that a fault's command starts: the fault's folder."""
# By its path: a fault may take PATH away.
BASH = shutil.which("bash") or "/bin/bash"
POLL_S = 0.01
# So long beyond its bound a command is watched before it is killed.
BEYOND_S = 20.0
UNFORESEEN = re.compile(r"Traceback \(most recent call last\)|bug of ours|Fatal Python error")
BECOME = "os.execv(sys.argv[1], sys.argv[1:])"
# What a program may have told its terminal beside words.
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def provoke(fault: Fault) -> Seen:
    """Provoke one fault in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="pv-")).resolve()
    try:
        for each in (GIVEN, TEMPORARY, WORKING):
            (folder / each).mkdir()
        call = fault.make(folder)
        shared = _shared()
        under = Under(folder, _start(fault, call, folder))
        try:
            return _watched(fault, call, under, shared)
        finally:
            for process in left_of(folder):
                with contextlib.suppress(psutil.Error):
                    process.kill()
            under.process.wait()
    finally:
        # Folders may be nested deeper than Python's own way of removing them goes.
        subprocess.run(["rm", "-rf", str(folder)], check=False, capture_output=True)


def _watched(fault: Fault, call: Call, under: Under, shared: set[str]) -> Seen:
    came = _await_moment(call, under)
    hit_s = time.monotonic()
    if came and call.blow is not None:
        try:
            call.blow(under)
        except (OSError, StopIteration, psutil.Error):
            came = False  # what was to be hit has gone
    ended = _await_end(under, hit_s + fault.bound_s + BEYOND_S)
    seconds = time.monotonic() - hit_s
    code = under.process.returncode if ended else None
    if not ended:
        under.process.kill()
        under.process.wait()
    orphans = _orphans(under, shared, fault.orphans_s)
    said = _said(under.folder)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return Seen(
        id=fault.id,
        seconds=round(seconds, 1) if came else None,
        code=code,
        kept=_kept(under),
        last=lines[-1] if lines else "",
        tracebacks=len(UNFORESEEN.findall(said)),
        orphans=orphans,
    )


def environment(folder: Path) -> dict[str, str]:
    """A user's, with folders of the fault's own."""
    return {
        **os.environ,
        "NODE_NAME": "n",
        "HF_HUB_OFFLINE": "1",
        "TMPDIR": str(folder / TEMPORARY),
        "PYTHONPATH": str(ROOT),
        MARK: str(folder),
    }


def _start(fault: Fault, call: Call, folder: Path) -> subprocess.Popen[bytes]:
    limit = "" if fault.limit_mib is None else f"ulimit -v {fault.limit_mib * 1024}; "
    script = f'{limit}{call.before or ":"}\nexec "$@" {call.streams}'
    command = [sys.executable, "-m", "sut.main", *call.arguments]
    if call.wrap:
        command = [sys.executable, "-c", f"import os, sys\n{call.wrap}\n{BECOME}", *command]
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        return subprocess.Popen(
            [BASH, "-c", script, "-", *command],
            cwd=call.folder or folder / WORKING,
            env={**environment(folder), **call.variables},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )


def _await_moment(call: Call, under: Under) -> bool:
    """Whether the moment of the fault came."""
    come: Callable[[], bool] = lambda: True  # noqa: E731
    if call.at == ANSWERS:
        come = lambda: _answers(under.folder)  # noqa: E731
    elif call.at != AT_START:
        come = lambda: _phase(under.folder).startswith(call.at)  # noqa: E731
    end = time.monotonic() + MOMENT_S
    while not come():
        if under.process.poll() is not None or time.monotonic() > end:
            return False
        time.sleep(POLL_S)
    time.sleep(call.later_s)
    _note_children(under)
    return True


def _phase(folder: Path) -> str:
    with contextlib.suppress(OSError, ValueError):  # a folder may go while we look through it
        for path in (folder / RESULTS).rglob(".running.json"):  # of a search, some folders deep
            return str(json.loads(path.read_text(encoding="utf-8"))["phase"])
    return ""


def _answers(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return any(path.stat().st_size for path in (folder / RESULTS).rglob("ledger.journal"))
    return False


def _await_end(under: Under, until_s: float) -> bool:
    while time.monotonic() < until_s:
        with contextlib.suppress(subprocess.TimeoutExpired):
            under.process.wait(0.25)
            return True
        _note_children(under)
    return False


def _note_children(under: Under) -> None:
    with contextlib.suppress(psutil.Error):
        for each in psutil.Process(under.process.pid).children(recursive=True):
            under.started.add(each.pid)


def left_of(folder: Path) -> Iterator[psutil.Process]:
    """Processes that live and were started under this folder's mark."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == str(folder):
                yield process


def _shared() -> set[str]:
    return {path.name for path in SHARED.iterdir()}


def _orphans(under: Under, shared: set[str], patience_s: float) -> list[str]:
    """Processes, shared memory and temporary files that outlive the command."""
    end = time.monotonic() + patience_s
    while (left := [*left_of(under.folder)]) and time.monotonic() < end:
        time.sleep(0.2)
    found = []
    for process in left:
        with contextlib.suppress(psutil.Error):
            found.append(f"process {' '.join(process.cmdline())[:60]}")
    for name in sorted(_shared() - shared):
        numbers = {int(each) for each in re.findall(r"\d+", name)}
        if numbers & {under.process.pid, *under.started}:
            found.append(f"/dev/shm/{name}")
    for path in (under.folder / TEMPORARY).glob("*"):
        if not path.name.startswith("sut-rescued-"):
            found.append(f"temporary {path.name}")
    return found


def _said(folder: Path) -> str:
    texts = [(folder / name).read_bytes().decode("utf-8", "replace") for name in ("out", "err")]
    return ESCAPES.sub("", "\n".join(texts))


def _kept(under: Under) -> str:
    """What the command left, by looking; a session that was cut off is recovered."""
    folder = under.folder
    if (found := _verdict(folder)) is not None:
        return found
    marks = [*_written(folder, ".running.json")]
    if not marks:
        # A folder without its mark and with a run begun is no result, and nothing finds it.
        begun = [*_written(folder, ".begun.json"), *_written(folder, "ledger.journal")]
        sessions = [*_written(folder, "config.json")]
        return LOST if begun else NO_RUN if sessions else NOTHING
    session = str(marks[0].parent)
    done = _sut(folder, "recover", session, "--end-leftovers")
    if _verdict(folder) == INVALID and done.returncode == 1:
        return RECOVERED
    if "only its result was not written" in done.stderr:
        shown = _sut(folder, "report", session, "--json").stdout
        return RECOVERED if shown.startswith("{") else LOST
    return NO_RUN if "nothing was measured" in done.stderr else LOST


def _sut(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sut.main", *words],
        env=environment(folder),
        capture_output=True,
        text=True,
        timeout=MOMENT_S,
        check=False,
    )


def _written(folder: Path, name: str) -> Iterator[Path]:
    for each in folder.iterdir():
        if each.name != GIVEN:
            yield from each.rglob(name)


def _verdict(folder: Path) -> str | None:
    for path in _written(folder, "result.json"):
        with contextlib.suppress(OSError, ValueError):
            valid = json.loads(path.read_text(encoding="utf-8"))["valid"]
            return VALID if valid else INVALID
    return None
