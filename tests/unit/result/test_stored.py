"""A result's file that was edited: held against its session, or against itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sut.commands import history as history_verb
from sut.commands import regress as regress_verb
from sut.compare.comparison import compared
from sut.errors import ConfigError, LogError
from sut.record.folder import SessionDir
from sut.result.build import build, result_json
from sut.result.coherent import incoherent
from sut.result.schema import Result
from sut.result.stored import load_result, load_stored
from tests.unit.result.sessions import NAMES, make_session

Document = dict[str, Any]


@pytest.fixture
def session(tmp_path: Path) -> SessionDir:
    """One whose result is published beside it."""
    found = SessionDir(make_session(tmp_path, "server", "offline"))
    found.published_result.write_text(result_json(build(found.root)), encoding="utf-8")
    return found


def edit(path: Path, change: Callable[[Document], object]) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(json.dumps(document), encoding="utf-8")


def server(name: str, value: Any) -> Callable[[Document], object]:
    return lambda document: document["scenarios"]["Server"].update({name: value})


def tail(document: Document) -> None:
    document["scenarios"]["Server"]["ttft"]["p99_ns"] = 7


def unanswered(document: Document) -> None:
    document["scenarios"]["Server"]["queries"]["failed"] = 3


def of_a_valid(document: Document) -> None:
    document.update(valid=False, reasons=["Server: it was slow"])


EDITS: dict[str, tuple[Callable[[Document], object], str]] = {
    "a rate": (server("achieved_qps", 1e6), "achieved_qps is 1000000.0 in its own result"),
    "tokens": (server("throughput_tokens_per_sec", 1e6), "throughput_tokens_per_sec is 1000000.0"),
    "a tail": (tail, "p99_ns is 7 in its own result"),
    "no tail": (server("ttft", None), r"ttft\.count is not there in its own result"),
    "a count": (unanswered, "failed is 3 in its own result"),
    "a run's verdict": (server("valid", False), "scenarios.Server.valid is false"),
    "the verdict": (of_a_valid, "valid is false in its own result and true built again"),
}


@pytest.mark.parametrize("name", EDITS)
def test_a_file_that_says_otherwise_than_its_session_is_refused(
    session: SessionDir, name: str
) -> None:
    change, said = EDITS[name]
    edit(session.published_result, change)
    with pytest.raises(LogError, match=said):
        load_result(session.published_result)


def test_what_is_no_figure_may_be_another_versions(session: SessionDir) -> None:
    edit(session.published_result, lambda each: each["notes"].append("of an older version"))
    assert load_result(session.published_result) == build(session.root)


def test_an_edited_session_is_not_saved_by_its_file(session: SessionDir) -> None:
    (session.root / "Server/performance/ledger.parquet").unlink()
    with pytest.raises(LogError, match="valid is true in its own result and false built again"):
        load_result(session.published_result)


@pytest.fixture
def alone(session: SessionDir, tmp_path: Path) -> Path:
    """The file without its session."""
    path = tmp_path / "elsewhere" / "baseline.json"
    path.parent.mkdir()
    path.write_bytes(session.published_result.read_bytes())
    return path


def no_reason(document: Document) -> None:
    document["valid"] = False


def passed_all_the_same(document: Document) -> None:
    found = document["scenarios"]["Server"]["checks"]
    check = next(each for each in found if each["comparison"] == ">=" and each["measured"])
    check["measured"] = check["limit"] / 2


def failed_and_valid(document: Document) -> None:
    document["scenarios"]["Offline"]["checks"][3]["passed"] = False


INCOHERENT: dict[str, tuple[Callable[[Document], object], str]] = {
    "a rate": (server("achieved_qps", 1e6), "tokens/s are not 1e\\+06 samples/s"),
    "tokens": (server("throughput_tokens_per_sec", 1e6), "1e\\+06 tokens/s are not"),
    "a latency": (server("latency_p99", 0.5), "latency_p99 is 0.5 and latency.p99_ns"),
    "a share": (server("accuracy", 0.5), "accuracy is 0.5 of 240 in 240"),
    "a verdict without a reason": (no_reason, "the session is INVALID without a reason"),
    "a run's verdict alone": (server("valid", False), "it is INVALID without a reason"),
    "a check that does not hold": (passed_all_the_same, "a check is passed that does not hold"),
    "a check that failed": (failed_and_valid, "Offline: it is VALID, and: "),
}


@pytest.mark.parametrize("name", INCOHERENT)
def test_a_file_alone_that_contradicts_itself_is_refused(alone: Path, name: str) -> None:
    assert not load_stored(alone).built
    change, said = INCOHERENT[name]
    edit(alone, change)
    with pytest.raises(LogError, match=f"it contradicts itself: .*{said}"):
        load_result(alone)


def test_honest_results_are_coherent(tmp_path: Path) -> None:
    for kind in NAMES:
        assert incoherent(build(make_session(tmp_path / kind, kind))) is None, kind


def test_a_baseline_that_is_not_valid_is_refused(session: SessionDir, tmp_path: Path) -> None:
    good = make_session(tmp_path / "good", "server", "offline")
    (session.root / "Server/performance/ledger.parquet").unlink()
    session.published_result.unlink()
    with pytest.raises(ConfigError, match="the baseline is not VALID, so its figures prove noth"):
        regress_verb.main(["--baseline", str(session.root), str(good)])


def test_what_is_only_stated_is_said(
    session: SessionDir, alone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = list(compared([str(session.root), str(alone)]).notes())
    assert "B is only stated: no session lies beside baseline.json." in notes
    assert not any(each.startswith("A is only stated") for each in notes)
    assert regress_verb.main(["--baseline", str(session.root), str(alone), "--tolerance", "2"]) == 0
    assert (
        "skipped session      baseline.json says VALID, and no session" in capsys.readouterr().out
    )


def test_history_is_worked_out_from_the_sessions(
    session: SessionDir, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = session.root.parent
    text = session.published_result.read_text(encoding="utf-8")
    (folder / "mlperf_datacenter_elsewhere.json").write_text(text, encoding="utf-8")
    assert history_verb.main([str(folder), "--json"]) == 0
    shown = capsys.readouterr()
    assert [each["proved"] for each in json.loads(shown.out)["results"]].count(False) == 2
    assert "2 lines are only stated" in shown.err
    edit(session.published_result, server("achieved_qps", 1e6))
    assert history_verb.main([str(folder), "--json"]) == 0
    shown = capsys.readouterr()
    assert len(json.loads(shown.out)["results"]) == 2
    assert "achieved_qps is 1000000.0 in its own result" in shown.err


def test_a_result_of_another_version_is_the_sessions(session: SessionDir) -> None:
    edit(session.published_result, lambda each: each.update(schema_version="1.6"))
    found: Result = load_result(session.published_result)
    assert found == build(session.root)
