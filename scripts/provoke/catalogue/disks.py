"""The results directory: full, read-only, broken, gone, moved, something else than it was."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from scripts.provoke.catalogue.sessions import (
    ENDLESS,
    RUNNING,
    SHORT,
    SMALL,
    WRITING,
    Make,
    run_hit,
    session,
)
from scripts.provoke.fault import (
    ANSWERS,
    AT_START,
    EITHER,
    ENDED,
    HONEST,
    NO_RUN,
    NOTHING,
    RECOVERED,
    Call,
    Fault,
    Outcomes,
)
from scripts.provoke.under import RESULTS, Under

SOURCE = Path(__file__).resolve().parents[1] / "refusing.c"
ALL = "write open link rename mkdir"
TRIGGER = "refuse-now"

# Calls, errno, the rest of the environment, what may be kept: from the start, in a run of 6 s,
# and as the result is written.
REFUSALS: tuple[tuple[str, str, int], ...] = (
    ("full", "write mkdir allocate", errno.ENOSPC),
    ("quota", "write open mkdir allocate", errno.EDQUOT),
    ("inodes", "open mkdir", errno.ENOSPC),
    ("read-only", ALL, errno.EROFS),
    ("broken", "write", errno.EIO),
    ("broken-sync", "sync", errno.EIO),
    ("stale", f"{ALL} unlink", errno.ESTALE),
    ("forbidden", ALL, errno.EACCES),
    ("no-memory", "write open", errno.ENOMEM),
    ("no-descriptors", "open", errno.EMFILE),
    ("dead-mount", f"{ALL} unlink sync", errno.ENOTCONN),
)
SHARES: tuple[tuple[str, str, int], ...] = (
    ("no-links", "link", errno.EPERM),
    ("no-links-mounted", "link", errno.EOPNOTSUPP),
    ("no-links-many", "link", errno.EMLINK),
    ("no-sync", "sync", errno.EINVAL),
    ("no-allocation", "allocate", errno.EOPNOTSUPP),
    ("no-rename-no-links", "link rename", errno.EPERM),
    ("no-unlink", "unlink", errno.EPERM),
)
OF_A_RUN = (".begun.json", "ledger.journal", "loadgen.log", "user.conf", "mlperf_log_detail.txt")


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _refusing()
    yield from _folders()
    yield from _files()
    yield from _places()
    yield from _limits()


def _refusing() -> Iterator[Fault]:
    anything: Outcomes = (*EITHER, RECOVERED)
    for name, calls, number in REFUSALS:
        said = f"{errno.errorcode[number]} on {', '.join(calls.split())}"
        nothing = (*anything, NO_RUN, NOTHING)
        yield Fault(
            f"disk/{name}-start", f"{said} from the start", _refused(calls, number), nothing
        )
        make = _refused(calls, number, SHORT, ANSWERS)
        yield Fault(f"disk/{name}-run", f"{said} in a run", make, anything)
        make = _refused(calls, number, SMALL, WRITING)
        yield Fault(f"disk/{name}-writing", f"{said} as the result is written", make, anything)
    for name, calls, number in SHARES:
        said = f"{errno.errorcode[number]} on {', '.join(calls.split())}, always"
        honest = not {"rename", "unlink"} & set(calls.split())
        ends = HONEST if honest else (*anything, NO_RUN, NOTHING)
        yield Fault(f"disk/{name}", said, _refused(calls, number), ends)
    make = _refused("write", errno.ENOSPC, SHORT, ANSWERS, REFUSE_HALF="1")
    yield Fault("disk/half", "writes that take half, then ENOSPC, in a run", make, anything)


def _refused(
    calls: str,
    number: int,
    arguments: tuple[str, ...] = SMALL,
    at: str = AT_START,
    **more: str,
) -> Make:
    """A session whose results directory refuses from a moment on."""

    def make(folder: Path) -> Call:
        variables, trigger = refusing(folder, calls, number)
        if at == AT_START:
            trigger.touch()
        blow = None if at == AT_START else lambda _: trigger.touch()
        return session(arguments, at=at, blow=blow, variables=variables | more)(folder)

    return make


def refusing(folder: Path, calls: str, number: int) -> tuple[dict[str, str], Path]:
    """The environment in which what lies below the results directory refuses these calls.

    Returns:
        the variables, and the file from whose making on it does.
    """
    library, trigger = folder / "refusing.so", folder / TRIGGER
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-w", "-o", str(library), str(SOURCE), "-ldl"],
        check=True,
    )
    preloaded = filter(None, [str(library), os.environ.get("LD_PRELOAD")])
    variables = {
        "LD_PRELOAD": os.pathsep.join(preloaded),
        "REFUSE_BELOW": str(folder / RESULTS),
        "REFUSE_CALLS": calls,
        "REFUSE_ERRNO": str(number),
        "REFUSE_FROM": str(trigger),
    }
    return variables, trigger


def _folders() -> Iterator[Fault]:
    acts: tuple[tuple[str, str, Callable[[Under], Path]], ...] = (
        ("results", "the results directory", lambda under: under.results),
        ("session", "the session's folder", lambda under: under.session),
        ("run", "the run's folder", lambda under: under.run),
    )
    for name, what, which in acts:
        for does, said, act in (
            ("removed", "is removed", _remove),
            ("moved", "is moved away", move),
            ("file", "is a file all of a sudden", _made_a_file),
            ("loop", "is a link to itself all of a sudden", made_a_loop),
        ):
            make = run_hit(_on(which, act), SHORT)
            yield Fault(f"disk/{name}-{does}", f"{what} {said}, in a run", make, ENDED, (1,))
    make = session(SMALL, at=WRITING, blow=_on(lambda under: under.session, _remove))
    how = "the session's folder is removed as the result is written"
    yield Fault("disk/session-removed-writing", how, make, (*EITHER, NOTHING))


def _on(which: Callable[[Under], Path], act: Callable[[Path], object]) -> Callable[[Under], None]:
    def blow(under: Under) -> None:
        act(which(under))

    return blow


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)  # the command writes there meanwhile


def move(path: Path) -> None:
    """Away, under another name."""
    path.rename(path.with_name(f"{path.name}-away"))


def _made_a_file(path: Path) -> None:
    move(path)
    path.write_text("not a folder")


def made_a_loop(path: Path) -> None:
    """A link to itself, in place of what lay there."""
    move(path)
    path.symlink_to(path)


def _made_a_pipe(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _made_a_folder(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


def _files() -> Iterator[Fault]:
    for name in OF_A_RUN:
        for does, said, act in (
            ("pipe", "a pipe", _made_a_pipe),
            ("folder", "a folder", _made_a_folder),
        ):
            make = run_hit(_on(lambda under, name=name: under.run / name, act), SHORT)  # type: ignore[misc]
            yield Fault(f"disk/{name}-{does}", f"{name} is {said} all of a sudden", make, EITHER)
    for name in (".running.json", "session.json", "config.json"):
        make = run_hit(_on(lambda under, name=name: under.session / name, _made_a_pipe), SHORT)  # type: ignore[misc]
        yield Fault(f"disk/{name}-pipe", f"{name} is a pipe all of a sudden", make, EITHER)
    for name in ("ledger.parquet", "run.json", "queries.parquet"):
        make = run_hit(_on(lambda under, name=name: under.run / name, _made_a_pipe), SHORT)  # type: ignore[misc]
        yield Fault(f"disk/{name}-taken", f"{name} is there already, a pipe", make, EITHER)
    for name in ("result.json", "summary.txt", "manifest.json", "report.html", "ending.json"):
        make = run_hit(_on(lambda under, name=name: under.session / name, _made_a_folder), SHORT)  # type: ignore[misc]
        yield Fault(f"disk/{name}-taken", f"{name} is there already, a folder", make, EITHER)


def _places() -> Iterator[Fault]:
    """Results directories that are none; the last --results-dir wins."""
    refused = (NOTHING, NO_RUN)
    for name, how, where in (
        ("file", "a file", "{folder}/given/file"),
        ("below-file", "below a file", "{folder}/given/file/results"),
        ("null", "/dev/null", "/dev/null"),
        ("full", "/dev/full", "/dev/full"),
        ("proc", "below /proc", "/proc/results"),
        ("sys", "below /sys", "/sys/results"),
        ("pipe", "a pipe", "{folder}/given/pipe"),
        ("loop", "a link to itself", "{folder}/given/loop"),
        ("dangling", "below a link to nothing", "{folder}/given/dangling/results"),
        ("long", "a path of 5,000 characters", "{folder}/" + "/".join(["d" * 200] * 25)),
        ("long-name", "a name of 300 characters", "{folder}/" + "d" * 300),
        ("empty", "empty", ""),
        ("newline", "a name with a newline", "{folder}/a\nb"),
        ("markup", "a name of markup and quotes", "{folder}/[red]<b>'\"$(x)"),
        ("bytes", "a name that is not UTF-8", "{folder}/\udcff\udcfe"),
    ):
        honest = name in ("newline", "markup", "empty")
        yield Fault(f"place/{name}", f"--results-dir is {how}", _placed(where),
                    HONEST if honest else refused)  # fmt: skip


def _placed(where: str) -> Make:
    def make(folder: Path) -> Call:
        given = folder / "given"
        (given / "file").write_text("x")
        os.mkfifo(given / "pipe")
        (given / "loop").symlink_to(given / "loop")
        (given / "dangling").symlink_to(given / "nothing")
        return Call((*SMALL, "--results-dir", where.replace("{folder}", str(folder))))

    return make


def _limits() -> Iterator[Fault]:
    for kib in (1, 8, 64, 256):
        make = session(SMALL, before=f"ulimit -f {kib}")
        ends = (*EITHER, NO_RUN, NOTHING)
        yield Fault(f"disk/file-size-{kib}", f"a limit of {kib} KiB on a file's size", make, ends)
    make = session(ENDLESS, at=RUNNING, blow=_dead_temporary)
    yield Fault("disk/temporary-gone", "TMPDIR is removed in a run, then SIGTERM", make, ENDED)


def _dead_temporary(under: Under) -> None:
    shutil.rmtree(under.folder / "tmp")
    (under.folder / "tmp").write_text("x")
    under.process.terminate()
