"""Result → the text of summary.txt: verdict first, then what it rests on. Plain ASCII."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sut.config.names import Scenario
from sut.metrics import Distribution
from sut.record.facts import EngineFacts, GpuFacts, HardwareFacts
from sut.record.nodes import is_elsewhere, nodes
from sut.report.card_lines import among_published, cards, most
from sut.report.formulas import SENTENCES
from sut.report.lines import NOT_MEASURED, causes_first, number, row, unjudged, what_to_do
from sut.report.load_lines import busy, kv_tokens, replicas
from sut.report.surroundings_lines import surroundings
from sut.result.schema import Evaluation, OwnEngine, Result, RunResult, own_engines
from sut.rules.check import Check, shown

LIMITS = frozenset({"ttft", "tpot", "latency-p99"})
NO_MODEL = "the answers are not a model's"
WIDTH = 96
STATISTICS = ("mean", "min", "p50", "p90", "p95", "p97", "p99", "p99_9", "max")

COMMON_FORMULAS = (
    "TTFT = first token - scheduled time; TPOT = (latency - TTFT) / (output tokens - 1).",
    "tokens/s = samples/s * mean output tokens, Server's samples/s taken * n / (n - 1).",
    "LoadGen counts an answer of 0 or 1 tokens as 0 tokens, and its TPOT as TTFT - latency.",
    "Percentile p = the value at index floor(n * p) of the sorted values.",
    "A figure marked (ledger) is our own, counted from the issue; all others are LoadGen's.",
)


def summary_text(result: Result) -> str:
    """The summary of one session."""
    lines = [*_verdict(result), ""]
    for scenario, name, run in _all_runs(result):
        lines += [*_heading(f"{scenario}{name}"), *_scenario(scenario, run)]
        lines += [*among_published(result, scenario, run), ""]
    lines += [*_heading("What ran"), *_circumstances(result), ""]
    lines += [*_heading("How the figures are made"), *_formulas(result), "", result.trust]
    text = "\n".join(line.rstrip() for line in lines) + "\n"
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _all_runs(result: Result) -> Iterable[tuple[Scenario, str, RunResult]]:
    yield from ((scenario, "", run) for scenario, run in result.scenarios.items())
    for scenario, run in result.accuracy_runs.items():
        yield scenario, " accuracy run", run
    for scenario, tests in result.compliance_runs.items():
        yield from ((scenario, f" {test} run", run) for test, run in tests.items())


def _verdict(result: Result) -> Iterable[str]:
    info = result.benchmark_info
    yield from _heading(f"{info.benchmark}: {info.model}, round {info.round}, {info.profile}")
    alarms = list(alarms_of(result))
    if not result.valid:
        yield "INVALID:"
        yield from _causes(result)
        yield from ([f"{NO_MODEL[0].upper()}{NO_MODEL[1:]}:", *alarms] if alarms else ())
        return
    against = "; ".join(result.not_submission_grade_because)
    if alarms:
        yield f"VALID, but {NO_MODEL}:"
        yield from alarms
        if against:
            yield f"Not submission-grade: {against}"
    else:
        yield f"VALID (not submission-grade: {against})" if against else "VALID"


def alarms_of(result: Result) -> Iterable[str]:
    """Signs of a broken engine that no check judged, a line for each accuracy run."""
    for scenario, run in result.accuracy_runs.items():
        if _only_told(run):
            problems = "; ".join(run.evaluation.problems if run.evaluation else ())
            yield f"  - {scenario} accuracy run: {problems}"


def _only_told(run: RunResult) -> bool:
    """Whether an accuracy run has alarms and was not judged by them: nobody expected a model."""
    told = run.evaluation is not None and bool(run.evaluation.problems)
    return (
        run.mode == "accuracy" and told and all(each.rule != "answers-sound" for each in run.checks)
    )


def _causes(result: Result) -> Iterable[str]:
    """What to do, where that is known; what was wrong; what could not be judged at all."""
    runs = [(f"{scenario}{name}", run) for scenario, name, run in _all_runs(result)]
    advice = [f"  {each}" for each in what_to_do(runs)]
    if advice:
        yield from (*advice, "What failed:")
    yield from (f"  - {reason}" for each in causes_first(result.reasons, runs) for reason in each)
    yield from (f"  - {each}" for each in unjudged(runs))


def _scenario(scenario: Scenario, run: RunResult) -> Iterable[str]:
    valid = f"VALID, but {NO_MODEL}" if _only_told(run) else "VALID"
    yield row("verdict", valid if run.valid else "INVALID (for the reasons above)")
    yield row("LoadGen's own verdict", run.loadgen.verdict or NOT_MEASURED)
    if run.mode == "performance":
        yield from surroundings(run)
        yield from _headline(scenario, run)
        yield from most(run.card_limit)
        yield from cards(run)
        yield from _limits(run.checks)
        yield ""
        yield from _table(run)
    if run.mode == "accuracy":
        yield from _evaluation(run.evaluation)
    if run.mode == "compliance":
        yield from _test(run)
    yield ""
    yield from _queries(run)
    yield from busy(run)
    yield from replicas(run)
    release = run.loadgen.version or NOT_MEASURED
    yield row("LoadGen", f"{release}, model {run.loadgen.model}")
    for name, seed in run.seeds.items():
        yield row(name, NOT_MEASURED if seed is None else str(seed))
    yield row("audit.config", run.audit_config or "none")
    for log in run.logs:
        yield row("file", log.path)


def _evaluation(evaluation: Evaluation | None) -> Iterable[str]:
    """Each metric with its bounds; what was not measured says so."""
    if evaluation is None:
        yield row("accuracy", NOT_MEASURED)
        return
    for problem in evaluation.problems:
        yield row("sign of a broken engine", problem)
    for name, value in evaluation.metrics.items():
        bounds = []
        if name in evaluation.targets:
            bounds.append(f"must be >= {evaluation.targets[name]:.8g}")
        if name in evaluation.upper_limits:
            bounds.append(f"must be <= {evaluation.upper_limits[name]:.8g}")
        shown_value = NOT_MEASURED if value is None else f"{value:.8g}"
        yield row(name, f"{shown_value}{' (' + ', '.join(bounds) + ')' if bounds else ''}")
    yield row("judged against", evaluation.judged_against or "nothing: there is no reference")
    yield row("answers, characters in all", f"{evaluation.gen_num}, {evaluation.characters}")
    for note in evaluation.notes:
        yield row("note", note)


def _test(run: RunResult) -> Iterable[str]:
    """The checks of the compliance test itself."""
    for each in run.checks:
        if each.rule == "compliance-test":
            yield row(each.name, "yes" if each.passed else each.reason)


def _headline(scenario: Scenario, run: RunResult) -> Iterable[str]:
    completed = scenario.loadgen_scenario == "Server"
    rate = "completed samples per second" if completed else "samples per second"
    for name, value, key in (
        (rate, run.achieved_qps, "achieved_qps"),
        ("tokens per second", run.throughput_tokens_per_sec, "throughput_tokens_per_sec"),
        ("mean output tokens", run.mean_output_tokens, ""),
        ("latency P99 (ms)", run.latency_p99, "latency_p99"),
        ("success rate", run.accuracy, ""),
        ("duration (s)", run.duration_s, ""),
    ):
        mark = " (ledger)" if run.figure_sources.get(key) == "ledger" else ""
        yield row(name, f"{number(value)}{mark}")


def _limits(checks: Sequence[Check]) -> Iterable[str]:
    """The constrained percentiles with their limits beside them."""
    for each in checks:
        if each.rule in LIMITS:
            missed = "not judged" if not each.judged else "DOES NOT HOLD"
            verdict = "holds" if each.passed else missed
            measured = NOT_MEASURED if each.measured is None else shown(each.measured)
            unit = f" {each.unit}" if each.unit else ""
            limit = f"must be {each.comparison} {shown(each.limit)}{unit}"
            yield row(each.name, f"{measured} ({limit}: {verdict})")


def _table(run: RunResult) -> Iterable[str]:
    yield f"{'ms':<20}{'latency':>18}{'TTFT':>18}{'TPOT':>18}"
    kinds = (run.latency, run.ttft, run.tpot)
    for name in STATISTICS:
        cells = "".join(f"{_milliseconds(kind, name):>18}" for kind in kinds)
        yield f"{name.replace('_', '.').upper() if name[0] == 'p' else name:<20}{cells}"
    sources = "".join(f"{kind.source if kind else '-':>18}" for kind in kinds)
    yield f"{'source':<20}{sources}"


def _milliseconds(kind: Distribution | None, name: str) -> str:
    value = getattr(kind, f"{name}_ns") if kind else None
    return NOT_MEASURED if value is None else f"{value / 1e6:.3f}"


def _queries(run: RunResult) -> Iterable[str]:
    queries = run.queries
    yield row("samples issued", str(queries.issued))
    yield row("succeeded", str(queries.succeeded))
    yield row("empty answers", str(queries.empty))
    yield row("failed", str(queries.failed))
    for group in queries.failures:
        yield row("  failed because", f"{group.reason}: {group.count}")
    if queries.late_events:
        yield row("late events dropped", str(queries.late_events))
    if run.engine_failure:
        yield row("engine failure", run.engine_failure)
    yield row("tokens in / out", f"{run.tokens_in} / {run.tokens_out}")
    for message in run.loadgen.errors:
        yield row("LoadGen error", f"{message.text}: {message.count}")
    for message in run.loadgen.warnings:
        yield row("LoadGen warning", f"{message.text}: {message.count}")


def _circumstances(result: Result) -> Iterable[str]:
    info, software = result.benchmark_info, result.software
    yield row("node, start (UTC)", f"{info.node}, {info.started_utc}")
    warmup = result.warmup
    yield row(
        "warm-up",
        f"{warmup.succeeded} of {warmup.requested} queries in {warmup.duration_s:.3f} s"
        if warmup
        else NOT_MEASURED,
    )
    yield row("model", f"{info.model} ({'official' if info.model_official else 'not official'})")
    engine = result.engine
    if engine is None:
        yield row("engine", "never became ready")
    else:
        yield row("engine", f"{engine.kind}, {engine.replicas} replica(s)")
        if engine.model_path is not None:
            yield row("engine package", software.engine_package or NOT_MEASURED)
        if engine.quantised_to is not None:
            yield row("weights quantised to", engine.quantised_to)
        for name, value in sorted(engine.arguments.items()):
            yield row(f"  {name}", str(value))
    for scenario, own in own_engines(result).items():
        yield from _own_engine(scenario, own, engine)
    yield from _machines(result)
    if result.kv_cache is not None:
        yield row(
            "KV cache (tokens)",
            f"{kv_tokens(result.kv_cache)}, {result.kv_cache.planned_tokens} planned; room for "
            f"{result.kv_cache.queries_at_once} queries of this data set at once",
        )
    data = result.dataset
    yield row("data set", f"{data.name} ({data.source}), {data.count} samples")
    yield row("data set SHA-256", data.sha256)
    yield row("harness", f"{software.harness}, commit {software.harness_commit or NOT_MEASURED}")
    for note in result.notes:
        yield row("note", note)


def _own_engine(scenario: Scenario, own: OwnEngine, first: EngineFacts | None) -> Iterable[str]:
    """A later start: what of it is otherwise than in the first."""
    warmup = own.warmup
    told = "never became ready" if own.engine is None else "started after the first"
    if warmup is not None:
        told += f", warm-up {warmup.succeeded} of {warmup.requested}"
    yield row(f"engine of {scenario}", told)
    of_first = first.arguments if first else {}
    for name, value in sorted(own.engine.arguments.items() if own.engine else ()):
        if of_first.get(name) != value:
            yield row(f"  {name}", str(value))


def _machines(result: Result) -> Iterable[str]:
    """What answered; where that is other machines, each of them and the one that asked."""
    here, answered = result.hardware, nodes(result.hardware, result.engine)
    if not is_elsewhere(here, result.engine):
        used = answered[0].gpus
        yield from _machine(here, used, "")
        if len(used) < len(here.gpus):
            yield row("accelerators not used", str(len(here.gpus) - len(used)))
        return
    for node in answered:
        yield row("replicas on", node.host)
        if node.hardware is None:
            cards = f"{len(node.cards)}, {NOT_MEASURED}" if node.cards else "none"
            yield row("  accelerators", cards)
        else:
            yield from _machine(node.hardware, node.gpus, "  ")
    yield row("control node", here.host)
    yield from _machine(here, here.gpus, "  ")


def _machine(hardware: HardwareFacts, gpus: Sequence[GpuFacts], indent: str) -> Iterable[str]:
    cards = ", ".join(
        f"{gpu.name} ({'memory not told' if gpu.memory_mib is None else f'{gpu.memory_mib} MiB'})"
        for gpu in gpus
    )
    cpu = f"{hardware.cpu_model or NOT_MEASURED}, {hardware.cpu_cores} cores"
    yield row(f"{indent}accelerators", cards or "none")
    yield row(f"{indent}processor", cpu)
    yield row(f"{indent}memory", f"{hardware.memory_gib:.1f} GiB")
    yield row(f"{indent}operating system", f"{hardware.operating_system}, {hardware.kernel}")


def _formulas(result: Result) -> Iterable[str]:
    yield from (SENTENCES[scenario] for scenario in result.scenarios)
    yield from COMMON_FORMULAS


def _heading(title: str) -> Iterable[str]:
    yield from ("=" * WIDTH, title, "=" * WIDTH)
