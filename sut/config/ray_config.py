"""The settings of replicas on Ray."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sut.config.quantities import Port, TimeoutS
from sut.config.strict import Strict


class RayConfig(Strict):
    """Replicas on a Ray cluster; used where engine.replicas is set."""

    address: str | None = Field(
        None, description="of a running cluster, HOST:PORT or auto; null: one of our own, here"
    )
    cpus_per_replica: float = Field(
        1.0,
        gt=0,
        le=10_000,
        description="cores set aside for each replica; below 1 it is bound to none",
    )
    dispatch: Literal["auto", "tokens", "prefill-weighted", "equal"] = Field(
        "auto",
        description="to which replica Server's queries go: tokens, where fewest are outstanding; "
        "prefill-weighted, where a query without a first token weighs more; equal, in turn, in "
        "Offline too, which else is pulled; auto: what docs/cluster.md says",
    )
    on_replica_loss: Literal["fail", "continue"] = Field(
        "fail", description="continue: the others take over its work; the run is marked either way"
    )
    port: Port = Field(
        0, description="at which the driver is reached by its replicas; 0: any that is free"
    )
    fetch_timeout_s: TimeoutS = Field(
        3600.0,
        description="seconds that the nodes have to fetch weights from the hub, before "
        "engine.start_timeout_s counts",
    )
    heartbeat_s: TimeoutS = Field(2.0, description="seconds between two signs of life asked")
    heartbeat_timeout_s: TimeoutS = Field(
        10.0, description="seconds without an answer until a replica counts as lost"
    )
