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
    config = read_session(results / str(records[0].session)).config
    summed = aggregate(config, records, None, Call("2026-11-24T00:00:00Z", ["sut"]))
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


def test_a_node_whose_log_was_changed_contradicts(coordinated: Path) -> None:
    (root,) = coordinated.glob("b_*")
    detail_value("effective_qsl_rng_seed", "1")(root / "Server/performance")
    found = verify(coordinated, "v6.1")
    assert {each.rule for each in found if each.subject.startswith("node b")} >= {"seeds"}
    assert any(each.startswith("It is stated as valid: node b: ") for each in against(found))


def test_a_session_that_is_not_there_contradicts(coordinated: Path) -> None:
    (root,) = coordinated.glob("b_*")
    shutil.rmtree(root)
    (said,) = against(verify(coordinated, "v6.1"))
    assert said == f"Its session {root.name} is not beside {AGGREGATED_NAME}."


def test_a_sum_that_cannot_be_read_is_bad_input(coordinated: Path) -> None:
    (coordinated / AGGREGATED_NAME).write_text("{}", encoding="utf-8")
    with pytest.raises(LogError, match="no coordinated run's result of this version"):
        verify(coordinated, "v6.1")
