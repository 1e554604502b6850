"""The earlier tool's five commands, by their names of then."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import sut.main
from sut.config.flags import ENVIRONMENT, build_parser

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "from-the-earlier-tool.md"
COMMANDS = {
    "mlperf_datacenter_benchmark.py": [],
    "run_datacenter_benchmark.py": ["--coordinated", "--address", "auto"],
    "run_coordinated_benchmark.py": ["--coordinated", "--address", "auto"],
    "run_benchmark_auto.py": ["bench", "engine"],
    "run_distributed_benchmark.py": ["cluster", "check", "--address", "auto"],
}


@pytest.mark.parametrize(("name", "words"), COMMANDS.items())
def test_each_is_our_command_line_with_what_was_added_behind(
    name: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(
        sut.main, "main", lambda given=None: asked.append(sys.argv[1:] if given is None else given)
    )
    monkeypatch.setattr(sys, "argv", [name, "--round", "v5.1"])
    runpy.run_path(str(ROOT / "scripts" / name), run_name="__main__")
    assert asked == [[*words, "--round", "v5.1"]]


def test_an_engine_process_that_loads_the_script_again_starts_no_second_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[object] = []
    monkeypatch.setattr(sut.main, "main", lambda *given: ran.append(given))
    for name in COMMANDS:
        runpy.run_path(str(ROOT / "scripts" / name), run_name="__mp_main__")
    assert ran == []


def test_a_cron_job_calls_it_from_anywhere(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "mlperf_datacenter_benchmark.py"), "--help"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--scenario" in done.stdout


def test_the_page_has_each_command_and_each_variable() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for name, words in COMMANDS.items():
        ours = " ".join(["python -m sut.main", *words])
        assert f"| `{name}` | `{ours}` |" in text
    for name in (*ENVIRONMENT, "HF_TOKEN"):
        assert f"| `{name}` |" in text


def test_each_flag_and_field_that_the_page_names_is_one() -> None:
    text = PAGE.read_text(encoding="utf-8")
    flags = {each for action in build_parser()._actions for each in action.option_strings}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
    assert named - flags == {"--coordinated"}, "which only the run verb has"
