"""Figures against targets: a list of metrics and one verdict."""

from __future__ import annotations

from dataclasses import dataclass, field

from sut.accuracy.scores import Scores
from sut.config.rounds import BenchmarkRules
from sut.record.facts import AccuracyMetric


@dataclass(frozen=True)
class Yardstick:
    """Whose targets, and what they are, by the checker's name of the metric."""

    name: str
    least: dict[str, float]
    most: dict[str, float] = field(default_factory=dict)


def round_yardstick(round_name: str, benchmark: str, rules: BenchmarkRules) -> Yardstick:
    """The targets of a benchmark in a round."""
    return Yardstick(f"round {round_name}, {benchmark}", rules.accuracy_min, rules.accuracy_max)


def relative_yardstick(name: str, reference: Scores, rules: BenchmarkRules) -> Yardstick:
    """The shares of a reference's own figures that the benchmark has its answers keep.

    What the reference could not measure is not asked: without its tool a scorer has less.
    """
    least, most = (
        {
            metric: value * share
            for metric, share in shares.items()
            if (value := reference.value(metric)) is not None
        }
        for shares in (rules.reference_min, rules.reference_max)
    )
    return Yardstick(name, least, most)


def judge(scores: Scores, yardstick: Yardstick | None) -> list[AccuracyMetric]:
    """Every metric measured or asked for, held to its bounds where there are any."""
    least = yardstick.least if yardstick else {}
    most = yardstick.most if yardstick else {}
    names = dict.fromkeys((*scores.values, *least, *most))
    return [_metric(name, scores.value(name), least.get(name), most.get(name)) for name in names]


def verdict(metrics: list[AccuracyMetric], yardstick: Yardstick | None) -> tuple[bool, bool | None]:
    """Whether all that is asked was measured, and whether it passed.

    Returns:
        (complete, passed): passed is None where nothing is asked, or where something was not
        measured and nothing failed.
    """
    asked = {*yardstick.least, *yardstick.most} if yardstick else set()
    judged = [metric for metric in metrics if metric.name in asked]
    complete = all(metric.value is not None for metric in judged)
    if any(metric.passed is False for metric in judged):
        return complete, False
    return complete, True if judged and complete else None


def _metric(
    name: str, value: float | None, least: float | None, most: float | None
) -> AccuracyMetric:
    passed = None
    if value is not None and (least is not None or most is not None):
        passed = (least is None or value >= least) and (most is None or value <= most)
    return AccuracyMetric(name=name, value=value, target=least, upper_limit=most, passed=passed)
