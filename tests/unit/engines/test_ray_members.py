from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from sut.engines.factory import EngineRequest
from sut.engines.ray.members import Members, _aside
from tests.unit.config.support import loaded


def members(tmp_path: Path, head: str) -> Members:
    config = loaded("--engine", "null", "--replicas", "2").config
    made = Members(EngineRequest(config, tmp_path, 100, tmp_path / "log", "0" * 64))
    made._head = head
    return made


def test_a_head_is_there_while_its_port_answers_and_gone_after(tmp_path: Path) -> None:
    async def scenario() -> None:
        server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
        host, port = server.sockets[0].getsockname()
        watched = members(tmp_path, f"{host}:{port}")
        assert await watched.head_gone(10) is None
        server.close()
        await server.wait_closed()
        gone = await watched.head_gone(10)
        assert gone is not None
        assert gone.startswith(f"the cluster's head at {host}:{port} is gone")

    asyncio.run(scenario())


def test_a_head_that_does_not_answer_in_time_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio, "open_connection", never)
    gone = asyncio.run(members(tmp_path, "10.0.0.1:6379").head_gone(0.01))
    assert gone == "the cluster's head at 10.0.0.1:6379 is silent for 0.01 s"


def test_a_call_into_ray_that_hangs_is_left_behind() -> None:
    release = threading.Event()
    asyncio.run(_aside(release.wait, 0.01))  # type: ignore[arg-type]
    (left,) = [thread for thread in threading.enumerate() if thread.name == "ray-leave"]
    assert left.daemon, "a process must be able to end without it"
    release.set()
    left.join(10)
    assert not left.is_alive()


def test_what_a_call_into_ray_raises_is_not_ours_to_pass_on() -> None:
    called = threading.Event()

    def failing() -> None:
        called.set()
        raise ConnectionError("gone")

    asyncio.run(_aside(failing, 10))
    assert called.is_set()
