"""A Ray head on this machine, and the line that joins a worker to it.

What we start carries the variable SUT_CLUSTER, so that `stop` ends that and nothing else; Ray's
own `ray stop` would end every Ray on the machine.
"""

from __future__ import annotations

import os
import secrets
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

from sut.cluster.network import Choice, port_in_use
from sut.engines.ray.connection import OWN_CLUSTER, TOKEN, TOKEN_PATH, token_file
from sut.errors import ConfigError, EngineStartError

MARK = "SUT_CLUSTER"
PORT = 6379
START_TIMEOUT_S = 300
STOP_TIMEOUT_S = 20
TOKEN_MODE = 0o600
TOKEN_BYTES = 32

# Ray's defaults notice a silent node after more than a minute: five misses of 10 s each, 3 s
# apart. These take at most 4 × (1 + 1.5) s = 10 s, the harness's own heartbeat.
HEALTH_CHECKS = {
    "RAY_health_check_initial_delay_ms": "2000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "1500",
    "RAY_health_check_failure_threshold": "4",
}
# A node that has lost its head ends itself and its replicas after so long (Ray's default: 60).
ON_EVERY_NODE = {**OWN_CLUSTER, "RAY_gcs_rpc_server_reconnect_timeout_s": "20"}


@dataclass(frozen=True)
class Head:
    """A head that was started."""

    ip: str
    port: int
    token: Path | None

    @property
    def address(self) -> str:
        return f"{self.ip}:{self.port}"


def ensure_token(environment: Mapping[str, str]) -> Path | None:
    """The file Ray's token is read from, made (mode 600) if it is not there yet.

    Returns:
        None if the token is in the environment itself.

    Raises:
        ConfigError: the file cannot be written.
    """
    if environment.get(TOKEN):
        return None
    path = token_file(environment)
    try:
        if path.is_file() and path.stat().st_size:
            path.chmod(TOKEN_MODE)
            return path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, TOKEN_MODE)
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(TOKEN_BYTES))
        path.chmod(TOKEN_MODE)
    except OSError as error:
        raise ConfigError(
            f"Ray's token cannot be kept in {path}: {error.strerror}.",
            where=TOKEN_PATH,
            remedy="Name a file that you may write in RAY_AUTH_TOKEN_PATH.",
        ) from error
    return path


def ray_program() -> list[str]:
    """Ray's own command line, by the interpreter that runs us."""
    return [sys.executable, "-m", "ray.scripts.scripts"]


def head_command(ip: str, port: int, temp_dir: Path | None) -> list[str]:
    """`ray start` for a head that takes no work and shows no dashboard."""
    place = ["--temp-dir", str(temp_dir)] if temp_dir else []
    return [
        *ray_program(),
        *("start", "--head", f"--node-ip-address={ip}", f"--port={port}", "--num-cpus=0"),
        *("--num-gpus=0", "--include-dashboard=false", "--disable-usage-stats", *place),
    ]


def start_head(choice: Choice, port: int, temp_dir: Path | None = None) -> Head:
    """Start it and return once it accepts nodes.

    Raises:
        EngineStartError: the port is taken, or Ray does not start.
    """
    ip = choice.taken.ip
    if port_in_use(ip, port):
        raise EngineStartError(
            f"port {port} of {ip} is in use.",
            where="--port",
            remedy="Run: python -m sut.main cluster stop, or give another --port.",
        )
    token = ensure_token(os.environ)
    environment = {**os.environ, **ON_EVERY_NODE, **HEALTH_CHECKS, MARK: f"{ip}:{port}"}
    try:
        done = subprocess.run(
            head_command(ip, port, temp_dir),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=START_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        stop(f"{ip}:{port}")
        raise EngineStartError(
            f"the Ray head on {ip} did not start within {START_TIMEOUT_S} s.",
            remedy="Look at the newest session below /tmp/ray for its logs.",
        ) from error
    if done.returncode:
        stop(f"{ip}:{port}")
        lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        raise EngineStartError(
            f"the Ray head on {ip} did not start: {lines[-1] if lines else 'it said nothing'}",
            remedy="Run: pip install 'sut-mlperf[ray]', or look at /tmp/ray for its logs.",
        )
    return Head(ip, port, token)


def join_line(head_address: str) -> str:
    """The command for a worker; WORKER_IP is for the user to fill in."""
    variables = {**ON_EVERY_NODE, MARK: head_address}
    settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in variables.items())
    return f"{settings} ray start --address={head_address} --node-ip-address=WORKER_IP"


def members(address: str | None) -> list[psutil.Process]:
    """This node's processes of clusters that we started, or of the one at `address`.

    A node is a network namespace: containers that share a process table are others.
    """
    here = _network(os.getpid())
    found = []
    for process in psutil.process_iter():
        try:
            mark = process.environ().get(MARK)
        except psutil.Error:
            continue
        wanted = mark is not None and address in (None, mark)
        # A shell in which the user exported the variable is not part of the cluster.
        if wanted and _network(process.pid) == here and _is_of_ray(process):
            found.append(process)
    return found


def _network(pid: int) -> str | None:
    """The network namespace of a process; None if it is gone or not ours to ask."""
    try:
        return str(Path(f"/proc/{pid}/ns/net").readlink())
    except OSError:
        return None


def _is_of_ray(process: psutil.Process) -> bool:
    try:
        words = process.cmdline()
    except psutil.Error:
        return False
    return any(part in word for word in words for part in ("/ray/", "ray::", "ray.scripts"))


def stop(address: str | None) -> int:
    """End them all, gently and then not; returns how many there were."""
    found = members(address)
    for process in found:
        _signal(process, kill=False)
    _, left = psutil.wait_procs(found, timeout=STOP_TIMEOUT_S)
    for process in left:
        _signal(process, kill=True)
    psutil.wait_procs(left, timeout=STOP_TIMEOUT_S)
    return len(found)


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return
