"""The accuracy log is read as LoadGen writes it, and refused where it is anything else."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from sut.errors import LogError
from sut.logs import accuracy
from sut.logs.accuracy import read_accuracy_log, token_type_of
from tests.unit.audit.sabotage import entry, healthy, write_log

RECORDED = Path(__file__).resolve().parents[2] / "data" / "logs"


def test_a_recorded_log_is_read(tmp_path: Path):
    read = read_accuracy_log(RECORDED / "accuracy" / accuracy.ACCURACY_NAME)
    assert len(read) == 48
    first = read[0]
    assert (first.seq_id, first.sample_index, first.token_count) == (6, 0, 3)
    assert first.tokens.tolist() == [5, 6, 0]
    assert first.first_tokens is None, "Offline reports no first token"


def test_a_log_without_samples_is_an_empty_one():
    # LoadGen leaves this behind a performance run.
    assert read_accuracy_log(RECORDED / "server" / accuracy.ACCURACY_NAME) == []


def test_negative_ids_keep_their_sign(tmp_path: Path):
    (read,) = read_accuracy_log(write_log(tmp_path, [entry(0, [-1, 5])]))
    assert read.tokens.tolist() == [-1, 5]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ["mlperf_log_accuracy.json:1", "cut short"]),
        ('[\n{ "seq_id" : 1,', ["mlperf_log_accuracy.json:2", "cut short"]),
        ("[\n{},\n\n...\n\n{}]", ["mlperf_log_accuracy.json:4", "shortened for a submission"]),
        ("{}", ["not a JSON array"]),
        ("[1]", ["entry 0", "not a JSON object"]),
        ("[" * 100_000, ["is not JSON"]),
        ("[" + "9" * 5000 + "]", ["is not JSON"]),
        ([entry(0, [5, 6]), entry(1, [5, 6]) | {"data": "0G"}], ["entry 1", "data", "0G", "hex"]),
        ([entry(0, [5, 6], data="050000")], ["entry 0", "data", "3 bytes", "multiple of 4"]),
        ([entry(0, [5, 6], data=None)], ["entry 0", "data is missing"]),
        ([entry(0, [5, 6], data=7)], ["entry 0", "data is 7"]),
        ([entry(0, [5, 6], token_data="zz")], ["entry 0", "token_data"]),
        ([entry(0, [5, 6], token_count="2")], ["entry 0", "token_count", '"2"', "whole number"]),
        ([entry(0, [5, 6], token_count=None)], ["entry 0", "token_count is missing"]),
        ([entry(0, [5, 6], seq_id=True)], ["entry 0", "seq_id is true"]),
        ([entry(0, [5, 6], qsl_idx=1.5)], ["entry 0", "qsl_idx is 1.5"]),
    ],
)
def test_a_broken_log_is_one_sentence_that_names_the_place(
    tmp_path: Path, text: object, wanted: list[str]
):
    with pytest.raises(LogError) as caught:
        read_accuracy_log(write_log(tmp_path, text))
    rendered = caught.value.render()
    assert "\n" not in rendered
    assert all(word in rendered for word in wanted), rendered


def test_a_long_value_is_shortened_in_the_message(tmp_path: Path):
    with pytest.raises(LogError) as caught:
        read_accuracy_log(write_log(tmp_path, [entry(0, [5], data="x" * 100_000)]))
    assert len(caught.value.message) < 200


def test_a_log_that_is_no_text_is_refused(tmp_path: Path):
    path = write_log(tmp_path, "")
    path.write_bytes(b"\xff\xfe[]")
    with pytest.raises(LogError, match="UTF-8"):
        read_accuracy_log(path)


def test_a_missing_log_is_refused(tmp_path: Path):
    with pytest.raises(LogError, match="No such file"):
        read_accuracy_log(tmp_path / accuracy.ACCURACY_NAME)


def test_a_file_beyond_any_log_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write_log(tmp_path, healthy())
    monkeypatch.setattr(accuracy, "MAX_BYTES", 100)
    with pytest.raises(LogError, match="more than 100"):
        read_accuracy_log(path)


def test_the_order_of_the_log_is_kept(tmp_path: Path):
    shutil.copy(RECORDED / "accuracy" / accuracy.ACCURACY_NAME, tmp_path)
    read = read_accuracy_log(tmp_path / accuracy.ACCURACY_NAME)
    assert [each.seq_id for each in read][:4] == [6, 13, 16, 21]


def words(*tokens: int, width: int) -> str:
    return b"".join(token.to_bytes(width, "little", signed=True) for token in tokens).hex()


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ([{"data": words(5, 6, 7, 8, width=8), "token_count": 4}], "int64"),
        ([{"data": words(5, 6, 7, 8, width=8)}], "int64"),
        ([{"data": words(5, 6, 7, 8, width=4), "token_count": 4}], "int32"),
        ([{"data": words(5, 6, 7, 8, width=4)}], "int32"),
        ([{"data": words(5, 0, 6, 0, 7, 0, 8, 0, width=4), "token_count": 8}], "int32"),
        ([{"data": words(5, 6, 7, 8, width=8)}, {"data": words(5, width=4)}], "int32"),
        ([{"data": words(5, 6, 7, 8, width=8)}, {"data": ""}], "int64"),
        ([{"data": words(5, 0, width=4)}], "int32"),
        ([{"data": "zz"}], "int32"),
        ([{"data": None}, 7], "int32"),
        ([], "int32"),
    ],
)
def test_the_width_of_the_tokens_is_seen(tmp_path: Path, answers: Any, kind: str) -> None:
    path = tmp_path / "mlperf_log_accuracy.json"
    path.write_text(json.dumps(answers))
    assert token_type_of(path) == kind


@pytest.mark.parametrize(
    ("data", "said"), [("x" * 38, '"' + "x" * 38 + '"'), ("x" * 39, '"' + "x" * 39 + "…")]
)
def test_a_value_of_forty_characters_is_shown_whole(tmp_path: Path, data: str, said: str) -> None:
    with pytest.raises(LogError) as caught:
        read_accuracy_log(write_log(tmp_path, [entry(0, [5], data=data)]))
    assert caught.value.message == f"data is {said}, must be hex digits."
