"""vLLM without LoadGen: the baselines our overhead is measured against.

`python -m sut.engines.vllm.raw_process REQUEST.json` in a process of its own, so that each
measurement starts from the same state. It prints "ready" once the engine is warm, begins when
"go" comes on its input, so that several begin at once, and prints one JSON object at its end.

    generate     one LLM.generate over all prompts: what vLLM does at its best
    batches      LLM.generate over fixed batches, one after the other: the reference
                 implementation's pattern (batches of 16, each waiting for its slowest), with
                 vLLM started as the reference starts it: its own executor, detokenising
    arrivals     AsyncLLM, each prompt at a given moment: a Server run without a server
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import psutil

from sut.engines.vllm.launch import environment_set, executor_argument, luggage_argument
from sut.engines.vllm.orphans import Leash, fastened

REFERENCE_BATCH = 16
READY, GO = "ready", "go"
NS_PER_S = 1e9


class RawRequest(msgspec.Struct, frozen=True):
    """One baseline measurement."""

    pattern: str  # generate, batches or arrivals
    arguments: dict[str, Any]  # of vLLM's EngineArgs
    sampling: dict[str, Any]  # of SamplingParams
    environment: dict[str, str]
    one_process: bool  # the model in the engine's process, as in the run compared with
    warmup: list[list[int]]  # prompts, token ids
    prompts: list[list[int]]
    arrive_s: list[float]  # arrivals: when each prompt comes, from the start
    cores: list[int]  # that everything runs on
    # Of the leash that whoever compares holds: this process ends with that one.
    leash: tuple[int, int, int] | None = None


class RawMeasurement(msgspec.Struct, frozen=True):
    """What one baseline took; times of this machine's monotonic clock."""

    pattern: str
    samples: int
    tokens: int
    begun_ns: int
    ended_ns: int
    ttft_ns: list[int] = []  # arrivals alone: each prompt's wait for its first token
    start_s: float | None = None  # from the process's begin until it could take a prompt

    @property
    def tokens_per_s(self) -> float:
        """Output tokens per second."""
        return self.tokens / ((self.ended_ns - self.begun_ns) / NS_PER_S)


def measure(request: RawRequest) -> RawMeasurement:
    """Start vLLM, warm it up, time the pattern once told to."""
    if request.leash is not None:
        fastened(*request.leash)
    os.sched_setaffinity(0, request.cores)
    if request.pattern == "arrivals":
        return asyncio.run(_arrivals(request))
    return _batches(request)


def _arguments(request: RawRequest) -> dict[str, Any]:
    """Of vLLM's EngineArgs; the core ends with this process, and not only with who asked for it."""
    return {
        **request.arguments,
        **executor_argument(request.one_process),
        **luggage_argument(Leash.held_here()),
    }


def _await_go() -> None:
    sys.stdout.write(f"\n{READY}\n")
    sys.stdout.flush()
    if sys.stdin.readline().strip() != GO:
        raise SystemExit("whoever asked for this measurement is gone")


def _batches(request: RawRequest) -> RawMeasurement:
    from vllm import LLM, SamplingParams
    from vllm.inputs.engine import tokens_input
    from vllm.sampling_params import RequestOutputKind

    with environment_set(request.environment):
        llm = LLM(**_arguments(request))
    params = SamplingParams(output_kind=RequestOutputKind.FINAL_ONLY, **request.sampling)

    def answer(prompts: list[list[int]]) -> int:
        outputs = llm.generate([tokens_input(ids) for ids in prompts], params, use_tqdm=False)
        return sum(len(output.outputs[0].token_ids) for output in outputs)

    if request.warmup:
        answer(request.warmup)
    start_s = time.time() - psutil.Process().create_time()
    size = REFERENCE_BATCH if request.pattern == "batches" else len(request.prompts)
    _await_go()
    begun_ns = time.monotonic_ns()
    tokens = sum(
        answer(request.prompts[start : start + size])
        for start in range(0, len(request.prompts), size)
    )
    ended_ns = time.monotonic_ns()
    return RawMeasurement(
        request.pattern, len(request.prompts), tokens, begun_ns, ended_ns, start_s=start_s
    )


async def _arrivals(request: RawRequest) -> RawMeasurement:
    from vllm import AsyncEngineArgs, SamplingParams
    from vllm.inputs.engine import tokens_input
    from vllm.sampling_params import RequestOutputKind
    from vllm.v1.engine.async_llm import AsyncLLM

    with environment_set(request.environment):
        llm = AsyncLLM.from_engine_args(AsyncEngineArgs(**_arguments(request)))
    params = SamplingParams(output_kind=RequestOutputKind.DELTA, **request.sampling)

    async def answer(number: int, prompt: Sequence[int]) -> tuple[int, int]:
        """Tokens, and the wait for the first of them."""
        asked_ns, tokens, first_ns = time.monotonic_ns(), 0, 0
        async for output in llm.generate(tokens_input(list(prompt)), params, str(number)):
            first_ns = first_ns or time.monotonic_ns()
            tokens += len(output.outputs[0].token_ids)
        return tokens, first_ns - asked_ns

    await asyncio.gather(*(answer(-1 - n, prompt) for n, prompt in enumerate(request.warmup)))
    await asyncio.to_thread(_await_go)
    begun_ns = time.monotonic_ns()

    async def arrive(number: int) -> tuple[int, int]:
        due_ns = begun_ns + int(request.arrive_s[number] * NS_PER_S)
        await asyncio.sleep((due_ns - time.monotonic_ns()) / NS_PER_S)
        return await answer(number, request.prompts[number])

    answers = await asyncio.gather(*(arrive(number) for number in range(len(request.prompts))))
    ended_ns = time.monotonic_ns()
    llm.shutdown()
    return RawMeasurement(
        request.pattern,
        len(answers),
        sum(tokens for tokens, _ in answers),
        begun_ns,
        ended_ns,
        [wait_ns for _, wait_ns in answers],
    )


def main(request_file: Path) -> None:
    """Measure what the file asks for."""
    request = msgspec.json.decode(request_file.read_bytes(), type=RawRequest)
    measurement = measure(request)
    sys.stdout.write("\n" + msgspec.json.encode(measurement).decode() + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
