"""Which nodes a coordinated run uses, what they are called, and what each is given."""

from __future__ import annotations

import json
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from sut.cluster import workers
from sut.cluster.coordinated import check_coordinated, document_for
from sut.cluster.workers import RayNode, names_of, places_for
from sut.config.ray_config import RayConfig
from sut.config.scenario_sections import ServerConfig
from sut.config.schema import (
    ComplianceConfig,
    DatasetConfig,
    EngineConfig,
    RunConfig,
    SystemConfig,
)
from sut.config.sources import Loaded
from sut.errors import ConfigError, EngineStartError
from tests.unit.result.sessions import make_config

ADDRESS = RayConfig(address="10.0.0.1:6379")


def node(host: str, address: str, alive: bool = True, **resources: float) -> dict[str, Any]:
    return {
        "NodeManagerHostname": host,
        "NodeManagerAddress": address,
        "Alive": alive,
        "Resources": resources,
    }


def test_only_living_nodes_with_room_take_part() -> None:
    nodes = [
        node("control", "10.0.0.1", CPU=0),
        node("a", "10.0.0.2", CPU=4, GPU=1),
        node("b", "10.0.0.3", CPU=4),
        node("c", "10.0.0.4", alive=False, CPU=4, GPU=1),
    ]
    found = places_for({"CPU": 1.0, "GPU": 1.0}, nodes)
    assert [each["NodeManagerHostname"] for each in found] == ["a"]


def test_a_node_takes_part_once_for_each_card_but_not_for_each_core() -> None:
    nodes = [node("a", "10.0.0.2", CPU=8, GPU=4), node("b", "10.0.0.3", CPU=8)]
    by_card = places_for({"CPU": 1.0, "GPU": 2.0}, nodes)
    assert names_of(by_card) == ["a-1", "a-2"]
    assert names_of(places_for({"CPU": 1.0}, nodes)) == ["a", "b"]


@pytest.mark.parametrize(
    ("nodes", "names"),
    [
        ([("a", "1.1.1.1"), ("b", "1.1.1.2")], ["a", "b"]),
        ([("a", "1.1.1.1"), ("a", "1.1.1.2")], ["1.1.1.1", "1.1.1.2"]),
        ([("a", "1.1.1.1"), ("a", "1.1.1.1")], ["a-1", "a-2"]),
        ([("a b/c", "::1")], ["a-b-c"]),
    ],
)
def test_every_node_has_a_name_of_its_own(nodes: list[tuple[str, str]], names: list[str]) -> None:
    assert names_of([node(*each) for each in nodes]) == names


def test_a_node_is_given_its_name_and_no_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = make_config(
        ("server",),
        engine=EngineConfig(ray=ADDRESS),
        dataset=DatasetConfig(source="file", path=Path("news.json")),
        compliance=ComplianceConfig(audit_config=Path("audit.config")),
        server=ServerConfig(probe_rate=True),
    )
    weights = tmp_path / config.model.path
    weights.mkdir(parents=True)
    (weights / "config.json").write_text("{}")
    document = json.loads(document_for(Loaded(config, {"profile": "flag"}), "worker"))
    given = RunConfig.model_validate(document["config"])
    assert given.node_name == "worker"
    assert given.engine.ray.address is None
    assert given.server.probe_rate is False, "all nodes have one rate"
    assert given.dataset.path == tmp_path / "news.json"
    assert given.model.path == str(weights)
    assert given.compliance.audit_config == tmp_path / "audit.config"
    assert document["origins"]["profile"] == "flag"
    assert document["origins"]["node_name"] == "coordinated run"


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        (EngineConfig(), "needs the Ray cluster"),
        (EngineConfig(replicas=2, ray=ADDRESS), "engine.replicas is 2"),
    ],
)
def test_what_no_coordinated_run_can_be_made_of_is_refused(
    engine: EngineConfig, words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        check_coordinated(make_config(("server",), engine=engine))
    check_coordinated(make_config(("server",), engine=EngineConfig(ray=ADDRESS)))


class Closing:
    """An actor that answers to `close` and then ends, or does not."""

    def __init__(self, answer: Future[list[str]]):
        self.close = self.end = self
        self.answer = answer

    def remote(self) -> Closing:
        return self

    def future(self) -> Future[list[str]]:
        return self.answer


def answering(*paths: str) -> Future[list[str]]:
    future: Future[list[str]] = Future()
    future.set_result(list(paths))
    return future


def test_a_session_that_is_left_on_a_node_is_told_with_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "CLOSE_S", 0.01)
    died: Future[list[str]] = Future()
    died.set_exception(ConnectionError("gone"))
    answers = {"clean": answering(), "kept": answering("/t/run-0/s"), "cut": Future(), "dead": died}
    nodes = [RayNode(name, f"at {name}", Closing(answer)) for name, answer in answers.items()]
    assert list(workers._end(nodes, {name: f"/t/{name}" for name in answers})) == [
        "node kept (at kept): its session was not fetched and stays there in /t/run-0/s.",
        "node cut (at cut) did not answer at the end: a session that was not fetched stays there "
        "below /t/cut.",
        "node dead (at dead) did not answer at the end: a session that was not fetched stays there "
        "below /t/dead.",
    ]


def test_two_of_ray_s_nodes_on_one_host_cannot_have_the_same_card() -> None:
    cuda = make_config(("server",), system=SystemConfig(name="a30-bf16", platform="cuda"))
    own = {"a": {"gpu_uuids": ["GPU-1"]}, "b": {"gpu_uuids": ["GPU-2"]}}
    workers._refuse_shared_cards(cuda, own)
    shared = {"a": {"gpu_uuids": ["GPU-1"]}, "b": {"gpu_uuids": ["GPU-1"]}}
    with pytest.raises(EngineStartError, match="node a and node b share GPU GPU-1"):
        workers._refuse_shared_cards(cuda, shared)
    workers._refuse_shared_cards(make_config(("server",)), shared)  # a CPU's have none
