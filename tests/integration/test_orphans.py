"""The harness is killed outright: what it started ends by itself. Real vLLM, real LoadGen."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.integration import killing_core
from tests.integration.conftest import (
    left_running,
    running,
    settings,
    wait_for_line,
)
from tests.integration.hanging_core import plugin

WAIT_S = 120
ENDLESS = settings(
    dataset__synthetic_count=100,
    server__min_duration_s=600,
    server__target_qps=5,
    generation__max_tokens=16,
    engine__vllm__max_num_seqs=32,
    engine__vllm__cpu_kvcache_gib=1,
)
DUMMY = ["--scenario", "Server", "--system", "cpu-dummy", *ENDLESS]
NULL = ["--scenario", "Server", "--engine", "null", "--dataset", "synthetic"]
# One query in the whole run: LoadGen's process sleeps in between.
IDLE = settings(server__min_duration_s=600, server__target_qps=0.002)


class Watched:
    """Processes by their pidfds, which no other process is ever given."""

    def __init__(self, pids: list[int]):
        self._handles: dict[int, int] = {}
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):  # it has ended already
                self._handles[pid] = os.pidfd_open(pid)

    def left(self) -> list[int]:
        """Those that have not ended within the time, which are then killed."""
        found = []
        for pid, handle in self._handles.items():
            ears = select.poll()
            ears.register(handle, select.POLLIN)
            if not ears.poll(WAIT_S * 1000):
                found.append(pid)
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            os.close(handle)
        return found


def started_by(process: subprocess.Popen[str]) -> dict[int, str]:
    children = psutil.Process(process.pid).children(recursive=True)
    return {child.pid: " ".join([child.name(), *child.cmdline()]) for child in children}


@pytest.mark.parametrize(
    "how", [signal.SIGKILL, pytest.param(signal.SIGABRT, marks=pytest.mark.slow)]
)
@pytest.mark.usefixtures("dummy_model")
def test_a_harness_killed_in_the_middle_of_a_run(tmp_path: Path, how: signal.Signals) -> None:
    with running(tmp_path / "results", *DUMMY) as process:
        wait_for_line(process, "Server performance:")
        children = started_by(process)
        assert any("EngineCore" in name for name in children.values())
        assert any("sut.loadgen.child" in name for name in children.values())
        watched = Watched(list(children))
        process.send_signal(how)
        process.wait(WAIT_S)
    assert watched.left() == []


# Slow, for the earlier moment is the harder one: nothing of vLLM runs yet.
@pytest.mark.slow
@pytest.mark.parametrize("moment", ["spawned", "loading"])
@pytest.mark.usefixtures("dummy_model")
def test_a_harness_killed_while_its_engine_starts(tmp_path: Path, moment: str) -> None:
    core = tmp_path / "core"
    variables = plugin(tmp_path / "plugin", "killing_core")
    variables |= {killing_core.MOMENT: moment, killing_core.FILE: str(core)}
    with running(tmp_path / "results", *DUMMY, variables=variables) as process:
        process.communicate(timeout=WAIT_S)
        watched = Watched([int(core.read_text())])
    assert process.returncode == -signal.SIGKILL
    assert watched.left() == []


def test_loadgens_process_ends_between_two_of_its_calls(tmp_path: Path) -> None:
    with running(tmp_path / "results", *NULL, *IDLE) as process:
        wait_for_line(process, "Server performance:")
        (loadgen,) = [
            pid for pid, name in started_by(process).items() if "sut.loadgen.child" in name
        ]
        watched = Watched([loadgen])
        process.kill()
        process.wait(WAIT_S)
    assert watched.left() == []


@pytest.mark.slow
@pytest.mark.usefixtures("dummy_model")
def test_replicas_and_their_engines_end_with_the_driver(tmp_path: Path) -> None:
    with ExitStack() as stack:
        process = stack.enter_context(running(tmp_path / "results", *DUMMY, "--replicas", "2"))
        wait_for_line(process, "Server performance:")
        children = started_by(process)
        assert sum("EngineCore" in name for name in children.values()) == 2
        assert any("raylet" in name for name in children.values())
        watched = Watched(list(children))
        process.kill()
        process.wait(WAIT_S)
    # Ray's own agents take a minute to give their lost head up.
    assert watched.left() == []
    assert left_running(str(tmp_path / "results")) == []
