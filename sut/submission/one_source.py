"""One source and one software stack for all that a tree holds: its source is what ran."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sut.machine.hardware import software
from sut.result.alike import DIRTY, shown
from sut.submission.entries import Entry
from sut.submission.gather import Session
from sut.submission.request import SubmissionPlan

# Fields of SoftwareFacts, as a reader knows them.
STACK = {
    "harness": "the harness",
    "harness_commit": "the harness's commit",
    "python": "Python",
    "loadgen": "LoadGen",
    "engine_package": "the engine's package",
    "torch": "torch",
    "transformers": "transformers",
}


def source_problems(plan: SubmissionPlan, entries: Sequence[Entry]) -> Iterable[str]:
    """A line for each part of the stack that differs, and for a source that is not what ran.

    What runs of one scenario differ in, same_settings.py tells. A rehearsal may be of any source.
    """
    sessions = {run.session.name: run.session for each in entries for run in each.runs.values()}
    firsts = {entry.name: next(iter(entry.runs.values())).session for entry in entries}
    yield from _differing(firsts)
    if plan.rehearsal:
        return
    here = software()["harness_commit"]
    for name, session in sessions.items():
        commit = session.facts.software.harness_commit
        if commit is None:
            continue  # shown as not known; nothing contradicts the source
        if commit.endswith(DIRTY):
            yield (
                f"{name} ran on changes that are in no commit ({commit}), so no source in a tree "
                "is what ran: commit them and run again."
            )
        elif here is not None and here != commit:
            yield (
                f"{name} ran on commit {commit}, and the source that would be copied is {here}: "
                "check that commit out and make the tree there."
            )


def _differing(sessions: Mapping[str, Session]) -> Iterable[str]:
    """By scenario, which session stands for it."""
    for field, words in STACK.items():
        values: dict[str | None, str] = {}
        for entry, session in sessions.items():
            value = getattr(session.facts.software, field)
            values.setdefault(value, f"{shown(value)} in {entry} ({session.name})")
        if len(values) > 1:
            listed = " and ".join(values.values())
            yield f"{words} is {listed}: a tree has one software, so run all with the same."
