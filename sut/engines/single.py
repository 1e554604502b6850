"""`engine.kind` → one engine, without Ray. A new engine is one class and one entry here."""

from __future__ import annotations

from collections.abc import Callable

from sut.engines.base import Engine, EngineRequest
from sut.engines.null import NullEngine


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
        max_model_len=request.context_tokens,
        log=request.log,
    )


ENGINES: dict[str, Callable[[EngineRequest], Engine]] = {"null": _null, "vllm": _vllm}


def make_one(request: EngineRequest) -> Engine:
    """The engine that the configuration names, not yet started."""
    return ENGINES[request.config.engine.kind](request)
