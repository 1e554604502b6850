"""The wall clock, which LoadGen measures by, is set while real LoadGen runs.

A preloaded library sets it for the harness and LoadGen alone: this machine's own clock stays.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import TIMEOUT_S, command, settings, until, user_environment

SOURCE = Path(__file__).with_name("stepped_clock.c")
COMPILER = shutil.which("cc")
pytestmark = [
    pytest.mark.usefixtures("small_model"),  # for its tokenizer
    pytest.mark.skipif(COMPILER is None, reason="no C compiler to make the stepped clock with"),
]
# Answers take 4 s each, so that the clock is set while LoadGen waits.
SLOW = settings(
    offline__min_duration_s=1,
    server__min_duration_s=6,
    server__target_qps=20,
    server__e2e_p99_limit_ms=60000,
    engine__null__ttft_ms=10,
    engine__null__tpot_ms=60,
)
STEPS = "steps of the wall clock, which LoadGen measures by"
TIMES = "LoadGen's times that the ledger contradicts"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("clock") / "stepped_clock.so"
    subprocess.run(
        [str(COMPILER), "-shared", "-fPIC", "-O1", "-o", str(made), str(SOURCE), "-ldl"], check=True
    )
    return made


def under_way(results: Path) -> bool:
    """Whether LoadGen has made its queries; it issues them at once."""
    logs = results.glob("*/*/performance/mlperf_log_detail.txt")
    return any("generated_query_count" in each.read_text(errors="replace") for each in logs)


def run(library: Path, folder: Path, scenario: str, step_s: int) -> tuple[int, dict[str, Any], str]:
    """Exit code, result and summary of a run whose clock is set once LoadGen is under way."""
    trigger = folder / "set-it"
    environment = user_environment() | {
        "LD_PRELOAD": os.pathsep.join(filter(None, [str(library), os.environ.get("LD_PRELOAD")])),
        "STEPPED_CLOCK_FILE": str(trigger),
        "STEPPED_CLOCK_NS": str(step_s * 10**9),
    }
    process = subprocess.Popen(
        command(folder / "results", "--engine", "null", "--scenario", scenario, *SLOW),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until(lambda: process.poll() is not None or under_way(folder / "results"))
    trigger.touch()
    process.communicate(timeout=TIMEOUT_S)
    (summary,) = (folder / "results").glob("summary_*.txt")
    (file,) = (folder / "results").glob("mlperf_datacenter_*.json")
    return process.returncode, json.loads(file.read_text()), summary.read_text()


@pytest.mark.parametrize(
    ("scenario", "step_s", "words"),
    [
        ("Offline", -2, "set back by 2.0"),
        pytest.param("Server", -1, "set back by 1.0", marks=pytest.mark.slow),
        pytest.param("Server", 1, "set forward by 1.0", marks=pytest.mark.slow),
        pytest.param("Server", -3600, "set back by 3600", marks=pytest.mark.slow),
    ],
)
def test_a_clock_set_during_the_run_makes_it_invalid_and_is_named(
    library: Path, tmp_path: Path, scenario: str, step_s: int, words: str
) -> None:
    code, result, summary = run(library, tmp_path, scenario, step_s)
    assert code == 1
    found = result["scenarios"][scenario]
    checks = {each["name"]: each for each in found["checks"]}
    assert words in checks[STEPS]["measured"]
    assert not checks[STEPS]["passed"]
    assert words in summary
    if step_s < 0:  # a figure better than the truth is never the ledger's
        assert not checks[TIMES]["passed"]


def test_the_same_run_with_the_clock_left_alone_is_valid(library: Path, tmp_path: Path) -> None:
    code, result, _ = run(library, tmp_path, "Offline", 0)
    found = result["scenarios"]["Offline"]
    assert (code, found["reasons"]) == (0, [])
