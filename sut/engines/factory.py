"""`engine.kind` → an engine. A new engine is one class and one entry here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sut.config.schema import RunConfig
from sut.engines.base import Engine
from sut.engines.null import NullEngine


@dataclass(frozen=True)
class EngineRequest:
    """What an engine needs beside the configuration.

    Attributes:
        model_path: local folder of the weights.
        max_model_len: tokens, longest prompt plus longest answer.
        log: file for whatever the engine prints.
        dataset_sha256: of the data set here, which every replica's must equal.
    """

    config: RunConfig
    model_path: Path
    max_model_len: int
    log: Path
    dataset_sha256: str


def _null(request: EngineRequest) -> Engine:
    return NullEngine(request.config.engine.null)


def _vllm(request: EngineRequest) -> Engine:
    # Imported here: the module is light, but what it stands for is only there with the extra.
    from sut.engines.vllm.engine import VllmEngine

    config = request.config
    return VllmEngine(
        config.engine,
        config.model,
        config.system,
        generation=config.generation,
        model_path=str(request.model_path),
        max_model_len=request.max_model_len,
        log=request.log,
    )


ENGINES: dict[str, Callable[[EngineRequest], Engine]] = {"null": _null, "vllm": _vllm}


def make_engine(request: EngineRequest) -> Engine:
    """The engine that the configuration names, not yet started; several of them are on Ray."""
    if request.config.engine.replicas is not None:
        from sut.engines.ray.pool import RayEngine

        return RayEngine(request)
    return ENGINES[request.config.engine.kind](request)
