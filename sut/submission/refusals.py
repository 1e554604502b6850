"""Why runs cannot be handed in: every reason, one line each, with the run it is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from sut.config.rounds import Round
from sut.record.facts import SessionFacts
from sut.record.nodes import is_elsewhere, nodes
from sut.rules.grade import objections
from sut.rules.session_case import lacking, session_case
from sut.submission.entries import ACCURACY, PERFORMANCE, Entry
from sut.submission.gather import Run, Session
from sut.submission.one_source import source_problems
from sut.submission.recheck import (
    evaluation_problems,
    verification_problems,
)
from sut.submission.request import SubmissionPlan
from sut.submission.same_settings import agreement, same_answers, same_lengths

SHOWN_CHECKS = 3
# Rules that have a line of their own here.
TAMPER, SEEDS, RELEASE, SEALED = "files-unchanged", "seeds", "loadgen-release", "sealed-values"
# What follows from another round's seeds, which is told already.
OF_ANOTHER_ROUND = frozenset(
    {SEEDS, RELEASE, "loadgen-model", "settings-as-asked", "settings-recorded", "user-conf"}
)
ACCURACY_TARGET = "accuracy"
# What stands against one session is judged here over all of them together.
OVER_ALL = frozenset({"runs-complete", "scenario-set"})
# What stands against a session in the open division, too.
IN_OPEN = frozenset({"profile", "engine", "dataset", "dataset-count"})


def refusals(plan: SubmissionPlan, entries: Sequence[Entry], rules: Round) -> list[str]:
    """Every reason against a tree of these entries; empty if there is none.

    Args:
        plan: what the tree is to be.
        entries: what it would be made of.
        rules: the round's.
    """
    reasons: list[str] = []
    for entry in entries:
        reasons += _pair(entry, plan)
        for run in _used(entry, plan):
            reasons += _run(run, plan, rules)
        reasons += [*agreement(entry), *same_lengths(entry), *same_answers(entry)]
    reasons += _scenario_sets(plan, entries)
    reasons += _one_system(entries)
    reasons += source_problems(plan, entries)
    reasons += _sealed(entries)
    reasons += _grade(plan, entries, rules)
    return list(dict.fromkeys(reasons))


def included_tests(entry: Entry, plan: SubmissionPlan) -> dict[str, Run]:
    """The compliance runs that go into the tree: in open none is asked for, a bad one is left."""
    if plan.division == "closed":
        return entry.compliance
    return {test: run for test, run in entry.compliance.items() if run.result.valid}


def _used(entry: Entry, plan: SubmissionPlan) -> list[Run]:
    kinds = [entry.runs[kind] for kind in (PERFORMANCE, ACCURACY) if kind in entry.runs]
    return [*kinds, *included_tests(entry, plan).values()]


def _pair(entry: Entry, plan: SubmissionPlan) -> Iterable[str]:
    needed = [PERFORMANCE, ACCURACY]
    if plan.division == "closed":
        needed += entry.rules.compliance_tests
    for kind in needed:
        if kind not in entry.runs:
            yield f"{entry.name} has no {kind} run: name the session that holds one, or make it."
    if ACCURACY in entry.runs:
        yield from evaluation_problems(entry.accuracy)
    for run in included_tests(entry, plan).values():
        yield from verification_problems(run)


def _run(run: Run, plan: SubmissionPlan, rules: Round) -> Iterable[str]:
    failed = [each for each in run.result.checks if not each.passed]
    for name in sorted({key for each in failed if each.rule == TAMPER for key in each.keys}):
        yield (
            f"{run.name}/{Path(name).name} is not as the run left it (SHA-256 in run.json): "
            "restore the file, or run again."
        )
    wrong_seeds = [each.name.removeprefix("effective_") for each in failed if each.rule == SEEDS]
    if wrong_seeds:
        yield (
            f"{run.name} was not run with the seeds of round {rules.name} "
            f"({', '.join(wrong_seeds)}): run again with --round {rules.name}."
        )
    told = {TAMPER, SEALED, *(OF_ANOTHER_ROUND if wrong_seeds else ())}
    # Each figure of accuracy.json has a line of its own.
    told |= {"evaluation-stated"} if run.facts.mode == ACCURACY else set()
    # A score binds in closed only.
    told |= {ACCURACY_TARGET} if plan.division == "open" else set()
    failed = [each for each in failed if each.rule not in told]
    if failed:
        shown = "; ".join(each.reason for each in failed[:SHOWN_CHECKS])
        more = f"; and {len(failed) - SHOWN_CHECKS} more" if len(failed) > SHOWN_CHECKS else ""
        yield f"{run.name} is not VALID: {shown}{more}."


def _sealed(entries: Sequence[Entry]) -> Iterable[str]:
    """What a session's configuration holds otherwise than the rules; once, not for each run."""
    for run in (run for entry in entries for run in entry.runs.values()):
        for each in run.result.checks:
            if each.rule == SEALED and not each.passed:
                yield f"{run.session.name} is not VALID: {each.reason}."


def _scenario_sets(plan: SubmissionPlan, entries: Sequence[Entry]) -> Iterable[str]:
    """Closed: each benchmark has its required scenarios and one of its alternatives."""
    if not entries:
        yield "there is no run to submit: name sessions with performance and accuracy runs."
    if plan.division != "closed":
        return
    for name in dict.fromkeys(entry.benchmark for entry in entries):
        mine = {entry.scenario: entry.rules for entry in entries if entry.benchmark == name}
        benchmark = next(iter(mine.values()))
        missing, no_choice = lacking(benchmark, mine)
        for scenario in missing:
            yield f"{name} lacks the scenario {scenario}, which closed requires: run it."
        if no_choice:
            choice = " or ".join(benchmark.one_of)
            yield f"{name} lacks {choice}, one of which closed requires: run it."


def _one_system(entries: Sequence[Entry]) -> Iterable[str]:
    """Every run is of one system, control node and replicas' nodes: a tree describes one."""
    machines: dict[str, str] = {}
    for run in (run for entry in entries for run in entry.runs.values()):
        machines.setdefault(_machine(run.session.facts), run.session.name)
    if len(machines) > 1:
        listed = "; ".join(f"{session}: {machine}" for machine, session in machines.items())
        yield f"the sessions are of different machines ({listed}): make a tree for each."


def _machine(facts: SessionFacts) -> str:
    found = facts.hardware
    gpus = [f"{gpu.name} {gpu.memory_mib} MiB" for gpu in found.gpus]
    machine = f"{found.cpu_model}, {found.cpu_cores} cores, GPUs {', '.join(gpus) or 'none'}"
    answered = nodes(facts.hardware, facts.engine)
    elsewhere = is_elsewhere(facts.hardware, facts.engine)
    if not elsewhere and len(answered[0].cards) == len(gpus):
        return machine  # with replicas or without: all of it
    used = sorted(f"{node.host} with {len(node.cards)} GPUs" for node in answered)
    return f"{machine}, replicas on {' and '.join(used)}"


def _grade(plan: SubmissionPlan, entries: Sequence[Entry], rules: Round) -> Iterable[str]:
    """What the sessions' settings say against submitting; a rehearsal may have it so."""
    if plan.rehearsal:
        return
    sessions = {run.session.name: run.session for entry in entries for run in entry.runs.values()}
    by_reason: dict[str, list[str]] = {}
    for name, session in sessions.items():
        for reason in _against(plan, session, rules):
            by_reason.setdefault(reason, []).append(name)
    for reason, names in by_reason.items():
        yield f"{', '.join(names)}: {reason}; only a tree made with --rehearsal may hold it."


def _against(plan: SubmissionPlan, session: Session, rules: Round) -> Iterable[str]:
    against = objections(session_case(session.record, rules))
    if plan.division == "closed":
        return [each.against for each in against if each.rule not in OVER_ALL]
    return [each.against for each in against if each.rule in IN_OPEN]
