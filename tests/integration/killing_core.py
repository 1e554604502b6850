"""A plugin of vLLM's that kills the harness while its engine starts.

SUT_TEST_KILL names the moment: `spawned`, when the core's process was started and has still to
import vLLM and to shake hands; or `loading`, when its worker is about to take the device. Before
that the process's id is written to the file SUT_TEST_CORE.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

MOMENT, FILE = "SUT_TEST_KILL", "SUT_TEST_CORE"
HARNESS = "SUT_TEST_HARNESS"


def install() -> None:
    """Called by vLLM, first in the harness and then in what it starts."""
    os.environ.setdefault(HARNESS, str(os.getpid()))
    if os.environ[MOMENT] == "spawned":
        _kill_after_the_spawn()
    else:
        _kill_before_loading()


def _kill_after_the_spawn() -> None:
    from vllm.v1.engine.utils import CoreEngineProcManager

    start = CoreEngineProcManager.__init__

    def start_and_die(self: Any, *arguments: Any, **options: Any) -> None:
        start(self, *arguments, **options)
        Path(os.environ[FILE]).write_text(str(self.processes[0].pid))
        os.kill(os.getpid(), signal.SIGKILL)

    CoreEngineProcManager.__init__ = start_and_die


def _kill_before_loading() -> None:
    from vllm.v1.worker.worker_base import WorkerWrapperBase

    prepare = WorkerWrapperBase.init_device

    def prepare_as_an_orphan(self: Any, *arguments: Any, **options: Any) -> None:
        Path(os.environ[FILE]).write_text(str(os.getpid()))
        os.kill(int(os.environ[HARNESS]), signal.SIGKILL)
        prepare(self, *arguments, **options)

    WorkerWrapperBase.init_device = prepare_as_an_orphan
