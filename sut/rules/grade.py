"""Why a run could not be part of a submission, in words; empty if nothing stands against it."""

from __future__ import annotations

from collections.abc import Iterable

from sut.rules.catalogue import SESSION_WIDE, checks_of_scenario, checks_of_session
from sut.rules.session_case import SessionCase, SessionCheck

# In the order in which a reader wants them.
GRADE = (
    *("profile", "engine", "model", "weights-checksum", "weights-loaded", "calibration"),
    *("dataset", "engine-ready", "engine-as-asked", "engine-environment"),
    *(
        "prefix-caching-off",
        "reuse-probe",
        "no-speculation",
        "greedy",
        "plain-sampling",
        "stop-tokens",
    ),
    *("round", "runs-complete", "scenario-set", "dataset-count", "output-length"),
    "scenario-limits",
)
# The compliance page lists these. Their evidence is the harness's own order of steps, or what a
# submission states in a document beside the logs.
NOT_IN_GRADE = frozenset(
    {"dataset-checksum", "numerics", "same-engine"}
    | {"warm-up-first", "processes-apart", "as-closed"}
    | {"one-run-each", "one-at-a-time", "one-loadgen", "same-answers", "as-configured"}
)


def submission_grade(case: SessionCase) -> list[str]:
    """Every reason against submitting, whatever the verdict on the run itself."""
    return list(dict.fromkeys(each.against for each in objections(case)))


def objections(case: SessionCase) -> list[SessionCheck]:
    """The conditions that fail, each with its rule's id, so that a judge can choose among them."""
    return [
        each
        for name in GRADE
        for each in _checks(name, case)
        if isinstance(each, SessionCheck) and not each.passed and each.against
    ]


def _checks(name: str, case: SessionCase) -> Iterable[object]:
    if name in SESSION_WIDE:
        return checks_of_session(name, case)
    return [
        each
        for scenario in case.config.scenarios
        for each in checks_of_scenario(name, case, scenario)
    ]
