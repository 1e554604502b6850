from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from sut.cluster import start
from sut.cluster.network import Address, Choice
from sut.cluster.start import MARK, ensure_token, head_command, join_line, members, start_head, stop
from sut.errors import ConfigError, EngineStartError

ADDRESS = f"192.0.2.1:{os.getpid()}"
SLEEPER = "import sys; print(flush=True); sys.stdin.read()"


@contextmanager
def marked(*words: str, mark: str | None = ADDRESS) -> Iterator[subprocess.Popen[bytes]]:
    """A process that looks like one of Ray's, and is up."""
    environment = {name: value for name, value in os.environ.items() if name != MARK}
    if mark is not None:
        environment[MARK] = mark
    process = subprocess.Popen(
        [sys.executable, "-c", SLEEPER, *words],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()


def test_a_token_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "new" / "token"
    environment = {"RAY_AUTH_TOKEN_PATH": str(file)}
    assert ensure_token(environment) == file
    token = file.read_text()
    assert len(token) == 64
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o644)
    assert ensure_token(environment) == file
    assert file.read_text() == token
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_token_in_the_environment_needs_no_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    assert ensure_token({"RAY_AUTH_TOKEN": "t", "RAY_AUTH_TOKEN_PATH": str(file)}) is None
    assert not file.exists()


def test_a_token_file_that_cannot_be_written_is_the_users_to_mend(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError) as caught:
        ensure_token({"RAY_AUTH_TOKEN_PATH": str(tmp_path / "file" / "token")})
    assert "RAY_AUTH_TOKEN_PATH" in caught.value.render()


def test_the_head_takes_no_work_and_shows_no_dashboard() -> None:
    words = head_command("10.0.0.1", 6379, Path("/scratch"))
    assert {"--head", "--num-cpus=0", "--num-gpus=0", "--include-dashboard=false"} <= set(words)
    assert {"--node-ip-address=10.0.0.1", "--port=6379"} <= set(words)
    assert words[-2:] == ["--temp-dir", "/scratch"]


def test_the_line_for_workers_holds_all_but_the_token() -> None:
    line = join_line("10.0.0.1:6379")
    assert line.endswith("ray start --address=10.0.0.1:6379 --node-ip-address=WORKER_IP")
    assert "RAY_AUTH_MODE=token " in line
    assert f"{MARK}=10.0.0.1:6379 " in line
    assert "TOKEN=" not in line


def test_a_silent_node_is_noticed_within_ten_seconds() -> None:
    ms = {name.removeprefix("RAY_health_check_"): int(v) for name, v in start.HEALTH_CHECKS.items()}
    assert ms["failure_threshold"] * (ms["period_ms"] + ms["timeout_ms"]) <= 10_000


def test_a_port_that_is_taken_is_said_before_ray_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "port_in_use", lambda ip, port: True)
    with pytest.raises(EngineStartError, match=r"port 6379 of 10\.0\.0\.1 is in use"):
        start_head(Choice(Address("eth0", "10.0.0.1"), "the only one", ()), 6379)


def test_ray_that_does_not_start_says_its_last_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    failing = [sys.executable, "-c", "print('first'); print('no room'); raise SystemExit(1)"]
    monkeypatch.setattr(start, "head_command", lambda ip, port, temp_dir: failing)
    choice = Choice(Address("lo", "127.0.0.1"), "asked for", ())
    with pytest.raises(EngineStartError, match=r"on 127\.0\.0\.1 did not start: no room"):
        start_head(choice, 1)


def test_stop_ends_what_bears_the_address_and_nothing_else() -> None:
    with (
        marked("/ray/raylet") as ours,
        marked("/ray/raylet", mark="192.0.2.1:1") as others,
        marked("/ray/raylet", mark=None) as unmarked,
        marked("a shell") as shell,
    ):
        assert [process.pid for process in members(ADDRESS)] == [ours.pid]
        assert {ours.pid, others.pid} <= {process.pid for process in members(None)}
        assert stop(ADDRESS) == 1
        assert not psutil.pid_exists(ours.pid)
        assert [each.poll() for each in (others, unmarked, shell)] == [None, None, None]
    assert stop(ADDRESS) == 0
