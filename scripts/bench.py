"""Runs the benchmarks in turn and writes their medians, spread and ratios with machine and commit.

    make bench
    make bench ARGS="--only engine,start --rounds 5"

Each benchmark is a command of its own. They alternate, so that what the machine does meanwhile
falls on all alike. A figure is the median of its rounds, with the least and the greatest. A ratio
is refused where the machine repeats the figure below the line worse than `--most-noise`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scripts.measured_on import measured_on
from sut.bench.repeats import MOST_NOISE, ROUNDS, Repeats, ratio_of
from sut.config.names import Scenario
from sut.figure_text import figure_text
from sut.logs.run_logs import read_logs
from sut.logs.trace import read_trace
from sut.rules.log_figures import stamp

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "docs" / "measurements"
RECORDED = ROOT / "tests" / "data" / "logs" / "server"
SUT = (sys.executable, "-m", "sut.main")
MODEL = ("--system", "cpu-dummy", "--dataset", "synthetic")
FEW_CORES = ("--set", "engine.ray.cpus_per_replica=0.05")
RATES = "1000,10000"
LIMIT_S = 1800
SAMPLES, PROMPT_TOKENS, ANSWER_TOKENS = 256, 870, 64
"""The prompts are 870 tokens long in the mean, and each answer has 64 in the quick profile."""
DUMMY_MODEL = ROOT / "models" / "llama-tiny-dummy"
CPU_KV = {"VLLM_CPU_KVCACHE_SPACE": "2"}
"""vLLM's own default is nearly all of the memory, and refused where others use some."""
# The command `vllm bench` looks for a distribution named vllm, and the CPU build is vllm-cpu.
VLLM_BENCH = """
from vllm.benchmarks.throughput import add_cli_args, main
from vllm.utils.argparse_utils import FlexibleArgumentParser

if __name__ == "__main__":
    parser = FlexibleArgumentParser()
    add_cli_args(parser)
    main(parser.parse_args())
"""
NS_PER_MS = 1e6
PARSED = 40
"""So often the parser reads one run's logs: a single time is over in milliseconds."""

Figures = Mapping[str, float]


@dataclass(frozen=True)
class Benchmark:
    """One benchmark.

    Attributes:
        name: as --only takes it.
        what: what it shows, in a sentence.
        measure: makes one round, given a folder for what it leaves.
        ratios: pairs of its figures, the one over the other.
    """

    name: str
    what: str
    measure: Callable[[Path], Figures]
    ratios: tuple[tuple[str, str], ...] = ()


def engine(folder: Path) -> Figures:
    """Offline through LoadGen, one LLM.generate, the reference's batches, vLLM's own benchmark."""
    words = ("bench", "engine", *MODEL, "--rounds", "1", "--samples", str(SAMPLES))
    begun = datetime.now(UTC)
    found = run_json(*words, "--results-dir", str(folder))["measured"]
    figures = {f"{each['pattern']} tokens/s": each["tokens_per_s"] for each in found}
    figures |= {f"{each['pattern']} start s": each["start_s"] for each in found if each["start_s"]}
    for run in _runs(folder, begun):
        figures["harness start s"] = (_begun(run) - begun).total_seconds()
    return figures | {"vllm bench throughput tokens/s": vllm_throughput(folder)}


def vllm_throughput(folder: Path) -> float:
    """`vllm bench throughput` with its own defaults, over prompts of the mean length: tokens/s."""
    out = folder / "throughput.json"
    words = ("--model", str(DUMMY_MODEL), "--load-format", "dummy", "--dataset-name", "random")
    sizes = ("--random-input-len", str(PROMPT_TOKENS), "--random-output-len", str(ANSWER_TOKENS))
    subprocess.run(
        [sys.executable, "-c", VLLM_BENCH, *words, *sizes, "--num-prompts", str(SAMPLES),
         "--output-json", str(out)],
        env=_environment() | CPU_KV, check=True, capture_output=True, text=True, timeout=LIMIT_S,
    )  # fmt: skip
    found = json.loads(out.read_text())
    return float(found["num_requests"]) * ANSWER_TOKENS / float(found["elapsed_time"])


def harness(folder: Path, *more: str, bare: bool = True) -> Figures:
    """The null engine: what LoadGen, the socket and our code add; and LoadGen alone beside it."""
    words = ("bench", "harness", "--rates", RATES, "--seconds", "5", *more)
    begun, figures = datetime.now(UTC), {}
    for each in run_json(*words, "--results-dir", str(folder))["measured"]:
        at = f"{each['target_qps']:g}/s" if each["target_qps"] else "Offline"
        for field, name in (
            ("completed_qps", "completed/s"),
            ("ttft_p99_ms", "TTFT P99 ms"),
            ("data_plane_p99_ms", "way to replicas P99 ms"),
        ):
            if each[field] is not None:
                figures[f"{at} {name}"] = each[field]
    for run in _runs(folder, begun) if bare else ():
        figures |= _bare(run)
    return figures


def _bare(run: Path) -> Figures:
    """The same run with nothing behind LoadGen."""
    out = run / "bare"
    command = [sys.executable, "-m", "scripts.bare_loadgen", str(run), str(out)]
    subprocess.run(
        command, env=_environment(), check=True, capture_output=True, text=True, timeout=LIMIT_S
    )
    found = read_logs(out).figures
    asked = json.loads((run / "run.json").read_text())
    if asked["scenario"] == Scenario.OFFLINE:
        return {"Offline bare completed/s": found.samples_per_second or 0.0}
    at = f"{asked['expected_settings']['effective_target_qps']:g}/s"
    return {
        f"{at} bare completed/s": found.completed_samples_per_second or 0.0,
        f"{at} bare TTFT P99 ms": (found.ttft.p99_ns or 0) / NS_PER_MS,
    }


def _runs(folder: Path, begun: datetime) -> list[Path]:
    """Runs below a folder that began since."""
    found = [path.parent for path in sorted(folder.glob("*/*/performance/run.json"))]
    return [each for each in found if _begun(each) > begun]


def _begun(run: Path) -> datetime:
    """When LoadGen began, by its own stamp.

    Raises:
        ValueError: it has none.
    """
    found = stamp(read_logs(run, allow_incomplete=True).detail.values.get("power_begin"))
    if found is None:
        raise ValueError(f"LoadGen's log in {run} does not say when the run began")
    return found


def replicas(count: int) -> Callable[[Path], Figures]:
    """The same behind so many null replicas on Ray."""
    more = ("--replicas", str(count), *FEW_CORES, "--offline-samples", "0")
    return lambda folder: harness(folder, *more, bare=False)


def start(folder: Path) -> Figures:
    """How long a user waits before anything is measured: seconds."""
    words = {"--help": ("--help",), "--dry-run": ("--dry-run", *MODEL)}
    return {f"{name} s": _seconds(given, folder) for name, given in words.items()}


def _seconds(words: Sequence[str], folder: Path) -> float:
    begun_s = time.perf_counter()
    subprocess.run([*SUT, *words], cwd=folder, env=_environment(), check=True, capture_output=True)
    return time.perf_counter() - begun_s


def parser(_: Path) -> Figures:
    """Reading LoadGen's logs of a recorded run: lines/s."""
    files = [path for path in RECORDED.iterdir() if path.name.startswith("mlperf_log_")]
    lines = sum(path.read_bytes().count(b"\n") for path in files)
    begun_s = time.perf_counter()
    for _each in range(PARSED):
        read_logs(RECORDED, allow_incomplete=True)
        read_trace(RECORDED / "mlperf_log_trace.json")
    return {"lines/s": PARSED * lines / (time.perf_counter() - begun_s)}


BENCHMARKS = (
    Benchmark(
        "engine",
        "Offline through LoadGen against the raw engine, the dummy model",
        engine,
        (
            ("harness tokens/s", "generate tokens/s"),
            ("harness tokens/s", "batches tokens/s"),
            ("harness tokens/s", "vllm bench throughput tokens/s"),
            ("harness start s", "generate start s"),
        ),
    ),
    Benchmark(
        "harness",
        "the harness alone, on the null engine, and LoadGen with nothing behind it",
        harness,
        (
            *((f"{at}/s TTFT P99 ms", f"{at}/s bare TTFT P99 ms") for at in RATES.split(",")),
            *((f"{at}/s completed/s", f"{at}/s bare completed/s") for at in RATES.split(",")),
            ("Offline completed/s", "Offline bare completed/s"),
        ),
    ),
    Benchmark("replicas-8", "the same behind 8 null replicas", replicas(8)),
    Benchmark("replicas-32", "the same behind 32 null replicas", replicas(32)),
    Benchmark("start", "from the command to its first word", start),
    Benchmark("parser", "LoadGen's logs of one run, read", parser),
)


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def run_json(*words: str) -> dict[str, Any]:
    """One call of ours that prints JSON; runs that are INVALID have no figure in it.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    command = [*SUT, *words, "--json"]
    done = subprocess.run(
        command, env=_environment(), capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    if done.returncode not in (0, 1):
        raise subprocess.CalledProcessError(done.returncode, command, done.stdout, done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@dataclass(frozen=True)
class Round:
    """One round of one benchmark.

    Attributes:
        benchmark: its name.
        number: from 1.
        figures: by name and unit; none where it failed.
        failed: why.
        load: processes that wanted the processor as it began, over the last minute.
    """

    benchmark: str
    number: int
    figures: Figures
    failed: str | None
    load: float


def measured(wanted: Sequence[Benchmark], rounds: int) -> Iterable[Round]:
    """Every benchmark once in each round, another one first each time."""
    with TemporaryDirectory() as folder:
        for number in range(rounds):
            first = number % len(wanted)
            for each in (*wanted[first:], *wanted[:first]):
                load, failed = os.getloadavg()[0], None
                figures: Figures = {}
                try:
                    figures = each.measure(Path(folder))
                except (subprocess.SubprocessError, ValueError, KeyError) as error:
                    failed = _last_line(error)
                made = Round(each.name, number + 1, figures, failed, load)
                print(line_of(made), flush=True)
                yield made


def _last_line(error: Exception) -> str:
    said = getattr(error, "stderr", None) or str(error)
    return str(said).strip().splitlines()[-1] if str(said).strip() else type(error).__name__


def line_of(made: Round) -> str:
    """One round in words."""
    shown = ", ".join(f"{name} {rounded(value)}" for name, value in made.figures.items())
    return f"round {made.number} {made.benchmark}: {made.failed or shown or 'no VALID run'}"


def page(rounds: Sequence[Round], wanted: Sequence[Benchmark], most_noise: float) -> str:
    """The page: machine, commit, each figure with its spread, each ratio or why there is none."""
    lines = ["# Benchmarks", "", *_machine(rounds, most_noise), ""]
    for each in wanted:
        here = [one for one in rounds if one.benchmark == each.name]
        lines += [f"## {each.name}", "", f"{each.what[0].upper()}{each.what[1:]}.", ""]
        lines += [*_table(here), *_ratios(here, each, most_noise), *_failures(here)]
    return "\n".join(lines).rstrip() + "\n"


def _machine(rounds: Sequence[Round], most_noise: float) -> list[str]:
    loads = [each.load for each in rounds] or [0.0]
    return [
        measured_on("`python -m scripts.bench`, by `make bench`"),
        "",
        f"Processes that wanted the processor as a round began: {min(loads):.1f} to "
        f"{max(loads):.1f}. A figure is the median of its rounds, with the least and the greatest. "
        "A ratio is the median of the ratios of each round. It is refused where the repeats of the "
        f"figure below the line differ by more than {most_noise:.0%} of their median.",
    ]


def rounded(value: float) -> str:
    """A figure with as many digits as a repeat could bear out."""
    return figure_text(value, 4)


def _table(rounds: Sequence[Round]) -> list[str]:
    names = list(dict.fromkeys(name for each in rounds for name in each.figures))
    if not names:
        return ["Nothing was measured.", ""]
    lines = ["| figure | median | least | greatest | rounds |", "| --- | --- | --- | --- | --- |"]
    for name in names:
        values = Repeats(tuple(each.figures[name] for each in rounds if name in each.figures))
        low, high = min(values.values), max(values.values)
        figures = " | ".join(rounded(each) for each in (values.median, low, high))
        lines.append(f"| {name} | {figures} | {len(values.values)} |")
    return [*lines, ""]


def _ratios(rounds: Sequence[Round], each: Benchmark, most_noise: float) -> list[str]:
    lines = []
    for above, below in each.ratios:
        both = [one.figures for one in rounds if {above, below} <= one.figures.keys()]
        found = ratio_of([one[above] for one in both], [one[below] for one in both], most_noise)
        lines.append(f"- {above} over {below}: {found.shown()}")
    return [*lines, ""] if lines else []


def _failures(rounds: Sequence[Round]) -> list[str]:
    lines = [f"- round {each.number} failed: {each.failed}" for each in rounds if each.failed]
    return [*lines, ""] if lines else []


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write the page with every round beside it; returns the exit code."""
    options = _options(arguments)
    wanted = [each for each in BENCHMARKS if each.name in options.only]
    rounds = list(measured(wanted, options.rounds))
    text = page(rounds, wanted, options.most_noise)
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "README.md").write_text(text, encoding="utf-8")
    kept = [vars(each) | {"figures": dict(each.figures)} for each in rounds]
    (options.out / "rounds.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    print(f"Written to {options.out}.")
    return 1 if any(each.failed for each in rounds) else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    known = [each.name for each in BENCHMARKS]
    made = argparse.ArgumentParser(
        prog="python -m scripts.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = made.add_argument
    add("--only", type=_names, default=known, help=f"of {', '.join(known)} (all)")
    add("--rounds", type=int, default=ROUNDS, help=f"of each benchmark ({ROUNDS})")
    add(
        "--most-noise",
        type=float,
        default=MOST_NOISE,
        help=f"what repeats may differ by, as a share of their median ({MOST_NOISE:g})",
    )
    today = KEPT / f"{datetime.now(UTC):%Y-%m-%d}-bench"
    add("--out", type=Path, default=today, help="folder of the page (docs/measurements/DAY-bench)")
    return made.parse_args(arguments)


def _names(text: str) -> list[str]:
    names = [each.strip() for each in text.split(",")]
    strange = [each for each in names if each not in [known.name for known in BENCHMARKS]]
    if strange:
        raise argparse.ArgumentTypeError(f"{strange[0]} is no benchmark")
    return names


if __name__ == "__main__":
    sys.exit(main())
