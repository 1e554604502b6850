"""How queries reached the model, in words: the rules ask that batching is described."""

from __future__ import annotations

from math import ceil

from sut.config.engine_traits import EngineTraits
from sut.config.names import Scenario
from sut.config.schema import EngineConfig
from sut.engines.ray.dispatch import AUTO, PREFILL_WEIGHT, WINDOW, WINDOW_FACTOR

ARRIVING = """\
Queries are handed to the engine as they arrive, in LoadGen's order; nothing is held back to fill a
batch and nothing is known of queries to come. {batching}"""
ALL_AT_ONCE = """\
LoadGen issues every sample in one query. The samples go to the engine in the order issued,
unsorted. {batching}"""

ARRIVING_REPLICAS = """\
Each query is assigned to a replica as it arrives, in LoadGen's order: {share}. Nothing is held
back to fill a batch and nothing is known of queries to come; what arrives while a hand-over to a
replica is under way goes with the next. In each replica: {batching}"""
ALL_AT_ONCE_REPLICAS = """\
LoadGen issues every sample in one query. Inside each copy of the data set the harness sorts the
samples by prompt length, the longest first; no sample crosses from one copy into another.
{share} In each replica: {batching}"""

PULLED = """\
Replicas pull from the head of that order as they drain: each holds at most {window} samples, and
never more than its even part of all that are left."""
DEALT = "In that order the samples are dealt to the replicas in turn, an equal split."
LEAST_WORK = """\
to the one with the fewest outstanding tokens, which
are those of the prompt and of the longest answer of each query that it has not ended"""
PREFILL_WEIGHTED = f"""\
{LEAST_WORK}; a query whose first token is still out
counts {PREFILL_WEIGHT + 1} times"""
IN_TURN = "to one after the other, in turn"
ON_ARRIVAL = {"tokens": LEAST_WORK, "prefill-weighted": PREFILL_WEIGHTED, "equal": IN_TURN}
UNTOLD = "The engine does not tell how it makes batches."


def batching(engine: EngineConfig, traits: EngineTraits, scenario: Scenario) -> str:
    """The paragraph for a scenario on this engine, one or several replicas of it."""
    offline, dispatch = scenario is Scenario.OFFLINE, engine.ray.dispatch
    if engine.replicas is None:
        template, share = ALL_AT_ONCE if offline else ARRIVING, ""
    elif offline:
        template, share = ALL_AT_ONCE_REPLICAS, DEALT if dispatch == "equal" else PULLED
    else:
        share = ON_ARRIVAL[AUTO if dispatch == "auto" else dispatch]
        template = ARRIVING_REPLICAS
    window = ceil((traits.max_batch_sequences or WINDOW) * WINDOW_FACTOR)
    return template.format(share=share.format(window=window), batching=traits.batching or UNTOLD)
