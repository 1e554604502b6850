"""What the harness costs: against the raw engine, and alone on an engine that costs nothing.

Machines are shared and noisy, so the patterns alternate within one call and the answer is a
ratio. These are measurements, not tests.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from rich.console import Console

from sut.config.schema import RunConfig, Scenario
from sut.config.sources import Loaded
from sut.devices import usable_cores
from sut.engines.vllm.args import engine_arguments, sampling_arguments
from sut.engines.vllm.launch import cpu_libraries, environment, in_one_process
from sut.engines.vllm.raw import RawMeasurement, RawRequest
from sut.errors import EngineStartError, RunError
from sut.inputs import load_inputs
from sut.result.schema import ScenarioResult
from sut.run import run_benchmark

NS_PER_MS = 1e6
RAW_TIMEOUT_S = 3600
HARNESS = "harness"
BASELINES = ("generate", "batches")
Override = tuple[str, object, str]
Loader = Callable[[Sequence[Override]], Loaded]


def setting(key: str, value: object) -> Override:
    """An override made by the benchmark itself."""
    return key, value, "sut bench"


@dataclass(frozen=True)
class HarnessPoint:
    """The harness alone at one rate."""

    scenario: str
    target_qps: float
    completed_qps: float
    samples: int
    ttft_mean_ms: float | None
    ttft_p99_ms: float | None
    data_plane_p99_ms: float | None
    """What the way to replicas on Ray and back added to the first token; None without any."""
    driver_cpu_us: float | None
    """Processor time of the driver per query, with replicas."""


def measure_harness(
    load: Loader, rates: Sequence[float], seconds: float, offline_samples: int, console: Console
) -> list[HarnessPoint]:
    """The null engine in Server at each rate, then in Offline; LoadGen's own figures.

    With an engine that answers at once, the time to the first token is what LoadGen, the
    socket and our code add to it.
    """
    common = [
        setting("engine.kind", "null"),
        setting("loadgen.enable_trace", value=False),
        setting("server.min_duration_s", seconds),
        setting("offline.min_duration_s", 0.0),
        setting("offline.min_query_count", offline_samples),
    ]
    points = []
    for rate in rates:
        loaded = load(
            [*common, setting("scenarios", ["Server"]), setting("server.target_qps", rate)]
        )
        points.append(_point(_run(loaded, console), Scenario.SERVER, rate))
    loaded = load([*common, setting("scenarios", ["Offline"])])
    points.append(_point(_run(loaded, console), Scenario.OFFLINE, 0.0))
    return points


def _point(result: ScenarioResult, scenario: Scenario, target_qps: float) -> HarnessPoint:
    if result.achieved_qps is None:
        raise RunError(f"LoadGen measured no rate in {scenario.value}: {result.reasons}")
    ttft = result.ttft
    return HarnessPoint(
        scenario=scenario.value,
        target_qps=target_qps,
        completed_qps=result.achieved_qps,
        samples=result.queries.issued,
        ttft_mean_ms=ttft.mean_ns / NS_PER_MS if ttft and ttft.mean_ns is not None else None,
        ttft_p99_ms=ttft.p99_ns / NS_PER_MS if ttft and ttft.p99_ns is not None else None,
        data_plane_p99_ms=result.engine_figures.get("data_plane_first_token_p99_ms"),
        driver_cpu_us=result.engine_figures.get("driver_cpu_per_query_us"),
    )


def _run(loaded: Loaded, console: Console) -> ScenarioResult:
    (scenario,) = loaded.config.scenarios
    return run_benchmark(loaded, console).result.scenarios[scenario]


@dataclass(frozen=True)
class Throughput:
    """One measurement of one pattern."""

    pattern: str
    round: int
    samples: int
    tokens: int
    tokens_per_s: float


def measure_overhead(load: Loader, samples: int, rounds: int, console: Console) -> list[Throughput]:
    """Offline through LoadGen, LLM.generate, and the reference's batches, in turn."""
    loaded = load(
        [
            setting("scenarios", ["Offline"]),
            setting("loadgen.enable_trace", value=False),
            setting("dataset.max_samples", samples),
            setting("dataset.synthetic_count", samples),
            setting("loadgen.performance_sample_count", samples),
            setting("offline.min_duration_s", 0.0),
            setting("offline.min_query_count", samples),
        ]
    )
    measured = []
    for number in range(1, rounds + 1):
        result = _run(loaded, console)
        rate = result.throughput_tokens_per_sec
        if rate is None:
            raise RunError(f"LoadGen measured no throughput: {result.reasons}")
        harness = Throughput(HARNESS, number, result.queries.issued, result.tokens_out, rate)
        found = [harness, *(_raw(loaded.config, pattern, number) for pattern in BASELINES)]
        for each in found:
            console.print(
                f"round {number}: {each.pattern:9s} {each.tokens_per_s:9.1f} tokens/s "
                f"({each.samples} samples, {each.tokens} tokens)",
                highlight=False,
            )
        measured += found
    return measured


def ratio(measured: Sequence[Throughput], pattern: str) -> float:
    """Median over rounds of harness tokens/s by `pattern` tokens/s."""
    rates = {(each.pattern, each.round): each.tokens_per_s for each in measured}
    rounds = sorted({each.round for each in measured})
    return statistics.median(rates[HARNESS, n] / rates[pattern, n] for n in rounds)


def _raw(config: RunConfig, pattern: str, number: int) -> Throughput:
    """One baseline in a process of its own, with the same prompts and arguments."""
    inputs = load_inputs(config)
    vllm = config.engine.vllm
    longest = inputs.longest_prompt + config.generation.max_tokens
    dataset = inputs.dataset
    cores = usable_cores()
    as_reference = pattern == "batches"
    arguments = engine_arguments(
        vllm, model_path=str(inputs.model_path), max_model_len=vllm.max_model_len or longest
    )
    sampling = sampling_arguments(
        max_tokens=config.generation.max_tokens,
        min_tokens=config.generation.min_tokens,
        eos_token_ids=config.model.eos_token_ids,
        first_token=False,
    )
    variables = environment(vllm, config.system, cores, cpu_libraries(config.system))
    if as_reference:
        del arguments["skip_tokenizer_init"], sampling["detokenize"]
        ours = ("OMP_NUM_THREADS", "KMP_BLOCKTIME", "KMP_TPAUSE", "LD_PRELOAD")
        variables = {name: value for name, value in variables.items() if name not in ours}
    request = RawRequest(
        pattern=pattern,
        arguments=arguments,
        sampling=sampling,
        environment=variables,
        one_process=not as_reference and in_one_process(vllm, config.system, cores),
        warmup=[prompt.tolist() for prompt in inputs.warmup_prompts],
        prompts=[dataset.prompt(index).tolist() for index in range(dataset.count)],
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "request.json"
        file.write_bytes(msgspec.json.encode(request))
        done = subprocess.run(
            [sys.executable, "-m", "sut.engines.vllm.raw", str(file)],
            capture_output=True,
            text=True,
            timeout=RAW_TIMEOUT_S,
            check=False,
        )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise EngineStartError(f"the baseline {pattern} failed: {last}")
    lines = [line for line in done.stdout.splitlines() if line.startswith('{"pattern"')]
    found = msgspec.json.decode(lines[-1], type=RawMeasurement)
    return Throughput(pattern, number, found.samples, found.tokens, found.tokens_per_s)
