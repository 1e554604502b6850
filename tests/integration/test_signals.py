"""Signals in the middle of a run, and while nothing but the weights' checksum is waited for."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from tests.integration.conftest import TIMEOUT_S, running, settings, wait_for_line

NULL = ["--scenario", "Server", "--engine", "null", "--dataset", "synthetic"]
LONG = settings(server__min_duration_s=600, server__target_qps=20)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_the_signal_is_named_for_what_it_is(tmp_path: Path, number: signal.Signals) -> None:
    with running(tmp_path, *NULL, *LONG) as process:
        wait_for_line(process, "Server performance:")
        process.send_signal(number)
        _, said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    assert f"{number.name}: the run ends, and what was measured is kept." in said
    (file,) = tmp_path.glob("mlperf_datacenter_*.json")
    result = json.loads(file.read_text())
    assert "Ctrl-C" not in json.dumps(result)
    told = f"LoadGen was ended by us after {number.name}"
    assert any(told in each for each in result["reasons"])


def test_weights_whose_reading_never_ends_do_not_hold_up_ctrl_c(
    tmp_path: Path, small_model: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(small_model, model, ignore=shutil.ignore_patterns("*.safetensors"))
    os.mkfifo(model / "model.safetensors")
    results = tmp_path / "results"
    with running(results, *NULL, *settings(model__path=model)) as process:
        wait_for_line(process, "Engine ready")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    (session,) = results.iterdir()
    assert [path.name for path in session.iterdir()] == ["config.json"]


def test_their_reading_has_a_deadline(tmp_path: Path, small_model: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(small_model, model, ignore=shutil.ignore_patterns("*.safetensors"))
    os.mkfifo(model / "model.safetensors")
    flags = settings(model__path=model, engine__start_timeout_s=1)
    with running(tmp_path / "results", *NULL, *flags) as process:
        _, said = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 1
    assert "reading the weights for their checksum took longer than 1 s" in said
