"""The rules on what the runs of one scenario are together, and on the bounds it was held to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sut.config.rounds import ScenarioRules
from sut.config.scenario_sections import ServerConfig
from sut.rules.check import Check
from sut.rules.rule import Book, Ground
from sut.rules.session_case import ScenarioCase, told

RULES = "inference_rules.adoc"

SCENARIO_RULES: Book[ScenarioCase] = Book(Ground.RECORD)


@SCENARIO_RULES.rule(
    "runs-complete",
    "The scenario has a performance run, an accuracy run and every compliance test",
    "submission_rules.adoc §5.6.3, submission_checker",
    "compliance_tests",
)
def runs_complete(case: ScenarioCase) -> Iterable[Check]:
    """In this session; a submission may join several."""
    for kind in case.wanted:
        made = True if kind in case.runs else None
        against = f"{case.scenario} has no {kind} run in this session"
        yield told(f"{kind} run", made, "==", True, against)


@SCENARIO_RULES.rule(
    "same-engine",
    "Performance, accuracy and compliance runs used one engine with the same settings",
    f"{RULES} §5.1",
)
def same_engine(case: ScenarioCase) -> Iterable[Check]:
    """One engine start serves a scenario, so a run from before it belongs to another."""
    ready = datetime.fromisoformat(case.session.facts.started_utc)
    runs = case.runs
    alien = [k for k, run in runs.items() if datetime.fromisoformat(run.started_utc) < ready]
    missing = [kind for kind in case.wanted if kind not in runs]
    served: str | None = f"one engine start for {', '.join(runs)}"
    if alien:
        served = f"{', '.join(alien)} began before this engine was ready"
    elif missing or case.session.engine is None:
        served = None
    wanted = f"one engine start for {', '.join(case.wanted)}"
    yield told("", served, "==", wanted, holds=not alien)


@SCENARIO_RULES.rule(
    "scenario-limits",
    "The run is held to the round's duration, samples, percentile and limits",
    f"{RULES} §4.1.1",
    "min_duration_ms",
)
def scenario_limits(case: ScenarioCase) -> Iterable[Check]:
    """As the configuration asks for them; what LoadGen did, its log says."""
    if case.rules is None:
        return
    rules, name, ours = case.rules, case.scenario, case.session.config.section(case.scenario)
    asked, least = ours.min_duration_s, rules.min_duration_ms / 1000
    against = f"{name} ran for {asked:g} s at least, not {least:g} s"
    yield told("minimum duration", asked, ">=", least, against, unit="s")
    count = ours.min_query_count
    against = f"{name} asked for {count} samples, not {rules.min_query_count}"
    yield told("samples", count, ">=", rules.min_query_count, against, unit="samples")
    if isinstance(ours, ServerConfig):
        yield from _latency(case, ours, rules)


def _latency(case: ScenarioCase, ours: ServerConfig, rules: ScenarioRules) -> Iterable[Check]:
    held, asked = ours.latency_percentile, rules.latency_percentile
    against = f"{case.scenario} was held to P{held:g}, not P{asked:g}"
    yield told("percentile", held, ">=", asked, against)
    for kind in ("ttft", "tpot"):
        limit, official = getattr(ours, f"{kind}_limit_ms"), getattr(rules, f"{kind}_limit_ms")
        if official is not None:
            against = f"{case.scenario} allowed {kind.upper()} {limit:g} ms, not {official:g} ms"
            yield told(f"{kind.upper()} limit", limit, "<=", official, against, unit="ms")
