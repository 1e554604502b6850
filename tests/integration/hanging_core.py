"""A plugin of vLLM's that hangs one engine core inside a step, as a wedged card does.

vLLM loads it into every core by its entry point. The core that first finds the file named by
SUT_TEST_HANG takes it away and never ends its step; its process, threads and sockets live on.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

FILE = "SUT_TEST_HANG"


def installed(folder: Path) -> tuple[dict[str, str], Path]:
    """The variables of a harness whose vLLM finds this plugin, and the file that makes one hang."""
    metadata = folder / "hanging_core-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: hanging-core\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[vllm.general_plugins]\nhanging_core = hanging_core:install\n"
    )
    signal = folder / "hang"
    here = Path(__file__).parent
    paths = [str(folder), str(here), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths), FILE: str(signal)}, signal


def install() -> None:
    """Called by vLLM."""
    from vllm.v1.worker.worker_base import WorkerWrapperBase

    step, signal = WorkerWrapperBase.execute_model, Path(os.environ[FILE])

    def execute_model(self: Any, scheduler_output: Any) -> Any:
        try:
            signal.unlink()
        except FileNotFoundError:
            return step(self, scheduler_output)
        return threading.Event().wait()

    WorkerWrapperBase.execute_model = execute_model
