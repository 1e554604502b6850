"""A copy of the repository that mutants are written into, and pytest in a fork over it.

A fork has pytest and the heavy packages in memory already, and imports only what is ours: a
mutant is judged within a second or two. A file is changed on disk, so that a test's own processes
see the mutant as well.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import multiprocessing
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import TypeVar

import pytest

Item = TypeVar("Item")
Done = TypeVar("Done")

ROOT = Path(__file__).resolve().parents[2]
OURS = ("sut", "qsl", "audit", "scripts", "tests")
# Imported once, before the first fork. Nothing of ours, nothing that starts a thread.
HEAVY = (
    "numpy",
    "pandas",
    "pyarrow.parquet",
    "pyarrow.compute",
    "pyarrow.csv",
    "pydantic",
    "yaml",
    "jinja2",
    "rich.console",
    "rich.table",
    "msgspec",
    "hypothesis.strategies",
    "hypothesis.stateful",
    "jsonschema",
    "rouge_score.rouge_scorer",
)
OPTIONS = (
    "-q",
    "--tb=line",
    *("-p", "no:cacheprovider"),
    *("-m", "not integration and not slow and not gpu"),
    # Hypothesis is in memory already.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
)


@dataclass(frozen=True)
class Tree:
    """One copy, for one worker."""

    root: Path

    @property
    def log(self) -> Path:
        """What the last pytest said."""
        return self.root.parent / "pytest.log"

    @contextlib.contextmanager
    def changed(self, path: str, source: bytes) -> Iterator[None]:
        """The module `path` is `source` for a while."""
        file = self.root / path
        original, times = file.read_bytes(), file.stat()
        file.write_bytes(source)
        # Never the time of the original: Python would take its compiled form.
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns + 10**10))
        try:
            yield
        finally:
            file.write_bytes(original)
            os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))

    def pytest(
        self, files: Sequence[str], plugin: object, limit_s: float, *more: str
    ) -> int | None:
        """Run pytest over these files of tests in a fork.

        Args:
            files: from the root of the repository.
            plugin: is told what happens, in the fork.
            limit_s: the fork is ended after it.
            more: further options.

        Returns:
            pytest's exit code; None if it had to be ended.
        """
        pid = os.fork()
        if pid == 0:
            self._run(files, plugin, more)
        watch = os.pidfd_open(pid)
        try:
            ended, _, _ = select.select([watch], [], [], limit_s)
            os.kill(pid, signal.SIGKILL)
            # What a test started goes with it; there is no group if the fork came to nothing.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
        finally:
            os.close(watch)
        return os.waitstatus_to_exitcode(status) if ended else None

    def _run(self, files: Sequence[str], plugin: object, more: Sequence[str]) -> None:
        code = 70
        try:
            os.setsid()  # as sut.main would do
            log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.chdir(self.root)
            _forget_ours(self.root)
            temporary = f"--basetemp={self.root.parent / 't'}"
            code = pytest.main([*OPTIONS, temporary, *more, *files], plugins=[plugin])
        except BaseException:  # noqa: BLE001 - whatever it is, it must not go on as the parent
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)


def _forget_ours(root: Path) -> None:
    """Import what is ours anew, from the copy; in this process and in those that it starts."""
    for name in [name for name in sys.modules if name.split(".")[0] in OURS]:
        del sys.modules[name]
    sys.path[:] = [str(root), *(each for each in sys.path if each and Path(each) != ROOT)]
    os.environ["PYTHONPATH"] = str(root)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    os.environ["CI"] = "1"  # Hypothesis draws the same examples each time
    sys.dont_write_bytecode = True


def import_heavy() -> None:
    """Have in memory what every fork needs."""
    for name in HEAVY:
        importlib.import_module(name)
    gc.freeze()  # a fork shares it as long as no collection touches it


@contextlib.contextmanager
def copies(count: int, root: Path = ROOT) -> Iterator[list[Tree]]:
    """So many copies of the repository, in a temporary folder that goes afterwards."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
    ).stdout.decode()
    # Short names: a socket's path has 107 characters at most.
    with tempfile.TemporaryDirectory(prefix="mut") as folder:
        made = [Tree(Path(folder) / str(number) / "r") for number in range(count)]
        for tree in made:
            for name in filter(None, listed.split("\0")):
                if (root / name).is_file():
                    target = tree.root / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(root / name, target)
        yield made


def in_workers(
    trees: Sequence[Tree], work: Callable[[Tree, Item], Done], items: Iterable[Item]
) -> Iterator[Done]:
    """The work on each item, done by a process for each tree; in the order of being done."""
    context = multiprocessing.get_context("fork")
    free = context.SimpleQueue()
    for tree in trees:
        free.put(tree)
    pool = ProcessPoolExecutor(len(trees), context, initializer=_take_tree, initargs=(free,))
    with pool:
        for each in as_completed([pool.submit(_in_tree, work, item) for item in items]):
            yield each.result()


_mine: list[Tree] = []


def _take_tree(free: SimpleQueue[Tree]) -> None:
    _mine.append(free.get())


def _in_tree(work: Callable[[Tree, Item], Done], item: Item) -> Done:
    return work(_mine[0], item)
