"""python -m scripts.parse_logs: files in, JSON out, nothing heavy loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.parse_logs import main

ROOT = Path(__file__).resolve().parents[3]
RECORDED = ROOT / "tests" / "data" / "logs"
HEAVY = ("mlperf_loadgen", "vllm", "torch", "ray", "numpy", "pyarrow", "pydantic", "pandas")


def test_one_folder_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(RECORDED / "server")]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["figures"]["valid"] is True
    assert document["figures"]["completed_samples_per_second"] == 196.537
    assert document["sample_count"] == 240
    assert document["loadgen_version"] == "6.0.17"
    assert document["values"]["effective_schedule_rng_seed"] == 16159082839903944936
    assert document["disagreements"] == []
    assert document["summary_figures"]["latency"] == document["figures"]["latency"]


def test_several_folders_are_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(RECORDED / "offline"), str(RECORDED / "server_with_errors")]) == 0
    first, second = json.loads(capsys.readouterr().out)
    assert first["errors"] == []
    assert [group["count"] for group in second["errors"]] == [2, 1]


def test_a_log_error_is_one_line_and_exit_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(RECORDED / "server"), str(tmp_path)]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "mlperf_log_detail.txt" in printed.err


def test_a_killed_run_is_read_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = (RECORDED / "server" / "mlperf_log_detail.txt").read_bytes()
    (tmp_path / "mlperf_log_detail.txt").write_bytes(whole[:20_000])
    assert main([str(tmp_path)]) == 2
    assert main(["--allow-incomplete", str(tmp_path)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert "breaks off" in document["incomplete"]
    assert document["figures"]["valid"] is None
    assert document["summary_figures"] is None


def test_help_shows_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "python -m scripts.parse_logs results/" in capsys.readouterr().out


def test_nothing_heavy_is_loaded() -> None:
    program = (
        "import sys; from scripts.parse_logs import main; "
        f"status = main([{str(RECORDED / 'server')!r}]); "
        f"print([name for name in {HEAVY} if name in sys.modules], status, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stderr == "[] 0\n"
    assert json.loads(done.stdout)["sample_count"] == 240
