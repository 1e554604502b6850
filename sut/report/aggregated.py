"""The result of a coordinated run → text for a terminal. Plain ASCII."""

from __future__ import annotations

from collections.abc import Iterable

from sut.report.lines import NOT_MEASURED, number
from sut.result.aggregated_schema import Aggregated, AggregatedScenario, WorstTail

NOT_ADDED_UP = "not added up"
WIDTH = 96
COLUMNS = ("samples", "share", "qps", "alone", "tokens/s", "P99 ms", "start ms")
TAILS = ("p50_ns", "p90_ns", "p95_ns", "p97_ns", "p99_ns", "p99_9_ns", "max_ns")


def aggregated_text(result: Aggregated) -> str:
    """Verdict, sums, worst tails, a line for each node."""
    lines = [*_verdict(result), ""]
    for scenario, each in result.scenarios.items():
        lines += _heading(f"{scenario}, {len(result.nodes)} nodes")
        missing = NOT_ADDED_UP if result.not_added_up_because else NOT_MEASURED
        lines += [*_scenario(each, missing), "", *_nodes_of(each), ""]
    lines += [*_heading("Nodes"), *_nodes(result), ""]
    lines += [*(f"note: {note}" for note in result.notes), result.composite_note, result.trust]
    text = "\n".join(line.rstrip() for line in lines).replace("…", "...") + "\n"
    return text.encode("ascii", "backslashreplace").decode("ascii")


def _verdict(result: Aggregated) -> Iterable[str]:
    info = result.benchmark_info
    yield from _heading(
        f"{info.benchmark}, coordinated: {info.model}, round {info.round}, {info.profile}"
    )
    if result.valid:
        yield "VALID on every node (composite)"
        return
    yield "INVALID:"
    yield from (f"  - {reason}" for reason in result.reasons)


def _scenario(each: AggregatedScenario, missing: str) -> Iterable[str]:
    yield _row("verdict", "VALID" if each.valid else "INVALID")
    yield _row("samples per second (sum)", _number(each.achieved_qps, missing))
    yield _row("tokens per second (sum)", _number(each.throughput_tokens_per_sec, missing))
    yield _row("latency P99 (ms, worst node)", _number(each.latency_p99, missing))
    yield _row("start skew (ms)", _skew(each))
    yield _row("nodes alone, samples/s (sum)", _number(each.single_node_qps, missing))
    yield _row("scaling efficiency", _percent(each.scaling_efficiency, missing))
    yield _row("coordination overhead", _percent(each.coordination_overhead, missing))
    yield ""
    yield f"{'worst node, ms':<20}{'latency':>18}{'TTFT':>18}{'TPOT':>18}"
    for name in TAILS:
        tails = (each.latency, each.ttft, each.tpot)
        cells = "".join(f"{_ms(tail, name, missing):>18}" for tail in tails)
        yield f"{name.removesuffix('_ns').replace('_', '.').upper():<20}{cells}"


def _nodes_of(each: AggregatedScenario) -> Iterable[str]:
    yield f"{'node':<24}" + "".join(f"{column:>12}" for column in COLUMNS)
    for name, node in each.nodes.items():
        values = (
            str(node.samples),
            _percent(node.share),
            _number(node.achieved_qps),
            _number(node.single_node_qps),
            _number(node.throughput_tokens_per_sec),
            _number(node.latency_p99),
            "-" if node.started_after_first_ms is None else f"+{node.started_after_first_ms:.1f}",
        )
        shown = ("-" if value == NOT_MEASURED else value for value in values)
        yield f"{name:<24}" + "".join(f"{value:>12}" for value in shown)


def _nodes(result: Aggregated) -> Iterable[str]:
    for name, node in result.nodes.items():
        verdict = "VALID" if node.valid else "INVALID"
        cards = ", ".join(node.accelerators) or "no accelerator"
        yield _row(name, f"{verdict}, {node.place}, {cards}")
        if node.failure:
            yield _row("  failed", node.failure)
        yield _row("  session", node.session or "none came back")
        if result.baseline and name in result.baseline.results:
            stated = " (stated, not built again)" if name in result.baseline.stated else ""
            where = f"{result.baseline.results[name]}{stated}"
            yield _row(f"  alone ({result.baseline.source})", where)


def _skew(each: AggregatedScenario) -> str:
    if each.start_skew_ms is None or each.start_skew_error_ms is None:
        return NOT_MEASURED
    return f"{each.start_skew_ms:.1f} (clocks compared to within {each.start_skew_error_ms:.1f})"


def _ms(tail: WorstTail | None, name: str, missing: str) -> str:
    value = getattr(tail, name) if tail else None
    return missing if value is None else f"{value / 1e6:.3f}"


def _heading(title: str) -> Iterable[str]:
    yield from ("=" * WIDTH, title, "=" * WIDTH)


def _row(name: str, value: str) -> str:
    return f"{name:<32}: {value}"


def _number(value: float | None, missing: str = NOT_MEASURED) -> str:
    return missing if value is None else number(value)


def _percent(value: float | None, missing: str = NOT_MEASURED) -> str:
    # Adding 0 turns a rounded -0.0 into 0.0.
    return missing if value is None else f"{round(value, 3) + 0.0:.1%}"
