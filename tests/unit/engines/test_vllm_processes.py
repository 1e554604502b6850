"""Of a process that the engine started it is told whether it ended or was stopped."""

from __future__ import annotations

import signal
import subprocess
import sys

from sut.engines.vllm.processes import ProcessGuard


def test_what_happened_to_an_adopted_process_is_said() -> None:
    guard = ProcessGuard()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        guard.adopt_new()
        assert guard.pids() == [process.pid]
        assert guard.dead() is None

        process.send_signal(signal.SIGSTOP)
        assert _until_told(guard) == f"was stopped (pid {process.pid}, SIGSTOP)"

        process.send_signal(signal.SIGKILL)
        process.wait()
        assert guard.dead() == f"died (pid {process.pid} is gone)"


def _until_told(guard: ProcessGuard) -> str:
    # The kernel stops it on its own time; nothing tells when but its state.
    while (said := guard.dead()) is None:
        pass
    return said
