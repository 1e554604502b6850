"""Variables of the environment that can change what an engine computes, or how fast.

A name counts by its pattern, as in a shell: `OMP_*`. Patterns of the ground that every engine
stands on are here; an engine adds its own (`sut.config.engine_kinds`). What is known to change no
answer and no time is called harmless. Everything else counts, known or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, Protocol

GivenBy = Literal["user", "harness", "engine"]

# A word of a name whose value nobody else may read.
_SECRET = re.compile(r"(^|_)(TOKEN|SECRET|PASSWORD|PASSWD|KEY|CREDENTIALS?)(_|$)")
_USER_IN_URL = re.compile(r"://[^/@\s]+@")
_SEARCH_PATH = "PYTHONPATH"
_OWN_FOLDER = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Watch:
    """Which variables are looked at.

    Attributes:
        changing: patterns of names that can change an engine.
        harmless: patterns of those among them that change no answer and no time.
    """

    changing: tuple[str, ...] = ()
    harmless: tuple[str, ...] = ()

    def __or__(self, other: Watch) -> Watch:
        """Both."""
        return Watch(self.changing + other.changing, self.harmless + other.harmless)

    def sees(self, name: str) -> bool:
        """Whether the variable is looked at."""
        return _fits(name, self.changing)

    def is_harmless(self, name: str, value: str) -> bool:
        """Whether it changes nothing, at this value."""
        return _fits(name, self.harmless) or (name == _SEARCH_PATH and _only_ours(value))

    def seen(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Those of an environment that are looked at, by name."""
        return {name: environment[name] for name in sorted(environment) if self.sees(name)}


GROUND = Watch(
    changing=(
        # What is loaded, and from where.
        *("LD_*", "GLIBC_TUNABLES", "PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE"),
        *("PYTHONPLATLIBDIR", "PYTHONOPTIMIZE", "PYTHONSTARTUP", "PYTHON_GIL", "PYTHON_JIT"),
        # Memory and threads.
        *("MALLOC_*", "TCMALLOC_*", "MIMALLOC_*", "PYTHONMALLOC", "OMP_*", "KMP_*", "GOMP_*"),
        # Libraries of numbers.
        *("MKL_*", "DNNL_*", "ONEDNN_*", "OPENBLAS_*", "BLIS_*", "ATEN_*", "NUMEXPR_*"),
        # Cards, what runs on them, and the network between them.
        *("CUDA_*", "CUBLAS*", "CUDNN_*", "CUTLASS_*", "CUTE_*", "NVIDIA_*", "NVTE_*", "NCCL_*"),
        *("NVSHMEM_*", "GLOO_*", "UCX_*", "HIP_*", "ROCR_*", "HSA_*", "NVCC_*"),
        # What models are written in, and where they come from.
        *("TORCH*", "PYTORCH_*", "TRITON_*", "HF_*", "HUGGINGFACE_*", "HUGGING_FACE_*"),
        *("TRANSFORMERS_*", "TOKENIZERS_*", "SAFETENSORS_*"),
    ),
    harmless=(
        # Which cards answer is on record by their UUIDs.
        *("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "NVIDIA_VISIBLE_DEVICES"),
        # What a container says of itself, and what it was built with.
        *("NVIDIA_DRIVER_CAPABILITIES", "NVIDIA_REQUIRE_*", "NVIDIA_PRODUCT_NAME"),
        *("NVIDIA_BUILD_*", "CUDA_VERSION", "NCCL_VERSION", "CUDA_*_VERSION", "NVCC_THREADS"),
        # Messages.
        *("NCCL_DEBUG", "NCCL_DEBUG_FILE", "TRANSFORMERS_VERBOSITY", "HF_HUB_VERBOSITY"),
        # Places, and how files come there: the weights are known by their own checksum.
        *("HF_HOME", "HF_HUB_*", "HF_ENDPOINT", "HF_TOKEN", "HF_TOKEN_PATH", "HF_DATASETS_*"),
        *("HF_XET_*", "HUGGING_FACE_HUB_TOKEN", "TRANSFORMERS_OFFLINE", "TRANSFORMERS_CACHE"),
        *("TORCH_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "CUDA_CACHE_PATH"),
        # We tokenise before the clock starts.
        "TOKENIZERS_PARALLELISM",
    ),
)


@dataclass(frozen=True)
class Variable:
    """One variable that reached the engine.

    Attributes:
        value: None where it is a secret.
        given_by: whoever set it: the user's environment, the harness, or the engine itself.
    """

    name: str
    value: str | None
    given_by: GivenBy
    harmless: bool


def variables(
    watch: Watch,
    in_force: Mapping[str, str],
    *,
    given: Mapping[str, str],
    ours: Mapping[str, str],
) -> list[Variable]:
    """What was looked at in an engine's environment, by name.

    Args:
        watch: what to look at, beside the ground.
        in_force: the environment of the engine's own process.
        given: that of the harness, as the user left it.
        ours: what the harness sets whatever was given.
    """
    watch = GROUND | watch
    return [
        Variable(
            name,
            _shown(name, value),
            _given_by(name, value, given, ours),
            watch.is_harmless(name, value),
        )
        for name, value in watch.seen(in_force).items()
    ]


class Told(Protocol):
    """A variable, here or on record."""

    @property
    def name(self) -> str: ...
    @property
    def given_by(self) -> str: ...
    @property
    def harmless(self) -> bool: ...


def undeclared(found: Iterable[Told], declared: Sequence[str]) -> list[str]:
    """Names of those that the user gave, that change the engine, and that nobody declared."""
    return [
        each.name
        for each in found
        if each.given_by == "user" and not each.harmless and each.name not in declared
    ]


def _given_by(name: str, value: str, given: Mapping[str, str], ours: Mapping[str, str]) -> GivenBy:
    if ours.get(name) == value:
        return "harness"
    return "user" if name in given else "engine"


def _shown(name: str, value: str) -> str | None:
    return None if _SECRET.search(name) else _USER_IN_URL.sub("://…@", value)


def _fits(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _only_ours(value: str) -> bool:
    """Whether a search path names nothing but the folder that this code is in."""
    parts = [part for part in value.split(":") if part]
    return all(Path(part).resolve() == _OWN_FOLDER for part in parts)
