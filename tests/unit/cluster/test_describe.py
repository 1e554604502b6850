from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from sut.cluster.describe import (
    NodeFacts,
    describe,
    offset_of,
    open_port,
    try_port,
)
from sut.cluster.hosts import Hosts, Ssh
from sut.cluster.survey import _missing
from tests.unit.config.support import loaded

HOSTS = Hosts(head="10.0.0.1", workers=("10.0.0.2", "10.0.0.10"), ssh=Ssh(user="me"))


def node(ip: str, *, alive: bool = True, **more: Any) -> dict[str, Any]:
    return {"Alive": alive, "NodeManagerAddress": ip, "NodeManagerHostname": "h", **more}


def test_a_clock_read_midway_between_ours_is_off_by_the_difference() -> None:
    assert offset_of(1_000_000_000, 3_500_000_000, 2_000_000_000) == (2.0, 0.5)
    assert offset_of(0, 1_000_000_000, 2_000_000_000) == (0.0, 1.0)


def test_a_node_tells_what_node_facts_hold() -> None:
    config = loaded("--engine", "null", "--dataset", "synthetic").config
    said = describe(config.model_dump_json(), runs_engine=True)
    facts = NodeFacts("here", runs_engine=True, **said)
    assert facts.dataset_sha256
    assert facts.versions["Python"]
    assert facts.memory_available_bytes
    assert facts.weights_sha256 is None, "the null engine has no weights"


def test_files_that_are_missing_are_said_and_not_raised(tmp_path: Path) -> None:
    model = ("--set", f"model.path={tmp_path}/none")
    config = loaded("--dataset", "synthetic", *model).config
    said = describe(config.model_dump_json(), runs_engine=True)
    assert "is not a folder with a config.json" in said["weights_problem"]
    assert "is not a folder with a config.json" in said["dataset_problem"]


def test_hosts_that_are_not_in_the_cluster_are_missing() -> None:
    found = _missing([node("10.0.0.1"), node("10.0.0.2")], HOSTS)
    assert [(each.name, each.problem) for each in found] == [("10.0.0.10", "not in the cluster")]


def test_a_node_that_died_is_missing_unless_it_came_back_or_was_stopped() -> None:
    died = node("10.0.0.2", alive=False, DeathReason=2, DeathReasonMessage="no heartbeat\nmore")
    (found,) = _missing([node("10.0.0.1"), died], None)
    assert (found.name, found.problem) == ("h (10.0.0.2)", "gone: no heartbeat")
    assert _missing([died, node("10.0.0.2")], None) == []
    assert _missing([node("10.0.0.2", alive=False, DeathReason=1)], None) == []


def test_an_open_port_answers_once_and_is_closed_after() -> None:
    port = open_port("127.0.0.1")
    assert try_port("127.0.0.1", port) is None
    for thread in threading.enumerate():
        if thread.name == "open-port":
            thread.join(10)
    assert try_port("127.0.0.1", port) == f"port {port}: Connection refused"
