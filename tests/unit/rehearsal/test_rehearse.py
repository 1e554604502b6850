"""The rehearsal around its measurements, which are recorded here."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

import sut.rehearsal.rehearse
import sut.result.evaluated
import sut.submission.make_tree
from sut.campaign.stages import Stage
from sut.config.sources import Loaded
from sut.errors import ConfigError
from sut.rehearsal.rehearse import Report, Request, rehearse
from tests.unit.submission import support


def request(out: Path, **changes: object) -> Request:
    values: dict[str, object] = {
        "round": "v6.1", "out": out, "division": "closed", "submitter": "Rehearsal",
        "checker": None, "fast": False,
    }  # fmt: skip
    return Request(**(values | changes))  # type: ignore[arg-type]


def no_engine(_: object) -> Loaded:
    raise AssertionError("measuring begins")


def run(asked: Request) -> tuple[Report, str]:
    said = io.StringIO()
    return rehearse(asked, no_engine, Console(file=said)), said.getvalue()


@pytest.fixture
def _recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """One stage in place of the nine, which leaves a session of recordings."""

    def tiny_source(target: Path) -> None:
        target.mkdir(parents=True)
        (target / "main.py").write_text("pass\n", encoding="utf-8")

    def stages(*_: object) -> list[Stage]:
        def make() -> Path:
            return support.closed_session(tmp_path / "out" / "sessions", profile="quick")

        return [Stage("all", {}, 1.0, make)]

    monkeypatch.setattr(sut.rehearsal.rehearse, "measuring_stages", stages)
    monkeypatch.setattr(sut.rehearsal.rehearse, "load_round", support.small_round)
    monkeypatch.setattr(sut.submission.make_tree, "load_round", support.small_round)
    monkeypatch.setattr(sut.submission.make_tree, "copy_source", tiny_source)
    monkeypatch.setattr(sut.result.evaluated, "evaluate", support.scored)


@pytest.mark.usefixtures("_recorded")
def test_a_closed_rehearsal_goes_through_without_a_submitters_documents(tmp_path: Path) -> None:
    report, said = run(request(tmp_path / "out"))
    assert [each.line for each in report.findings] == []
    assert report.failed is None
    assert "the check will name accuracy" in said
    (document,) = (tmp_path / "out" / "tree").rglob("bandwidth.md")
    assert "REHEARSAL: not a submission, and no description" in document.read_text("utf-8")


@pytest.mark.usefixtures("_recorded")
def test_a_tree_of_other_inputs_gets_a_name_that_is_free(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "tree-2").mkdir(parents=True)
    left = [run(request(out, submitter=name))[0].finished[-1].left for name in ("A", "B")]
    assert left == [out / "tree", out / "tree-3"]


MISTAKES: dict[str, tuple[dict[str, object], str]] = {
    "division": ({"division": "network"}, "division is network"),
    "submitter": ({"submitter": "Two words"}, "submitter is 'Two words'"),
    "round": ({"round": "v5.0"}, r"round v5\.0 takes no submission"),
    "checker": ({"checker": Path("nowhere")}, "there is neither .*submission_checker nor"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_before_anything_is_measured(tmp_path: Path, mistake: str) -> None:
    changes, said = MISTAKES[mistake]
    with pytest.raises(ConfigError, match=said):
        run(request(tmp_path / "out", **changes))
    assert not (tmp_path / "out").exists()
