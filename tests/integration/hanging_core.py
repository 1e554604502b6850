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


def plugin(folder: Path, module: str) -> dict[str, str]:
    """The variables of a harness whose vLLM finds `module`, of this folder, as a plugin."""
    metadata = folder / f"{module}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        f"[vllm.general_plugins]\n{module} = {module}:install\n"
    )
    here = Path(__file__).parent
    paths = [str(folder), str(here), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {"PYTHONPATH": os.pathsep.join(paths)}


def installed(folder: Path) -> tuple[dict[str, str], Path]:
    """The variables of a harness whose vLLM finds this plugin, and the file that makes one hang."""
    signal = folder / "hang"
    return plugin(folder, "hanging_core") | {FILE: str(signal)}, signal


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
