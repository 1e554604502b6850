"""A plugin of vLLM's that switches prefix caching on behind our back, in the core alone.

What the harness asked for, and vLLM's configuration in the harness's process, say that it is off.
"""

from __future__ import annotations

from typing import Any


def install() -> None:
    """Called by vLLM: by the core from within its constructor, so a later step of it is changed."""
    from vllm.v1.engine.core import EngineCore

    measure = EngineCore._initialize_kv_caches

    def measure_and_reuse(self: Any, vllm_config: Any) -> Any:
        found = measure(self, vllm_config)
        vllm_config.cache_config.enable_prefix_caching = True
        return found

    EngineCore._initialize_kv_caches = measure_and_reuse
