"""The one reader of a session's folder: what it gives, what it refuses, and that it reads once."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

import sut.logs.detail
from sut.errors import LogError
from sut.harness.conclude import write_result
from sut.record.facts import AccuracyFacts
from sut.record.folder import SessionDir
from sut.record.session import read_session
from tests.unit.result.sessions import dump, make_accuracy, make_session


def test_every_file_of_a_session_is_there_by_name(tmp_path: Path) -> None:
    record = read_session(make_session(tmp_path, "offline", "accuracy"))
    assert record.name == "node_20261124T000000Z"
    assert record.config.scenarios == ("Offline",)
    assert record.facts.dataset.count == 48
    assert record.documents["config.json"]["origins"] == record.origins == {"profile": "default"}
    runs = {run.kind: run for run in record.runs}
    assert {kind: run.place for kind, run in runs.items()} == {
        "performance": "Offline/performance",
        "accuracy": "Offline/accuracy",
    }
    run = runs["performance"]
    assert run.logs is not None
    assert run.ledger is not None
    assert run.logs.sample_count == run.ledger.num_rows == run.document["ledger"]["issued"]
    assert run.stated_accuracy is None
    assert runs["accuracy"].stated_accuracy is not None


def test_logs_that_cannot_be_read_are_a_problem_without_the_folders_path(tmp_path: Path) -> None:
    root = make_session(tmp_path, "offline")
    (root / "Offline/performance/mlperf_log_detail.txt").unlink()
    (root / "Offline/performance/ledger.parquet").write_bytes(b"no parquet")
    (run,) = read_session(root).runs
    assert (run.logs, run.ledger) == (None, None)
    assert run.logs_problem is not None
    assert run.logs_problem.startswith("mlperf_log_detail.txt: the detail log cannot be read")
    assert str(tmp_path) not in run.logs_problem


@pytest.mark.parametrize("name", ["config.json", "session.json", "Offline/performance/run.json"])
@pytest.mark.parametrize("text", [None, "{", "[]", '{"scenario": 1}'])
def test_a_file_of_ours_that_is_lost_or_broken_is_named(
    tmp_path: Path, name: str, text: str | None
) -> None:
    root = make_session(tmp_path, "offline")
    if text is None:
        # A run without its run.json is no run: others tell that it is missing.
        if name.endswith("run.json"):
            return
        (root / name).unlink()
    else:
        (root / name).write_text(text, encoding="utf-8")
    with pytest.raises(LogError) as caught:
        read_session(root)
    assert str(caught.value.where).endswith(name)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("config.json", "origins", {"engine.kind": 0}),
        ("config.json", "origins", [1]),
        ("session.json", "started_utc", "../../x"),
        ("Offline/performance/run.json", "ended_utc", "yesterday"),
        ("Offline/performance/run.json", "started_utc", "2026-11-24T00:00:00"),
        ("session.json", "started_utc", "0001-01-01T00:00:00+14:00"),
    ],
)
def test_a_value_that_whoever_reads_it_would_stumble_over_is_named(
    tmp_path: Path, name: str, field: str, value: object
) -> None:
    root = make_session(tmp_path, "offline")
    document = json.loads((root / name).read_text(encoding="utf-8"))
    dump(root / name, {**document, field: value})
    with pytest.raises(LogError, match=field) as caught:
        read_session(root)
    assert str(caught.value.where).endswith(name)


def test_a_malformed_evaluation_is_named(tmp_path: Path) -> None:
    root = make_session(tmp_path, "accuracy")
    dump(root / "Offline/accuracy/accuracy.json", {"metrics": []})
    (run,) = read_session(root).runs
    with pytest.raises(LogError, match="characters"):
        _ = run.stated_accuracy


def test_an_evaluation_of_before_there_were_scorers_is_read(tmp_path: Path) -> None:
    root = make_session(tmp_path, "accuracy")
    path = root / "Offline/accuracy/accuracy.json"
    ours = make_accuracy(path.parent, tool="nltk 3.10.4 punkt_tab")
    old = {key: value for key, value in ours.items() if key not in ("scorer", "characters", "tool")}
    dump(path, old | {"gen_len": ours["characters"], "sentence_splitter": ours["tool"]})
    (run,) = read_session(root).runs
    assert run.stated_accuracy is not None
    assert run.stated_accuracy == AccuracyFacts.model_validate(ours)
    assert run.stated_accuracy.scorer == "rouge"


def test_a_log_is_read_once_for_result_summary_and_compliance_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: Counter[str] = Counter()
    lines = sut.logs.detail._lines

    def counted(stream, path):
        opened[path.parent.parent.name] += 1
        return lines(stream, path)

    monkeypatch.setattr(sut.logs.detail, "_lines", counted)
    root = make_session(tmp_path, "offline", "server")
    write_result(SessionDir.open(root))
    assert (root / "compliance.json").is_file()
    assert opened == {"Offline": 1, "Server": 1}
