"""The check that a session of a sealed profile ran with what round and benchmark fix.

Computed from the configuration and the round's rules when the result is built: no way into the
harness, and no later edit of config.json, makes other values valid.
"""

from __future__ import annotations

from sut.config.held import broken
from sut.rules.check import Check, check
from sut.rules.evidence import Evidence

SEALED_CHECK = "values that round or benchmark fixes otherwise"


def sealed_checks(evidence: Evidence) -> list[Check]:
    """None where the profile relaxes the rules."""
    if not evidence.strict:
        return []
    source = f"round {evidence.config.round}, user_confs/profiles/{evidence.config.profile}.yaml"
    others = None
    if evidence.round is not None:
        found = broken(evidence.config, evidence.round)
        others = "; ".join(each.sentence.rstrip(".") for each in found) or "none"
    return [check(SEALED_CHECK, others, "==", "none", source)]
