"""How much a LoadGen run will write, so that a disk is not found too small at its end.

The figures are the most that was seen in runs of the null engine and of vLLM, rounded up.
"""

from __future__ import annotations

from collections.abc import Iterable

from sut.config.names import Mode
from sut.config.schema import RunConfig
from sut.plan.run_plan import RunPlan

MIB = 2**20
# Pages, result and the logs that do not grow with the samples: 1 MiB, and that of the cards.
WHOLE = 16 * MIB
# Ledger, its journal, and the table of queries.
OF_SAMPLE = 150
# LoadGen's trace in Server, which has three lines a query.
OF_TRACED = 2048
# LoadGen's accuracy log: each token in eight hexadecimal digits, and once more in the evaluation.
OF_TOKEN, OF_ANSWER = 16, 256


def end_bytes(plan: RunPlan) -> int:
    """What we write after LoadGen has returned."""
    return WHOLE + OF_SAMPLE * plan.forecast.queries_expected


def run_bytes(config: RunConfig, plan: RunPlan) -> int:
    """All that a run leaves, LoadGen's logs included."""
    a_sample = OF_TRACED if config.loadgen.enable_trace else 0
    if plan.run.mode is not Mode.PERFORMANCE:
        a_sample += OF_ANSWER + OF_TOKEN * config.generation.max_tokens
    return end_bytes(plan) + a_sample * plan.forecast.queries_expected


def session_bytes(config: RunConfig, plans: Iterable[RunPlan]) -> int:
    """All that a session leaves."""
    return sum(run_bytes(config, plan) for plan in plans)
