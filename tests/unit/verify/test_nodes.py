"""A coordinated run: every node's session is verified, and the sum is made again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sut.config.names import Scenario
from sut.errors import LogError
from sut.record.session import read_session
from sut.result.aggregate import Call, NodeRecord, Start, aggregate
from sut.result.aggregated_schema import AGGREGATED_NAME, aggregated_json
from sut.result.baseline import Alone
from sut.result.build import build
from sut.verify.standing import Item, Standing
from sut.verify.what import verify
from tests.unit.result.nodes import node_session
from tests.unit.rules.changes import detail_value


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results directory of two nodes, with the sum that the control node wrote."""
    tmp_path = tmp_path_factory.mktemp("coordinated")
    results, records = tmp_path / "results", []
    results.mkdir()
    for number, name in enumerate(("a", "b")):
        session = node_session(tmp_path, name, "server")
        root = results / session.name
        shutil.move(session, root)
        starts = {Scenario.SERVER: Start(1000 * number, 10)}
        records.append(NodeRecord(name, name, root.name, build(root), starts=starts))
        shutil.copytree(root, results / f"{name}_alone")
    config = read_session(results / str(records[0].session)).config
    results_alone = {each.name: each.result for each in records if each.result is not None}
    alone = Alone("measured", results_alone, {name: f"{name}_alone" for name in ("a", "b")})
    summed = aggregate(config, records, alone, Call("2026-11-24T00:00:00Z", ["sut"]))
    assert summed.valid, summed.reasons
    (results / AGGREGATED_NAME).write_text(aggregated_json(summed), encoding="utf-8")
    return results


@pytest.fixture
def coordinated(made: Path, tmp_path: Path) -> Path:
    """One to break."""
    return Path(shutil.copytree(made, tmp_path / "results"))


def against(items: list[Item]) -> list[str]:
    return [each.sentence for each in items if each.standing is Standing.CONTRADICTS]


def rewrite(results: Path, **figures: Any) -> None:
    path = results / AGGREGATED_NAME
    document = json.loads(path.read_text(encoding="utf-8"))
    document["scenarios"]["Server"] |= figures
    path.write_text(json.dumps(document), encoding="utf-8")


def test_an_honest_sum_is_proved_and_its_skew_is_stated(coordinated: Path) -> None:
    items = verify(coordinated, "v6.1")
    assert items == verify(coordinated / AGGREGATED_NAME, "v6.1")
    assert against(items) == []
    mine = [each for each in items if each.subject == AGGREGATED_NAME]
    (proved,) = (each for each in mine if each.standing is Standing.PROVED)
    assert "samples/s are the sum over the nodes" in proved.sentence
    assert "Server start_skew_ms is 0.001" in [each.sentence for each in mine]
    assert {each.subject.partition(",")[0] for each in items} >= {"node a", "node b"}


@pytest.mark.parametrize("figure", ["achieved_qps", "latency_p99", "samples"])
def test_a_sum_that_its_nodes_do_not_give_contradicts(coordinated: Path, figure: str) -> None:
    rewrite(coordinated, **{figure: 1000000})
    (said,) = against(verify(coordinated, "v6.1"))
    assert said.startswith(f"Server {figure} is 1000000")


def put(document: dict[str, Any], where: str, value: object) -> None:
    *above, last = where.split("/")
    for key in above:
        document = document[key]
    if value is None:
        del document[last]
    else:
        document[last] = value


# Where in the sum something was changed → to what (None: taken out), and what is said of it.
EDITS: dict[str, tuple[str, object, str]] = {
    "its line of trust": ("trust", "verified by MLCommons", "It trust is verified by MLCommons"),
    "what composite means": ("composite_note", "one system", "It composite_note is one system"),
    "the benchmark": ("benchmark_info/benchmark", "MLPerf", "benchmark_info benchmark is MLPerf"),
    "the model": ("benchmark_info/model", "llama-70b", "benchmark_info model is llama-70b"),
    "the profile": ("benchmark_info/profile", "mlperf", "benchmark_info profile is mlperf"),
    "the round": ("benchmark_info/round", "v5.1", "benchmark_info round is v5.1"),
    "the stamp": ("benchmark_info/timestamp", "20270101_000000", "benchmark_info timestamp is"),
    "the engine": ("benchmark_info/engine", "trtllm", "benchmark_info engine is trtllm"),
    "how many nodes": ("benchmark_info/nodes", 3, "benchmark_info nodes is 3, and 2 by"),
    "a node less": ("nodes/b", None, "benchmark_info nodes is 2, and 1 by"),
    "a scenario less": ("scenarios/Server", None, "There is no Server in the result."),
    "a node's cards": ("nodes/a/accelerators", ["H200"], "node a accelerators is ['H200'], and"),
    "a node's engine": ("nodes/a/engine", "trtllm", "node a engine is trtllm, and"),
    "a reason beside valid": ("reasons", ["x"], "It is stated as valid, and gives a reason"),
    "a node's reason": ("nodes/a/reasons", ["x"], "node a is stated as valid, and gives a reason"),
    "a node's run less": ("scenarios/Server/nodes/a", None, "Server of node a is not in both"),
    "a node's tail": ("scenarios/Server/nodes/a/latency_p99", 1.0, "Server of node a latency_p99 "),
    "a node's share": ("scenarios/Server/nodes/a/share", 0.9, "Server of node a share is 0.9, and"),
    "a node's samples": ("scenarios/Server/nodes/a/samples", 9, "Server of node a samples is 9, "),
    "a node's duration": (
        "scenarios/Server/nodes/b/duration_s",
        1.0,
        "Server of node b duration_s",
    ),
    "a node's TTFT": ("scenarios/Server/nodes/b/ttft/p99_ns", 1, "Server of node b ttft is"),
    "the node of the worst tail": ("scenarios/Server/ttft/p99_node", "c", "Server ttft is"),
    "the skew": ("scenarios/Server/start_skew_ms", 0.0, "Server start_skew_ms is 0.0, and 0.001"),
    "a node's start": (
        "scenarios/Server/nodes/b/started_after_first_ms",
        7.0,
        "Server start_skew_ms is 0.001, and 7.0 by the figures beside it.",
    ),
    "the efficiency": ("scenarios/Server/scaling_efficiency", 1.2, "Server scaling_efficiency is"),
    "the overhead": ("scenarios/Server/coordination_overhead", -1.0, "Server coordination_over"),
    "the rate alone": ("scenarios/Server/single_node_qps", 1.0, "Server single_node_qps is 1.0, "),
    "a node's rate alone": (
        "scenarios/Server/nodes/a/single_node_qps",
        1.0,
        "Server single_node_qps of node a is 1.0, and ",
    ),
    "a run alone that is none": ("baseline/results/a", None, "Server single_node_qps of node a is"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_of_the_sum_is_one_contradiction(coordinated: Path, name: str) -> None:
    where, value, meets = EDITS[name]
    path = coordinated / AGGREGATED_NAME
    document = json.loads(path.read_text(encoding="utf-8"))
    put(document, where, value)
    path.write_text(json.dumps(document), encoding="utf-8")
    found = against(verify(coordinated, "v6.1"))
    assert [each.startswith(meets) for each in found] == [True], found


def test_a_run_alone_is_another_run_than_that_together(coordinated: Path) -> None:
    path = coordinated / AGGREGATED_NAME
    document = json.loads(path.read_text(encoding="utf-8"))
    put(document, "baseline/results/a", document["nodes"]["a"]["session"])
    path.write_text(json.dumps(document), encoding="utf-8")
    (said,) = against(verify(coordinated, "v6.1"))
    assert said.endswith("which is the run together itself.")


def test_a_node_whose_log_was_changed_contradicts(coordinated: Path) -> None:
    (root,) = coordinated.glob("b_2*")
    detail_value("effective_qsl_rng_seed", "1")(root / "Server/performance")
    found = verify(coordinated, "v6.1")
    assert {each.rule for each in found if each.subject.startswith("node b")} >= {"seeds"}
    assert any(each.startswith("It is stated as valid: node b: ") for each in against(found))


def test_a_session_that_is_not_there_contradicts(coordinated: Path) -> None:
    (root,) = coordinated.glob("b_2*")
    shutil.rmtree(root)
    (said,) = against(verify(coordinated, "v6.1"))
    assert said == f"Its session {root.name} is not beside {AGGREGATED_NAME}."


def test_a_sum_that_cannot_be_read_is_bad_input(coordinated: Path) -> None:
    (coordinated / AGGREGATED_NAME).write_text("{}", encoding="utf-8")
    with pytest.raises(LogError, match="no coordinated run's result of this version"):
        verify(coordinated, "v6.1")
