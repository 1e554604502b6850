from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sut.accuracy.answers import first_per_sample, read_answers
from sut.errors import LogError

RECORDED = Path(__file__).resolve().parents[2] / "data" / "logs"


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "mlperf_log_accuracy.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_log_of_loadgen_is_read() -> None:
    answers = read_answers(RECORDED / "accuracy" / "mlperf_log_accuracy.json")
    assert sorted(answer.sample_index for answer in answers) == list(range(48))
    first = answers[0]
    assert first.sample_index == 0
    assert first.tokens.tolist() == [5, 6, 0]
    assert first.tokens.dtype == np.int32


def test_a_performance_log_holds_no_answer() -> None:
    assert read_answers(RECORDED / "offline" / "mlperf_log_accuracy.json") == []


def test_the_first_answer_to_a_sample_counts(tmp_path: Path) -> None:
    rows = ",".join(
        f'{{"seq_id":{seq},"qsl_idx":{index},"data":"{seq:02d}000000"}}'
        for seq, index in ((1, 7), (2, 3), (3, 7), (4, 3))
    )
    kept = first_per_sample(read_answers(written(tmp_path, f"[{rows}]")))
    assert [(answer.tokens.tolist(), answer.sample_index) for answer in kept] == [
        ([1], 7),
        ([2], 3),
    ]


def test_a_failed_sample_has_no_tokens(tmp_path: Path) -> None:
    (answer,) = read_answers(written(tmp_path, '[{"seq_id":0,"qsl_idx":0,"data":""}]'))
    assert len(answer.tokens) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[{"seq_id":0,"qsl_idx":0,"da', "cut short"),
        ('[{"seq_id":0,"qsl_idx":-1,"data":""}]', "qsl_idx is -1"),
        ('[{"seq_id":0,"qsl_idx":0,"data":"FFFFFFFF"}]', "data holds token id -1"),
    ],
)
def test_a_broken_log_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    log = written(tmp_path, content)
    with pytest.raises(LogError, match=message) as caught:
        read_answers(log)
    assert str(caught.value.where).startswith(str(log))
    assert caught.value.remedy


def answered(data: np.ndarray, count: int, **more: str) -> str:
    entry = {"seq_id": 0, "qsl_idx": 4, "data": data.tobytes().hex().upper(), "token_count": count}
    good = {"seq_id": 1, "qsl_idx": 3, "data": "05000000", "token_count": 1}
    return json.dumps([good, entry | more])


WRONG_COUNTS = {
    "one too many told": ("<i4", [5, 6], 3, "token_count is 3, and data holds 2 int32 ids."),
    "none told": ("<i4", [5, 6], 0, "token_count is 0, and data holds 2 int32 ids."),
    "an empty answer": ("<i4", [], 1, "token_count is 1, and data holds 0 int32 ids."),
    "int64": ("<i8", [5, 6], 2, "data holds 4 int32 ids, every second of them 0 as in a log of i"),
    "twice as many, not int64": ("<i4", [5, 6, 7, 8], 2, "data holds 4 int32 ids."),
}


@pytest.mark.parametrize("case", WRONG_COUNTS)
def test_another_number_of_ids_than_loadgen_was_told_of_is_refused(
    tmp_path: Path, case: str
) -> None:
    dtype, tokens, count, said = WRONG_COUNTS[case]
    log = written(tmp_path, answered(np.array(tokens, dtype), count))
    with pytest.raises(LogError) as caught:
        read_answers(log)
    assert str(caught.value.where).endswith("entry 1")
    assert said in caught.value.message
    assert "--token-type int64" in str(caught.value.remedy)


def test_a_failed_sample_of_ours_has_no_token_and_none_is_told(tmp_path: Path) -> None:
    log = written(tmp_path, answered(np.array([], "<i4"), 0))
    assert len(read_answers(log)[1].tokens) == 0


def test_a_log_of_int64_is_read_as_one(tmp_path: Path) -> None:
    data = np.array([5, 6, 128009], "<i8")
    text = answered(data, 3, token_data=data[:1].tobytes().hex())
    entries = json.loads(text)[1:]
    (answer,) = read_answers(written(tmp_path, json.dumps(entries)), "int64")
    assert answer.tokens.tolist() == [5, 6, 128009]
    assert answer.tokens.dtype == np.int32


@pytest.mark.parametrize(
    ("tokens", "said"),
    [
        ([5, 6, 0], "data has 12 bytes, must be a multiple of 8 .int64."),
        ([5, 6], "data holds token id 25769803781"),
        ([5, 0], "token_count is 2, and data holds 1 int64 ids."),
    ],
)
def test_a_log_of_int32_is_no_log_of_int64(tmp_path: Path, tokens: list[int], said: str) -> None:
    entries = json.loads(answered(np.array(tokens, "<i4"), len(tokens)))[1:]
    with pytest.raises(LogError, match=said):
        read_answers(written(tmp_path, json.dumps(entries)), "int64")


def test_a_missing_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="cannot be read: No such file"):
        read_answers(tmp_path / "mlperf_log_accuracy.json")
