"""The published result of a coordinated run: `aggregated_datacenter_results.json`.

A change of any key raises AGGREGATED_VERSION.
"""

from __future__ import annotations

import json
from typing import Literal

from pydantic import Field

from sut.config.names import Scenario
from sut.metrics import Distribution
from sut.record.frozen import Published, Utc
from sut.result.schema import STAMPED

AGGREGATED_VERSION = "1.2"
AGGREGATED_NAME = "aggregated_datacenter_results.json"
COMPOSITE = (
    "composite: rates are sums over nodes that each ran their own LoadGen; no LoadGen run "
    "measured the nodes as one system"
)


class WorstTail(Published):
    """The largest value of each statistic over the nodes, nanoseconds; null: a node lacks it."""

    p50_ns: int | None
    p90_ns: int | None
    p95_ns: int | None
    p97_ns: int | None
    p99_ns: int | None
    p99_9_ns: int | None
    max_ns: int | None
    p99_node: str | None = Field(description="the node with the largest P99")


class NodeScenario(Published):
    """One node's LoadGen run, as its own result has it."""

    valid: bool
    achieved_qps: float | None
    throughput_tokens_per_sec: float | None
    latency_p99: float | None = Field(description="end to end, ms")
    accuracy: float | None = Field(description="success rate, 0 to 1")
    samples: int
    share: float | None = Field(description="of the samples of all nodes, 0 to 1")
    duration_s: float | None
    latency: Distribution | None
    ttft: Distribution | None
    tpot: Distribution | None
    started_after_first_ms: float | None = Field(
        description="its first query, counted from the first query of the first node"
    )
    single_node_qps: float | None = Field(
        description="its rate when it ran alone; null: there is no valid such run"
    )


class AggregatedScenario(Published):
    """One scenario over all nodes."""

    valid: bool
    reasons: list[str]
    composite: Literal[True]
    achieved_qps: float | None = Field(
        description="sum over the nodes; null: one has no figure, or the nodes are not alike"
    )
    throughput_tokens_per_sec: float | None = Field(description="sum over the nodes")
    latency_p99: float | None = Field(description="the worst node's, end to end, ms")
    latency: WorstTail | None
    ttft: WorstTail | None
    tpot: WorstTail | None
    samples: int | None = Field(description="issued on all nodes; null: they are not alike")
    start_skew_ms: float | None = Field(
        description="between the first queries of the first and of the last node"
    )
    start_skew_error_ms: float | None = Field(
        description="how far that may be off: half the round trips of the clock readings"
    )
    single_node_qps: float | None = Field(description="sum of the nodes' rates when alone")
    scaling_efficiency: float | None = Field(
        description="achieved_qps / single_node_qps; where LoadGen offers a fixed rate (Server) "
        "it falls below 1 only if a node cannot keep up"
    )
    coordination_overhead: float | None = Field(
        description="1 - scaling_efficiency, as measured: noise can make it negative"
    )
    nodes: dict[str, NodeScenario]


class NodeSummary(Published):
    """One node of the run."""

    place: str = Field(description="host and address")
    session: str | None = Field(description="its folder below the results directory")
    valid: bool
    reasons: list[str]
    failure: str | None = Field(description="why its run is not whole; null if it is")
    engine: str | None
    accelerators: list[str]


class Baseline(Published):
    """The runs of each node alone that the efficiency is taken against."""

    source: Literal["measured", "stored"] = Field(
        description="measured: in the same call; stored: results of an earlier one"
    )
    results: dict[str, str] = Field(description="by node, its session or its result's file")
    stated: list[str] = Field(
        description="nodes whose result was not built again: no session lies beside its file"
    )


class AggregatedInfo(Published):
    """What was run, where and when."""

    benchmark: str
    model: str
    timestamp: str = Field(description=STAMPED)
    started_utc: Utc = Field(description="start of the call, UTC, ISO 8601")
    profile: str
    round: str
    nodes: int
    engine: str
    command: list[str]


class Aggregated(Published):
    """The result of one coordinated run."""

    schema_version: Literal["1.2"]
    trust: str = Field(description="the line MLCommons asks of an unverified result")
    composite: Literal[True]
    composite_note: str
    benchmark_info: AggregatedInfo
    valid: bool = Field(description="every node's session is whole, valid, and like the others'")
    reasons: list[str]
    not_added_up_because: list[str] = Field(
        description="in what the nodes are not alike, or contradict their own files; where it is "
        "not empty every figure over all nodes is null. These reasons are among `reasons` too"
    )
    scenarios: dict[Scenario, AggregatedScenario] = Field(
        description="of performance runs; empty where none was asked for"
    )
    nodes: dict[str, NodeSummary]
    baseline: Baseline | None
    notes: list[str]


def aggregated_schema_json() -> str:
    """The JSON Schema of `Aggregated`, as it is written to aggregated.schema.json."""
    schema = Aggregated.model_json_schema(mode="serialization")
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2, sort_keys=True) + "\n"


def aggregated_json(result: Aggregated) -> str:
    """The text of the file: the same bytes for the same result."""
    return json.dumps(result.model_dump(mode="json"), indent=2, allow_nan=False) + "\n"
