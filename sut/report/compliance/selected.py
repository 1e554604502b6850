"""A rule of the catalogue on one run → its row: the verdict is the rule's, the proof is ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sut.logs.detail import AUDIT_MARK
from sut.report.compliance.evidence import SESSION, RunView, value_proof
from sut.report.compliance.rows import Proof, Row
from sut.rules.catalogue import CATALOGUE, judge
from sut.rules.check import Check

LEDGER = "ledger.parquet"
MAX_QUOTED = 5
# One figure alone does not say here what it counts.
NAMED = frozenset({"no-failures", "prefix-cache-hits", "files-unchanged", "settings-as-asked"})
# A rule of which only what is wrong is shown, by its names.
ONLY_WRONG = "settings-as-asked"


def selected(run: RunView, *names: str) -> Iterable[Row]:
    """One row, under the id of the first rule; none where the rule does not bind the run."""
    rule, mode = CATALOGUE[names[0]], run.run.mode
    checks = judge(names, run.case, mode)
    why = NOT_APPLICABLE.get(rule.id)
    if checks:
        yield _row(run, names, checks)
    elif why is not None:
        yield run.subject.not_applicable(rule, why.format(scenario=run.scenario))


NOT_APPLICABLE = {
    "equal-issue": "the test's audit.config switches it off",
    "ttft": "the round sets no TTFT limit for {scenario}",
    "tpot": "the round sets no TPOT limit for {scenario}",
    "prefix-cache-hits": "the null engine has no KV cache",
}


MISSING = {
    "accuracy-evaluated": "there is no accuracy.json; the verb accuracy makes it",
    "compliance-test": "there is no verification.json; the verb audit makes it",
}
"""Why a rule has no figure, where nothing was evaluated yet."""


def _row(run: RunView, names: tuple[str, ...], checks: list[Check]) -> Row:
    rule, reason = CATALOGUE[names[0]], run.problem
    if rule.id == ONLY_WRONG:
        recorded, *settings = checks
        wrong = [each for each in settings if not each.passed]
        checks = wrong or [recorded]
    named = len(checks) > 1 or rule.id in NAMED
    keys = dict.fromkeys(key for each in checks for key in each.keys)
    proof = [*PROOFS.get(rule.id, _no_proof)(run), *(p for key in keys for p in run.proof(key))]
    if rule.id == "audit-config" and run.run.audit_config_sha256:
        reason = reason or f"audit.config SHA-256 {run.run.audit_config_sha256}"
    if all(each.measured is None for each in checks):
        reason = reason or MISSING.get(rule.id)
    return run.subject.of_checks(rule, checks, proof, reason, named=named)


def _no_proof(run: RunView) -> list[Proof]:
    del run
    return []


def _error_lines(run: RunView) -> list[Proof]:
    """The lines themselves; that there is none, a whole log proves."""
    if run.logs is None:
        return []
    lines = [run.line(g.first_line, g.first_text) for g in run.logs.errors[:MAX_QUOTED]]
    return lines or ([] if run.logs.num_errors else run.no_line("is an ERROR"))


def _audit_lines(run: RunView) -> list[Proof]:
    """LoadGen's warning that it read an audit.config, or that there is none."""
    if run.logs is None:
        return []
    found = [group for group in run.logs.warnings if AUDIT_MARK in group.text]
    proof = [run.line(group.first_line, group.first_text) for group in found]
    return proof or run.no_line(f"says {AUDIT_MARK!r}")


def _warmup(run: RunView) -> list[Proof]:
    """The whole record of it."""
    warmup = run.case.evidence.session.warmup
    found = warmup.model_dump(mode="json") if warmup else None
    return [value_proof(SESSION, "$.warmup", found)]


PROOFS: dict[str, Callable[[RunView], list[Proof]]] = {
    "warm-up": _warmup,
    "no-errors": _error_lines,
    "audit-config": _audit_lines,
    "longest-answer": lambda run: [run.file(LEDGER, "longest value of tokens_out")],
    "accuracy-covers-all": lambda run: [run.file(LEDGER, "different values of sample_index")],
}
"""What proves a rule beside the keys of its checks."""
