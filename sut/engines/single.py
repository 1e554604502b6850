"""`engine.kind` → one engine, without Ray."""

from __future__ import annotations

from sut.config.engine_kinds import engine_kind
from sut.engines.base import Engine, EngineRequest


def make_one(request: EngineRequest) -> Engine:
    """The engine that the configuration names, not yet started.

    Raises:
        ConfigError: it is not installed here.
    """
    engine: Engine = engine_kind(request.config.engine.kind).make(request)
    return engine
