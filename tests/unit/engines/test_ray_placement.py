from __future__ import annotations

from typing import Any

import pytest

from sut.engines.ray.placement import (
    cores_for,
    how_many,
    needed,
    refuse_other_weights,
    refuse_shared_cards,
    same_traits,
    spread,
)
from sut.errors import EngineStartError
from tests.unit.config.support import loaded


def node(name: str, *, alive: bool = True, **resources: float) -> dict[str, Any]:
    return {
        "Alive": alive,
        "NodeManagerHostname": name,
        "NodeManagerAddress": "10.0.0.1",
        "Resources": resources,
    }


GPU = {"CPU": 1.0, "GPU": 1.0}


def place(replica: int, node_id: str = "a", **changes: Any) -> dict[str, Any]:
    base = {"replica": replica, "node_id": node_id, "host": f"host-{node_id}", "node_ip": node_id}
    return base | {"cores": [0, 1, 2, 3], "gpu_uuids": []} | changes


def test_a_replica_on_cpu_asks_for_its_cores_and_on_cuda_for_its_cards() -> None:
    config = loaded("--replicas", "1", "--set", "engine.ray.cpus_per_replica=2").config
    assert needed(config) == {"CPU": 2.0}
    two = loaded("--system", "a30-bf16", "--tensor-parallel-size", "2").config
    assert needed(two) == {"CPU": 1.0, "GPU": 2.0}


def test_all_is_what_fits_node_by_node() -> None:
    nodes = [node("head", CPU=0.0), node("a", CPU=8.0, GPU=3.0), node("b", CPU=1.0, GPU=2.0)]
    assert how_many("all", GPU, nodes) == 4
    # Two cards on different nodes are no room for a replica that needs two.
    assert how_many("all", {"CPU": 1.0, "GPU": 2.0}, nodes) == 2
    assert how_many(3, GPU, nodes) == 3


def test_replicas_are_spread_over_the_nodes_as_far_as_these_have_room() -> None:
    nodes = [node("head", CPU=0.0), node("a", CPU=8.0, GPU=4.0), node("b", CPU=1.0, GPU=2.0)]
    assert spread("all", GPU, nodes) == [0, 4, 1]
    assert spread(2, GPU, nodes) == [0, 1, 1]
    assert spread(4, GPU, nodes) == [0, 3, 1]
    assert spread(9, GPU, nodes) == [0, 4, 1]


def test_a_part_of_a_core_goes_into_it_as_often_as_arithmetic_says() -> None:
    for part, times in ((0.2, 5), (0.1, 10), (0.05, 20), (0.3, 3)):
        assert how_many("all", {"CPU": part}, [node("a", CPU=1.0)]) == times


def test_a_lack_is_named_with_what_each_node_has() -> None:
    nodes = [node("a", CPU=8.0, GPU=1.0), node("b", CPU=4.0), node("gone", alive=False, GPU=8.0)]
    with pytest.raises(EngineStartError) as raised:
        how_many(2, GPU, nodes)
    said = raised.value.render()
    assert "2 replicas need 1 CPU and 1 GPU each; the cluster has room for 1" in said
    assert "b (10.0.0.1) has 4 CPU and 0 GPU" in said
    assert "gone" not in said


def test_replicas_of_a_node_share_its_cores_and_those_of_two_nodes_do_not() -> None:
    cores = cores_for([place(0), place(1), place(2, "b", cores=[5, 7])])
    assert cores == [[0, 1], [2, 3], [5, 7]]


def test_more_replicas_than_cores_is_refused() -> None:
    with pytest.raises(EngineStartError, match="host-a has 1 cores for 2 replicas"):
        cores_for([place(0, cores=[3]), place(1, cores=[3])])


def test_no_two_replicas_share_a_card() -> None:
    refuse_shared_cards({"replica 0": ["x"], "replica 1": ["y"]}, 1)
    with pytest.raises(EngineStartError, match="replica 0 and replica 1 share GPU x"):
        refuse_shared_cards({"replica 0": ["x"], "replica 1": ["x"]}, 1)
    with pytest.raises(EngineStartError, match="replica 1 on host-a sees 0 GPUs, not 1"):
        refuse_shared_cards({"replica 0": ["x"], "replica 1 on host-a": []}, 1)


def test_every_replica_has_the_same_weights() -> None:
    same = [place(0, model_sha256="a" * 64), place(1, "b", model_sha256="a" * 64)]
    refuse_other_weights(same)
    refuse_other_weights([place(0, model_sha256=None)])
    with pytest.raises(EngineStartError, match=r"host-c \(c\) are not those on host-a \(a\)"):
        refuse_other_weights([*same, place(2, "c", model_sha256="b" * 64)])
    with pytest.raises(EngineStartError, match="SHA-256 unknown and aaaaaaaaaaaa…"):
        refuse_other_weights([*same, place(2, "c", model_sha256=None)])


def test_replicas_must_tell_the_same_of_their_engines() -> None:
    places = [place(0), place(1, "b")]
    told = {"traits": {"dtype": "bfloat16", "of_machine": ("block_size",)}}
    assert same_traits(places, [told, told]).dtype == "bfloat16"
    other = {"traits": told["traits"] | {"dtype": "float16"}}
    with pytest.raises(EngineStartError, match=r"host-b \(b\) is not that on host-a") as refused:
        same_traits(places, [told, other])
    assert "its dtype is float16, not bfloat16" in refused.value.message
