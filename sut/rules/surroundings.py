"""Whether something else had a part in a run's figures: what disturbed it, in words, and the rule.

MLPerf has no such rule. A figure that another program had a part in is nobody's, so that a run of
the mlperf profile during which others used too much of the processor is INVALID.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from sut.config.names import Mode, Scenario
from sut.errors import ConfigError
from sut.plan.forecast import arrivals_ns
from sut.plan.settings import effective
from sut.record.surroundings import SurroundingsFacts
from sut.rules.case import RunCase
from sut.rules.check import Check, check
from sut.rules.evidence import Evidence
from sut.rules.rule import PERFORMANCE, Book, Ground

NS_PER_MS = 1e6
# From here on a figure of the machine is told; below it is what any machine does.
STEAL_SHARE, THROTTLED_SHARE = 0.05, 0.01
LOOP_LATE_MS, COLLECTION_MS, ISSUE_LATE_MS = 20.0, 50.0, 20.0

SURROUNDINGS: Book[RunCase] = Book(Ground.RECORD)


@SURROUNDINGS.rule(
    "undisturbed",
    "Other programs left the processor to the run",
    "our own condition (docs/rules.md)",
    modes=(PERFORMANCE,),
)
def undisturbed(case: RunCase) -> Iterable[Check]:
    """Nothing is asked of a relaxed profile, nor where it was not measured."""
    most, seen = case.evidence.config.validity.others_cpu_share, case.evidence.run.surroundings
    share = None if seen is None else foreign_share(seen)
    if case.evidence.strict and most is not None and share is not None:
        source, keys = "run.json", ("run.json/surroundings",)
        yield check("others' share of the processor", share, "<=", most, source, keys=keys)


def foreign_share(seen: SurroundingsFacts) -> float | None:
    """What other programs used and the hypervisor gave away; None where that is not known."""
    if seen.others_share is None:
        return None
    return round(seen.others_share + (seen.steal_share or 0.0), 4)


def disturbances(evidence: Evidence) -> list[str]:
    """What disturbed a run, the cause of the others first; half sentences."""
    seen = evidence.run.surroundings
    if seen is None or evidence.run.mode != PERFORMANCE:
        return []
    return [*_of_machine(evidence, seen), *_of_harness(evidence, seen)]


def _of_machine(evidence: Evidence, seen: SurroundingsFacts) -> Iterator[str]:
    most, others = evidence.config.validity.others_cpu_share, seen.others_share
    if others is not None and most is not None and others > most:
        worst = ""
        if seen.others_share_most is not None and seen.others_share_most > others + 0.05:
            worst = f", {seen.others_share_most:.0%} in the worst second"
        yield f"other programs used {others:.0%} of the processor{worst}"
    if (seen.steal_share or 0.0) > STEAL_SHARE:
        yield f"the hypervisor gave {seen.steal_share:.0%} of the processor to other machines"
    if seen.throttled_s is not None and seen.throttled_s > THROTTLED_SHARE * seen.seconds:
        yield (
            f"the control group's limit kept the run from the processor for {seen.throttled_s:.3g} "
            f"of {seen.seconds:.4g} s"
        )


def _of_harness(evidence: Evidence, seen: SurroundingsFacts) -> Iterator[str]:
    late = issue_late_ms(evidence)
    if late is not None and late[0] > ISSUE_LATE_MS:
        yield f"LoadGen's queries reached the harness {late[0]:.3g} ms late (P99)"
    if (seen.loop_late_ms_p99 or 0.0) > LOOP_LATE_MS:
        yield f"the harness's event loop came {seen.loop_late_ms_p99:.3g} ms late (P99)"
    if seen.collection_ms_most > COLLECTION_MS:
        yield f"a garbage collection stopped the harness for {seen.collection_ms_most:.3g} ms"


def issue_late_ms(evidence: Evidence) -> tuple[float, float] | None:
    """P99 and most of how late a Server query came, ms; None where no schedule is known.

    The schedule follows from the round's seed and the rate, the moment at which a query reached us
    is the ledger's. The query that was least late counts as one that was not.
    """
    due_ns = _schedule_ns(evidence)
    if due_ns is None or evidence.ledger is None:
        return None
    issued = evidence.ledger["issued_ns"]
    count = min(len(due_ns), len(issued))
    if count == 0 or issued.null_count:
        return None
    issued_ns = issued.to_numpy()
    late_ms = (issued_ns[:count] - due_ns[:count]) / NS_PER_MS
    late_ms -= late_ms.min()
    return round(float(np.percentile(late_ms, 99)), 3), round(float(late_ms.max()), 3)


def _schedule_ns(evidence: Evidence) -> npt.NDArray[np.int64] | None:
    performance = evidence.run.mode == PERFORMANCE
    served = evidence.scenario in (Scenario.SERVER, Scenario.INTERACTIVE)
    if evidence.round is None or not (performance and served):
        return None
    count = evidence.session.dataset.count
    try:
        will = effective(
            evidence.config, evidence.scenario, count, evidence.round, mode=Mode.PERFORMANCE
        )
        return arrivals_ns(will, evidence.round)
    except ConfigError:
        return None
