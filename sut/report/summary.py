"""Result → the text of summary.txt: verdict first, then what it rests on. Plain ASCII."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sut.config.names import Scenario
from sut.metrics import Distribution
from sut.record.facts import GpuFacts, HardwareFacts
from sut.record.nodes import is_elsewhere, nodes
from sut.result.schema import CardLimit, Evaluation, Result, RunResult
from sut.rules.check import Check, shown

NOT_MEASURED = "not measured"
LIMITS = frozenset({"ttft", "tpot", "latency-p99"})
NO_MODEL = "the answers are not a model's"
WIDTH = 96
# Pre-emptions beyond this share of the samples are worth a word.
FEW = 0.01
STATISTICS = ("mean", "min", "p50", "p90", "p95", "p97", "p99", "p99_9", "max")

FORMULAS = {
    Scenario.OFFLINE: "Offline: samples/s = samples / longest latency; "
    "tokens/s = output tokens / longest latency.",
    Scenario.SERVER: "Server: samples/s = (n - 1) / t, tokens/s = output tokens / t, "
    "t = until the query issued last is done.",
    Scenario.INTERACTIVE: "Interactive: as Server, under tighter limits.",
    Scenario.SINGLE_STREAM: "SingleStream: samples/s = 1 / mean latency; "
    "tokens/s = output tokens / sum of latencies.",
}
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
        lines += [*_heading(f"{scenario}{name}"), *_scenario(scenario, run), ""]
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
    advice = [f"  {name}: {each}" for name, run in runs for each in run.advice]
    if advice:
        yield from (*advice, "What failed:")
    unjudged = {
        f"{name}: {each.reason}" for name, run in runs for each in run.checks if not each.judged
    }
    yield from (f"  - {reason}" for reason in result.reasons if reason not in unjudged)
    for name, run in runs:
        names = [each.name for each in run.checks if not each.judged]
        if names:
            yield f"  - {name}: not measured, so not judged: {', '.join(names)}"


def _scenario(scenario: Scenario, run: RunResult) -> Iterable[str]:
    valid = f"VALID, but {NO_MODEL}" if _only_told(run) else "VALID"
    yield _row("verdict", valid if run.valid else "INVALID (for the reasons above)")
    yield _row("LoadGen's own verdict", run.loadgen.verdict or NOT_MEASURED)
    if run.mode == "performance":
        yield from _headline(scenario, run)
        yield from _card(run.card_limit)
        yield from _cards(run)
        yield from _limits(run.checks)
        yield ""
        yield from _table(run)
    if run.mode == "accuracy":
        yield from _evaluation(run.evaluation)
    if run.mode == "compliance":
        yield from _test(run)
    yield ""
    yield from _queries(run)
    yield from _busy(run)
    yield from _replicas(run)
    release = run.loadgen.version or NOT_MEASURED
    yield _row("LoadGen", f"{release}, model {run.loadgen.model}")
    for name, seed in run.seeds.items():
        yield _row(name, NOT_MEASURED if seed is None else str(seed))
    yield _row("audit.config", run.audit_config or "none")
    for log in run.logs:
        yield _row("file", log.path)


def _evaluation(evaluation: Evaluation | None) -> Iterable[str]:
    """Each metric with its bounds; what was not measured says so."""
    if evaluation is None:
        yield _row("accuracy", NOT_MEASURED)
        return
    for problem in evaluation.problems:
        yield _row("sign of a broken engine", problem)
    for name, value in evaluation.metrics.items():
        bounds = []
        if name in evaluation.targets:
            bounds.append(f"must be >= {evaluation.targets[name]:.8g}")
        if name in evaluation.upper_limits:
            bounds.append(f"must be <= {evaluation.upper_limits[name]:.8g}")
        shown_value = NOT_MEASURED if value is None else f"{value:.8g}"
        yield _row(name, f"{shown_value}{' (' + ', '.join(bounds) + ')' if bounds else ''}")
    yield _row("judged against", evaluation.judged_against or "nothing: there is no reference")
    yield _row("answers, characters in all", f"{evaluation.gen_num}, {evaluation.characters}")
    for note in evaluation.notes:
        yield _row("note", note)


def _test(run: RunResult) -> Iterable[str]:
    """The checks of the compliance test itself."""
    for each in run.checks:
        if each.rule == "compliance-test":
            yield _row(each.name, "yes" if each.passed else each.reason)


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
        yield _row(name, f"{_number(value)}{mark}")


def _card(limit: CardLimit | None) -> Iterable[str]:
    """How near the run came to what its cards can do; nothing where that is not known."""
    if limit is None:
        return
    yield _row(
        f"most that {limit.cards} x {limit.card} can do",
        f"{limit.samples_per_s_in_series:.4g} samples/s "
        f"({limit.samples_per_s_overlapped:.4g} if prompts and answers overlap), "
        f"bound by {limit.binding}",
    )
    if limit.reached is not None and limit.mfu is not None and limit.mbu is not None:
        yield _row(
            "  reached",
            f"{limit.reached:.0%} of it, {limit.mfu:.0%} of the matrix rate, "
            f"{limit.mbu:.0%} of the bandwidth by decoding",
        )


def _cards(run: RunResult) -> Iterable[str]:
    """What each card did meanwhile, and what held it back."""
    for number, card in enumerate(run.cards):
        name = f"card {number}"
        yield _row(
            name,
            f"{_number(card.sm_mhz_median)} MHz (least {_number(card.sm_mhz_least)}), "
            f"{_number(card.power_w_mean)} W (most {_number(card.power_w_most)}), "
            f"{_number(card.temperature_c_most)} C at most",
        )
        if card.held_back:
            found = ", ".join(f"{why} {share:.0%}" for why, share in card.held_back.items())
            yield _row(f"  {name} held back by", f"{found} of the time")
    if run.energy_per_token_j is not None:
        yield _row("energy per token (J)", f"{run.energy_per_token_j:.4g}, no MLPerf Power result")


def _limits(checks: Sequence[Check]) -> Iterable[str]:
    """The constrained percentiles with their limits beside them."""
    for each in checks:
        if each.rule in LIMITS:
            missed = "not judged" if not each.judged else "DOES NOT HOLD"
            verdict = "holds" if each.passed else missed
            measured = NOT_MEASURED if each.measured is None else shown(each.measured)
            unit = f" {each.unit}" if each.unit else ""
            limit = f"must be {each.comparison} {shown(each.limit)}{unit}"
            yield _row(each.name, f"{measured} ({limit}: {verdict})")


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
    yield _row("samples issued", str(queries.issued))
    yield _row("succeeded", str(queries.succeeded))
    yield _row("empty answers", str(queries.empty))
    yield _row("failed", str(queries.failed))
    for group in queries.failures:
        yield _row("  failed because", f"{group.reason}: {group.count}")
    if queries.late_events:
        yield _row("late events dropped", str(queries.late_events))
    if run.engine_failure:
        yield _row("engine failure", run.engine_failure)
    yield _row("tokens in / out", f"{run.tokens_in} / {run.tokens_out}")
    for message in run.loadgen.errors:
        yield _row("LoadGen error", f"{message.text}: {message.count}")
    for message in run.loadgen.warnings:
        yield _row("LoadGen warning", f"{message.text}: {message.count}")


def _busy(run: RunResult) -> Iterable[str]:
    """How busy the engine was, where it told; pre-emptions first, for they cost the most."""
    told = run.engine_figures
    if "preemptions" in told and run.queries.issued:
        share = told["preemptions"] / run.queries.issued
        what = ": their work was done twice; lower the sequences of a step" if share > FEW else ""
        yield _row("pre-emptions", f"{told['preemptions']:.0f} ({share:.1%} of the samples{what})")
    if "sequences_running_mean" in told:
        yield _row(
            "sequences at once",
            f"{told['sequences_running_mean']:.4g} on average, "
            f"{told['sequences_running_most']:.0f} at most; "
            f"{told['sequences_waiting_most']:.0f} waiting at most",
        )
        yield _row(
            "KV cache in use",
            f"{told['kv_cache_used_mean']:.0%} on average, "
            f"{told['kv_cache_used_most']:.0%} at most",
        )


def _replicas(run: RunResult) -> Iterable[str]:
    for each in run.replicas:
        share = NOT_MEASURED if each.share is None else f"{each.share:.1%}"
        yield _row(
            f"replica {each.replica}",
            f"{each.samples} samples ({share}), {each.tokens_out} tokens, {each.failed} failed",
        )
    unplaced = run.queries.issued - sum(each.samples for each in run.replicas)
    if run.replicas and unplaced:
        yield _row("no known replica", f"{unplaced} samples, open when the run ended")


def _circumstances(result: Result) -> Iterable[str]:
    info, software = result.benchmark_info, result.software
    yield _row("node, start (UTC)", f"{info.node}, {info.timestamp}")
    warmup = result.warmup
    yield _row(
        "warm-up",
        f"{warmup.succeeded} of {warmup.requested} queries in {warmup.duration_s:.3f} s"
        if warmup
        else NOT_MEASURED,
    )
    yield _row("model", f"{info.model} ({'official' if info.model_official else 'not official'})")
    engine = result.engine
    if engine is None:
        yield _row("engine", "never became ready")
    else:
        yield _row("engine", f"{engine.kind}, {engine.replicas} replica(s)")
        if engine.model_path is not None:
            yield _row("engine package", software.engine_package or NOT_MEASURED)
        for name, value in sorted(engine.arguments.items()):
            yield _row(f"  {name}", str(value))
    yield from _machines(result)
    if result.kv_cache is not None:
        told = result.kv_cache.told_tokens
        yield _row(
            "KV cache (tokens)",
            f"{NOT_MEASURED if told is None else told} by the engine, "
            f"{result.kv_cache.planned_tokens} planned; room for "
            f"{result.kv_cache.queries_at_once} queries of this data set at once",
        )
    data = result.dataset
    yield _row("data set", f"{data.name} ({data.source}), {data.count} samples")
    yield _row("data set SHA-256", data.sha256)
    yield _row("harness", f"{software.harness}, commit {software.harness_commit or NOT_MEASURED}")
    for note in result.notes:
        yield _row("note", note)


def _machines(result: Result) -> Iterable[str]:
    """What answered; where that is other machines, each of them and the one that asked."""
    here, answered = result.hardware, nodes(result.hardware, result.engine)
    if not is_elsewhere(here, result.engine):
        used = answered[0].gpus
        yield from _machine(here, used, "")
        if len(used) < len(here.gpus):
            yield _row("accelerators not used", str(len(here.gpus) - len(used)))
        return
    for node in answered:
        yield _row("replicas on", node.host)
        if node.hardware is None:
            cards = f"{len(node.cards)}, {NOT_MEASURED}" if node.cards else "none"
            yield _row("  accelerators", cards)
        else:
            yield from _machine(node.hardware, node.gpus, "  ")
    yield _row("control node", here.host)
    yield from _machine(here, here.gpus, "  ")


def _machine(hardware: HardwareFacts, gpus: Sequence[GpuFacts], indent: str) -> Iterable[str]:
    cards = ", ".join(
        f"{gpu.name} ({'memory not told' if gpu.memory_mib is None else f'{gpu.memory_mib} MiB'})"
        for gpu in gpus
    )
    cpu = f"{hardware.cpu_model or NOT_MEASURED}, {hardware.cpu_cores} cores"
    yield _row(f"{indent}accelerators", cards or "none")
    yield _row(f"{indent}processor", cpu)
    yield _row(f"{indent}memory", f"{hardware.memory_gib:.1f} GiB")
    yield _row(f"{indent}operating system", f"{hardware.operating_system}, {hardware.kernel}")


def _formulas(result: Result) -> Iterable[str]:
    yield from (FORMULAS[scenario] for scenario in result.scenarios)
    yield from COMMON_FORMULAS


def _heading(title: str) -> Iterable[str]:
    yield from ("=" * WIDTH, title, "=" * WIDTH)


def _row(name: str, value: str) -> str:
    return f"{name:<32}: {value}"


def _number(value: float | None) -> str:
    return NOT_MEASURED if value is None else f"{value:.6g}"
