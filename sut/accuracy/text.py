"""accuracy.txt as the submission checker reads it, and the table that a person reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sut.accuracy.registry import find_scorer
from sut.accuracy.scorer import TOKENS_PER_SAMPLE, Metric
from sut.record.facts import AccuracyFacts, AccuracyMetric

_HEADINGS = ("metric", "value", "target", "margin", "verdict")
_OWN = {True: "the run's own", False: "NOT the run's own", None: "not known to be the run's own"}
_VERDICTS = {True: "pass", False: "FAIL", None: "not judged"}


def official_text(facts: AccuracyFacts) -> str:
    """The official script's output: one line that the checker's patterns match.

    Each figure is in the form that the scorer's own script gives it; one that was not measured
    is left out. The hash line is added when the log is shortened for a submission.

    Raises:
        ConfigError: there is no such scorer.
    """
    values = {metric.name: metric.value for metric in facts.metrics}
    parts = [*_printed(find_scorer(facts.scorer).metrics, values), f"'gen_num': {facts.gen_num}"]
    parts += _printed((TOKENS_PER_SAMPLE,), values)
    return f"\nResults\n\n{{{', '.join(parts)}}}\n"


def _printed(metrics: Iterable[Metric], values: Mapping[str, float | None]) -> list[str]:
    return [
        f"'{metric.key}': {metric.form.format(value)}"
        for metric in metrics
        if (value := values.get(metric.name)) is not None
    ]


def table(facts: AccuracyFacts, *, alarms_fail: bool = True) -> str:
    """The evaluation for a person: alarms, each metric with its bound and margin, then the rest.

    Args:
        facts: the evaluation.
        alarms_fail: whether signs of a broken engine fail the run.
    """
    rows = [_HEADINGS, *(_row(metric) for metric in facts.metrics)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [f"sign of a broken engine: {text}" for text in facts.problems]
    lines += [""] if lines else []
    lines += ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
              for row in rows]  # fmt: skip
    lines += ["", f"judged against: {facts.judged_against or 'nothing'}"]
    lines.append(f"answers: {facts.gen_num}; tokens per answer: {_shown(facts.tokens_per_sample)}")
    lines.append(
        f"success rate: {_shown(facts.success_rate)}; empty {facts.empty_share:.1%}, "
        f"looping {facts.looping_share:.1%}, identical {facts.identical_share:.1%}"
    )
    lines.append(f"scored by: {facts.scorer}{f' with {facts.tool}' if facts.tool else ''}")
    lines += _material(facts)
    lines += [f"note: {text}" for text in facts.notes]
    return "\n".join([*lines, f"verdict: {overall(facts, alarms_fail=alarms_fail)}"]) + "\n"


def _material(facts: AccuracyFacts) -> list[str]:
    """What read and what judged the answers, and whether both are the run's own."""
    used = facts.scored_with
    if used is None:
        return []
    # Another data set than the run's is refused, so only the tokenizer can be another.
    dataset = _OWN[None if used.own is None else True]
    lines = [
        f"tokenizer: {_OWN[used.own]} (SHA-256 {used.tokenizer_sha256 or 'none could be opened'})",
        f"data set: {dataset} (SHA-256 {used.dataset_sha256})",
    ]
    if used.own is False:
        lines.append("official: no, the tokenizer is not the run's own")
    elif used.own is None:
        lines.append("official: no, nothing on record tells what the run's own were")
    return lines


def overall(facts: AccuracyFacts, *, alarms_fail: bool = True) -> str:
    """The verdict in words; a pass never stands alone beside signs of a broken engine."""
    if facts.problems and alarms_fail:
        return "FAIL (signs of a broken engine, above)"
    if facts.passed is not None:
        passed = "pass, but the answers are not a model's" if facts.problems else "pass"
        return passed if facts.passed else "FAIL"
    return "nothing to judge by" if facts.judged_against is None else "incomplete"


def _row(metric: AccuracyMetric) -> tuple[str, str, str, str, str]:
    value = "not measured" if metric.value is None else _shown(metric.value)
    return metric.name, value, _bounds(metric), _margin(metric), _VERDICTS[metric.passed]


def _bounds(metric: AccuracyMetric) -> str:
    least = [] if metric.target is None else [f">= {_shown(metric.target)}"]
    most = [] if metric.upper_limit is None else [f"<= {_shown(metric.upper_limit)}"]
    return " and ".join([*least, *most]) or "none"


def _margin(metric: AccuracyMetric) -> str:
    """Distance to the nearer bound; negative where it is missed."""
    if metric.value is None:
        return "-"
    distances = []
    if metric.target is not None:
        distances.append(metric.value - metric.target)
    if metric.upper_limit is not None:
        distances.append(metric.upper_limit - metric.value)
    return f"{min(distances):+.6g}" if distances else "-"


def _shown(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.10g}"
