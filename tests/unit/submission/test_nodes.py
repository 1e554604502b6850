"""Replicas on other machines: the tree describes the system that answered, not the driver."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sut.submission.gather import load_session
from sut.submission.make_tree import make_tree
from sut.submission.request import Refused
from sut.submission.system_json import detected
from tests.unit.result.sessions import dump
from tests.unit.submission.support import plan, session, small_round

DRIVER = "node"
UNSEEN = {
    "host_processor_model_name",
    "host_processor_core_count",
    "host_memory_capacity",
    "operating_system",
}
OF_CARDS = {"accelerator_model_name", "accelerator_memory_capacity"}


def gpu(uuid: str) -> dict[str, Any]:
    return {"name": "A30", "uuid": uuid, "memory_mib": 24576, "driver": "1"}


def replica(number: int, host: str, *cards: str, node: str = "") -> dict[str, Any]:
    """What `Replica.whereabouts` says."""
    return {
        "replica": number, "pid": number, "host": host, "node_id": node or host,
        "node_ip": "10.0.0.1", "cores": [0], "gpu_uuids": list(cards), "model_sha256": "1" * 64,
    }  # fmt: skip


def told(place: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The same from a replica that tells what its node is, as the first of each node does."""
    hardware = {
        "host": place["host"], "operating_system": "Ubuntu 24.04", "kernel": "6.8",
        "cpu_model": "EPYC", "cpu_sockets": 2, "cpu_cores": 64, "cpu_threads_usable": 128,
        "memory_gib": 512.0, "cpu_governor": None,
        "gpus": [gpu(uuid) for uuid in place["gpu_uuids"]],
    }  # fmt: skip
    return place | {"hardware": hardware | changes}


def placed(root: Path, *replicas: dict[str, Any], gpus: tuple[str, ...] = ()) -> Path:
    """Write where the replicas were, and which cards the driver's own machine has."""
    document = json.loads((root / "session.json").read_text(encoding="utf-8"))
    document["engine"]["details"] = {"replicas": list(replicas)}
    document["hardware"]["gpus"] = [gpu(uuid) for uuid in gpus]
    dump(root / "session.json", document)
    return root


def known(tmp_path: Path, *replicas: dict[str, Any], gpus: tuple[str, ...] = ()) -> dict[str, str]:
    root = placed(session(tmp_path, "server"), *replicas, gpus=gpus)
    return detected(load_session(root, small_round("v6.1"))[0].facts)


def test_nodes_and_cards_are_those_of_the_replicas(tmp_path):
    found = known(
        tmp_path, replica(0, "a", "G0"), replica(1, "b", "G1"), replica(2, "b", "G2", "G3")
    )
    assert found["number_of_nodes"] == "2"
    assert found["accelerators_per_node"] == "3"


def test_nothing_of_the_driver_is_passed_off_as_another_machines(tmp_path):
    found = known(tmp_path, replica(0, "a", "G0"), gpus=("G9",))
    assert not (UNSEEN | OF_CARDS) & found.keys()
    assert "NVIDIA driver" not in found["other_software_stack"]


def test_nodes_that_are_alike_are_described_by_themselves(tmp_path):
    found = known(
        tmp_path, told(replica(0, "a", "G0")), told(replica(1, "b", "G1")), gpus=("G9", "G8")
    )
    assert found["host_processor_model_name"] == "EPYC"
    assert found["host_processors_per_node"] == "2"
    assert found["host_processor_core_count"] == "32"
    assert found["host_memory_capacity"] == "512 GiB"
    assert found["operating_system"] == "Ubuntu 24.04, Linux 6.8"
    assert found["accelerator_model_name"] == "A30"
    assert found["accelerator_memory_capacity"] == "24 GiB"
    assert "NVIDIA driver 1" in found["other_software_stack"]


def test_what_nodes_differ_in_is_left_to_be_stated(tmp_path):
    other = gpu("G1") | {"name": "L40S", "driver": "2"}
    found = known(
        tmp_path,
        told(replica(0, "a", "G0")),
        told(replica(1, "b", "G1"), memory_gib=256.0, gpus=[other]),
    )
    assert not {"host_memory_capacity", "accelerator_model_name"} & found.keys()
    assert found["host_processor_model_name"] == "EPYC"
    assert "NVIDIA driver" not in found["other_software_stack"]


def test_one_node_that_does_not_tell_leaves_all_to_be_stated(tmp_path):
    found = known(tmp_path, told(replica(0, "a", "G0")), replica(1, "b", "G1"))
    assert not (UNSEEN | OF_CARDS) & found.keys()


def test_cards_that_did_not_answer_are_no_part_of_the_system(tmp_path):
    idle = gpu("G7") | {"name": "T4"}
    found = known(tmp_path, told(replica(0, "a", "G0"), gpus=[idle, gpu("G0")]))
    assert found["accelerator_model_name"] == "A30"
    assert found["accelerators_per_node"] == "1"


def test_machines_of_one_name_are_told_apart(tmp_path):
    found = known(tmp_path, replica(0, DRIVER), replica(1, DRIVER, node="other"))
    assert found["number_of_nodes"] == "2"
    assert not UNSEEN & found.keys()


def test_a_cluster_without_cards_has_none(tmp_path):
    found = known(tmp_path, replica(0, "a"), replica(1, "b"))
    assert found["accelerators_per_node"] == "0"
    assert {found[key] for key in OF_CARDS} == {"N/A"}


def test_replicas_beside_the_driver_leave_its_machine_detected(tmp_path):
    found = known(tmp_path, replica(0, DRIVER, "G0"), replica(1, DRIVER, "G1"), gpus=("G0", "G1"))
    assert found.keys() >= UNSEEN | OF_CARDS
    assert found["number_of_nodes"] == "1"
    assert found["accelerators_per_node"] == "2"
    assert found["accelerator_model_name"] == "A30"


def test_what_was_not_seen_must_be_stated(tmp_path):
    root = session(tmp_path / "s", "server", "server+accuracy")
    placed(root, replica(0, "a", "G0"), replica(1, "b", "G1"))
    with pytest.raises(Refused) as caught:
        make_tree(plan(tmp_path / "tree", root, division="open"))
    for key in UNSEEN | OF_CARDS:
        line = f"description.{key} is missing and was not detected: state it."
        assert line in caught.value.reasons


def different(tmp_path: Path, first: list[Any], second: list[Any], **changes: Any) -> list[str]:
    """What is said of different machines, of an Offline and a Server session."""
    one = session(tmp_path / "s", "offline", "offline+accuracy", name="node_1")
    two = session(tmp_path / "s", "server", "server+accuracy", name="node_2")
    placed(one, *first, **changes)
    placed(two, *second, **changes)
    try:
        make_tree(plan(tmp_path / "tree", one, two, division="open"))
    except Refused as refused:
        return [reason for reason in refused.reasons if "different machines" in reason]
    return []


@pytest.mark.parametrize(
    "other",
    [[replica(0, "a", "G0"), replica(1, "c", "G2")], [replica(0, "a", "G0", "G1")], []],
    ids=["another host", "other cards", "no replicas"],
)
def test_replicas_on_other_machines_are_another_system(tmp_path, other):
    (reason,) = different(tmp_path, [replica(0, "a", "G0"), replica(1, "b", "G1")], other)
    assert "replicas on a with 1 GPUs and b with 1 GPUs" in reason


def test_the_same_nodes_in_another_cluster_are_the_same_system(tmp_path):
    first = [replica(0, "a", "G0"), replica(1, "b", "G1")]
    second = [replica(0, "b", "G1", node="x"), replica(1, "a", "G0", node="y")]
    assert different(tmp_path, first, second) == []


def test_all_cards_of_one_machine_are_one_system_with_replicas_and_without(tmp_path):
    both = [replica(0, DRIVER, "G0"), replica(1, DRIVER, "G1")]
    assert different(tmp_path, both, [], gpus=("G0", "G1")) == []
