"""Three nodes on one machine: network namespaces on a bridge, with Ray started by our own means.

The control node has no engine; each worker has one core to give. Every node has its own
address, so what crosses nodes crosses a network, and a node can be cut off.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND_TIMEOUT_S = 400
END_TIMEOUT_S = 20
PORT = 6379
WORKERS = 2


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True, timeout=30)


def skip_where_not_permitted() -> None:
    """Skip, and say why, where namespaces cannot be made."""
    if shutil.which("ip") is None:
        pytest.skip("no `ip` here: apt-get install iproute2")
    probe = f"sutprobe{os.getpid()}"
    made = subprocess.run(
        ["ip", "netns", "add", probe], capture_output=True, text=True, check=False
    )
    if made.returncode:
        pytest.skip(f"`ip netns add` is not permitted here: {made.stderr.strip()}")
    _ip("netns", "del", probe)


@dataclass(frozen=True)
class Node:
    """One namespace.

    Attributes:
        link: the bridge's end of its cable.
    """

    name: str
    ip: str
    link: str
    scratch: Path

    def argv(self, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *words]

    def environment(self) -> dict[str, str]:
        programs = Path(sys.executable).parent
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
            "PATH": f"{programs}:{os.environ['PATH']}",
            "RAY_AUTH_TOKEN_PATH": str(self.scratch.parent / "token"),
            "NODE_NAME": "control",
        }

    def run(self, *words: str, timeout_s: float = COMMAND_TIMEOUT_S) -> Finished:
        """Run to the end."""
        done = subprocess.run(
            self.argv(*words),
            env=self.environment(),
            cwd=self.scratch,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)

    def popen(self, *words: str) -> subprocess.Popen[str]:
        """Start and return."""
        return subprocess.Popen(
            self.argv(*words),
            env=self.environment(),
            cwd=self.scratch,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def processes(self) -> list[psutil.Process]:
        """Everything that runs in this namespace."""
        printed = subprocess.run(
            ["ip", "netns", "pids", self.name], capture_output=True, text=True, check=False
        ).stdout
        found = []
        for word in printed.split():
            try:
                found.append(psutil.Process(int(word)))
            except psutil.NoSuchProcess:
                continue
        return found

    def running(self, marker: str) -> list[psutil.Process]:
        """Those of them whose command line has the marker."""
        found = []
        for process in self.processes():
            try:
                if marker in " ".join(process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def cut(self) -> None:
        """Pull its cable."""
        _ip("link", "set", self.link, "down")

    def heal(self) -> None:
        """Plug it in again."""
        _ip("link", "set", self.link, "up")


@dataclass(frozen=True)
class Finished:
    """What a command left behind."""

    code: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Cluster:
    """A control node and its workers."""

    control: Node
    workers: list[Node]
    join_line: str

    @property
    def address(self) -> str:
        return f"{self.control.ip}:{PORT}"

    def sut(self, *words: str) -> list[str]:
        """Our command line, for `run` and `popen` of a node."""
        return [sys.executable, "-m", "sut.main", *words]


def _end_everything(node: Node) -> None:
    processes = node.processes()
    for process in processes:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(processes, timeout=END_TIMEOUT_S)


@contextmanager
def _bridge(name: str) -> Iterator[str]:
    _ip("link", "add", name, "type", "bridge")
    try:
        _ip("link", "set", name, "up")
        yield name
    finally:
        _ip("link", "del", name)


def _namespaces() -> list[str]:
    printed = subprocess.run(
        ["ip", "netns", "list"], capture_output=True, text=True, check=True
    ).stdout
    return [line.split()[0] for line in printed.splitlines() if line.strip()]


def _free_prefix() -> str:
    """Of this process alone, and not in use by another cluster of its; an interface has 15."""
    used = {name[:-1] for name in _namespaces()}
    return next(
        name for letter in ascii_lowercase if (name := f"sut{os.getpid()}{letter}") not in used
    )


def _sweep() -> None:
    """Take away what a test process left that was killed."""
    for name in _namespaces():
        ours = re.fullmatch(r"(sut(\d+)[a-z])(\d)", name)
        if ours is None or psutil.pid_exists(int(ours[2])):
            continue
        _end_everything(Node(name, "", "", Path()))
        # Another test process may be sweeping, too.
        for words in (["netns", "del", name], ["link", "del", f"{ours[1]}br"]):
            subprocess.run(["ip", *words], capture_output=True, check=False)


@contextmanager
def _node(prefix: str, bridge: str, number: int, scratch: Path) -> Iterator[Node]:
    """A namespace with one cable to the bridge; whatever ran in it is ended."""
    name = f"{prefix}{number}"
    node = Node(name, f"10.77.0.{number}", f"{name}b", scratch / f"n{number}")
    node.scratch.mkdir()
    _ip("netns", "add", name)
    try:
        # The names in the root namespace are ours alone, by the process's id.
        _ip("link", "add", node.link, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", node.link, "master", bridge)
        _ip("link", "set", node.link, "up")
        _ip("-n", name, "addr", "add", f"{node.ip}/24", "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        _ip("-n", name, "link", "set", "lo", "up")
        yield node
    finally:
        _end_everything(node)
        # By itself: sockets that still wait for an answer keep a namespace and its cable alive.
        subprocess.run(["ip", "link", "del", node.link], capture_output=True, check=False)
        _ip("netns", "del", name)


@contextmanager
def three_nodes() -> Iterator[list[Node]]:
    """Namespaces 10.77.0.1, .2 and .3, without Ray."""
    skip_where_not_permitted()
    _sweep()
    with ExitStack() as stack:
        # Short, and not pytest's: Ray's sockets lie below, and a socket's path has 107 bytes.
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sutn")))
        prefix = _free_prefix()
        bridge = stack.enter_context(_bridge(f"{prefix}br"))
        numbers = range(1, WORKERS + 2)
        yield [stack.enter_context(_node(prefix, bridge, n, scratch)) for n in numbers]


def _checked(done: Finished, what: str) -> Finished:
    assert done.code == 0, f"{what}: {done.stdout}\n{done.stderr}"
    return done


# A command in a namespace of networks has mounts of its own, and so have Ray's processes there.
SEES_OTHER = 'mount --bind "$1" "$2" && shift 2 && exec "$@"'


@contextmanager
def ray_cluster(other: tuple[Path, Path] | None = None) -> Iterator[Cluster]:
    """The three with Ray: the head by `cluster start`, the workers by the line it prints.

    Args:
        other: two files; the last worker finds the first where the others find the second.
    """
    with three_nodes() as (control, *workers):
        place = ["--temp-dir", str(control.scratch / "ray")]
        start = [sys.executable, "-m", "sut.main", "cluster", "start", *place]
        printed = _checked(control.run(*start), "cluster start").stdout
        (line,) = [each.strip() for each in printed.splitlines() if "ray start" in each]
        for worker in workers:
            own = line.replace("WORKER_IP", worker.ip)
            words = ["env", *shlex.split(own), "--num-cpus=1", "--object-store-memory=100000000"]
            words += ["--temp-dir", str(worker.scratch / "ray")]
            if other is not None and worker is workers[-1]:
                words = ["sh", "-c", SEES_OTHER, "sh", *map(str, other), *words]
            _checked(worker.run(*words), f"ray start on {worker.ip}")
        yield Cluster(control, workers, line)
