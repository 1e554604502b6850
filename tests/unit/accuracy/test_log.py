from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sut.accuracy.log import first_per_sample, read_accuracy_log
from sut.errors import LogError

RECORDED = Path(__file__).resolve().parents[2] / "data" / "logs"


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "mlperf_log_accuracy.json"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_log_of_loadgen_is_read() -> None:
    answers = read_accuracy_log(RECORDED / "accuracy" / "mlperf_log_accuracy.json")
    assert sorted(answer.sample_index for answer in answers) == list(range(48))
    first = answers[0]
    assert (first.seq_id, first.sample_index, first.token_count) == (6, 0, 3)
    assert first.tokens.tolist() == [5, 6, 7]
    assert first.tokens.dtype == np.int32
    assert first.first_tokens is None


def test_a_performance_log_holds_no_answer() -> None:
    assert read_accuracy_log(RECORDED / "offline" / "mlperf_log_accuracy.json") == []


def test_first_tokens_are_read_where_there_are_some(tmp_path: Path) -> None:
    log = written(tmp_path, '[{"seq_id":0,"qsl_idx":4,"data":"0500","token_data":"05000000"}]')
    with pytest.raises(LogError, match="entry 0: data has 2 bytes"):
        read_accuracy_log(log)
    log = written(
        tmp_path, '[{"seq_id":0,"qsl_idx":4,"data":"0500000006000000","token_data":"05000000"}]'
    )
    (answer,) = read_accuracy_log(log)
    assert answer.first_tokens is not None
    assert answer.first_tokens.tolist() == [5]
    assert answer.token_count is None


def test_the_first_answer_to_a_sample_counts(tmp_path: Path) -> None:
    rows = ",".join(
        f'{{"seq_id":{seq},"qsl_idx":{index},"data":"{seq:02d}000000"}}'
        for seq, index in ((1, 7), (2, 3), (3, 7), (4, 3))
    )
    kept = first_per_sample(read_accuracy_log(written(tmp_path, f"[{rows}]")))
    assert [(answer.seq_id, answer.sample_index) for answer in kept] == [(1, 7), (2, 3)]


def test_a_failed_sample_has_no_tokens(tmp_path: Path) -> None:
    (answer,) = read_accuracy_log(written(tmp_path, '[{"seq_id":0,"qsl_idx":0,"data":""}]'))
    assert len(answer.tokens) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "no whole JSON list"),
        ('[{"seq_id":0,"qsl_idx":0,"da', "no whole JSON list"),
        ('{"seq_id":0}', "no whole JSON list"),
        ('[{"seq_id":0,"qsl_idx":"0","data":""}]', "no whole JSON list"),
        ('[{"seq_id":0,"data":""}]', "qsl_idx"),
        (b'[{"seq_id":0,"qsl_idx":0,"data":"\xff\xfe"}]', "no whole JSON list"),
        ('[{"seq_id":0,"qsl_idx":-1,"data":""}]', "entry 0: qsl_idx is -1"),
        ('[{"seq_id":0,"qsl_idx":0,"data":"0G"}]', "entry 0: data is not hexadecimal"),
        ('[{"seq_id":0,"qsl_idx":0,"data":"FFFFFFFF"}]', "entry 0: data holds token id -1"),
        ('[{"seq_id":0,"qsl_id\n\n...\n\n"data":"05000000"}]', "shortened for a submission"),
    ],
)
def test_a_broken_log_is_refused(tmp_path: Path, content: str | bytes, message: str) -> None:
    log = written(tmp_path, content)
    with pytest.raises(LogError, match=message) as caught:
        read_accuracy_log(log)
    assert caught.value.where == str(log)
    assert caught.value.remedy


def test_a_missing_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="cannot be read: No such file"):
        read_accuracy_log(tmp_path / "mlperf_log_accuracy.json")
