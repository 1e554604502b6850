"""A campaign whose folder is another's, or takes no report."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

import sut.campaign.campaign
import sut.campaign.stages
from sut.commands.campaign import main
from sut.errors import ConfigError, RunError
from sut.record.alone import alone_in
from tests.unit.campaign.support import Runs
from tests.unit.campaign.test_campaign import PLAN

pytestmark = pytest.mark.usefixtures("small_model")  # for its tokenizer


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    plan = tmp_path / "plan.yaml"
    plan.write_text(f"systems: [cpu]\n{PLAN}", encoding="utf-8")
    return [str(plan), "--out", str(tmp_path / "out"), "--quiet"]


def test_a_report_that_cannot_be_written_is_on_the_screen(
    runs: Runs, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out" / "campaign.json").mkdir(parents=True)
    with pytest.raises(RunError, match=r"campaign.json: it cannot be written: Is a directory"):
        main(words)
    assert len(runs.made) == 3
    assert "3 of 3 stages are VALID." in capsys.readouterr().out


def test_a_second_campaign_in_the_folder_is_refused(
    runs: Runs, words: list[str], tmp_path: Path
) -> None:
    with alone_in(tmp_path / "out"), pytest.raises(ConfigError, match="another command works in"):
        main(words)
    assert runs.made == []


def test_a_stage_that_cannot_be_recorded_ends_it_with_a_report(
    runs: Runs, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    def full(path: Path, content: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(sut.campaign.stages, "write_atomic", full)
    with pytest.raises(RunError, match=r"stages: cpu\.a\.Server-performance cannot be recorded"):
        main(words)
    assert runs.made == ["20"]
    assert "1 of 3 stages are VALID." in capsys.readouterr().out


def test_an_error_that_nobody_foresaw_is_that_of_its_stage_alone(
    runs: Runs, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    runs.ends = {"40": ZeroDivisionError("x")}
    assert main(words) == 1
    said = capsys.readouterr().out
    assert "this is a bug of ours: ZeroDivisionError: x" in said
    assert "2 of 3 stages are VALID." in said
