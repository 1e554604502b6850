"""`sut report DIR`: what it prints, what it writes, and its exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sut.commands.report import main
from sut.errors import ConfigError, LogError
from sut.record.folder import SessionDir
from sut.report.compliance.rows import ComplianceReport
from tests.unit.result.sessions import make_session


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return make_session(tmp_path, "offline")


def files(root: Path) -> list[Path]:
    return sorted(root.rglob("*"))


def test_result_is_printed_and_nothing_written(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(session)
    assert main([str(session)]) == 0
    assert "MLPerf Inference v6.1 Datacenter" in capsys.readouterr().out
    assert main([str(session), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["valid"] is True
    assert files(session) == before


def test_compliance_is_printed_and_nothing_written(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(session)
    assert main([str(session), "--compliance"]) == 1  # a quick run falls short of the round
    assert capsys.readouterr().out.startswith("Rules of llama3.1-8b in round v6.1")
    assert main([str(session), "--compliance", "--json"]) == 1
    report = ComplianceReport.model_validate_json(capsys.readouterr().out)
    assert not report.compliant
    assert files(session) == before


def test_exit_code_is_0_when_every_rule_is_met(
    session: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from sut.report.compliance import build as compliance

    met = compliance.compliance_report(session).model_copy(update={"compliant": True})
    monkeypatch.setattr(compliance, "compliance_report", lambda _: met)
    assert main([str(session), "--compliance"]) == 0
    assert capsys.readouterr().out


def test_page_goes_to_a_new_file_only(
    session: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    flags = [str(session), "--compliance", "--html", str(page)]
    assert main(flags) == 1
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert capsys.readouterr().out.endswith(f"Written to {page}.\n")
    with pytest.raises(ConfigError, match="is not overwritten"):
        main(flags)


def test_page_in_a_folder_that_is_not_there_is_refused(session: Path, tmp_path: Path) -> None:
    page = tmp_path / "absent" / "page.html"
    with pytest.raises(ConfigError, match="cannot be written"):
        main([str(session), "--compliance", "--html", str(page)])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--compliance", "--json", "--html", "page.html"], "not allowed with"),
        (["--complaince"], "nearest is --compliance"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(
    session: Path, flags: list[str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        main([str(session), *flags])


def test_directory_without_a_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(LogError, match=r"session\.json is missing"):
        main([str(tmp_path), "--compliance"])


@pytest.mark.parametrize("place", ["published", "summary", "result", "log"])
def test_any_path_of_a_session_leads_to_it(
    session: Path, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = SessionDir(session)
    paths = {
        "published": folder.published_result,
        "summary": folder.published_summary,
        "result": folder.result,
        "log": session / "Offline" / "performance" / "mlperf_log_summary.txt",
    }
    paths[place].touch()
    assert main([str(paths[place]), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["valid"] is True


def test_a_folder_of_sessions_names_the_newest(session: Path) -> None:
    with pytest.raises(LogError, match=r"1 sessions.*node_20261124T000000Z"):
        main([str(session.parent)])


def test_a_file_of_no_session_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mlperf_datacenter_other_20261124_000000.json"
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(LogError, match="no session beside this file"):
        main([str(path)])
