from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from sut.engines.ray import connection as session
from sut.engines.ray.connection import connect, has_token, token_file
from sut.errors import EngineStartError


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        monkeypatch.delenv(name)
    # Named, so that the variables that `connect` sets are taken back, too.
    for name in (*session.OF_THE_DRIVER, *session.OWN_CLUSTER, session.MODE, session.TOKEN):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def test_a_token_is_one_in_the_environment_or_in_its_file(tmp_path: Path) -> None:
    environment = {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}
    assert not has_token(environment)
    assert has_token(environment | {"RAY_AUTH_TOKEN": "t"})
    (tmp_path / "token").write_text("t")
    assert has_token(environment)
    assert token_file({}) == Path.home() / ".ray" / "auth_token"


def test_an_address_where_nobody_listens_is_refused_at_once(tmp_path: Path) -> None:
    pytest.importorskip("ray")
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(EngineStartError, match=f"at {address} cannot be used: .*refused"):
        connect(address, 1, 0)


def test_a_token_that_is_there_is_used_with_an_address_and_none_is_invented(
    tmp_path: Path,
) -> None:
    pytest.importorskip("ray")
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(EngineStartError):
        connect(address, 1, 0)
    assert session.MODE not in os.environ
    assert session.TOKEN not in os.environ
    (tmp_path / "token").write_text("t")
    with pytest.raises(EngineStartError):
        connect(address, 1, 0)
    assert os.environ[session.MODE] == "token"
    assert session.TOKEN not in os.environ


def test_a_cluster_of_ours_that_does_not_start_is_no_bug(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")

    def slow(**_: object) -> None:
        raise Exception("The current node timed out during startup.")  # as Ray does it

    monkeypatch.setattr(ray, "init", slow)
    with pytest.raises(EngineStartError, match="at this machine cannot be used: The current node"):
        connect(None, 1, 0)
