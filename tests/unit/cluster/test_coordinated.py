"""The whole of a coordinated call over nodes that are played: nothing measured is thrown away."""

from __future__ import annotations

import io
import json
import signal
import tarfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sut.cluster import barrier as coordinate
from sut.cluster import coordinated
from sut.cluster.collect import read_stored
from sut.cluster.coordinated import INTERRUPTED, Summed, _Call, run_coordinated
from sut.cluster.node_run import Ended, Message, Ready
from sut.config.names import Scenario
from sut.config.schema import RunConfig
from sut.config.sources import Loaded
from sut.errors import ConfigError
from sut.machine.signals import first_ends_the_run
from sut.result.build import build, result_json
from tests.unit.cluster.played import PlayedNode, done
from tests.unit.result.nodes import node_session
from tests.unit.result.sessions import dump, make_config

SERVER = "Server performance"


class Found:
    """What `workers` finds."""

    def __init__(self, *nodes: PlayedNode):
        self.nodes = nodes
        self.gone: str | None = None

    def head_gone(self, timeout_s: float) -> str | None:
        return self.gone


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """A valid session of Server with its result, by the name of the node that made it."""
    folder = tmp_path_factory.mktemp("nodes")
    return {name: packed(finished(node_session(folder, name, "server"))) for name in ("a", "b")}


def finished(root: Path) -> Path:
    """The session with what a run writes at its end."""
    (root / "result.json").write_text(result_json(build(root)))
    (root / "summary.txt").write_text("the node's")
    return root


def packed(root: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(root, root.name)
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def _short_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("END_S", "END_SILENT_S", "MARGIN_S", "FETCH_S"):
        monkeypatch.setattr(coordinate, name, 0.05)


def config(results_dir: Path) -> RunConfig:
    made = make_config(("server",), results_dir=results_dir)
    ray = made.engine.ray.model_copy(update={"address": "10.0.0.1:6379"})
    return made.model_copy(update={"engine": made.engine.model_copy(update={"ray": ray})})


def node(name: str, archive: Mapping[str, bytes], runs: int = 1) -> PlayedNode:
    lines: list[Message] = [Ready(SERVER), Ended(0, None)]
    made = PlayedNode(name, *lines * runs)
    made.archive = archive[name]
    return made


def call(
    found: Found, results_dir: Path, *, baseline: bool = False, stored: Sequence[Path] = ()
) -> Summed:
    read = {str(path): read_stored(path) for path in stored}
    made = _Call(Loaded(config(results_dir), {}), Console(quiet=True), read)
    try:
        with first_ends_the_run():
            return made.run(found, measure_alone=baseline)  # type: ignore[arg-type]
    except KeyboardInterrupt:
        pytest.fail("the interruption cost what was measured")


def interrupted_by(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, during which somebody presses Ctrl-C."""

    def pressed(*arguments: Any, **named: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return function(*arguments, **named)

    return pressed


def test_results_that_could_not_be_kept_are_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinated, "workers", lambda *_: pytest.fail("nodes were asked"))
    (tmp_path / "file").write_text("")
    loaded = Loaded(config(tmp_path / "file" / "results"), {})
    with pytest.raises(ConfigError, match="where nothing can be written") as caught:
        run_coordinated(loaded, baseline=False, stored=(), console=Console(quiet=True))
    assert caught.value.exit_code == 2


def test_a_call_leaves_sessions_and_sum_here_and_nothing_on_the_nodes(
    tmp_path: Path, archive: Mapping[str, bytes]
) -> None:
    a, b = node("a", archive), node("b", archive)
    summed = call(Found(a, b), tmp_path)
    assert summed.result.valid, summed.result.reasons
    assert summed.path.is_file()
    assert ("a", "forget") in a.events
    assert ("b", "forget") in b.events


def edited(root: Path, file: str, **changes: Any) -> None:
    document = json.loads((root / file).read_text())
    for section, values in changes.items():
        document[section] |= values
    dump(root / file, document)


def test_nodes_are_held_against_the_rate_that_they_are_given(
    tmp_path: Path, archive: Mapping[str, bytes]
) -> None:
    asked = config(tmp_path)
    server = asked.server.model_copy(update={"probe_rate": True})
    loaded = Loaded(asked.model_copy(update={"server": server}), {})
    found = Found(*[node(name, archive) for name in archive])
    made = _Call(loaded, Console(quiet=True), {})
    with first_ends_the_run():
        result = made.run(found, measure_alone=False).result  # type: ignore[arg-type]
    assert [each for each in result.reasons if "probe_rate" in each] == []
    assert made.loaded.config.server.probe_rate is False


def test_a_node_with_other_sources_is_kept_and_not_added_up(
    tmp_path: Path, archive: Mapping[str, bytes]
) -> None:
    other = node_session(tmp_path / "other", "b", "server")
    edited(other, "session.json", software={"harness_commit": "ba9876543210"})
    a, b = node("a", archive), node("b", {"b": packed(finished(other))})
    summed = call(Found(a, b), tmp_path)
    assert summed.result.reasons == [
        "the nodes are not alike: harness commit is 0123456789ab on node a and ba9876543210 on "
        "node b"
    ]
    assert json.loads(summed.path.read_text())["scenarios"]["Server"]["achieved_qps"] is None
    assert len(list(tmp_path.glob("mlperf_datacenter_*.json"))) == 2


def test_a_rate_that_a_node_only_says_is_not_added_up(
    tmp_path: Path, archive: Mapping[str, bytes]
) -> None:
    liar = finished(node_session(tmp_path / "liar", "b", "server"))
    document = json.loads((liar / "result.json").read_text())
    document["scenarios"]["Server"]["achieved_qps"] = 999.0
    (liar / "result.json").write_text(json.dumps(document))
    found = Found(node("a", archive), node("b", {"b": packed(liar)}))
    summed = call(found, tmp_path)
    (reason,) = summed.result.reasons
    assert reason.startswith("node b: scenarios.Server.achieved_qps is 999.0 in its own result and")
    scenario = summed.result.scenarios[Scenario.SERVER]
    assert scenario.nodes["b"].achieved_qps == 196.537
    assert scenario.achieved_qps is None


def test_a_session_that_gives_no_result_is_named_with_the_cause(
    tmp_path: Path, archive: Mapping[str, bytes]
) -> None:
    bare = finished(node_session(tmp_path / "bare", "b", "server"))
    (bare / "config.json").unlink()
    found = Found(node("a", archive), node("b", {"b": packed(bare)}))
    (reason,) = call(found, tmp_path).result.reasons
    assert reason.startswith("node b (host of b): no result can be built of its session: ")
    assert "config.json: the file cannot be read" in reason


def test_a_run_alone_that_contradicts_itself_is_not_compared(
    tmp_path: Path, archive: Mapping[str, bytes]
) -> None:
    liar = finished(node_session(tmp_path / "liar", "a", "server"))
    edited(liar, "result.json", dataset={"count": 47})
    a = node("a", archive, runs=2)
    archives = iter([packed(liar), archive["a"]])
    a.session = lambda: done(next(archives))  # type: ignore[method-assign]
    summed = call(Found(a), tmp_path, baseline=True)
    assert summed.result.valid, summed.result.reasons
    assert summed.result.scenarios[Scenario.SERVER].scaling_efficiency is None
    assert summed.result.notes[0].startswith(
        "node a: its run alone is not compared: dataset.count is 47 in its own result and 48 "
    )


@pytest.mark.parametrize("beside", [True, False])
def test_a_stored_run_alone_is_compared_and_said_to_be_stated_where_nothing_lies_beside_it(
    tmp_path: Path, archive: Mapping[str, bytes], beside: bool
) -> None:
    root = finished(node_session(tmp_path / "first", "a", "server"))
    path = root / "result.json"
    if not beside:
        path = path.rename(tmp_path / "kept.json")
    found = Found(node("a", archive))
    summed = call(found, tmp_path / "second", stored=[path])
    assert summed.result.valid, summed.result.reasons
    assert summed.result.scenarios[Scenario.SERVER].scaling_efficiency == pytest.approx(1.0)
    assert summed.result.baseline is not None
    assert summed.result.baseline.stated == ([] if beside else ["a"])
    stated = [note for note in summed.result.notes if "is stated, not built again" in note]
    assert len(stated) == (0 if beside else 1)


@pytest.mark.parametrize("during", ["stop", "session", "forget", "keep", "aggregate"])
def test_an_interruption_after_the_last_run_loses_nothing(
    tmp_path: Path, archive: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch, during: str
) -> None:
    a = node("a", archive)
    place: Any = a if hasattr(a, during) else coordinated
    monkeypatch.setattr(place, during, interrupted_by(getattr(place, during)))
    summed = call(Found(a), tmp_path)
    assert not summed.interrupted
    assert summed.result.valid, summed.result.reasons
    assert summed.path.is_file()


def test_an_interruption_while_it_runs_ends_it_and_is_told(
    tmp_path: Path, archive: Mapping[str, bytes]
) -> None:
    a = PlayedNode("a", Ready(SERVER))
    a.archive = archive["a"]
    a.signs = interrupted_by(a.signs)
    summed = call(Found(a), tmp_path)
    assert summed.interrupted
    assert summed.result.reasons == [INTERRUPTED]


def test_an_interruption_between_runs_alone_and_together_ends_the_call(
    tmp_path: Path, archive: Mapping[str, bytes]
) -> None:
    a, b = node("a", archive, runs=2), node("b", archive, runs=2)
    a.session = interrupted_by(a.session)  # type: ignore[method-assign]
    summed = call(Found(a, b), tmp_path, baseline=True)
    assert summed.interrupted
    assert summed.result.reasons[0] == INTERRUPTED
    assert ("b", "go") not in b.events
    assert ("a", "forget") in a.events


def test_a_session_that_cannot_be_kept_stays_on_its_node_and_costs_no_other(
    tmp_path: Path, archive: Mapping[str, bytes]
) -> None:
    a, broken = node("a", archive), node("broken", {"broken": b"x" * 1024})
    summed = call(Found(a, broken), tmp_path)
    (reason,) = summed.result.reasons
    assert reason.startswith("node broken (host of broken): its session could not be kept here: ")
    assert summed.result.nodes["a"].valid
    assert ("broken", "forget") not in broken.events


def test_a_full_disk_costs_no_sum(
    tmp_path: Path, archive: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(coordinated, "keep", full)
    summed = call(Found(node("a", archive)), tmp_path)
    assert summed.result.reasons == [
        "node a (host of a): its session could not be kept here: No space left on device"
    ]


def test_a_head_that_is_gone_is_a_reason_of_its_own(
    tmp_path: Path, archive: Mapping[str, bytes]
) -> None:
    found = Found(node("a", archive))
    a = found.nodes[0]
    a.lines = [Ready(SERVER), Ended(-9, None)]
    go = a.go

    def lost_then() -> Future[Any]:
        found.gone = "the cluster's head at 10.0.0.1:6379 is gone"
        return go()

    a.go = lost_then  # type: ignore[method-assign]
    summed = call(found, tmp_path)
    assert summed.result.reasons[0] == found.gone
    assert not summed.interrupted
