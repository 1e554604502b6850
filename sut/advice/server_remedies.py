"""A Server or Interactive run that missed its limits → the rate to try, or why none helps."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from sut import metrics
from sut.advice.load import Load, is_flat, load_of
from sut.advice.spelling import figure, rounded_down, rounded_up
from sut.config.names import Scenario
from sut.errors import ConfigError
from sut.figure_text import figure_text
from sut.logs.figures import Figures
from sut.plan.forecast import forecast
from sut.rules.check import Check
from sut.rules.demands import run_demands
from sut.rules.early_stopping import over_limit_of, queries_needed
from sut.rules.evidence import Evidence
from sut.rules.loadgen_log import NS_PER_MS

# Queues grow without bound as a system nears what it can do: keep a fifth away from it.
NEXT_SHARE = 0.8
# Times fall faster than the rate does: a step further down than this would overshoot. Measured
# with vLLM and the dummy model on two busy cores, an end-to-end P99 of 1000 ms: 20/s asked, 8.9/s
# completed, and 1052 ms still at 0.4 of these.
LEAST_SHARE = 0.3
# More queries than so many times those of the run are no remedy that anybody wants.
MOST_TIMES_AS_MANY = 20
# The percentile of the end-to-end limit, server.e2e_p99_limit_ms.
OWN_PERCENTILE = 99.0

KINDS = {"ttft": "TTFT", "tpot": "TPOT", "latency-p99": "latency"}
# results.cc, RunEarlyStopping.
_MORE = re.compile(r"at least (\d+) more queries")
_OF_LEDGER = {"TTFT": metrics.ttft_ns, "TPOT": metrics.tpot_ns, "latency": metrics.latency_ns}


@dataclass(frozen=True)
class Missed:
    """One limit that did not hold.

    Args:
        kind: TTFT, TPOT or latency.
        percentile: as the check names it.
        measured_ms: what it was.
        answering_ms: of it, the time from the first token on; None for the first token itself.
        limit_ms: what it may be.
        fastest_ms: of the fastest query.
        flat: whether it hardly depends on what else was open.
    """

    kind: str
    percentile: str
    measured_ms: float
    answering_ms: float | None
    limit_ms: float
    fastest_ms: float | None
    flat: bool

    @property
    def said(self) -> str:
        """The percentile beside its limit."""
        return (
            f"{self.kind} P{self.percentile} was {figure_text(self.measured_ms)} ms, "
            f"and the limit is {figure_text(self.limit_ms, 6)} ms"
        )


def server_advice(evidence: Evidence, failed: Sequence[Check]) -> list[str]:
    """Why no rate helps, or the rate to try, or the queries that the percentile needs."""
    load = load_of(evidence.ledger) if evidence.ledger is not None else None
    missed = _missed(evidence, failed)
    if load is None:
        return []
    hopeless = [each for each in missed if _no_rate_helps(each, load)]
    if hopeless:
        return [_hopeless(evidence, each) for each in hopeless]
    if missed:
        return _lower_rate(evidence, missed, load)
    if any(each.rule == "early-stopping" for each in failed):
        return _more_queries(evidence)
    return []


def _missed(evidence: Evidence, failed: Sequence[Check]) -> list[Missed]:
    """The limits that did not hold, the worst first."""
    rules = evidence.config.latency_rules(evidence.scenario)
    limits = {
        "TTFT": rules.ttft_limit_ms,
        "TPOT": rules.tpot_limit_ms,
        "latency": rules.e2e_p99_limit_ms,
    }
    figures = evidence.figures
    fastest = {"TTFT": figures.ttft, "TPOT": figures.tpot, "latency": figures.latency}
    held, found = run_demands(evidence).percentile, []
    for each in failed:
        kind = KINDS.get(each.rule)
        percentile = OWN_PERCENTILE if kind == "latency" else held
        limit_ms = limits[kind] if kind else None
        if kind is None or limit_ms is None or percentile is None:
            continue
        times_ns = _OF_LEDGER[kind](evidence.ledger)
        if not len(times_ns):
            continue
        measured_ms = each.measured
        if isinstance(measured_ms, bool) or not isinstance(measured_ms, int | float):
            # LoadGen does not print this percentile: the ledger's own.
            times_ns.sort()
            measured_ms = metrics.percentile_ns(times_ns, percentile) / NS_PER_MS
        least_ns = fastest[kind].min_ns
        fastest_ms = None if least_ns is None else least_ns / NS_PER_MS
        answering_ms = _answering_ms(evidence, kind, percentile, measured_ms)
        flat = is_flat(times_ns)
        found.append(
            Missed(kind, f"{percentile:g}", measured_ms, answering_ms, limit_ms, fastest_ms, flat)
        )
    return sorted(found, key=lambda each: each.limit_ms / each.measured_ms)


def _answering_ms(
    evidence: Evidence, kind: str, percentile: float, measured_ms: float
) -> float | None:
    """The part of a time in which a query was no longer waiting for its turn."""
    if kind != "latency":
        return measured_ms if kind == "TPOT" else None
    spans_ns = metrics.answering_ns(evidence.ledger)
    if not len(spans_ns):
        return None
    spans_ns.sort()
    return metrics.percentile_ns(spans_ns, percentile) / NS_PER_MS


def _no_rate_helps(missed: Missed, load: Load) -> bool:
    """Whether even a query that waits for no other is too slow.

    The fastest first token came to an empty system: a run begins with one. The fastest time per
    token or in all did so only if a query had the system for itself, or if the times hardly
    depend on what else was open. Where the queue grew, all answers shared a full batch, and
    their times tell nothing of a lower rate.
    """
    if missed.fastest_ms is None or missed.fastest_ms < missed.limit_ms:
        return False
    if missed.kind == "TTFT" or load.one_alone:
        return True
    return missed.flat and not load.overloaded


def _hopeless(evidence: Evidence, missed: Missed) -> str:
    count = evidence.run.ledger.issued
    section = _section(evidence.scenario)
    cause = (
        f"No rate helps: even the fastest of {count} queries had a {missed.kind} of "
        f"{figure_text(missed.fastest_ms)} ms, and the limit is "
        f"{figure_text(missed.limit_ms, 6)} ms."
    )
    if missed.kind == "latency":
        limit = figure(rounded_up(missed.measured_ms / NEXT_SHARE))
        return (
            f"{cause} It is a check of ours and no rule of MLPerf: try "
            f"--set {section}.e2e_p99_limit_ms={limit}, or shorter answers "
            f"(--set generation.max_tokens=N)."
        )
    return f"{cause} Only a faster machine, model or engine setting does."


def _lower_rate(evidence: Evidence, missed: Sequence[Missed], load: Load) -> list[str]:
    """The rate to try next.

    Where the queue grew: the completed rate, which is what the system can do, times the least of
    0.8 and limit / measured of the times from the first token on, for each limit missed. What is
    before that is waiting, and grows with the length of the run. Else: the scheduled rate, times
    the least of 0.8 and limit / measured of every limit missed. Never less than 0.3 of it, for
    times fall faster than rates; a second step is better than a rate far too low. Rounded down
    to two digits.
    """
    figures, asked = evidence.figures, _asked(evidence)
    base = _base(figures, load)
    if base is None:
        return []
    times = [
        (each.limit_ms, each.answering_ms if load.overloaded else each.measured_ms)
        for each in missed
    ]
    ratios = [limit_ms / time_ms for limit_ms, time_ms in times if time_ms]
    share = max(LEAST_SHARE, min([NEXT_SHARE, *ratios]))
    wanted = rounded_down(min(base, asked) * share)
    if load.overloaded:
        cause = (
            f"The rate was too high: {figure(asked)} queries/s were asked for, {figure(base)} were "
            f"answered and the others waited longer and longer."
        )
    else:
        cause = f"The rate was too high: at {figure(asked)} queries/s {missed[0].said}."
    section = _section(evidence.scenario)
    flags = [f"--set {section}.target_qps={figure(wanted)}", *_enough(evidence, wanted)]
    return [f"{cause} Try {' '.join(flags)}."]


def _base(figures: Figures, load: Load) -> float | None:
    if load.overloaded:
        return figures.completed_samples_per_second
    return figures.scheduled_samples_per_second


def _enough(evidence: Evidence, target_qps: float) -> list[str]:
    """The flag for more queries, where a run at this rate would have too few for its percentile."""
    config, rules, scenario = evidence.config, evidence.round, evidence.scenario
    section = config.latency_rules(scenario)
    if rules is None or evidence.strict:
        return []
    needed = queries_needed(0, section.latency_percentile)
    name = _section(scenario)
    changed = config.model_copy(
        update={name: section.model_copy(update={"target_qps": target_qps})}
    )
    try:
        planned = forecast(changed, scenario, evidence.session.dataset.count, rules)
    except ConfigError:  # the round does not have the scenario
        return []
    if planned.queries_expected >= needed:
        return []
    return [f"--set {name}.min_query_count={figure(rounded_up(needed))}"]


def _more_queries(evidence: Evidence) -> list[str]:
    """The queries that LoadGen wants for the percentile, by its own words.

    It says how many more would do if none of them were over a limit. As large a share of them as
    in this run will be, so their number is raised until it passes with that share; where it
    would take 20 times as many, the rate is lowered instead.
    """
    issued, more = evidence.run.ledger.issued, _asked_for_more(evidence)
    if more is None or not issued:
        return []
    percentile = evidence.config.latency_rules(evidence.scenario).latency_percentile
    section = _section(evidence.scenario)
    over = over_limit_of(issued + more, percentile)
    needed = _settled(issued + more, over / issued, percentile, MOST_TIMES_AS_MANY * issued)
    late = f" with {over} of them over a limit" if over else ""
    cause = (
        f"Too few queries for the {percentile:g}th percentile: the run had {issued}{late}, and "
        f"LoadGen wants {issued + more}"
    )
    if needed is None:
        wanted = figure(rounded_down(_asked(evidence) * NEXT_SHARE))
        return [
            f"{cause} if no other is. So many are, that a lower rate is needed: try "
            f"--set {section}.target_qps={wanted}."
        ]
    if evidence.strict:
        return [f"{cause}."]
    wanted = figure(rounded_up(needed))
    return [f"{cause}. Try --set {section}.min_query_count={wanted}."]


def _asked_for_more(evidence: Evidence) -> int | None:
    result = evidence.logs.detail.group("early_stopping_") if evidence.logs else {}
    found = [_MORE.search(text) for text in result.values() if isinstance(text, str)]
    return max((int(each[1]) for each in found if each), default=None)


def _settled(needed: int, over_share: float, percentile: float, most: int) -> int | None:
    """The number of queries that passes with the share over the limit that was seen."""
    while needed <= most:
        wanted = queries_needed(math.ceil(over_share * needed), percentile)
        if wanted <= needed:
            return needed
        needed = wanted
    return None


def _asked(evidence: Evidence) -> float:
    return evidence.config.latency_rules(evidence.scenario).target_qps


def _section(scenario: Scenario) -> str:
    """The section of the configuration that rules the scenario."""
    return "interactive" if scenario is Scenario.INTERACTIVE else "server"
