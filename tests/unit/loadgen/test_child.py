"""LoadGen's side of the socket, with a LoadGen that only notes what it is told."""

from __future__ import annotations

import ctypes
import os
import queue
import socket
import sys
import threading
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from sut.loadgen import child
from sut.loadgen.child import EXIT_FAILED, EXIT_PARENT_GONE, LoadGenRun, LoadGenSpec
from sut.loadgen.link import (
    FAILED,
    EventBatch,
    FrameReader,
    Kind,
    frame,
    parse_indices,
    parse_issue,
)

SPEC = LoadGenSpec(
    user_conf="user.conf",
    loadgen_model="llama3_1-8b",
    loadgen_scenario="Server",
    mode="performance",
    total_count=8,
    performance_count=5,
    log_dir="logs",
    audit_config="no-audit.config",
    enable_trace=True,
)
WAIT_S = 60.0
Response = tuple[Any, ...]


class Settings:
    """What FromConfig leaves."""

    code = 0

    def __init__(self) -> None:
        self.use_token_latencies = True
        self.sample_concatenate_permutation = True
        self.performance_sample_count_override = SPEC.performance_count
        self.scenario = self.mode = ""

    def FromConfig(self, *asked: str) -> int:  # noqa: N802 - LoadGen's name
        self.asked = asked
        return self.code


@dataclass
class FakeLoadGen:
    """The functions of mlperf_loadgen that the child calls."""

    script: Callable[[FakeLoadGen], None] = lambda _: None
    first: queue.Queue[list[Response]] = field(default_factory=queue.Queue)
    done: queue.Queue[list[Response]] = field(default_factory=queue.Queue)
    calls: list[tuple[Any, ...]] = field(default_factory=list)

    TestSettings = Settings
    TestScenario = SimpleNamespace(Server="server", Offline="offline")
    TestMode = SimpleNamespace(AccuracyOnly="accuracy", PerformanceOnly="performance")
    LogSettings = LogOutputSettings = SimpleNamespace

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.calls.append((name, *arguments))

    def ConstructFastSUT(self, issue: Any, flush: Any) -> str:  # noqa: N802
        self.issue, self.flush = issue, flush
        return "sut"

    def ConstructQSL(self, total: int, fit: int, load: Any, unload: Any) -> str:  # noqa: N802
        self.calls.append(("ConstructQSL", total, fit))
        self.load, self.unload = load, unload
        return "qsl"

    def StartTestWithLogSettings(self, *arguments: Any) -> None:  # noqa: N802
        self.started = arguments
        self.script(self)

    @staticmethod
    def QuerySampleResponse(  # noqa: N802
        sample: int, data: int, size: int, tokens: int | None = None
    ) -> Response:
        """LoadGen copies the bytes in the call that follows; here they are copied at once."""
        words = array("i", ctypes.string_at(data, size)).tolist() if data else None
        return (sample, words, size, tokens)

    def FirstTokenComplete(self, responses: list[Response]) -> None:  # noqa: N802
        self.first.put(responses)

    def QuerySamplesComplete(self, responses: list[Response]) -> None:  # noqa: N802
        self.done.put(responses)


@pytest.fixture
def loadgen(monkeypatch: pytest.MonkeyPatch) -> FakeLoadGen:
    made = FakeLoadGen()
    monkeypatch.setitem(sys.modules, "mlperf_loadgen", made)
    return made


@pytest.fixture
def sockets() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Ours, LoadGen's."""
    ours, theirs = socket.socketpair()
    ours.settimeout(WAIT_S)
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def exits(
    sockets: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[int]]:
    """The codes that the process would have ended with; a thread goes on instead."""
    codes: list[int] = []

    def end(code: int) -> None:
        codes.append(code)
        if threading.current_thread() is threading.main_thread():
            raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", end)
    yield codes
    # While the end of the process is still ours, the thread of a run has to come to its own.
    sockets[0].close()
    for thread in threading.enumerate():
        if thread.name == "completions":
            thread.join(WAIT_S)


def events(first: Sequence[tuple[int, int]], done: Sequence[tuple[int, list[int] | None]]) -> bytes:
    """The payload of an EVENTS frame; an answer of None has failed."""
    batch = EventBatch()
    for seq, token in first:
        batch.first_seqs.append(seq)
        batch.first_tokens.append(token)
    for seq, answer in done:
        batch.done_seqs.append(seq)
        batch.done_lengths.append(FAILED if answer is None else len(answer))
        batch.answers.append(array("i", answer or []).tobytes())
    ((_, payload),) = FrameReader().feed(batch.frame())
    return payload


def frames(ours: socket.socket) -> Iterator[tuple[Kind, bytes]]:
    reader = FrameReader()
    while data := ours.recv(1 << 16):
        yield from reader.feed(data)


def a_run(
    sockets: tuple[socket.socket, socket.socket], ids: Sequence[int] = (), **changes: Any
) -> LoadGenRun:
    run = LoadGenRun(sockets[1], msgspec.structs.replace(SPEC, **changes))
    run._issue(list(ids), list(range(len(ids))))
    return run


def answer_at_the_second_query(ours: socket.socket, seen: list[tuple[Kind, bytes]]) -> None:
    """The parent's part of a run; what the child sent is noted."""
    for kind, payload in frames(ours):
        seen.append((kind, payload))
        if kind is Kind.LOAD:
            ours.sendall(frame(Kind.READY))
        elif kind is Kind.ISSUE and parse_issue(payload)[0] == 1:
            ours.sendall(frame(Kind.EVENTS, events([(2, 9)], [(0, [5, 6]), (2, [9])])))
        elif kind is Kind.DONE:
            return


def test_a_run_from_its_samples_to_its_end(loadgen, sockets, exits) -> None:
    ours, theirs = sockets
    seen: list[tuple[Kind, bytes]] = []
    answered: list[list[Response]] = []

    def script(lg: FakeLoadGen) -> None:
        lg.load([4, 2])
        lg.issue([700], [2])
        lg.issue([701, 702], [4, 2])
        answered.extend([lg.first.get(timeout=WAIT_S), lg.done.get(timeout=WAIT_S)])
        lg.flush()
        lg.unload([4, 2])

    loadgen.script = script
    answering = threading.Thread(target=answer_at_the_second_query, args=(ours, seen))
    answering.start()
    LoadGenRun(theirs, SPEC).start()
    answering.join(WAIT_S)

    assert [kind for kind, _ in seen] == [
        Kind.LOAD, Kind.ISSUE, Kind.ISSUE, Kind.FLUSH, Kind.UNLOAD, Kind.DONE,
    ]  # fmt: skip
    assert list(parse_indices(seen[0][1])) == list(parse_indices(seen[4][1])) == [4, 2]
    issued = [parse_issue(payload) for kind, payload in seen if kind is Kind.ISSUE]
    assert [(seq, list(indices)) for seq, _, indices in issued] == [(0, [2]), (1, [4, 2])]
    assert answered == [
        [(702, [9], 4, 1)],
        [(700, [5, 6], 8, 2), (702, [9], 4, 1)],
    ]
    assert loadgen.calls == [
        ("ConstructQSL", SPEC.total_count, SPEC.performance_count),
        ("DestroyQSL", "qsl"),
        ("DestroyFastSUT", "sut"),
    ]
    sut, qsl, settings, logs, audit_config = loadgen.started
    assert (sut, qsl, audit_config) == ("sut", "qsl", "no-audit.config")
    assert settings.asked == ("user.conf", "llama3_1-8b", "Server")
    assert (settings.scenario, settings.mode) == ("server", "performance")
    assert (logs.log_output.outdir, logs.enable_trace) == ("logs", True)
    assert exits == []


def test_an_accuracy_run_asks_for_the_accuracy_mode(loadgen, sockets) -> None:
    run = a_run(sockets, mode="accuracy", loadgen_scenario="Offline")
    settings = run._settings()
    assert (settings.scenario, settings.mode) == ("offline", "accuracy")


def test_a_user_conf_that_loadgen_refuses_ends_the_run(loadgen, sockets, monkeypatch) -> None:
    monkeypatch.setattr(Settings, "code", -2)
    with pytest.raises(ValueError, match=r"LoadGen refused user\.conf \(code -2\)"):
        a_run(sockets)._settings()


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("use_token_latencies", False),
        ("sample_concatenate_permutation", False),
        ("performance_sample_count_override", SPEC.performance_count + 1),
    ],
)
def test_a_model_that_loadgen_does_not_know_is_refused(loadgen, sockets, name, found) -> None:
    settings = Settings()
    setattr(settings, name, found)
    with pytest.raises(ValueError, match=f"LoadGen has {name} {found} and not .* for llama3_1-8b"):
        a_run(sockets)._refuse_another_model(settings)


def test_what_an_old_loadgen_does_not_bind_is_not_held_against_it(loadgen, sockets) -> None:
    nothing = SimpleNamespace()
    a_run(sockets)._refuse_another_model(nothing)
    assert vars(nothing) == {}


@pytest.mark.parametrize(
    ("first", "done", "told_first", "told_done"),
    [
        ([(1, 7), (0, 8)], [], [(11, [7], 4, 1), (10, [8], 4, 1)], None),
        ([], [(2, [3, 4, 5]), (0, [6])], None, [(12, [3, 4, 5], 12, 3), (10, [6], 4, 1)]),
        # A failed sample has no token, and what follows it in the batch keeps its own.
        ([], [(0, None), (1, [6, 7])], None, [(10, None, 0, 0), (11, [6, 7], 8, 2)]),
        ([(0, FAILED), (1, 9)], [(0, None)], [(10, None, 0, None), (11, [9], 4, 1)],
         [(10, None, 0, 0)]),
        # 0 is a token as any other.
        ([(0, 0)], [(0, [0])], [(10, [0], 4, 1)], [(10, [0], 4, 1)]),
    ],
)  # fmt: skip
def test_loadgen_is_told_each_token_and_each_failure(
    loadgen, sockets, first, done, told_first, told_done
) -> None:
    a_run(sockets, ids=[10, 11, 12])._complete(events(first, done))
    for said, expected in ((loadgen.first, told_first), (loadgen.done, told_done)):
        assert ([] if said.empty() else [said.get()]) == ([] if expected is None else [expected])
        assert said.empty()


def test_nobody_on_the_other_end_ends_the_process(loadgen, sockets, exits) -> None:
    run = a_run(sockets)
    sockets[0].close()
    with pytest.raises(SystemExit):
        run._flush()
    assert exits == [EXIT_PARENT_GONE]


def test_the_end_of_the_parent_ends_the_process(loadgen, sockets, exits) -> None:
    run = a_run(sockets)
    sockets[0].shutdown(socket.SHUT_WR)
    with pytest.raises(SystemExit):
        run._receive()
    assert exits == [EXIT_PARENT_GONE] == [4]


def test_a_completion_that_cannot_be_passed_on_ends_the_process(
    loadgen, sockets, exits, capsys
) -> None:
    run = a_run(sockets)
    sockets[0].sendall(frame(Kind.EVENTS, events([], [(3, [1])])))
    with pytest.raises(SystemExit):
        run._receive()
    assert exits == [EXIT_FAILED]
    assert "IndexError" in capsys.readouterr().err


def test_loadgen_goes_on_when_its_samples_are_loaded(loadgen, sockets) -> None:
    run = a_run(sockets)
    calls: list[str] = []
    said = frames(sockets[0])
    assert next(said)[0] is Kind.ISSUE

    class Ready(threading.Event):
        def clear(self) -> None:
            calls.append("cleared")

        def wait(self, timeout: float | None = None) -> bool:
            calls.append(f"waited after {next(said)[0].name}")
            return True

    run._samples_ready = Ready()
    run._load([4, 2])
    assert calls == ["cleared", "waited after LOAD"]


def test_ready_lets_the_samples_go(loadgen, sockets) -> None:
    run = a_run(sockets)
    sockets[0].sendall(frame(Kind.FLUSH) + frame(Kind.READY))
    sockets[0].shutdown(socket.SHUT_WR)
    run._pass_on()
    assert run._samples_ready.is_set()


@pytest.fixture
def served(loadgen, sockets, exits, monkeypatch):
    """Serve one run as the process does; its exit code, and what it sent."""
    intervals: list[float] = []
    monkeypatch.setattr(sys, "setswitchinterval", intervals.append)

    ours, theirs = sockets
    # The process never closes its socket; this one is closed with the test.
    inherited = {theirs.fileno(): theirs}
    monkeypatch.setattr(socket, "socket", lambda fileno: inherited[fileno])

    def serve() -> tuple[int, list[tuple[Kind, bytes]]]:
        # What follows the first line is already a frame.
        ours.sendall(msgspec.json.encode(SPEC) + b"\n" + frame(Kind.READY))
        with pytest.raises(SystemExit):
            child.main([str(theirs.fileno())])
        assert intervals == [child.GIL_SWITCH_INTERVAL_S] == [0.0005]
        return exits[0], list(FrameReader().feed(ours.recv(1 << 16)))

    return serve


def test_the_process_ends_with_0_after_its_run(loadgen, served) -> None:
    seen: list[bool] = []

    def script(lg: FakeLoadGen) -> None:
        seen.append(lg.load.__self__._samples_ready.wait(WAIT_S))

    loadgen.script = script
    assert served() == (0, [(Kind.DONE, b"")])
    assert seen == [True]


def test_the_parent_is_told_why_loadgen_gave_up(loadgen, served) -> None:
    def script(_: FakeLoadGen) -> None:
        raise RuntimeError("no such audit.config")

    loadgen.script = script
    assert served() == (3, [(Kind.ERROR, b"RuntimeError: no such audit.config")])
    assert [call[0] for call in loadgen.calls[1:]] == ["DestroyQSL", "DestroyFastSUT"]


def test_the_child_sends_a_pulse_while_loadgen_waits(loadgen, sockets, exits, monkeypatch) -> None:
    monkeypatch.setattr(child, "PULSE_S", 0.001)
    ours, theirs = sockets
    heard = threading.Event()

    def parent() -> None:
        for kind, _ in frames(ours):  # to its end, or the child would wait for room
            if kind is Kind.PULSE:
                heard.set()
            elif kind is Kind.DONE:
                return

    reading = threading.Thread(target=parent)
    reading.start()
    loadgen.script = lambda _: heard.wait(WAIT_S)
    LoadGenRun(theirs, SPEC).start()
    reading.join(WAIT_S)
    assert heard.is_set()
