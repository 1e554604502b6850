"""The environment vLLM's processes are started in; ours is as before once they are.

On CPU that decides half the throughput:

* Intel's OpenMP instead of GNU's, and tcmalloc where the system has it. vLLM asks for both in
  its log and leaves them to the user.
* On few cores no core is set aside and the model runs inside the engine's process. vLLM's
  default there has the engine wait for its worker by spinning, on a core the worker needs:
  93 against 190 tokens/s on two cores (docs/measurements.md).
"""

from __future__ import annotations

import getpass
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sut.config.schema import SystemConfig
from sut.config.vllm_options import VllmConfig
from sut.engines.vllm.luggage import Luggage
from sut.engines.vllm.orphans import Leash
from sut.errors import EngineStartError
from sut.machine.devices import VISIBLE, gpus, usable_cores
from sut.machine.places import TEMPORARY_NAME, socket_folder, temporary_folder

FEW_CORES = 4
SYSTEM_FOLDERS = (Path("/usr/lib/x86_64-linux-gnu"), Path("/usr/lib/aarch64-linux-gnu"))
PRELOAD = "LD_PRELOAD"
RPC_FOLDER = "VLLM_RPC_BASE_PATH"
# Below a temporary folder: a slash, the name of one of ours, a slash and a UUID.
SOCKET_NAME = 1 + TEMPORARY_NAME + 37
SAMPLER = "VLLM_USE_FLASHINFER_SAMPLER"


def in_one_process(vllm: VllmConfig, system: SystemConfig, cores: Sequence[int]) -> bool:
    """Whether the model runs in the engine's own process rather than in a worker's."""
    alone = vllm.tensor_parallel_size == vllm.pipeline_parallel_size == 1
    return system.platform == "cpu" and alone and len(cores) <= FEW_CORES


def environment(
    vllm: VllmConfig,
    system: SystemConfig,
    cores: Sequence[int],
    preload: Sequence[Path],
    *,
    given: Mapping[str, str],
    cards: Sequence[str] = (),
) -> dict[str, str]:
    """Variables that vLLM and the libraries below it read when its processes start.

    Args:
        vllm: the engine's settings.
        system: the machine's.
        cores: those to run on.
        preload: libraries to load first, `cpu_libraries`.
        given: the user's environment, whose word holds for some of them.
        cards: UUIDs of those to run on; none: what vLLM would take by itself.
    """
    variables = {
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_DO_NOT_TRACK": "1",
        "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
        "TOKENIZERS_PARALLELISM": "false",
        **_of_places(),
    }
    if system.platform == "cuda":
        # vLLM's start samples once with top-k and top-p whatever the queries ask for, and takes
        # FlashInfer for it on most cards, which compiles that kernel there and then: nvcc and
        # ninja would have to be installed, for a sampler that greedy decoding never calls.
        variables[SAMPLER] = given.get(SAMPLER, "0")
        if cards:
            variables[VISIBLE] = ",".join(cards)
    if system.platform == "cpu":
        variables |= _on_cpu(vllm, system, cores)
        if preload:
            before = given.get(PRELOAD)
            variables[PRELOAD] = ":".join([*map(str, preload), *([before] if before else [])])
    return variables


def _on_cpu(vllm: VllmConfig, system: SystemConfig, cores: Sequence[int]) -> dict[str, str]:
    bound = ",".join(map(str, cores))
    automatic = vllm.cpu_omp_threads_bind == "auto" and len(cores) <= FEW_CORES
    variables = {
        "VLLM_CPU_OMP_THREADS_BIND": bound if automatic else vllm.cpu_omp_threads_bind,
        "VLLM_CPU_KVCACHE_SPACE": str(vllm.cpu_kvcache_gib),
    }
    if in_one_process(vllm, system, cores):
        # What vLLM sets for workers of their own, but for the pinning of each thread: our own
        # process and LoadGen's need the same few cores.
        variables["OMP_NUM_THREADS"] = str(len(cores))
        variables["KMP_BLOCKTIME"] = "5"
        variables["KMP_TPAUSE"] = "0"
    return variables


def _of_places() -> dict[str, str]:
    """What vLLM needs where the machine's own words do not serve."""
    # torch names folders by the user, and asks /etc/passwd otherwise.
    return {} if _has_name() else {"USER": "sut"}


def folder_for_sockets(given: Mapping[str, str]) -> Path | None:
    """A new folder for vLLM's sockets, which it never removes; None where the user named one.

    Args:
        given: the user's environment.

    Raises:
        EngineStartError: no folder's name is short enough.
    """
    if RPC_FOLDER in given:
        return None
    return temporary_folder(socket_folder(SOCKET_NAME, "vLLM"))


def _has_name() -> bool:
    """Whether this process's user has a name: in a container its id may have none."""
    try:
        return bool(getpass.getuser())
    except (KeyError, OSError):
        return False


def cpu_libraries(system: SystemConfig) -> list[Path]:
    """The libraries to load first that are on this machine, in order."""
    if system.platform != "cpu":
        return []
    openmp = [Path(sys.prefix) / "lib" / "libiomp5.so"]
    malloc = [folder / "libtcmalloc_minimal.so.4" for folder in SYSTEM_FOLDERS]
    return [path for path in (*malloc, *openmp) if path.is_file()]


@dataclass(frozen=True)
class Launch:
    """How vLLM is started from this process.

    Attributes:
        preload: libraries that are loaded first.
        given: the environment as the user left it.
        sets: what is put over it while vLLM's processes start.
        ours: what is put over it whatever the user gave.
        one_process: whether the model runs in the engine's own process.
        cards: UUIDs of those that it is given.
    """

    preload: Sequence[Path]
    given: Mapping[str, str]
    sets: Mapping[str, str]
    ours: Mapping[str, str]
    one_process: bool
    cards: Sequence[str] = ()

    @classmethod
    def from_here(cls, vllm: VllmConfig, system: SystemConfig) -> Launch:
        """On the cores and cards that this process may use.

        Raises:
            EngineStartError: fewer cards than the settings need.
        """
        cores, preload, given = usable_cores(), cpu_libraries(system), dict(os.environ)
        cards = first_cards(vllm, system)
        return cls(
            preload=preload,
            given=given,
            sets=environment(vllm, system, cores, preload, given=given, cards=cards),
            ours=environment(vllm, system, cores, preload, given={}, cards=cards),
            one_process=in_one_process(vllm, system, cores),
            cards=cards,
        )


def first_cards(vllm: VllmConfig, system: SystemConfig) -> list[str]:
    """UUIDs of the cards that one engine takes, by the bus; none where nvidia-smi tells of none.

    By UUID, because CUDA numbers cards by speed and nvidia-smi by the bus: the card that is on
    record is then the card that answers.

    Raises:
        EngineStartError: there are some, and fewer than the settings need.
    """
    if system.platform != "cuda":
        return []
    needed = vllm.tensor_parallel_size * vllm.pipeline_parallel_size
    seen = [gpu.uuid for gpu in gpus()]
    if seen and len(seen) < needed:
        raise EngineStartError(
            f"the settings share the model over {needed} cards, and this process may use "
            f"{len(seen)}.",
            remedy="Lower --tensor-parallel-size, or look at CUDA_VISIBLE_DEVICES.",
        )
    return seen[:needed]


@contextmanager
def environment_set(variables: Mapping[str, str]) -> Iterator[None]:
    """Processes started within the block get these variables; after it all is as it was before.

    That goes for what vLLM and PyTorch put there themselves when they are imported: a later session
    of this process must not take it for the user's.
    """
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


def executor_argument(one_process: bool) -> dict[str, object]:
    """The engine argument that goes with `in_one_process`.

    The class and not its name: on CPU vLLM replaces the name, because it could not set the
    OpenMP variables of a process that has started; here they are set beforehand.
    """
    if not one_process:
        return {}
    from vllm.v1.executor.uniproc_executor import UniProcExecutor

    return {"distributed_executor_backend": UniProcExecutor}


def luggage_argument(leash: Leash) -> dict[str, object]:
    """The engine argument that goes along to vLLM's processes; see `sut.engines.vllm.luggage`."""
    return {"additional_config": Luggage(leash)}
