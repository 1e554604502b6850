"""vLLM without LoadGen: the baselines our overhead is measured against.

`python -m sut.engines.vllm.raw REQUEST.json` in a process of its own, so that each
measurement starts from the same state; prints one JSON object as its last line.

    generate     one LLM.generate over all prompts: what vLLM does at its best
    batches      LLM.generate over fixed batches, one after the other: the reference
                 implementation's pattern (batches of 16, each waiting for its slowest), with
                 vLLM started as the reference starts it: its own executor, detokenising
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from sut.engines.vllm.launch import environment_set, executor_argument

REFERENCE_BATCH = 16


class RawRequest(msgspec.Struct, frozen=True):
    """One baseline measurement."""

    pattern: str  # generate or batches
    arguments: dict[str, Any]  # of vLLM's EngineArgs
    sampling: dict[str, Any]  # of SamplingParams
    environment: dict[str, str]
    one_process: bool  # the model in the engine's process, as in the run compared with
    warmup: list[list[int]]  # prompts, token ids
    prompts: list[list[int]]


class RawMeasurement(msgspec.Struct, frozen=True):
    """What one baseline took."""

    pattern: str
    samples: int
    tokens: int
    duration_s: float

    @property
    def tokens_per_s(self) -> float:
        """Output tokens per second."""
        return self.tokens / self.duration_s


def measure(request: RawRequest) -> RawMeasurement:
    """Start vLLM, warm it up, time the pattern."""
    from vllm import LLM, SamplingParams
    from vllm.inputs.engine import tokens_input
    from vllm.sampling_params import RequestOutputKind

    with environment_set(request.environment):
        llm = LLM(**request.arguments, **executor_argument(request.one_process))
    params = SamplingParams(output_kind=RequestOutputKind.FINAL_ONLY, **request.sampling)

    def answer(prompts: list[list[int]]) -> int:
        outputs = llm.generate([tokens_input(ids) for ids in prompts], params, use_tqdm=False)
        return sum(len(output.outputs[0].token_ids) for output in outputs)

    if request.warmup:
        answer(request.warmup)
    size = REFERENCE_BATCH if request.pattern == "batches" else len(request.prompts)
    started = time.perf_counter()
    tokens = sum(
        answer(request.prompts[start : start + size])
        for start in range(0, len(request.prompts), size)
    )
    duration_s = time.perf_counter() - started
    return RawMeasurement(request.pattern, len(request.prompts), tokens, duration_s)


def main(request_file: Path) -> None:
    """Measure what the file asks for."""
    request = msgspec.json.decode(request_file.read_bytes(), type=RawRequest)
    measurement = measure(request)
    sys.stdout.write("\n" + msgspec.json.encode(measurement).decode() + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
