"""Starts the raw engines that we are compared with: same prompts, arguments and environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from sut.config.schema import RunConfig
from sut.engines.vllm.args import engine_arguments, sampling_arguments
from sut.engines.vllm.launch import cpu_libraries, environment, in_one_process
from sut.engines.vllm.orphans import Leash
from sut.engines.vllm.raw_process import GO, READY, RawMeasurement, RawRequest
from sut.errors import EngineStartError
from sut.inputs.inputs import Inputs, load_inputs
from sut.machine.devices import usable_cores

RAW_TIMEOUT_S = 3600
ARRIVALS, BATCHES, GENERATE = "arrivals", "batches", "generate"
# Variables by which our engine is faster on a CPU than vLLM's defaults.
OURS = ("OMP_NUM_THREADS", "KMP_BLOCKTIME", "KMP_TPAUSE", "LD_PRELOAD")


def request_of(
    config: RunConfig,
    inputs: Inputs,
    pattern: str,
    samples: Sequence[int],
    *,
    cores: Sequence[int] | None = None,
    cards: Sequence[str] = (),
    arrive_s: Sequence[float] = (),
) -> RawRequest:
    """What a raw engine is to do.

    Args:
        config: of the run compared with.
        inputs: its data set and weights.
        pattern: as `sut.engines.vllm.raw_process` has them.
        samples: sample indices in their order.
        cores: those to run on; None: all.
        cards: UUIDs of those to run on; none: what vLLM would take by itself.
        arrive_s: for `arrivals`, when each sample comes, from the start.
    """
    here = usable_cores() if cores is None else list(cores)
    request = RawRequest(
        pattern=pattern,
        arguments=_arguments(config, inputs),
        sampling=_sampling(config, first_token=pattern == ARRIVALS),
        environment=_environment(config, here, cards),
        one_process=in_one_process(config.engine.vllm, config.system, here),
        warmup=[prompt.tolist() for prompt in inputs.warmup_prompts],
        prompts=[inputs.dataset.prompt(index).tolist() for index in samples],
        arrive_s=list(arrive_s),
        cores=here,
    )
    return _as_the_reference(request) if pattern == BATCHES else request


def _arguments(config: RunConfig, inputs: Inputs) -> dict[str, Any]:
    vllm = config.engine.vllm
    longest = inputs.longest_prompt + config.generation.max_tokens
    return engine_arguments(
        vllm, model_path=str(inputs.model_path), max_model_len=vllm.max_model_len or longest
    )


def _sampling(config: RunConfig, *, first_token: bool) -> dict[str, Any]:
    return sampling_arguments(
        max_tokens=config.generation.max_tokens,
        min_tokens=config.generation.min_tokens,
        eos_token_ids=config.model.eos_token_ids,
        first_token=first_token,
    )


def _environment(config: RunConfig, cores: Sequence[int], cards: Sequence[str]) -> dict[str, str]:
    libraries = cpu_libraries(config.system)
    return environment(
        config.engine.vllm, config.system, cores, libraries, given=os.environ, cards=cards
    )


def _as_the_reference(request: RawRequest) -> RawRequest:
    """Without what we add to vLLM's own settings."""
    return msgspec.structs.replace(
        request,
        arguments={k: v for k, v in request.arguments.items() if k != "skip_tokenizer_init"},
        sampling={k: v for k, v in request.sampling.items() if k != "detokenize"},
        environment={k: v for k, v in request.environment.items() if k not in OURS},
        one_process=False,
    )


def run_raw(requests: Sequence[RawRequest]) -> list[RawMeasurement]:
    """Each in a process of its own; all begin at once, when every one of them is ready.

    Raises:
        EngineStartError: one failed; with its last line.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        leash = Leash.held_here()
        stack.callback(leash.let_go)
        running = []
        for number, request in enumerate(requests):
            bound = msgspec.structs.replace(request, leash=leash.terms)
            running.append(_Raw(folder / str(number), bound))
            stack.callback(running[-1].end)
        for each in running:
            each.await_ready()
        for each in running:
            each.go()
        return [each.measurement() for each in running]


class _Raw:
    """One process; its log is a file, so that nothing blocks on a pipe."""

    def __init__(self, folder: Path, request: RawRequest):
        folder.mkdir()
        file = folder / "request.json"
        file.write_bytes(msgspec.json.encode(request))
        self._pattern = request.pattern
        self._log = folder / "stderr.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "sut.engines.vllm.raw_process", str(file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )

    def await_ready(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.strip() == READY:
                return
        self._failed()

    def go(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{GO}\n")
        self._process.stdin.flush()

    def measurement(self) -> RawMeasurement:
        stdout, _ = self._process.communicate(timeout=RAW_TIMEOUT_S)
        lines = [line for line in stdout.splitlines() if line.startswith('{"pattern"')]
        if self._process.returncode != 0 or not lines:
            self._failed()
        return msgspec.json.decode(lines[-1], type=RawMeasurement)

    def _failed(self) -> None:
        said = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        last = said[-1] if said else "it said nothing"
        raise EngineStartError(f"the raw engine ({self._pattern}) failed: {last}")

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


def alone(config: RunConfig, pattern: str) -> RawMeasurement:
    """One raw engine on the whole data set."""
    inputs = load_inputs(config)
    request = request_of(config, inputs, pattern, range(inputs.dataset.count))
    (measured,) = run_raw([request])
    return measured
