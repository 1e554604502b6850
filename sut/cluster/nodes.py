"""What a node is: its versions, files, memory and clock, told by the node itself.

`describe` runs on each node as a Ray task pinned there; it is plain data in, plain data out,
so that a node with another version of this project can still answer or fail by itself.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psutil

from sut.config.schema import RunConfig
from sut.devices import gpus
from sut.errors import HarnessError
from sut.hardware import package_version, software
from sut.inputs import load_inputs
from sut.weights import WEIGHT_PATTERNS, resolve_model, weights_sha256

CLOCK_ROUNDS = 5


@dataclass(frozen=True)
class NodeFacts:
    """One node; what it could not tell is None.

    Attributes:
        runs_engine: it has something to give; a control node has not.
        versions: by what they are of.
        clock_offset_s: its clock minus the driver's; wrong by at most clock_error_s.
        problem: why it did not answer.
    """

    name: str
    runs_engine: bool
    versions: Mapping[str, str | None] = field(default_factory=dict)
    weights_sha256: str | None = None
    weights_problem: str | None = None
    weights_bytes: int | None = None
    dataset_sha256: str | None = None
    dataset_problem: str | None = None
    memory_available_bytes: int | None = None
    gpu_memory_mib: tuple[int, ...] = ()
    clock_offset_s: float | None = None
    clock_error_s: float | None = None
    problem: str | None = None


def describe(config_json: str) -> dict[str, Any]:
    """This machine, as the keywords of NodeFacts beside `name` and `runs_engine`."""
    config = RunConfig.model_validate_json(config_json)
    return {
        "versions": versions(),
        "memory_available_bytes": psutil.virtual_memory().available,
        "gpu_memory_mib": tuple(gpu.memory_mib for gpu in gpus()),
        **_weights(config),
        **_dataset(config),
    }


def versions() -> dict[str, str | None]:
    """What must be the same everywhere."""
    found = software()
    return {
        "Python": platform.python_version(),
        "vllm": found.engine_package,
        "mlcommons-loadgen": found.loadgen,
        "ray": package_version("ray"),
        "this project": found.harness,
        "this project's commit": found.harness_commit,
    }


def _weights(config: RunConfig) -> dict[str, Any]:
    if config.engine.kind == "null":
        return {}
    try:
        folder = resolve_model(config.model)
    except HarnessError as error:
        return {"weights_problem": error.message}
    files = [path for pattern in WEIGHT_PATTERNS for path in folder.glob(pattern)]
    size = sum(path.stat().st_size for path in files)
    return {"weights_sha256": weights_sha256(folder), "weights_bytes": size}


def _dataset(config: RunConfig) -> dict[str, Any]:
    try:
        return {"dataset_sha256": load_inputs(config).dataset.sha256}
    except HarnessError as error:
        return {"dataset_problem": error.message}


def clock() -> int:
    """This machine's time, ns."""
    return time.time_ns()


def offset_of(before_ns: int, there_ns: int, after_ns: int) -> tuple[float, float]:
    """The other clock minus ours, and how wrong that may be, both in s.

    The other clock was read at some moment between two readings of ours; taken for the middle,
    it is wrong by half the time between them at most (as NTP has it, RFC 5905 §8).
    """
    return (there_ns - (before_ns + after_ns) / 2) / 1e9, (after_ns - before_ns) / 2 / 1e9
