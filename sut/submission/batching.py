"""How queries reached the model, in words: the rules ask that batching is described."""

from __future__ import annotations

from math import ceil

from sut.config.names import Scenario
from sut.config.schema import EngineConfig
from sut.engines.ray.dispatch import WINDOW_FACTOR

ARRIVING = """\
Queries are handed to vLLM as they arrive, in LoadGen's order; nothing is held back to fill a
batch and nothing is known of queries to come. vLLM batches continuously: at each step the
scheduler puts every running sequence, and prompt parts of waiting ones (chunked prefill:
{chunked}), into one batch of at most {tokens} tokens and {sequences} sequences."""
ALL_AT_ONCE = """\
LoadGen issues every sample in one query. The samples go to vLLM in the order issued, unsorted;
vLLM batches continuously, at most {sequences} sequences and {tokens} tokens a step."""

ARRIVING_REPLICAS = """\
Each query is assigned to a replica as it arrives, in LoadGen's order: {share}. Nothing is held
back to fill a batch and nothing is known of queries to come; what arrives while a hand-over to a
replica is under way goes with the next. In each replica vLLM batches continuously: at each step
the scheduler puts every running sequence, and prompt parts of waiting ones (chunked prefill:
{chunked}), into one batch of at most {tokens} tokens and {sequences} sequences."""
ALL_AT_ONCE_REPLICAS = """\
LoadGen issues every sample in one query. Inside each copy of the data set the harness sorts the
samples by prompt length, the longest first; no sample crosses from one copy into another.
{share} In each replica vLLM batches continuously, at most {sequences} sequences and {tokens}
tokens a step."""

PULLED = """\
Replicas pull from the head of that order as they drain: each holds at most {window} samples, and
never more than its even part of all that are left."""
DEALT = "In that order the samples are dealt to the replicas in turn, an equal split."
LEAST_WORK = """\
to the one with the fewest outstanding tokens, which
are those of the prompt and of the longest answer of each query that it has not ended"""
IN_TURN = "to one after the other, in turn"


def batching(engine: EngineConfig, scenario: Scenario) -> str:
    """The paragraph for a scenario on this engine, one or several replicas of it."""
    offline, vllm = scenario is Scenario.OFFLINE, engine.vllm
    if engine.replicas is None:
        template, share = ALL_AT_ONCE if offline else ARRIVING, ""
    elif offline:
        template, share = ALL_AT_ONCE_REPLICAS, PULLED
    else:
        template, share = ARRIVING_REPLICAS, LEAST_WORK
    if engine.ray.dispatch == "equal":
        share = DEALT if offline else IN_TURN
    return template.format(
        share=share.format(window=ceil(vllm.max_num_seqs * WINDOW_FACTOR)),
        chunked="on" if vllm.enable_chunked_prefill else "off",
        tokens=vllm.max_num_batched_tokens,
        sequences=vllm.max_num_seqs,
    )
