"""vLLM's own variables: which of them are looked at, and which change nothing.

vLLM lists its variables in `vllm.envs`, which takes ten seconds to import; a test holds these
patterns to that list.
"""

from __future__ import annotations

from sut.machine.variables import Watch

WATCH = Watch(
    changing=(
        *("VLLM_*", "FLASHINFER_*", "FLASH_ATTENTION_*", "LMCACHE_*", "MOONCAKE_*", "NIXL_*"),
        *("S3_*", "RUNAI_*", "LOCAL_RANK", "MAX_JOBS", "CMAKE_BUILD_TYPE", "VERBOSE"),
        *("NO_COLOR", "FORCE_COLOR"),
    ),
    harmless=(
        # Messages and statistics.
        *("VLLM_LOGGING_*", "VLLM_LOG_*", "VLLM_DISABLE_LOG_LOGO", "VLLM_USAGE_*"),
        *("VLLM_NO_USAGE_STATS", "VLLM_DO_NOT_TRACK", "NO_COLOR", "FORCE_COLOR"),
        # How it was built.
        *("VLLM_BUILD_*", "VLLM_IMAGE_TAG", "VLLM_DOCKER_BUILD_CONTEXT", "VLLM_TARGET_DEVICE"),
        *("VLLM_MAIN_CUDA_VERSION", "VLLM_USE_PRECOMPILED", "MAX_JOBS", "CMAKE_BUILD_TYPE"),
        *("VERBOSE", "VLLM_SKIP_VERSION_SUFFIX", "VLLM_SKIP_PRECOMPILED_VERSION_SUFFIX"),
        # Places and addresses.
        *("VLLM_CACHE_ROOT", "VLLM_CONFIG_ROOT", "VLLM_ASSETS_*", "VLLM_RPC_BASE_PATH"),
        *("VLLM_HOST_IP", "VLLM_LOOPBACK_IP", "VLLM_PORT", "VLLM_API_KEY"),
        # How long something may take until it counts as hung.
        *("VLLM_ENGINE_READY_TIMEOUT_S", "VLLM_EXECUTE_MODEL_TIMEOUT_SECONDS"),
        # Libraries of the driver, from NVIDIA's own package; the harness has a note on it.
        "VLLM_ENABLE_CUDA_COMPATIBILITY",
    ),
)
