"""The check that a session of a sealed profile ran with what round and benchmark fix.

Computed from the configuration and the round's rules when the result is built: no way into the
harness, and no later edit of config.json, makes other values valid.
"""

from __future__ import annotations

from collections.abc import Iterable

from sut.config.held import broken
from sut.rules.case import RunCase
from sut.rules.check import Check, check
from sut.rules.rule import Book, Ground

SEALED: Book[RunCase] = Book(Ground.RECORD)


@SEALED.rule(
    "sealed-values",
    "The configuration holds what round and benchmark fix",
    "user_confs/profiles/mlperf.yaml",
)
def sealed_values(case: RunCase) -> Iterable[Check]:
    """Nothing is asked where the profile relaxes the rules."""
    evidence = case.evidence
    if not evidence.strict:
        return
    source = f"round {evidence.config.round}, user_confs/profiles/{evidence.config.profile}.yaml"
    others = None
    if evidence.round is not None:
        found = broken(evidence.config, evidence.round)
        others = "; ".join(each.sentence.rstrip(".") for each in found) or "none"
    yield check("values that round or benchmark fixes otherwise", others, "==", "none", source)
