"""LoadGen's process is stopped, or LoadGen waits for ever: the harness says so, and ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest

from sut.engines.null import NullEngine
from sut.main import main
from tests.integration.conftest import TIMEOUT_S, running, settings, wait_for_line

SILENCE_S = 3
FLAGS = [
    "--scenario", "Server", "--engine", "null", "--dataset", "synthetic",
    *settings(server__min_duration_s=600, server__target_qps=20,
              loadgen__silence_timeout_s=SILENCE_S),
]  # fmt: skip


def loadgen_of(pid: int) -> psutil.Process:
    """LoadGen's process, as soon as there is one."""
    while True:
        for each in psutil.Process(pid).children(recursive=True):
            with contextlib.suppress(psutil.Error):
                if "sut.loadgen.child" in each.cmdline():
                    return each


def test_a_stopped_loadgen_ends_the_run_invalid_with_its_reason(tmp_path: Path) -> None:
    with running(tmp_path, *FLAGS) as process:
        wait_for_line(process, "Engine ready")
        loadgen = loadgen_of(process.pid)
        os.kill(loadgen.pid, signal.SIGSTOP)
        process.communicate(timeout=TIMEOUT_S)
        code = process.returncode
        assert not loadgen.is_running()
    assert code == 1
    (file,) = tmp_path.glob("mlperf_datacenter_*.json")
    result = json.loads(file.read_text())
    said = "LoadGen's process gave no sign of life"
    assert any(said in each and "it is stopped (SIGSTOP)" in each for each in result["reasons"])
    (session,) = (path for path in tmp_path.iterdir() if path.is_dir())
    assert (session / "Server" / "performance" / "ledger.parquet").is_file()


def test_samples_that_are_never_loaded_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_: NullEngine, samples: Mapping[int, object]) -> None:
        if samples:
            await asyncio.Event().wait()

    monkeypatch.setattr(NullEngine, "load_samples", hang)
    small = settings(engine__stall_timeout_s=1, warmup__queries=0, offline__min_query_count=5)
    flags = ["--scenario", "Offline", "--engine", "null", *small]
    with pytest.raises(SystemExit) as ended:
        main(["--results-dir", str(tmp_path), *flags])
    assert ended.value.code == 1
    (file,) = tmp_path.glob("mlperf_datacenter_*.json")
    said = "LoadGen neither asked nor ended for "
    assert any(said in each for each in json.loads(file.read_text())["reasons"])
