"""Runs → a submission tree in the round's layout; all of it, or nothing and the reasons."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from audit.verify import OFFICIAL_NAME as VERIFICATION
from sut.accuracy.evaluate import Sources
from sut.config.rounds import Round, load_round
from sut.errors import ConfigError
from sut.submission.accuracy_log import shortened, with_hash
from sut.submission.documents import (
    bandwidth,
    calibration,
    document_problems,
    overview,
    scenario_readme,
    text_file,
)
from sut.submission.entries import Entry, group
from sut.submission.gather import Run, load_sessions
from sut.submission.layout import submission_rules
from sut.submission.recheck import EVALUATION
from sut.submission.refusals import included_tests, refusals
from sut.submission.request import DIVISIONS, Refused, SubmissionPlan
from sut.submission.source import copy_source
from sut.submission.statement import NAME
from sut.submission.system_json import (
    full_description,
    measurements,
    measurements_problems,
    system_description,
    system_problems,
)
from sut.submission.verifier import NAME as VERIFIER
from sut.submission.verifier import verifier_text

__all__ = ["SubmissionPlan", "check_plan", "make_tree"]

ACCURACY_LOG = "mlperf_log_accuracy.json"


def make_tree(plan: SubmissionPlan, say: Callable[[str], None] = lambda _: None) -> Path:
    """Write the tree beside `plan.out` and rename it once it is whole; return `plan.out`.

    Args:
        plan: what it is to be.
        say: told of what takes long.

    Raises:
        Refused: something stands against a submission; nothing was written.
        ConfigError: the plan itself cannot be followed.
    """
    rules = check_plan(plan)
    form = submission_rules(rules)
    runs, unread = load_sessions(plan.sessions, rules, Sources(plan.dataset, plan.model), say)
    entries, misplaced = group(runs, rules)
    reasons = [*unread, *misplaced, *refusals(plan, entries, rules)]
    if entries:
        session = next(iter(entries[0].runs.values())).session
        benchmarks = {entry.benchmark: entry.rules for entry in entries}
        description = system_description(plan, session, entries)
        reasons += system_problems(description, plan.system, form, benchmarks)
        reasons += document_problems(plan, entries)
        for entry in entries:
            first = next(iter(entry.runs.values())).session
            reasons += measurements_problems(measurements(plan, first), first, form)
    if reasons:
        raise Refused(list(dict.fromkeys(reasons)))
    with _beside(plan.out) as folder:
        tree = Path(folder) / plan.out.name
        tree.mkdir(mode=0o755)
        _write(tree / plan.division / plan.submitter, plan, entries, rules, description)
        _refuse_existing(plan.out)
        tree.rename(plan.out)
    return plan.out


def _beside(out: Path) -> tempfile.TemporaryDirectory[str]:
    """A fresh folder in the folder of `out`, which goes whatever happens."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(
            dir=out.parent, prefix=f".{out.name}.", ignore_cleanup_errors=True
        )
    except OSError as error:
        raise ConfigError(
            f"{out} cannot be made: {error.strerror} ({out.parent}).",
            where="--out",
            remedy="Name a folder in a place that you may write to.",
        ) from error


def check_plan(plan: SubmissionPlan) -> Round:
    """What can be said of a plan before there is a run; returns the rules of its round.

    Raises:
        ConfigError: the round takes no tree, division or submitter is wrong, or `plan.out` exists.
    """
    rules = load_round(plan.round)
    submission_rules(rules)
    if plan.division not in DIVISIONS:
        raise ConfigError(
            f"division is {plan.division}; this harness makes {' and '.join(DIVISIONS)}.",
            where="--division",
            remedy="Choose one of them.",
        )
    if not re.match(NAME, plan.submitter):
        raise ConfigError(
            f"submitter is {plan.submitter!r}, which cannot name a folder of the tree.",
            where="--submitter",
            remedy="Use letters, digits, dot, hyphen and underscore; no blank, no leading dot.",
        )
    _refuse_existing(plan.out)
    return rules


def _refuse_existing(out: Path) -> None:
    if out.exists() or out.is_symlink():
        raise ConfigError(
            f"{out} exists, and a tree is never written over another.",
            where="--out",
            remedy="Name a folder that does not exist.",
        )


def _write(
    root: Path,
    plan: SubmissionPlan,
    entries: Sequence[Entry],
    rules: Round,
    description: dict[str, str],
) -> None:
    form = submission_rules(rules)
    for entry in entries:
        _write_entry(root, plan, entry, rules)
        source = root / entry.place(plan, rules).source
        if not source.exists():
            copy_source(source)
            text_file(source / VERIFIER, verifier_text(rules))
    place = entries[0].place(plan, rules)
    text_file(root / place.system_file, _json(full_description(description, form)))
    text_file(root / form.layout.documentation / "README.md", overview(plan, entries))
    text_file(root / form.calibration_document, calibration(plan, entries))
    text_file(root / form.bandwidth_document, bandwidth(plan, entries))


def _write_entry(root: Path, plan: SubmissionPlan, entry: Entry, rules: Round) -> None:
    form, place = submission_rules(rules), entry.place(plan, rules)
    tests = included_tests(entry, plan)
    _copy(entry.performance, form.performance_files, root / place.performance)
    _write_accuracy(root / place.accuracy, entry.accuracy, rules)
    for test, run in tests.items():
        folder = root / place.compliance(test)
        _copy(run, (VERIFICATION,), folder)
        _copy(run, (ACCURACY_LOG,), folder / "accuracy")
    folder = root / place.measurements
    _copy(entry.performance, ("user.conf",), folder)
    text_file(folder / "README.md", scenario_readme(entry, plan, tests))
    session = entry.performance.session
    text_file(root / place.measurements_file, _json(measurements(plan, session)))


def _write_accuracy(folder: Path, run: Run, rules: Round) -> None:
    form, log = submission_rules(rules), run.folder.root / ACCURACY_LOG
    whole = [name for name in form.accuracy_files if name not in (ACCURACY_LOG, EVALUATION)]
    _copy(run, whole, folder)
    text_file(folder / ACCURACY_LOG, shortened(log, form.accuracy_log))
    evaluation = (run.folder.root / EVALUATION).read_text(encoding="utf-8")
    text_file(folder / EVALUATION, with_hash(evaluation, log))


def _copy(run: Run, names: Sequence[str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        shutil.copyfile(run.folder.root / name, folder / name)


def _json(document: dict[str, str]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"
