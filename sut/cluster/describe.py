"""What a node is: its versions, files, memory and clock, told by the node itself.

`describe` runs on each node as a Ray task pinned there; it is plain data in, plain data out,
so that a node with another version of this project can still answer or fail by itself.
"""

from __future__ import annotations

import contextlib
import platform
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psutil

from sut.capacity.model_shape import ModelShape
from sut.config.engine_kinds import package_of
from sut.config.model_files import described
from sut.config.official import require_recognised
from sut.config.schema import RunConfig
from sut.errors import HarnessError
from sut.inputs.inputs import check_cards, load_inputs
from sut.inputs.weights import WEIGHT_PATTERNS, resolve_model, weights_sha256
from sut.machine.devices import gpus
from sut.machine.hardware import package_version, software

CLOCK_ROUNDS = 5
PORT_OPEN_S = 30.0
PORT_TIMEOUT_S = 5.0
KV_ELEMENT_BYTES = 2  # bfloat16; a quantised cache takes less


@dataclass(frozen=True)
class NodeFacts:
    """One node; what it could not tell is None.

    Attributes:
        runs_engine: it has something to give; a control node has not.
        replicas: how many the run that is meant would put there.
        versions: by what they are of.
        driver_problem: why its NVIDIA driver does not run the engine.
        port_problem: why a port that it opened did not answer the driver.
        clock_offset_s: its clock minus the driver's; wrong by at most clock_error_s.
        problem: why it did not answer.
    """

    name: str
    runs_engine: bool
    replicas: int = 1
    versions: Mapping[str, str | None] = field(default_factory=dict)
    weights_sha256: str | None = None
    weights_problem: str | None = None
    weights_bytes: int | None = None
    kv_bytes_per_token: int | None = None
    dataset_sha256: str | None = None
    dataset_problem: str | None = None
    longest_prompt: int | None = None
    memory_available_bytes: int | None = None
    gpu_memory_mib: tuple[int | None, ...] = ()
    driver_problem: str | None = None
    clock_offset_s: float | None = None
    clock_error_s: float | None = None
    port_problem: str | None = None
    problem: str | None = None


def describe(config_json: str, *, runs_engine: bool) -> dict[str, Any]:
    """This machine, as the keywords of NodeFacts beside what the driver knows of it.

    Weights that are not here yet are fetched only where an engine will read them.
    """
    config = RunConfig.model_validate_json(config_json)
    driver_problem = _driver_problem(config) if runs_engine else None
    return {
        "versions": versions(config.engine.kind),
        "memory_available_bytes": psutil.virtual_memory().available,
        "gpu_memory_mib": tuple(gpu.memory_mib for gpu in gpus()),
        "driver_problem": driver_problem,
        **_weights(config, runs_engine and driver_problem is None),
        **_dataset(config),
    }


def versions(engine: str) -> dict[str, str | None]:
    """What must be the same everywhere, for an engine of this kind."""
    found = software()
    return {
        "Python": platform.python_version(),
        "engine": package_of(engine),
        "mlcommons-loadgen": found["loadgen"],
        "ray": package_version("ray"),
        "this project": found["harness"],
        "this project's commit": found["harness_commit"],
    }


def _driver_problem(config: RunConfig) -> str | None:
    try:
        check_cards(config)
    except HarnessError as error:
        return error.render()
    return None


def _weights(config: RunConfig, fetch: bool) -> dict[str, Any]:
    if not config.engine.planned().has_model:
        return {}
    try:
        folder = resolve_model(config.model, weights=fetch)
        require_recognised(folder, config.model)
    except HarnessError as error:
        return {"weights_problem": error.message}
    files = [path for pattern in WEIGHT_PATTERNS for path in folder.glob(pattern)]
    size = sum(path.stat().st_size for path in files)
    shape = ModelShape.of_config(described(folder) or {})
    return {
        "weights_sha256": weights_sha256(folder),
        "weights_bytes": size,
        "kv_bytes_per_token": int(shape.kv_bytes_per_token(KV_ELEMENT_BYTES)) if shape else None,
    }


def _dataset(config: RunConfig) -> dict[str, Any]:
    try:
        inputs = load_inputs(config, weights=False)
    except HarnessError as error:
        return {"dataset_problem": error.message}
    return {"dataset_sha256": inputs.dataset.sha256, "longest_prompt": inputs.longest_prompt}


def open_port(ip: str) -> int:
    """Listen on a port that the system chooses, until somebody came or PORT_OPEN_S passed.

    Returns:
        The port; a thread of this process goes on listening.
    """
    listener = socket.create_server((ip, 0))
    listener.settimeout(PORT_OPEN_S)

    def accept() -> None:
        with listener, contextlib.suppress(OSError):
            listener.accept()[0].close()

    threading.Thread(target=accept, name="open-port", daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


def try_port(ip: str, port: int) -> str | None:
    """None if it answers, else why not."""
    try:
        socket.create_connection((ip, port), timeout=PORT_TIMEOUT_S).close()
    except TimeoutError:
        return f"port {port} is silent: a firewall?"
    except OSError as error:
        return f"port {port}: {error.strerror}"
    return None


def clock() -> int:
    """This machine's time, ns."""
    return time.time_ns()


def offset_of(before_ns: int, there_ns: int, after_ns: int) -> tuple[float, float]:
    """The other clock minus ours, and how wrong that may be, both in s.

    The other clock was read at some moment between two readings of ours; taken for the middle,
    it is wrong by half the time between them at most (as NTP has it, RFC 5905 §8).
    """
    return (there_ns - (before_ns + after_ns) / 2) / 1e9, (after_ns - before_ns) / 2 / 1e9
