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


@pytest.mark.parametrize("name", ["mlperf_log_detail.txt", "mlperf_log_summary.txt"])
def test_a_log_stands_for_its_folder(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(RECORDED / "server" / name)]) == 0
    assert json.loads(capsys.readouterr().out)["sample_count"] == 240


def without(folder: Path, key: bytes) -> Path:
    """The recorded logs, less the lines of one key."""
    for name in ("mlperf_log_detail.txt", "mlperf_log_summary.txt"):
        lines = (RECORDED / "server" / name).read_bytes().splitlines(keepends=True)
        (folder / name).write_bytes(b"".join(line for line in lines if key not in line))
    return folder


def test_a_log_without_its_last_line_is_refused_with_the_flag_that_reads_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = without(tmp_path, b"num_errors")
    assert main([str(folder)]) == 2
    assert "--allow-incomplete" in capsys.readouterr().err
    assert main([str(folder), "--allow-incomplete"]) == 0


def test_the_flag_is_not_named_where_it_would_not_help(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path)]) == 2
    assert "--allow-incomplete" not in capsys.readouterr().err


def test_a_reader_that_goes_away_is_told_nothing() -> None:
    many = [str(RECORDED / "server")] * 20
    done = subprocess.Popen(
        [sys.executable, "-m", "scripts.parse_logs", *many],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert done.stdout is not None
    assert done.stderr is not None
    with done:
        done.stdout.close()
        assert done.stderr.read() == b""
    assert done.returncode == 141
