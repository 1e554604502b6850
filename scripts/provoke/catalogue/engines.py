"""vLLM's engine core and replicas: real ones, on the model that costs almost nothing."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

from scripts.provoke.catalogue.sessions import Make, session
from scripts.provoke.fault import (
    ANSWERS,
    ENDED,
    KILLED,
    RECOVERED,
    STOPPED_EARLY,
    Call,
    Fault,
)
from scripts.provoke.under import Under, send
from tests.integration.conftest import settings
from tests.integration.hanging_core import installed

S = signal.Signals
DUMMY = (
    *("--scenario", "Server", "--system", "cpu-dummy"),
    *settings(
        dataset__synthetic_count=100,
        server__min_duration_s=600,
        server__target_qps=5,
        generation__max_tokens=16,
        engine__vllm__max_num_seqs=32,
        engine__vllm__cpu_kvcache_gib=1,
    ),
)
REPLICAS = (
    *("--scenario", "Server", "--engine", "null", "--dataset", "synthetic", "--replicas", "2"),
    *settings(server__min_duration_s=600, server__target_qps=20, engine__null__tokens=16),
)
STARTING = "starting the engine"
CORE, RAYLET, GCS = "EngineCore", "raylet", "gcs_server"
# The step that a stopped core owes is waited for so long, on a CPU three times the warm-up's.
STEP_S = 60.0
RAY_S = 100.0


def faults() -> Iterator[Fault]:
    """All of them."""
    for number in (S.SIGKILL, S.SIGSEGV, S.SIGTERM, S.SIGINT, S.SIGHUP, S.SIGSTOP):
        make = session(DUMMY, at=ANSWERS, blow=_to(CORE, number))
        silence_s = STEP_S if number == S.SIGSTOP else 0.0
        how = f"{number.name} to vLLM's engine core in a run"
        yield Fault(f"engine/core-{number.name}", how, make, ENDED, (1,), silence_s, None)
    make = session(DUMMY, at=STARTING, later_s=6.0, blow=_to(CORE, S.SIGKILL))
    how = "SIGKILL to vLLM's engine core as it starts"
    yield Fault("engine/core-start", how, make, STOPPED_EARLY, (3,), 0.0, None)
    make = _hanging()
    how = "vLLM's engine core hangs in a step"
    yield Fault("engine/core-hangs", how, make, ENDED, (1,), STEP_S, None)
    for number, ends, codes in (
        (S.SIGKILL, KILLED, (-9,)),
        (S.SIGTERM, ENDED, (130,)),
    ):
        make = session(DUMMY, at=ANSWERS, blow=send(number))
        how = f"{number.name} to a harness with vLLM in a run"
        yield Fault(f"engine/harness-{number.name}", how, make, ends, codes, 0.0, None)
    for number in (S.SIGKILL, S.SIGINT):
        make = session(DUMMY, at=STARTING, later_s=6.0, blow=send(number))
        how = f"{number.name} to a harness whose vLLM starts"
        codes = (-9,) if number == S.SIGKILL else (130,)
        yield Fault(
            f"engine/harness-{number.name}-start", how, make, STOPPED_EARLY, codes, 0.0, None
        )
    yield from _replicas()


def _replicas() -> Iterator[Fault]:
    for name, number in ((RAYLET, S.SIGKILL), (GCS, S.SIGKILL), ("ray::", S.SIGKILL)):
        make = session(REPLICAS, at=ANSWERS, blow=_to(name, number))
        how = f"{number.name} to a process of Ray's ({name}), with two replicas in a run"
        yield Fault(f"engine/ray-{name.strip(':')}", how, make, ENDED, (1,), STEP_S, None, RAY_S)
    for number, ends, codes in (
        (S.SIGKILL, (RECOVERED,), (-9,)),
        (S.SIGTERM, ENDED, (130,)),
    ):
        make = session(REPLICAS, at=ANSWERS, blow=send(number))
        how = f"{number.name} to a harness with two replicas in a run"
        yield Fault(f"engine/replicas-{number.name}", how, make, ends, codes, 0.0, None, RAY_S)


def _to(words: str, number: signal.Signals) -> Callable[[Under], None]:
    return lambda under: under.child(words).send_signal(number)


def _hanging() -> Make:
    def make(folder: Path) -> Call:
        variables, trigger = installed(folder / "plugin")
        made = session(DUMMY, at=ANSWERS, blow=lambda _: trigger.touch(), variables=variables)
        return made(folder)

    return make
