"""Replicas on a real Ray, driven by real LoadGen: healthy, and with one lost in each way."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.conftest import (
    Finished,
    command,
    left_running,
    settings,
    user_environment,
)

Sut = Callable[..., Finished]
WAIT_S = 200
PIDFD_GETFD = 438  # of Linux 5.6, on every architecture
TWO = ["--engine", "null", "--replicas", "2", "--dataset", "synthetic"]
ANSWERS = settings(engine__null__tokens=16, generation__max_tokens=32)
# Long enough that a loss falls into the run whatever the machine does.
LONG = settings(
    server__target_qps=20,
    server__min_duration_s=40,
    engine__null__ttft_ms=50,
    engine__null__tpot_ms=20,
)


@contextmanager
def running(results: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command(results, *arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=user_environment(),
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def replica_pids(results: Path) -> list[int]:
    (session,) = results.glob("*/session.json")
    places = json.loads(session.read_text())["engine"]["details"]["replicas"]
    return [place["pid"] for place in places]


def lose_one(
    results: Path, blow: Callable[[psutil.Process], None], *flags: str
) -> tuple[Finished, int]:
    """Run Server, and let the second replica have it once queries are answered."""
    arguments = ("--scenario", "Server", *TWO, *ANSWERS, *LONG, *flags)
    with running(results, *arguments) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("Server performance:"):
                break
        victim = replica_pids(results)[1]
        blow(psutil.Process(victim))
        stdout, stderr = process.communicate(timeout=WAIT_S)
    return Finished(process.returncode, stdout, stderr, results), victim


def nothing_left(results: Path) -> None:
    assert left_running(str(results)) == []
    # By number: another Ray on this machine has replicas of the same name.
    assert [pid for pid in replica_pids(results) if psutil.pid_exists(pid)] == []


def test_two_replicas_share_the_work(sut: Sut) -> None:
    sized = settings(offline__min_duration_s=0, server__min_duration_s=3, server__target_qps=50)
    done = sut("--scenario", "Offline,Server", *TWO, *ANSWERS, *sized)
    assert done.code == 0, done.stderr
    for scenario in ("Offline", "Server"):
        run: dict[str, Any] = done.result["scenarios"][scenario]
        assert run["valid"]
        assert [each["replica"] for each in run["replicas"]] == ["0", "1"]
        assert sum(each["samples"] for each in run["replicas"]) == run["queries"]["issued"]
        assert min(each["samples"] for each in run["replicas"]) > 0
        assert min(each["ended_before_last_s"] for each in run["replicas"]) == 0
    assert done.result["scenarios"]["Server"]["engine_figures"]["data_plane_first_token_p99_ms"] > 0
    assert not list(done.session.rglob("engine.jsonl")), "the null engine tells of no load"
    places = done.result["engine"]["details"]["replicas"]
    assert not set(places[0]["cores"]) & set(places[1]["cores"])
    nothing_left(done.results)


@pytest.mark.slow
def test_equal_dispatch_is_an_equal_split(sut: Sut) -> None:
    sized = settings(offline__min_duration_s=0)
    done = sut("--scenario", "Offline", "--dispatch", "equal", *TWO, *ANSWERS, *sized)
    assert done.code == 0, done.stderr
    shares = [each["samples"] for each in done.result["scenarios"]["Offline"]["replicas"]]
    assert len(shares) == 2
    assert max(shares) - min(shares) <= 1


def test_more_replicas_than_the_machine_has_room_for(sut: Sut) -> None:
    done = sut("--scenario", "Offline", *TWO, "--replicas", "500")
    assert done.code == 3
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("sut: 500 replicas need 1 CPU each; the cluster has room for")
    assert "Traceback" not in done.stderr
    assert left_running(str(done.results)) == []


@pytest.mark.parametrize(
    "how", [signal.SIGKILL, pytest.param(signal.SIGSTOP, marks=pytest.mark.slow)]
)
def test_a_lost_replica_ends_the_run(tmp_path: Path, how: signal.Signals) -> None:
    done, victim = lose_one(tmp_path / "results", lambda process: process.send_signal(how))
    assert lost(done, victim).startswith("replica 1 on ")


def lost(done: Finished, victim: int) -> str:
    """Why a run ended by a replica's loss did, once all that it must have kept is there."""
    assert done.code == 1, done.stderr
    run = done.result["scenarios"]["Server"]
    assert not run["valid"]
    assert "was lost: " in run["engine_failure"]
    queries = run["queries"]
    assert queries["failed"] > 0
    assert queries["succeeded"] > 0
    assert queries["issued"] == queries["succeeded"] + queries["empty"] + queries["failed"]
    detail = done.session / "Server" / "performance" / "mlperf_log_detail.txt"
    assert "loadgen_version" in detail.read_text()
    assert not psutil.pid_exists(victim)
    nothing_left(done.results)
    return str(run["engine_failure"])


def socket_of(process: psutil.Process, port: int) -> socket.socket:
    """Another's socket to this port, as it were our own; its process notices nothing of that."""
    (number,) = [
        each.fd for each in process.net_connections("tcp") if each.raddr and each.raddr.port == port
    ]
    libc = ctypes.CDLL(None, use_errno=True)
    taken = libc.syscall(PIDFD_GETFD, os.pidfd_open(process.pid), number, 0)
    if taken < 0:
        pytest.skip(f"pidfd_getfd is not permitted here: {os.strerror(ctypes.get_errno())}")
    return socket.socket(fileno=taken)


def close(stream: socket.socket) -> None:
    stream.shutdown(socket.SHUT_RDWR)


def say_garbage(stream: socket.socket) -> None:
    stream.sendall(b"garbage" * 10)


@pytest.mark.parametrize(
    ("blow", "cause"),
    [
        (close, "its stream broke ("),
        pytest.param(say_garbage, "its stream broke (it carried ", marks=pytest.mark.slow),
    ],
)
def test_a_stream_that_breaks_is_the_replicas_loss(
    tmp_path: Path, blow: Callable[[socket.socket], None], cause: str
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def strike(process: psutil.Process) -> None:
        with socket_of(process, port) as stream:
            blow(stream)

    done, victim = lose_one(tmp_path / "results", strike, "--set", f"engine.ray.port={port}")
    assert f"was lost: {cause}" in lost(done, victim)


@pytest.mark.slow
@pytest.mark.parametrize(
    "how", [pytest.param(signal.SIGKILL, marks=pytest.mark.slow), signal.SIGSTOP]
)
def test_the_others_take_over_where_that_was_asked_for(tmp_path: Path, how: signal.Signals) -> None:
    done, _ = lose_one(
        tmp_path / "results",
        lambda process: process.send_signal(how),
        "--on-replica-loss",
        "continue",
    )
    assert done.code == 1, done.stderr
    run = done.result["scenarios"]["Server"]
    assert run["engine_failure"] is None
    assert run["loadgen"]["verdict"] is not None, "LoadGen played its schedule to the end"
    assert run["queries"]["failed"] == 0
    assert run["queries"]["issued"] == run["queries"]["succeeded"]
    (incident,) = run["incidents"]
    assert incident.startswith("replica 1 on ")
    assert any(
        reason.startswith("Server: incidents: replica 1") for reason in done.result["reasons"]
    )
    nothing_left(done.results)
