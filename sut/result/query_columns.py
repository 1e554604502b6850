"""The columns of an exported per-query table: no package is needed to read of them in --help."""

from __future__ import annotations

from types import MappingProxyType

COLUMNS = MappingProxyType(
    {
        "scenario": "Offline, Server, Interactive or SingleStream",
        "run": "performance, accuracy or the compliance test",
        "seq": "number of the sample in its run, from 0, in the order of issue",
        "sample_index": "number of the sample in the data set, from 0",
        "scheduled_ns": "when LoadGen meant to issue it, ns; empty without its trace",
        "issued_ns": "when LoadGen issued it, ns",
        "first_token_ns": "when its first token was there, ns; empty in Offline",
        "done_ns": "when its answer was whole, ns",
        "tokens_in": "tokens of the prompt",
        "tokens_out": "tokens of the answer; empty where there is none",
        "finish_reason": "stop (an end-of-sequence token) or length (the most tokens)",
        "state": "succeeded, empty, failed or outstanding",
        "failure": "why it failed, in words",
        "replica": "number of the engine that had it, from 0",
        "times_source": "loadgen_trace, loadgen_trace+ledger or ledger: whose clock the ns are of",
        "ttft_ms": "first_token_ns - scheduled_ns, ms",
        "tpot_ms": "(done_ns - first_token_ns) / (tokens_out - 1), ms",
        "latency_ms": "done_ns - scheduled_ns, ms",
    }
)
"""What each column is. The last three are of samples that succeeded, and count from `issued_ns`
where there is no `scheduled_ns`."""
