"""Every rule that a run or a session is judged by, by its id; who judges takes a selection.

A rule is a function in one of the modules below (sut.rules.rule says how). A new one on a run is
asked by VALID from the moment it stands there; what VALID does not ask is named here, with the
reason. What makes a session submission-grade is in sut.rules.grade.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sut.config.names import Scenario
from sut.rules.answers import ANSWERS
from sut.rules.belonging import BELONGING
from sut.rules.case import run_case
from sut.rules.check import Check
from sut.rules.clocks import CLOCKS
from sut.rules.consistency import CONSISTENCY
from sut.rules.demands import run_demands
from sut.rules.engine import ENGINE_RULES
from sut.rules.evaluated import EVALUATED
from sut.rules.evidence import Evidence
from sut.rules.loadgen_log import LOG_RULES
from sut.rules.log_figures import FIGURES
from sut.rules.log_lines import LINES
from sut.rules.log_settings import SETTINGS
from sut.rules.recorded import RECORDED
from sut.rules.rule import Rule
from sut.rules.run import RUN_RULES
from sut.rules.scenario import SCENARIO_RULES
from sut.rules.sealed import SEALED
from sut.rules.session import SESSION_RULES
from sut.rules.session_case import ScenarioCase, SessionCase, of_start
from sut.rules.session_runs import SESSION_RUNS
from sut.rules.surroundings import SURROUNDINGS
from sut.rules.traces import TRACES

BOOKS = (
    *(BELONGING, RECORDED, RUN_RULES, LOG_RULES, SETTINGS, FIGURES, LINES),
    *(SURROUNDINGS, CONSISTENCY, ANSWERS, CLOCKS, TRACES, SEALED, EVALUATED),
)

CATALOGUE: dict[str, Rule[Any]] = {
    name: rule for book in BOOKS for name, rule in book.rules.items()
}
"""Rules on one run, in the order in which a reader wants them: causes before what follows."""

SESSION_WIDE: dict[str, Rule[SessionCase]] = {
    name: rule
    for book in (SESSION_RULES, SESSION_RUNS, ENGINE_RULES)
    for name, rule in book.rules.items()
}
# Of a session that started several engines, each is judged by these.
OF_ENGINE = frozenset({*ENGINE_RULES.rules, "engine", "model", "weights-checksum", "warm-up-first"})
# What a session's verdict asks beside those of its runs.
VALID_SESSION = (
    *("as-closed", "processes-apart"),
    *("one-run-each", "one-at-a-time", "one-loadgen", "same-answers", "as-configured"),
)
SCENARIO_WIDE: dict[str, Rule[ScenarioCase]] = dict(SCENARIO_RULES.rules)

# A run's verdict holds the settings to those that the profile asks for (settings-as-asked).
# Whether these are the closed division's own, the compliance page and `check` say.
NOT_IN_VALID = frozenset(
    {
        "offline-query-size",
        "latency-percentile",
        "token-latencies",
        "equal-issue",
        "sample-counts",
        "distinct-queries",
        "accuracy-covers-all",
        # The settings in force are judged by settings-as-asked, these official ones among them.
        "audit-settings",
        # The harness starts LoadGen's process anew for each run; the page proves that it did.
        "one-process",
        # A log by itself. A session's run is held to its configuration and to its ledger.
        "settings-taken-over",
        "settings-fixed",
        "counts-agree",
        "rates-follow",
        "answer-length",
        "stamps-agree",
        # pip's wheels are built from what the release's tag holds; a source build need not be.
        "loadgen-unmodified",
    }
)
VALID = tuple(name for name in CATALOGUE if name not in NOT_IN_VALID)


def validity_checks(evidence: Evidence) -> list[Check]:
    """Every condition of one run of a session. VALID means that each of them passed."""
    return judge(VALID, run_case(evidence, run_demands(evidence)), evidence.run.mode)


def session_checks(case: SessionCase) -> list[Check]:
    """Every condition of a session as a whole. VALID means that each of them passed."""
    return [each for name in VALID_SESSION for each in SESSION_WIDE[name].checks(case)]


def checks_of_session(name: str, case: SessionCase) -> list[Check]:
    """The conditions of one rule on a session; on its engine, for each that it started."""
    rule = SESSION_WIDE[name]
    if name not in OF_ENGINE or not case.starts:
        return rule.checks(case)
    made = {scenarios: rule.checks(mine) for scenarios, mine in case.starts.items()}
    alike = next(iter(made.values()))
    if all(checks == alike for checks in made.values()):
        return alike
    return [of_start(each, scenarios) for scenarios, checks in made.items() for each in checks]


def checks_of_scenario(name: str, case: SessionCase, scenario: Scenario) -> list[Check]:
    """The conditions of one rule on a scenario, with the engine that answered it."""
    return SCENARIO_WIDE[name].checks(ScenarioCase(case.of(scenario), scenario))


def judge(names: Sequence[str], case: Any, mode: str) -> list[Check]:
    """The conditions of the rules named on one run; a rule that does not bind its mode has none."""
    rules = [CATALOGUE[name] for name in names]
    return [each for rule in rules if mode in rule.modes for each in rule.checks(case)]
