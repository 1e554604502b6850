"""One engine, or several replicas of it on Ray: as the configuration asks."""

from __future__ import annotations

from sut.engines.base import Engine, EngineRequest
from sut.engines.single import make_one


def make_engine(request: EngineRequest) -> Engine:
    """The engine that the configuration names, not yet started; several of them are on Ray."""
    if request.config.engine.replicas is not None:
        # Imported here: it is light, but of no use to whoever runs one engine alone.
        from sut.engines.ray.pool import RayEngine

        return RayEngine(request)
    return make_one(request)
