from __future__ import annotations

import asyncio
import pickle
import platform
import socket
import tempfile
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any, cast

import pytest

from sut.engines.base import Engine, EngineRequest
from sut.engines.ray import replica as replica_module
from sut.engines.ray.listener import Listener
from sut.engines.ray.member import Member
from sut.engines.ray.members import Members, _aside
from sut.engines.ray.replica import Replica
from sut.errors import EngineStartError
from sut.inputs.inputs import Inputs, load_inputs
from sut.record.facts import HardwareFacts, SoftwareFacts
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


def _of_ray(cause: Exception) -> Exception:
    """As Ray hands on what an actor raised."""
    wrapped = RuntimeError(str(cause))
    wrapped.cause = cause  # type: ignore[attr-defined]
    return wrapped


class Starting:
    """An actor that is no actor: answers to `start`."""

    def __init__(self, answer: dict[str, Any] | Exception):
        self.start = self
        self.answer = answer

    def remote(self, *_: object) -> Starting:
        return self

    def future(self) -> Future[dict[str, Any]]:
        future: Future[dict[str, Any]] = Future()
        if isinstance(self.answer, Exception):
            future.set_exception(self.answer)
        else:
            future.set_result(self.answer)
        return future


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (ConnectionError("killed"), "replica 1: killed"),
        (_of_ray(EngineStartError("replica 1 on b: no weights.")), "replica 1 on b: no weights"),
    ],
)
def test_a_replica_that_dies_while_it_starts_is_named(
    tmp_path: Path, raised: Exception, said: str
) -> None:
    pool = members(tmp_path, "")
    with pytest.raises(EngineStartError) as error:
        asyncio.run(pool._started(Member(1, Starting(raised))))
    assert error.value.message.startswith(said)


def card(uuid: str) -> dict[str, str]:
    return {"uuid": uuid}


def test_each_node_is_described_once_by_all_its_replicas(tmp_path: Path) -> None:
    def answer(host: str, uuid: str) -> dict[str, Any]:
        return {
            "kind": "vllm", "arguments": {}, "sampling": {}, "traits": {"dtype": "bfloat16"},
            "model_path": "m", "model_sha256": "1" * 64, "details": {"dtype": "bf16"},
            "hardware": {"host": host, "cpu_threads_usable": 1, "gpus": [card(uuid)]},
            "software": {"engine_package": f"vllm of {host}"},
            "variables": [{"name": "OMP_X", "value": uuid, "given_by": "user", "harmless": False}],
        }  # fmt: skip

    where = [("a", "G0", [0, 1]), ("b", "G1", [0]), ("a", "G2", [2])]
    pool = members(tmp_path, "")
    pool.everyone = [
        Member(number, Starting(answer(host, uuid))) for number, (host, uuid, _) in enumerate(where)
    ]
    places = [{"node_id": host, "host": host, "cores": cores} for host, _, cores in where]
    info = asyncio.run(pool._start_engines(places))
    assert info.replicas == 3
    assert info.details["dtype"] == "bf16"
    first, other, second = info.details["replicas"]
    assert [each["told"] for each in (first, other, second)] == [{"dtype": "bf16"}] * 3
    assert [each.value for each in info.variables or ()] == ["G0", "G1", "G2"], "of each replica"
    assert first["hardware"] == {
        "host": "a", "cpu_threads_usable": 3, "gpus": [card("G0"), card("G2")]
    }  # fmt: skip
    assert first["software"] == {"engine_package": "vllm of a"}
    assert other["hardware"]["gpus"] == [card("G1")]
    assert not {"hardware", "software"} & second.keys(), "the same node again"


def test_a_replica_tells_what_its_node_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica_module, "wait_for_own", lambda: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    config = loaded("--engine", "null", "--dataset", "synthetic").config
    sha256 = load_inputs(config).dataset.sha256

    async def start() -> dict[str, Any]:
        return await Replica(config.model_dump_json(), 0).start(4096, sha256)

    said = asyncio.run(start())
    assert HardwareFacts.model_validate(said["hardware"]).host == platform.node()
    assert SoftwareFacts.model_validate(said["software"]).python == platform.python_version()
    assert pickle.loads(pickle.dumps(said)) == said


def replica(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Replica:
    monkeypatch.setattr(replica_module, "wait_for_own", lambda: None)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return Replica(loaded("--engine", "null", "--dataset", "synthetic").config.model_dump_json(), 1)


def test_a_replica_that_cannot_reach_the_driver_says_where_and_what_to_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        port = taken.getsockname()[1]
        with pytest.raises(EngineStartError) as error:
            asyncio.run(replica(tmp_path, monkeypatch).connect("127.0.0.1", port, b"s" * 32))
    where = f"replica 1 on {platform.node()} cannot reach the driver at 127.0.0.1, port {port}: "
    assert error.value.message.startswith(where)
    assert error.value.remedy is not None
    assert "engine.ray.port" in error.value.remedy
    assert "ssss" not in f"{error.value.message} {error.value.remedy}"


def test_a_replica_tells_that_its_stream_broke(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        listener, actor = Listener(), replica(tmp_path, monkeypatch)
        await actor.connect("127.0.0.1", await listener.open("127.0.0.1", 0), listener.secret.value)
        actor._engine = cast("Engine", Well())
        actor._inputs = cast("Inputs", object())
        assert await actor.health() is None
        stream = listener.streams[1]
        assert stream._transport is not None
        broken = asyncio.Event()
        stream.attach(lambda *_: None, broken.set, lambda: None)
        stream._transport.write(bytes(100))
        await asyncio.wait_for(broken.wait(), 10)
        said = await actor.health()
        assert said == "its stream broke (it carried a frame without its seal)"
        listener.close()
        await asyncio.sleep(0)

    asyncio.run(scenario())


class Well:
    """An engine in health."""

    async def health(self) -> None: ...


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


def test_what_an_engine_prints_while_it_ends_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ending(Well):
        async def close(self) -> None:
            with actor._log.open("a") as log:
                log.write("shutting down\n")

    actor = replica(tmp_path, monkeypatch)
    actor._engine = cast("Engine", Ending())
    actor._log.write_text("ready\n")
    pool = members(tmp_path, "")

    async def scenario() -> None:
        pool.everyone = [Member(1, Local(actor))]
        await pool._keep_printed("log", pool.everyone)
        await pool._keep_printed("close", pool.everyone)

    asyncio.run(scenario())
    text = (tmp_path / "log").read_text()
    assert text == "==== replica 1\nready\n==== replica 1\nshutting down\n"
    assert not actor._log.parent.exists()


class Local:
    """Ray's way to call an actor, of one in this loop."""

    def __init__(self, actor: Replica):
        self._actor = actor

    def __getattr__(self, name: str) -> Any:
        method, loop = getattr(self._actor, name), asyncio.get_running_loop()

        class Call:
            @staticmethod
            def remote(*arguments: object) -> Any:
                return Call

            @staticmethod
            def future() -> Any:
                return asyncio.run_coroutine_threadsafe(method(), loop)

        return Call
