"""LoadGen's own process: `python -m sut.loadgen.child SOCKET_FD`.

It is the only importer of mlperf_loadgen.

One process per LoadGen run, for three reasons: only the first FromConfig of a process takes
the round's seeds and limits; LoadGen cannot be stopped, a process can; and an exception in one
of its callbacks kills the process it happens in (docs/decisions/01-loadgen-in-a-child-process.md).

LoadGen's sample ids are raw pointers. They stay here, in a list indexed by sequence number.
"""

from __future__ import annotations

import gc
import importlib
import os
import socket
import sys
import threading
import time
import traceback
from array import array
from collections.abc import Iterable
from typing import Any, NoReturn

import msgspec
import numpy as np

from sut.loadgen.link import EVENTS_HEAD, FAILED, FrameReader, Kind, frame, issue_frame

RECEIVE_BYTES = 1 << 20
PULSE_S = 1.0
EXIT_PARENT_GONE = 4
EXIT_FAILED = 3
# A completion batch holds the GIL while LoadGen's issue thread wants it; the default switch
# interval of 5 ms would show up as issue delay.
GIL_SWITCH_INTERVAL_S = 0.0005


class LoadGenSpec(msgspec.Struct, frozen=True):
    """All that one LoadGen run needs to know."""

    user_conf: str
    loadgen_model: str
    loadgen_scenario: str  # Offline, Server or SingleStream
    mode: str  # performance or accuracy
    total_count: int
    performance_count: int
    log_dir: str
    audit_config: str  # a path that need not exist; LoadGen's default is never used
    enable_trace: bool


class LoadGenRun:
    """LoadGen on this side of the socket: issues go out, completions come in."""

    def __init__(self, connection: socket.socket, spec: LoadGenSpec):
        # Imported by name: the wheel ships no types.
        self._lg: Any = importlib.import_module("mlperf_loadgen")
        self._socket = connection
        self._spec = spec
        # An array of numbers: the collector would walk through a list of them.
        self._ids = array("Q")
        self._samples_ready = threading.Event()
        # LoadGen's thread and the pulse share the socket; a frame must not be cut by another.
        self._sending = threading.Lock()
        self._over = threading.Event()
        self._needs_first_token = spec.loadgen_scenario != "Offline"

    def start(self) -> None:
        """Run the test to its end; returns when LoadGen has written its logs."""
        lg, spec = self._lg, self._spec
        settings = self._settings()
        logs = lg.LogSettings()
        logs.log_output = lg.LogOutputSettings()
        logs.log_output.outdir = spec.log_dir
        logs.enable_trace = spec.enable_trace
        threading.Thread(target=self._receive, name="completions", daemon=True).start()
        threading.Thread(target=self._pulse, name="pulse", daemon=True).start()
        sut = lg.ConstructFastSUT(self._issue, self._flush)
        qsl = lg.ConstructQSL(spec.total_count, spec.performance_count, self._load, self._unload)
        try:
            lg.StartTestWithLogSettings(sut, qsl, settings, logs, spec.audit_config)
        finally:
            self._over.set()
            lg.DestroyQSL(qsl)
            lg.DestroyFastSUT(sut)
        self._send(frame(Kind.DONE))

    def _settings(self) -> Any:
        lg, spec = self._lg, self._spec
        settings = lg.TestSettings()
        code = settings.FromConfig(spec.user_conf, spec.loadgen_model, spec.loadgen_scenario)
        if code != 0:
            raise ValueError(f"LoadGen refused {spec.user_conf} (code {code})")
        self._refuse_another_model(settings)
        settings.scenario = getattr(lg.TestScenario, spec.loadgen_scenario)
        accuracy = spec.mode == "accuracy"
        settings.mode = lg.TestMode.AccuracyOnly if accuracy else lg.TestMode.PerformanceOnly
        return settings

    def _refuse_another_model(self, settings: Any) -> None:
        """LoadGen does not refuse an unknown model name: it takes other rules without a word."""
        wanted = {
            "use_token_latencies": True,
            "sample_concatenate_permutation": True,
            "performance_sample_count_override": self._spec.performance_count,
        }
        for name, value in wanted.items():
            # Releases before v6.0 bind fewer settings; there the log tells after the run.
            found = getattr(settings, name, value)
            if found != value:
                raise ValueError(
                    f"LoadGen has {name} {found} and not {value} for {self._spec.loadgen_model}"
                )

    def _pulse(self) -> None:
        while not self._over.wait(PULSE_S):
            self._send(frame(Kind.PULSE))

    def _send(self, data: bytes) -> None:
        try:
            with self._sending:
                self._socket.sendall(data)
        except OSError:
            # Nobody is left to answer; LoadGen would wait for ever.
            os._exit(EXIT_PARENT_GONE)

    def _issue(self, ids: list[int], indices: list[int]) -> None:
        first_seq = len(self._ids)
        self._ids.extend(ids)
        self._send(issue_frame(first_seq, time.monotonic_ns(), indices))

    def _flush(self) -> None:
        self._send(frame(Kind.FLUSH))

    def _load(self, indices: list[int]) -> None:
        self._samples_ready.clear()
        self._send(frame(Kind.LOAD, array("I", indices).tobytes()))
        self._samples_ready.wait()

    def _unload(self, indices: list[int]) -> None:
        self._send(frame(Kind.UNLOAD, array("I", indices).tobytes()))

    def _receive(self) -> None:
        """Pass completions to LoadGen; it waits for ever once this ends, so the process ends."""
        code = EXIT_FAILED
        try:
            self._pass_on()
            code = EXIT_PARENT_GONE
        except Exception:  # noqa: BLE001 - whatever it is, waiting for ever is worse
            # Goes to loadgen.log; the parent learns of it by the exit code.
            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def _pass_on(self) -> None:
        reader = FrameReader()
        while data := self._socket.recv(RECEIVE_BYTES):
            for kind, payload in reader.feed(data):
                if kind is Kind.EVENTS:
                    self._complete(payload)
                elif kind is Kind.READY:
                    self._samples_ready.set()

    def _complete(self, payload: bytes) -> None:
        """Tell LoadGen of first tokens, then of answers.

        LoadGen copies the bytes inside the call (loadgen.cc SampleComplete), so the payload
        only has to outlive it.
        """
        n_first, n_done = EVENTS_HEAD.unpack_from(payload)
        # Most frames hold an event or two, for which numpy's calls take ten times as long.
        words = memoryview(payload)[EVENTS_HEAD.size :].cast("i")
        place = _address(payload) + EVENTS_HEAD.size + 4 * n_first
        if n_first:
            firsts = zip(words[:n_first], words[n_first : 2 * n_first], strict=True)
            self._lg.FirstTokenComplete(self._first_tokens(firsts, place))
        if n_done:
            at = 2 * n_first
            seqs, lengths = words[at : at + n_done], words[at + n_done : at + 2 * n_done]
            place += 4 * (n_first + 2 * n_done)
            answers = self._answers(zip(seqs, lengths, strict=True), place)
            self._lg.QuerySamplesComplete(answers)

    def _first_tokens(self, events: Iterable[tuple[int, int]], place: int) -> list[Any]:
        """Sequence number and token of each; `place`: where the tokens lie."""
        response, ids, found = self._lg.QuerySampleResponse, self._ids, []
        for seq, token in events:
            # A failed sample had none.
            found.append(response(ids[seq], *((place, 4, 1) if token != FAILED else (0, 0))))
            place += 4
        return found

    def _answers(self, events: Iterable[tuple[int, int]], place: int) -> list[Any]:
        """Sequence number and length of each; `place`: where the first answer lies.

        A failed sample is completed with no token at all: LoadGen then logs an error for it, so
        that its own log shows the failure and it never counts as served.
        """
        response, ids, found = self._lg.QuerySampleResponse, self._ids, []
        for seq, length in events:
            if length > 0:
                found.append(response(ids[seq], place, 4 * length, length))
                place += 4 * length
            else:
                found.append(response(ids[seq], 0, 0, 0))
        return found


def _address(payload: bytes) -> int:
    """Where the bytes lie in memory."""
    address: int = np.frombuffer(payload, np.uint8).__array_interface__["data"][0]
    return address


def main(arguments: list[str]) -> NoReturn:
    """Serve one run on the inherited socket; the first line on it is the LoadGenSpec."""
    sys.setswitchinterval(GIL_SWITCH_INTERVAL_S)
    # Nothing here forms a cycle, and the process lives for one run: a collection is only delay.
    gc.disable()
    connection = socket.socket(fileno=int(arguments[0]))
    with connection.makefile("rb", buffering=0) as stream:
        spec = msgspec.json.decode(stream.readline(), type=LoadGenSpec)
    try:
        LoadGenRun(connection, spec).start()
    except Exception as error:  # noqa: BLE001 - the border: the parent must learn of any cause
        connection.sendall(frame(Kind.ERROR, f"{type(error).__name__}: {error}".encode()))
        os._exit(EXIT_FAILED)
    # Skip interpreter teardown: LoadGen's static objects and the receiver thread are still
    # alive, and its logs are already closed.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
