"""The actor's own work, without Ray: a real child process behind a real gate."""

from __future__ import annotations

import io
import json
import signal
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from sut.cluster.node_run import Ended, NodeRun, Ready
from sut.record.folder import NODE_LOG

# Stands in for our command line: a session folder, one question at the gate, then the end.
PLAYED = """
import json, os, sys
from pathlib import Path
from sut.cluster.gate import StartGate
from sut.config.names import Mode, Scenario
from sut.plan.run_id import RunId
resolved, descriptor = sys.argv[sys.argv.index("--resolved") + 1], int(sys.argv[-1])
folder = Path(json.loads(Path(resolved).read_text())["config"]["results_dir"]) / "node_x"
folder.mkdir()
(folder / "environment.json").write_text(json.dumps(dict(os.environ)))
gate = StartGate(descriptor)
gate(RunId(Scenario.OFFLINE, Mode.PERFORMANCE))
print("sut: the last word", file=sys.stderr)
sys.exit(int((folder / "environment.json").exists()))
"""
PATIENCE_S = 100.0
DOCUMENT = json.dumps({"config": {"results_dir": "replaced"}, "origins": {}})


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NodeRun]:
    """An actor whose `python -m sut.main` is the script above."""
    program = tmp_path / "python"
    script = tmp_path / "played.py"
    script.write_text(PLAYED)
    program.write_text(f'#!/bin/sh\nshift 2\nexec {sys.executable} {script} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[3]))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    actor = NodeRun()
    yield actor
    actor.stop(0)
    if actor._runs:
        actor.forget()
    assert actor.close() == []
    assert list(tmp_path.glob("sut-node-*")) == [], "nothing is left on the node"


def test_the_run_waits_at_the_gate_and_ends_with_its_code(node: NodeRun) -> None:
    pid = node.start(DOCUMENT, PATIENCE_S)
    assert node.next_message() == Ready("Offline performance")
    assert psutil.pid_exists(pid)
    node.go()
    ended = node.next_message()
    assert ended == Ended(1, "the last word")
    assert isinstance(ended, Ended)
    assert ended.reason == "its run ended with exit code 1: the last word"


def test_the_session_comes_back_with_the_runs_own_output(node: NodeRun) -> None:
    node.start(DOCUMENT, PATIENCE_S)
    node.next_message()
    node.go()
    node.next_message()
    archive = node.session()
    assert archive is not None
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        names = tar.getnames()
    assert {"node_x", "node_x/environment.json", f"node_x/{NODE_LOG}"} == set(names)


def test_a_session_that_nobody_fetched_is_kept_and_named(node: NodeRun, tmp_path: Path) -> None:
    for _ in range(2):
        node.start(DOCUMENT, PATIENCE_S)
        node.next_message()
        node.go()
        node.next_message()
        if len(node._runs) == 1:
            node.forget()
    (kept,) = node.close()
    assert Path(kept).name == "node_x"
    assert (Path(kept) / "environment.json").is_file()
    folder = node.whereabouts()["folder"]
    assert Path(kept).is_relative_to(folder)
    assert [path.name for path in Path(folder).iterdir()] == ["run-1"], "what was fetched is gone"


def test_the_nodes_environment_gives_no_orders(
    node: NodeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER_TARGET_QPS", "99")
    monkeypatch.setenv("NODE_NAME", "other")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("KEPT", "yes")
    node.start(DOCUMENT, PATIENCE_S)
    node.next_message()
    archive = node.session()
    assert archive is not None
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        member = tar.extractfile("node_x/environment.json")
        assert member is not None
        environment = json.load(member)
    assert not {"SERVER_TARGET_QPS", "NODE_NAME", "OMP_NUM_THREADS"} & environment.keys()
    assert environment["KEPT"] == "yes"


def test_a_gate_that_closes_ends_the_run(node: NodeRun) -> None:
    """As when the actor is killed: its end of the socket is gone."""
    node.start(DOCUMENT, PATIENCE_S)
    node.next_message()
    node._runs[-1].gate.shutdown(2)
    ended = node.next_message()
    assert isinstance(ended, Ended)
    assert ended.code == -signal.SIGTERM
    assert ended.reason.startswith("its run ended with signal SIGTERM")


def test_a_run_that_ignores_the_end_is_killed(node: NodeRun) -> None:
    pid = node.start(DOCUMENT, PATIENCE_S)
    node.next_message()
    psutil.Process(pid).suspend()
    node.stop(0.05)
    ended = node.next_message()
    assert isinstance(ended, Ended)
    assert ended.code < 0
    assert not psutil.pid_exists(pid)


def test_a_run_that_nobody_asks_after_ends(node: NodeRun) -> None:
    """As when the control node is gone, or this node is cut off."""
    pid = node.start(DOCUMENT, 10.0)
    node.next_message()
    node._asked_ns -= 50_000_000_000
    ended = node.next_message()
    assert isinstance(ended, Ended)
    assert ended.code == -signal.SIGTERM
    assert not psutil.pid_exists(pid)


def test_a_sign_of_life_says_how_long_the_run_was_silent(node: NodeRun) -> None:
    assert node.sign().silent_s == 0
    node.start(DOCUMENT, PATIENCE_S)
    node.next_message()
    run = node._runs[-1]
    run.heard_ns -= 50_000_000_000
    assert node.sign().silent_s >= 50
    node.go()
    node.next_message()
    assert node.sign().silent_s == 0, "a run that ended is not silent"
