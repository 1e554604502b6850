"""make bench: what alternates, what is refused, what the page says. Nothing is measured here."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scripts import bench
from scripts.bench import BENCHMARKS, Benchmark, main, measured, page, parser

ABOVE, BELOW = "harness tokens/s", "generate tokens/s"


def two(values: list[float], calls: list[str]) -> tuple[Benchmark, Benchmark]:
    """One that gives a figure and half of it; one that fails in its second round."""
    left = iter(values)

    def first(folder: Path) -> bench.Figures:
        calls.append("first")
        value = next(left)
        return {ABOVE: 110.0, BELOW: value}

    def second(folder: Path) -> bench.Figures:
        calls.append("second")
        if calls.count("second") == 2:
            raise subprocess.CalledProcessError(3, "sut", stderr="a\nsut: no engine.\n")
        return {"lines/s": 7.0}

    pair = ((ABOVE, BELOW),)
    return Benchmark("first", "a thing", first, pair), Benchmark("second", "another", second)


def text_of(values: list[float], **settings: Any) -> tuple[str, list[str]]:
    calls: list[str] = []
    wanted = two(values, calls)
    rounds = list(measured(wanted, len(values)))
    return page(rounds, wanted, settings.get("most_noise", 0.25)), calls


QUIET = [100.0, 101.0, 99.0, 100.0, 100.0]


def test_benchmarks_take_turns_at_going_first() -> None:
    _, calls = text_of(QUIET[:3])
    assert calls == ["first", "second", "second", "first", "first", "second"]


def test_the_page_has_machine_commit_median_and_spread() -> None:
    text, _ = text_of(QUIET)
    assert "commit `" in text
    assert "threads" in text
    assert f"| {BELOW} | 100 | 99 | 101 | 5 |" in text
    assert "| lines/s | 7 | 7 | 7 | 4 |" in text
    assert f"- {ABOVE} over {BELOW}: 1.100 (" in text
    assert "- round 2 failed: sut: no engine." in text


def test_a_machine_that_does_not_repeat_itself_gets_no_ratio() -> None:
    text, _ = text_of([100.0, 140.0, 100.0, 100.0, 100.0])
    assert "no ratio: this machine's own repeats differ by 40%, and 25% is the most" in text
    assert "1.100" not in text
    allowed, _ = text_of([100.0, 140.0, 100.0, 100.0, 100.0], most_noise=0.5)
    assert "1.100 (" in allowed


def test_fewer_rounds_than_five_give_no_ratio() -> None:
    assert "no ratio: 4 rounds, and 5 are the least" in text_of(QUIET[:4])[0]


def test_one_benchmark_alone_leaves_page_and_rounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "PARSED", 1)
    assert main(["--only", "parser", "--rounds", "2", "--out", str(tmp_path / "kept")]) == 0
    rounds = json.loads((tmp_path / "kept" / "rounds.json").read_text())
    assert [each["benchmark"] for each in rounds] == ["parser", "parser"]
    assert all(each["figures"]["lines/s"] > 0 for each in rounds)
    assert "## parser" in (tmp_path / "kept" / "README.md").read_text()


def test_the_figures_of_a_command_are_those_that_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = {
        "measured": [
            {"target_qps": 1000.0, "completed_qps": 999.0, "ttft_p99_ms": 1.5,
             "data_plane_p99_ms": None},
            {"target_qps": 0.0, "completed_qps": 5e5, "ttft_p99_ms": None,
             "data_plane_p99_ms": None},
        ]
    }  # fmt: skip
    asked: list[tuple[str, ...]] = []

    def run_json(*words: str) -> dict[str, Any]:
        asked.append(words)
        return said

    monkeypatch.setattr(bench, "run_json", run_json)
    found = bench.replicas(8)(tmp_path)
    assert found == {
        "1000/s completed/s": 999.0,
        "1000/s TTFT P99 ms": 1.5,
        "Offline completed/s": 5e5,
    }
    assert "8" in asked[0]


def test_what_is_no_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "nothing"])
    assert "nothing is no benchmark" in capsys.readouterr().err


def test_each_benchmark_has_a_name_of_its_own() -> None:
    names = [each.name for each in BENCHMARKS]
    assert len(set(names)) == len(names)
    assert parser(Path())["lines/s"] > 0
