"""Coordinated runs over two workers with addresses of their own, by one command on a third."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from jsonschema import Draft202012Validator

from scripts.write_schema import AGGREGATED_TARGET
from sut.record.folder import sha256_of
from tests.integration.conftest import settings
from tests.integration.netns import Cluster, Node, ray_cluster

WAIT_S = 200
NAME = "aggregated_datacenter_results.json"
ASKED = [
    *["--coordinated", "--engine", "null", "--dataset", "synthetic"],
    *settings(engine__null__tokens=16, generation__max_tokens=32),
]
SHORT = settings(
    offline__min_duration_s=0,
    server__min_duration_s=2,
    server__target_qps=50,
    engine__null__ttft_ms=1,
    engine__null__tpot_ms=1,
)
# Long enough that whatever is done to it falls into the run.
LONG = ["--scenario", "Server", *settings(server__min_duration_s=120, server__target_qps=20)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with ray_cluster() as cluster:
        yield cluster


def words(cluster: Cluster, results: Path, *arguments: str) -> list[str]:
    place = ["--address", cluster.address, "--results-dir", str(results)]
    return cluster.sut(*ASKED, *place, *arguments)


def aggregated(results: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((results / NAME).read_text(encoding="utf-8"))
    schema = json.loads(AGGREGATED_TARGET.read_text(encoding="utf-8"))
    assert [error.message for error in Draft202012Validator(schema).iter_errors(document)] == []
    return document


def runs_on(node: Node) -> list[psutil.Process]:
    """The runs; what one of them has just forked has its command line until it is another's."""
    found = node.running("--resolved")
    forked = {child.pid for each in found for child in each.children()}
    return [each for each in found if each.pid not in forked]


def nothing_left(*nodes: Node) -> None:
    for node in nodes:
        for marker in ("sut.main", "sut.loadgen.child", "ray::NodeRun"):
            assert node.running(marker) == []


def begin(cluster: Cluster, results: Path) -> subprocess.Popen[str]:
    """Start a long run; return once LoadGen was let go on both workers."""
    process = cluster.control.popen(*words(cluster, results, *LONG))
    until_said(process, "begun on 2 nodes")
    return process


def until_said(process: subprocess.Popen[str], what: str) -> str:
    """Read on until a line has these words; returns it."""
    assert process.stderr is not None
    for line in process.stderr:
        if what in line:
            return line
    raise AssertionError(f"it never said {what!r}: {process.communicate()}")


def ended_after(
    process: subprocess.Popen[str], blow: str, strike: Callable[[], None]
) -> tuple[int, str]:
    """Strike, and wait for the end; returns exit code and what it said after noticing.

    The time until it noticed is shown by pytest -s and not asserted: a busy machine has its own.
    """
    strike()
    struck_s = time.monotonic()
    line = until_said(process, "are ended.")
    sys.stdout.write(f"coordinated, {blow}: after {time.monotonic() - struck_s:.1f} s: {line}")
    stdout, stderr = process.communicate(timeout=WAIT_S)
    return process.returncode, stdout + stderr


def test_one_command_runs_both_workers_and_adds_up(cluster: Cluster, tmp_path: Path) -> None:
    asked = words(cluster, tmp_path, "--scenario", "Offline,Server", "--baseline", *SHORT)
    done = cluster.control.run(*asked, timeout_s=WAIT_S)
    assert done.code == 0, done.stdout + done.stderr
    document = aggregated(tmp_path)
    assert document["valid"]
    names = sorted(worker.ip for worker in cluster.workers)
    assert sorted(document["nodes"]) == names, "hosts share a name here, and NODE_NAME is no order"
    for scenario in ("Offline", "Server"):
        found = document["scenarios"][scenario]
        assert found["valid"]
        assert [node["share"] for node in found["nodes"].values()] == [0.5, 0.5]
        parts = [node["achieved_qps"] for node in found["nodes"].values()]
        assert found["achieved_qps"] == pytest.approx(sum(parts))
        assert found["coordination_overhead"] == pytest.approx(1 - found["scaling_efficiency"])
        assert found["start_skew_ms"] >= 0
    sessions = sorted(path.name for path in tmp_path.iterdir() if path.is_dir())
    together = [node["session"] for node in document["nodes"].values()]
    assert sorted([*together, *document["baseline"]["results"].values()]) == sessions
    assert len(sessions) == 4
    assert len(list(tmp_path.glob("mlperf_datacenter_*.json"))) == 4
    for session in sessions:
        assert (tmp_path / session / "Server/performance/mlperf_log_detail.txt").stat().st_size
    nothing_left(*cluster.workers, cluster.control)


@pytest.mark.slow
def test_stored_results_serve_as_the_baseline(cluster: Cluster, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    short = ("--scenario", "Offline", *SHORT)
    done = cluster.control.run(*words(cluster, first, *short), timeout_s=WAIT_S)
    assert done.code == 0, done.stderr
    assert aggregated(first)["baseline"] is None
    stored = [str(path) for path in sorted(first.glob("mlperf_datacenter_*.json"))]
    flags = ["--baseline-results", *stored]
    done = cluster.control.run(*words(cluster, second, *short, *flags), timeout_s=WAIT_S)
    assert done.code == 0, done.stderr
    document = aggregated(second)
    assert document["baseline"]["source"] == "stored"
    assert document["scenarios"]["Offline"]["scaling_efficiency"] > 0
    other = settings(offline__target_qps=77)
    done = cluster.control.run(*words(cluster, second, *short, *other, *flags), timeout_s=WAIT_S)
    assert done.code == 2
    assert "offline.target_qps is 6.0 there and 77.0 in this run" in done.stderr


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (signal.SIGKILL, "its run ended with signal SIGKILL"),
        pytest.param(signal.SIGSTOP, "its run gave no sign of life", marks=pytest.mark.slow),
    ],
)
def test_a_run_that_is_lost_makes_the_whole_invalid(
    cluster: Cluster, tmp_path: Path, how: signal.Signals, words: str
) -> None:
    process = begin(cluster, tmp_path)
    (victim,) = runs_on(cluster.workers[1])
    code, said = ended_after(process, f"run, {how.name}", lambda: victim.send_signal(how))
    assert code == 1, said
    document = aggregated(tmp_path)
    ip = cluster.workers[1].ip
    assert not document["valid"]
    assert document["nodes"][ip]["failure"].startswith(words)
    assert any(ip in reason and words in reason for reason in document["reasons"])
    assert document["nodes"][cluster.workers[0].ip]["failure"] is None
    assert len(list(tmp_path.glob("mlperf_datacenter_*.json"))) >= 1, "the other wrote its result"
    assert "Traceback" not in said
    nothing_left(*cluster.workers, cluster.control)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "words"), [(signal.SIGKILL, "died"), (signal.SIGSTOP, "no sign of life")]
)
def test_an_actor_that_is_lost_makes_the_whole_invalid(
    cluster: Cluster, tmp_path: Path, how: signal.Signals, words: str
) -> None:
    process = begin(cluster, tmp_path)
    (actor,) = cluster.workers[1].running("ray::NodeRun")
    runs = [run for worker in cluster.workers for run in runs_on(worker)]
    code, said = ended_after(process, f"actor, {how.name}", lambda: actor.send_signal(how))
    assert code == 1, said
    failure = aggregated(tmp_path)["nodes"][cluster.workers[1].ip]["failure"]
    assert words in failure
    assert psutil.wait_procs(runs, timeout=30)[1] == []
    nothing_left(*cluster.workers, cluster.control)


@pytest.mark.slow
def test_ctrl_c_ends_every_node_and_keeps_what_they_wrote(cluster: Cluster, tmp_path: Path) -> None:
    process = begin(cluster, tmp_path)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130, stdout + stderr
    document = aggregated(tmp_path)
    assert document["reasons"][0] == "interrupted before every node's run was whole"
    assert len(list(tmp_path.glob("mlperf_datacenter_*.json"))) == 2
    nothing_left(*cluster.workers, cluster.control)


def test_a_node_that_cannot_start_is_named_with_its_reason(
    cluster: Cluster, tmp_path: Path
) -> None:
    asked = words(cluster, tmp_path, "--scenario", "Offline", "--dataset", "/absent.json")
    done = cluster.control.run(*asked, timeout_s=WAIT_S)
    assert done.code == 3, done.stdout + done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("sut: the nodes' runs did not start: node 10.77.0.")
    assert "/absent.json" in last
    assert not (tmp_path / NAME).exists()
    nothing_left(*cluster.workers, cluster.control)


@pytest.mark.slow
def test_workers_with_other_data_are_not_added_up(tmp_path: Path) -> None:
    records = [{"input": f"Article {n} tells of the sea.", "output": "The sea."} for n in range(8)]
    data, other = tmp_path / "data.json", tmp_path / "other.json"
    data.write_text(json.dumps(records), encoding="utf-8")
    other.write_text(json.dumps([*records[1:], records[0]]), encoding="utf-8")
    results = tmp_path / "results"
    with ray_cluster((other, data)) as cluster:
        asked = words(cluster, results, "--scenario", "Offline", *SHORT, "--dataset", str(data))
        done = cluster.control.run(*asked, timeout_s=WAIT_S)
        ips = [worker.ip for worker in cluster.workers]
    assert done.code == 1, done.stdout + done.stderr
    document = aggregated(results)
    found = [sha256_of(path)[:60] for path in (data, other)]
    sentence = (
        f"the nodes are not alike: data set SHA-256 is {found[0]}… on node {ips[0]} and "
        f"{found[1]}… on node {ips[1]}"
    )
    assert document["reasons"] == [sentence]
    assert document["scenarios"]["Offline"]["achieved_qps"] is None
    assert "not added up" in done.stdout
    for node in document["nodes"].values():
        assert node["valid"]


@pytest.mark.slow
def test_a_node_that_is_cut_off_makes_the_whole_invalid(tmp_path: Path) -> None:
    with ray_cluster() as cluster:
        process = begin(cluster, tmp_path)
        runs = runs_on(cluster.workers[1])
        code, said = ended_after(process, "node cut off", cluster.workers[1].cut)
        assert code == 1, said
        document = aggregated(tmp_path)
        failure = document["nodes"][cluster.workers[1].ip]["failure"]
        # Whichever notices first: our heartbeat, or Ray's own of its nodes.
        assert "no sign of life" in failure or "its node died" in failure
        nothing_left(cluster.workers[0], cluster.control)
        assert psutil.wait_procs(runs, timeout=60)[1] == [], "the run on the cut node ends itself"


@pytest.mark.slow
def test_a_lost_head_makes_the_whole_invalid_and_loses_no_session(tmp_path: Path) -> None:
    with ray_cluster() as cluster:
        process = begin(cluster, tmp_path)
        (head,) = cluster.control.running("gcs_server")
        code, said = ended_after(process, "head lost", head.kill)
        assert code == 1, said
        document = aggregated(tmp_path)
        assert not document["valid"]
        assert document["reasons"][0].startswith(f"the cluster's head at {cluster.address} is gone")
        assert len(list(tmp_path.glob("mlperf_datacenter_*.json"))) == 2, said
        for node in document["nodes"].values():
            log = tmp_path / node["session"] / "Server/performance/mlperf_log_detail.txt"
            assert log.stat().st_size
        assert "Traceback" not in said
        nothing_left(*cluster.workers, cluster.control)
