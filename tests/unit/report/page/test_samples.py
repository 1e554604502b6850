"""Some answers on the page: text where it was kept of this very log, else token ids; escaped."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.record.folder import sha256_of
from sut.record.samples import (
    CHARACTERS,
    SHOWN,
    SampleAnswer,
    SampleAnswers,
    cut,
    read_sample_answers,
    spread,
)
from sut.record.session import SessionRecord, read_session
from sut.report.page.build import report_html
from sut.report.page.samples import DECODED, NOT_DECODED, Samples, samples
from sut.result.build import result_of
from sut.result.evaluated import with_evaluations
from sut.result.schema import Result
from tests.unit.result.sessions import make_session

EVIL = "</blockquote><script>alert(1)</script>"


@pytest.fixture
def session(tmp_path: Path) -> tuple[Result, SessionRecord]:
    record = with_evaluations(read_session(make_session(tmp_path, "accuracy")))
    return result_of(record), record


def shown(session: tuple[Result, SessionRecord]) -> Samples:
    result, record = session
    found = samples(next(iter(result.accuracy_runs.values())), record.runs[0])
    assert found is not None
    return found


def keep(record: SessionRecord, log_sha256: str | None = None) -> None:
    folder = record.runs[0].folder
    log = log_sha256 or sha256_of(folder.root / "mlperf_log_accuracy.json")
    answer = SampleAnswer(sample_index=3, tokens=5, answer=EVIL, reference="What was asked for.")
    kept = SampleAnswers(log_sha256=log, tokenizer_sha256="77", answers=[answer])
    folder.samples.write_text(kept.model_dump_json())


def test_without_a_text_the_logs_own_ids_are_shown(session) -> None:
    found = shown(session)
    assert found.origin == NOT_DECODED
    assert [each.index for each in found.answers] == [0, 15, 31, 47]
    assert found.answers[0].answer == "5 6 0"
    assert found.answers[0].tokens == 3


def test_a_text_that_was_kept_is_shown_with_what_decoded_it_and_escaped(session) -> None:
    keep(session[1])
    found = shown(session)
    assert found.origin == DECODED.format("77")
    assert [(each.index, each.answer) for each in found.answers] == [(3, EVIL)]
    text = report_html(*session)
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert "What was asked for." in text


def test_texts_of_another_log_are_not_shown(session) -> None:
    keep(session[1], log_sha256="0" * 64)
    assert shown(session).origin == NOT_DECODED


def test_a_run_that_logged_no_answer_has_none(tmp_path: Path, session) -> None:
    result, record = session
    run = next(iter(result.accuracy_runs.values()))
    (record.runs[0].folder.root / "mlperf_log_accuracy.json").write_text("[\n]\n")
    assert samples(run, record.runs[0]) is None
    (record.runs[0].folder.root / "mlperf_log_accuracy.json").unlink()
    assert samples(run, record.runs[0]) is None
    measured = read_session(make_session(tmp_path / "other", "server"))
    served = next(iter(result_of(measured).scenarios.values()))
    assert samples(served, measured.runs[0]) is None


def test_what_the_harness_does_not_write_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "samples.json"
    assert read_sample_answers(path) is None
    path.write_text('{"answers": 1}')
    assert read_sample_answers(path) is None


def test_some_are_spread_over_all() -> None:
    assert spread(0) == []
    assert spread(3) == [0, 1, 2]
    assert spread(100) == [0, 33, 66, 99]
    assert len(spread(13368)) == SHOWN
    assert cut("x" * CHARACTERS) == "x" * CHARACTERS
    assert len(cut("x" * 5000)) == CHARACTERS + 1
