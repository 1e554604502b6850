"""The rates that a probe has measured: what each is, and in words where it is from."""

from __future__ import annotations

from collections.abc import Sequence

from sut.config.names import Scenario
from sut.config.schema import RunConfig
from sut.figure_text import figure_text, of_limit
from sut.harness.rate_probe import OFFLINE_TIMES, shows_enough
from sut.record.facts import RateProbeFacts, RateStep

LONGEST_S = 900.0
"""A rate that nobody gave makes no run longer: better VALID in a quarter of an hour than INVALID at
a rate that the probe did not find fit, and better that than a verdict in hours."""
OF_BRIEF = 0.6
"""Of the rate of a step that was too brief to show how a run goes, what is taken.

Near what a slow machine can do, the times of a hundred queries are many times those of a dozen: on
one core 229 ms a token became 1,634, at a rate that was 70 % of Offline's and more than it held.
"""
DIGITS = 2
"""A probe of some seconds tells no more."""


def rates_of(
    facts: RateProbeFacts, config: RunConfig, scenarios: Sequence[Scenario]
) -> dict[Scenario, tuple[float, str]]:
    """Each rate and its origin; none where nothing could be measured.

    Args:
        facts: what the probe found.
        config: that asked for it.
        scenarios: whose rates are wanted.
    """
    if facts.failure is not None:
        return {}
    rate = facts.samples / facts.duration_s
    found: dict[Scenario, tuple[float, str]] = {}
    for scenario in scenarios:
        if scenario is Scenario.OFFLINE:
            origin = f"measured: {OFFLINE_TIMES:g} x {_probed(rate)}"
            found[scenario] = (_rounded(OFFLINE_TIMES * rate), origin)
            continue
        step = next(each for each in reversed(facts.steps) if each.scenario == scenario.value)
        asked = config.latency_rules(scenario)
        least = asked.min_query_count / max(LONGEST_S, asked.min_duration_s)
        found[scenario] = (_rounded(max(_fit(step), least)), _origin(step, rate, config, least))
    return found


def notes_of(facts: RateProbeFacts, rates: dict[Scenario, tuple[float, str]]) -> list[str]:
    """What a reader of the result is told of the rates."""
    if facts.failure is not None:
        return [
            f"no rate was measured ({facts.failure}): each target_qps that is auto stayed as it was"
        ]
    return [
        f"{scenario.section}.target_qps is {figure_text(rate, 6)}, {origin}"
        for scenario, (rate, origin) in rates.items()
    ]


def _fit(step: RateStep) -> float:
    """The rate that a step found fit, queries/s."""
    enough = shows_enough(step.queries, step.qps, step.latency_ms)
    return step.qps if enough else OF_BRIEF * step.qps


def _origin(step: RateStep, rate: float, config: RunConfig, least: float) -> str:
    fit = _fit(step)
    if fit < least:
        return (
            f"measured: {fit:.2g} would be fit, {fit / rate:.0%} of "
            f"{_probed(rate)}, and would take {LONGEST_S * least / fit / 60:.0f} minutes"
        )
    limits = config.latency_rules(Scenario(step.scenario))
    tokens, whole, own = "", "", limits.e2e_p99_limit_ms
    if step.tpot_ms is not None:
        tokens = f", TPOT {of_limit(step.tpot_ms, limits.tpot_limit_ms, 3)} ms"
    if own is not None:
        whole = f", the longest answer {of_limit(step.latency_ms, own)} ms"
    kept = "" if step.held else "; not even that kept its limits well"
    part = f"{100 * OF_BRIEF:.2g} % of a brief step of {step.queries} queries at "
    brief = "" if fit == step.qps else part
    return (
        f"measured: {brief}{100 * step.qps / rate:.2g} % of {_probed(rate)}; there "
        f"TTFT {of_limit(step.ttft_ms, limits.ttft_limit_ms)} ms{tokens}{whole}{kept}"
    )


def _probed(rate: float) -> str:
    return f"the {figure_text(rate, 3)} samples/s of a probe"


def _rounded(rate: float) -> float:
    return float(f"{rate:.{DIGITS}g}")
