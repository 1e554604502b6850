"""The connection to Ray: a cluster that is there, or one of our own on this machine."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sut.engines.ray.children import wait_for_own
from sut.errors import EngineStartError
from sut.machine.places import expanded, socket_folder
from sut.machine.signals import kept

NAMESPACE = "sut"
PORT_TIMEOUT_S = 10.0
SAID_LENGTH = 300
ELSEWHERE = (
    "Look at the address, at the token (~/.ray/auth_token, the head's) and at `ray status` on the "
    "head."
)
AT_HOME = (
    "Ray waits half a minute for its own processes: end what else runs here, look at the free "
    "memory and at /tmp, and try again; --address HOST:PORT takes a cluster that runs."
)

# For a cluster that we start: no usage reports, token authentication, a worker's children
# (vLLM's engine core) die with it even when it is killed, and an engine has the priority that it
# has without Ray (Ray's default is nice 15: whatever else runs there would go first).
OWN_CLUSTER = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_kill_child_processes_on_worker_exit_with_raylet_subreaper": "true",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_worker_niceness": "0",
}
TOKEN = "RAY_AUTH_TOKEN"
TMPDIR = "RAY_TMPDIR"
# Below the temporary folder: /ray/session_<time>_<process>/sockets/plasma_store.
LONGEST_SOCKET = 75
TOKEN_PATH = "RAY_AUTH_TOKEN_PATH"
MODE = "RAY_AUTH_MODE"

# Ray aborts a driver that has been without its head for so long (its default: 60 s). A lost head
# ends a run within the heartbeat, and the result must be written after that.
OF_THE_DRIVER = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "600",
}


def token_file(environment: Mapping[str, str]) -> Path:
    """Where Ray keeps the token of a cluster: the file named, or its default."""
    named = environment.get(TOKEN_PATH)
    return Path(named) if named else expanded(Path("~/.ray/auth_token"))


def has_token(environment: Mapping[str, str]) -> bool:
    """Whether this user has a token, in the environment or in its file."""
    return bool(environment.get(TOKEN)) or token_file(environment).is_file()


def connect(address: str | None, cpus: int, cards: int) -> None:
    """Join the cluster at `address`, or start one here; the driver takes no card either way.

    Raises:
        EngineStartError: Ray is not installed, or the cluster cannot be reached.
    """
    _set_variables(address)
    try:
        import ray
    except ImportError as error:
        raise EngineStartError(
            "replicas run on Ray, which is not installed.",
            remedy="Run: pip install 'sut-mlperf[ray]', or leave --replicas out.",
        ) from error
    _keep_ray_off_stdout()
    common = {"namespace": NAMESPACE, "log_to_driver": False, "logging_level": "ERROR"}
    where: dict[str, Any] = {"address": address}
    if address is None:
        where = {
            "address": "local",
            "num_cpus": cpus,
            "num_gpus": cards,
            "include_dashboard": False,
        }
    try:
        if address is not None:
            _try_port(address)
        with kept():  # Ray ends a driver at once on SIGTERM, without its result
            ray.init(**where, **common)
    except Exception as error:
        # One line, for Ray's first often ends in a colon.
        said = " ".join(str(error).split())[:SAID_LENGTH] or type(error).__name__
        raise EngineStartError(
            f"the Ray cluster at {address or 'this machine'} cannot be used: {said}",
            remedy=AT_HOME if address is None else ELSEWHERE,
        ) from error
    wait_for_own()  # LoadGen's process is a child of the driver


def _set_variables(address: str | None) -> None:
    """What Ray's import reads; it stays, for Ray's own processes and its client here go by it."""
    if address is None:
        os.environ.update(OWN_CLUSTER)
        if TMPDIR not in os.environ and (short := socket_folder(LONGEST_SOCKET, "Ray")):
            os.environ[TMPDIR] = str(short)
        os.environ.setdefault(TOKEN, secrets.token_hex(32))
        return
    for name, value in OF_THE_DRIVER.items():
        os.environ.setdefault(name, value)
    if MODE not in os.environ and has_token(os.environ):
        # With an explicit address Ray itself never does this.
        os.environ[MODE] = "token"


def _keep_ray_off_stdout() -> None:
    """Ray prints what befalls a cluster on stdout, in colours; there `--json` has its document.

    It has no setting for that (`log_to_driver` is about workers' own output), and we say
    ourselves what is lost. A Ray without this function just prints on.
    """
    from ray._private import worker

    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *_, **__: None


def _try_port(address: str) -> None:
    """Whether anybody listens, which Ray itself takes long to find out.

    Raises:
        OSError: nobody does.
    """
    host, colon, port = address.rpartition(":")
    if colon and port.isdecimal():  # not `auto`
        socket.create_connection((host, int(port)), timeout=PORT_TIMEOUT_S).close()


def disconnect() -> None:
    """Leave the cluster; one that we started ends with it."""
    import ray

    if ray.is_initialized():
        ray.shutdown()
