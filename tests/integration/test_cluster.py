"""A cluster of three nodes with addresses of their own: checked, used, cut, and without a head."""

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
import pyarrow.parquet as pq
import pytest

from tests.integration.conftest import settings
from tests.integration.netns import Cluster, Finished, Node, ray_cluster

NULL = ["--engine", "null", "--dataset", "synthetic"]
SHORT = settings(
    engine__null__tokens=16,
    generation__max_tokens=32,
    offline__min_duration_s=0,
    server__min_duration_s=3,
    server__target_qps=50,
)
# Long enough that a loss falls into the run whatever the machine does.
LONG = settings(
    engine__null__tokens=16,
    generation__max_tokens=32,
    server__target_qps=20,
    server__min_duration_s=90,
    engine__null__ttft_ms=50,
    engine__null__tpot_ms=20,
)
WAIT_S = 300
# A replica that nobody asks any more ends itself after a minute.
FORGOTTEN_S = 120

# A busy machine takes its time to start Ray three times over.
pytestmark = pytest.mark.timeout(1200)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """For tests that leave it whole."""
    with ray_cluster() as made:
        yield made


@pytest.fixture
def doomed_cluster() -> Iterator[Cluster]:
    """For a test that breaks it."""
    with ray_cluster() as made:
        yield made


def check(cluster: Cluster, *words: str) -> Finished:
    argv = cluster.sut("cluster", "check", "--address", cluster.address, *NULL, *words)
    return cluster.control.run(*argv)


def rows_of(done: Finished) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
    return rows


def result_in(results: Path) -> dict[str, Any]:
    (file,) = results.glob("mlperf_datacenter_*.json")
    document: dict[str, Any] = json.loads(file.read_text())
    return document


def test_the_check_passes_on_three_equal_nodes(cluster: Cluster) -> None:
    done = check(cluster, "--replicas", "all", "--json")
    assert done.code == 0, done.stdout + done.stderr
    rows = rows_of(done)
    assert all(row["passed"] for row in rows)
    reached = {row["node"]: row["found"] for row in rows if row["check"] == "reachable"}
    assert len(reached) == 3
    (control,) = [found for node, found in reached.items() if cluster.control.ip in node]
    assert control == "answers (no engine there)"
    assert {row["node"] for row in rows if row["check"] == "data set"} == {
        node for node in reached if cluster.control.ip not in node
    }
    assert sum(row["check"] == "clock" for row in rows) == 3


def test_the_check_names_what_is_lacking_and_the_remedy(cluster: Cluster) -> None:
    done = check(cluster, "--replicas", "3")
    assert done.code == 2, done.stdout + done.stderr
    assert "the cluster has room for 2" in done.stdout
    assert "room, cluster: Ask for fewer with --replicas, or add nodes." in done.stdout
    assert done.stdout.strip().endswith("1 checks failed.")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_check_names_a_node_of_the_hosts_file_that_is_not_there(
    cluster: Cluster, tmp_path: Path
) -> None:
    hosts = tmp_path / "hosts.yaml"
    hosts.write_text("head: 10.77.0.1\nworkers: [10.77.0.2, 10.77.0.9]\nssh: {user: nobody}\n")
    done = check(cluster, "--hosts", str(hosts), "--json")
    assert done.code == 2, done.stdout + done.stderr
    (failed,) = [row for row in rows_of(done) if row["passed"] is False]
    assert (failed["node"], failed["found"]) == ("10.77.0.9", "not in the cluster")
    assert failed["remedy"]


@pytest.mark.slow
def test_nobody_joins_without_the_token(cluster: Cluster) -> None:
    nowhere = ["env", "RAY_AUTH_TOKEN_PATH=/nonexistent/token"]
    argv = cluster.sut("cluster", "check", "--address", cluster.address, *NULL)
    done = cluster.control.run(*nowhere, *argv)
    assert done.code == 3, done.stdout + done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("sut: the Ray cluster at")


def test_one_command_on_the_control_node_runs_on_both_workers(
    cluster: Cluster, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    flags = ["--scenario", "Offline,Server", *NULL, "--replicas", "all", *SHORT]
    where = ["--address", cluster.address, "--results-dir", str(results)]
    done = cluster.control.run(*cluster.sut(*where, *flags))
    assert done.code == 0, done.stderr
    result = result_in(results)
    assert result["valid"]
    places = result["engine"]["details"]["replicas"]
    assert sorted(place["node_ip"] for place in places) == [w.ip for w in cluster.workers]
    for scenario in ("Offline", "Server"):
        shares = [each["samples"] for each in result["scenarios"][scenario]["replicas"]]
        assert len(shares) == 2
        assert min(shares) > 0
    assert not cluster.control.running("ray::Replica")


def broken_run(
    cluster: Cluster, results: Path, breaking: Callable[[], None]
) -> tuple[int, dict[str, Any], float]:
    """A long Server run, broken when queries are answered.

    Returns:
        Exit code, result, and seconds from the break to the first failed query.
    """
    flags = ["--scenario", "Server", *NULL, "--replicas", "all", *LONG]
    where = ["--address", cluster.address, "--results-dir", str(results)]
    with cluster.control.popen(*cluster.sut(*where, *flags)) as process:
        try:
            assert process.stderr is not None
            for line in process.stderr:
                if line.startswith("Server performance:"):
                    break
            breaking()
            # One machine, so one monotonic clock for the ledger and for us.
            broken_ns = time.monotonic_ns()
            process.communicate(timeout=WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    (ledger,) = results.glob("*/Server/performance/ledger.parquet")
    table = pq.read_table(ledger).to_pandas()
    detected_ns = table.loc[table["failure"].notna(), "done_ns"].min()
    return process.returncode, result_in(results), (detected_ns - broken_ns) / 1e9


def told(what: str, detected_s: float, result: dict[str, Any]) -> None:
    """Shown by pytest -s; a time is not asserted, for a busy machine has its own."""
    said = result["scenarios"]["Server"]["engine_failure"]
    sys.stdout.write(f"{what}: first failed query after {detected_s:.1f} s: {said}\n")


def processes_end(node: Node, marker: str) -> bool:
    _, left = psutil.wait_procs(node.running(marker), timeout=FORGOTTEN_S)
    return not left


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "words"),
    [
        (signal.SIGKILL, "its process died"),
        pytest.param(signal.SIGSTOP, "it gave no sign", marks=pytest.mark.slow),
    ],
)
def test_a_replica_that_is_lost_ends_the_run(
    cluster: Cluster, tmp_path: Path, how: signal.Signals, words: str
) -> None:
    victim = cluster.workers[1]

    def strike() -> None:
        (replica,) = victim.running("ray::Replica")
        replica.send_signal(how)

    code, result, detected_s = broken_run(cluster, tmp_path / "results", strike)
    told(f"replica, {how.name}", detected_s, result)
    assert code == 1
    failure = result["scenarios"]["Server"]["engine_failure"]
    assert f"({victim.ip}) was lost: {words}" in failure
    assert cluster.workers[0].ip not in failure
    assert not cluster.control.running("sut.main")
    for worker in cluster.workers:
        assert processes_end(worker, "ray::Replica")


@pytest.mark.slow
def test_a_node_that_is_cut_off_ends_the_run(doomed_cluster: Cluster, tmp_path: Path) -> None:
    cluster, victim = doomed_cluster, doomed_cluster.workers[1]
    code, result, detected_s = broken_run(cluster, tmp_path / "results", victim.cut)
    told("node cut off", detected_s, result)
    assert code == 1
    run = result["scenarios"]["Server"]
    assert not run["valid"]
    assert "replica " in run["engine_failure"]
    assert f"({victim.ip}) was lost: " in run["engine_failure"]
    assert cluster.workers[0].ip not in run["engine_failure"]
    queries = run["queries"]
    assert queries["failed"] > 0
    assert queries["issued"] == queries["succeeded"] + queries["empty"] + queries["failed"]
    assert not cluster.control.running("sut.main")
    assert processes_end(cluster.workers[0], "ray::Replica")
    assert processes_end(victim, "ray::Replica"), "the cut-off replica must end by itself"
    checked = check(cluster, "--json")
    assert checked.code == 2
    (failed,) = [row for row in rows_of(checked) if row["passed"] is False]
    assert victim.ip in failed["node"]


@pytest.mark.slow
def test_a_lost_head_ends_the_run(doomed_cluster: Cluster, tmp_path: Path) -> None:
    cluster = doomed_cluster
    (head,) = cluster.control.running("gcs_server")
    code, result, detected_s = broken_run(cluster, tmp_path / "results", head.kill)
    told("head lost", detected_s, result)
    assert code == 1
    run = result["scenarios"]["Server"]
    assert not run["valid"]
    for worker in cluster.workers:
        assert f"({worker.ip}) was lost: the cluster's head at" in run["engine_failure"]
    assert not cluster.control.running("sut.main")
    for worker in cluster.workers:
        assert processes_end(worker, "ray::Replica")


@pytest.mark.slow
def test_stop_ends_the_head_and_nothing_else(doomed_cluster: Cluster) -> None:
    cluster = doomed_cluster
    assert cluster.control.running("raylet")
    elsewhere = cluster.control.run(*cluster.sut("cluster", "stop", "--address", "10.0.0.9:6379"))
    assert elsewhere.stdout.startswith("0 processes")
    assert cluster.control.running("raylet")
    done = cluster.control.run(*cluster.sut("cluster", "stop", "--address", cluster.address))
    assert done.code == 0, done.stderr
    assert not cluster.control.running("raylet")
    assert not cluster.control.running("gcs_server")
    for worker in cluster.workers:
        assert worker.running("ray"), "another node, though it shares our process table"
