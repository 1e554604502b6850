"""A run asked for from Python, as docs/api.md shows it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("small_model")
SCRIPT = """
import json, sys, sut
if __name__ == "__main__":
    result = sut.run({
        "scenarios": ["Offline"], "system": "cpu", "engine.kind": "null",
        "offline.min_duration_s": 0, "results_dir": sys.argv[1],
    })
    print(json.dumps([result.valid, result.scenarios["Offline"].achieved_qps]))
"""


def test_a_script_runs_it_and_loads_what_it_left(tmp_path: Path) -> None:
    import sut

    path, results = tmp_path / "own.py", tmp_path / "results"
    path.write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(path), str(results)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    valid, rate = json.loads(line)
    assert valid is True
    (file,) = results.glob("mlperf_datacenter_*.json")
    assert sut.load_result(file).scenarios["Offline"].achieved_qps == rate  # type: ignore[index]
