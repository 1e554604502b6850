"""A second family on real LoadGen and the null engine: our code untouched, three YAML files more.

The code runs from a copy, for it takes its data from beside itself.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from qsl.tokenizer import open_tokenizer
from tests.conftest import ROOT
from tests.integration.conftest import TIMEOUT_S, settings, user_environment
from tests.unit.accuracy.answered import make_model

# What the null engine answers: this token, as often as it is told, the last one an end token.
TOKEN, LENGTH = 7, 3


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """A copy of the program with the family's files."""
    root = tmp_path / "program"
    for name in ("sut", "qsl", "audit", "user_confs"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tests" / "data" / "second_family", root / "user_confs",
                    dirs_exist_ok=True)  # fmt: skip
    return root


def run(program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sut.main", *arguments],
        cwd=program,
        env=user_environment() | {"PYTHONPATH": str(program)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )


def test_it_runs_is_scored_by_its_own_scorer_and_says_what_it_is(
    program: Path, tmp_path: Path
) -> None:
    model, data = make_model(tmp_path / "model"), tmp_path / "sums.json"
    (said,) = open_tokenizer(model).decode_batch([[TOKEN] * (LENGTH - 1)], skip_special_tokens=True)
    assert said
    data.write_text(
        json.dumps([{"input": f"{n} and {n}", "output": said if n else "no"} for n in range(4)])
    )
    flags = ("--model", "sums-1b", "--round", "v7.0", "--engine", "null", "--scenario", "Offline")
    done = run(
        program, *flags, "--mode", "both", "--dataset", str(data), "--results-dir",
        str(tmp_path / "results"),
        *settings(model__path=model, offline__min_duration_s=0, engine__null__tokens=LENGTH),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = (tmp_path / "results").glob("mlperf_datacenter_*.json")
    result: dict[str, Any] = json.loads(file.read_text())
    assert result["benchmark_info"]["benchmark_id"] == "sums"
    found = result["scenarios"]["Offline"]["evaluation"]
    assert (found["scorer"], found["metrics"]) == ("exact_match", {"exact_match": 75.0})
    assert result["configuration"]["model"]["loadgen_model"] == "mixtral-8x7b"
    assert not result["submission_grade"]
    (session,) = (path for path in (tmp_path / "results").iterdir() if path.is_dir())
    text = (session / "Offline" / "accuracy" / "accuracy.txt").read_text()
    assert "{'exact_match': 75.0, 'gen_num': 4}" in text
    prompt = open_tokenizer(model).encode_batch(["Add: 0 and 0 ="], special_tokens=True)[0]
    assert result["dataset"]["prompt_tokens_max"] == len(prompt)
    again = run(program, "accuracy", str(session), "--json")
    (facts,) = json.loads(again.stdout)["runs"].values()
    assert (facts["scorer"], facts["differs_from_written"]) == ("exact_match", [])
