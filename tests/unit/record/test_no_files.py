"""Where a record's file should be lies a pipe: its reader says so, and waits for nobody."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sut.config.checkpoint import UnreadableTensorsError, tensors
from sut.config.model_files import described
from sut.errors import LogError
from sut.given_file import NOT_A_FILE
from sut.logs.accuracy import read_accuracy_log
from sut.logs.detail import read_detail
from sut.logs.summary import read_summary
from sut.record.ledger_file import read_ledger
from sut.record.session import read_document
from sut.result.stored import read_result

READERS: dict[str, Callable[[Path], object]] = {
    "document": read_document,
    "ledger": read_ledger,
    "detail": read_detail,
    "summary": read_summary,
    "accuracy": read_accuracy_log,
    "result": read_result,
}


@pytest.mark.parametrize("name", READERS)
def test_a_pipe_is_no_record(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "it")
    with pytest.raises(LogError, match=NOT_A_FILE) as caught:
        READERS[name](tmp_path / "it")
    assert caught.value.where == str(tmp_path / "it")


def test_a_model_described_by_a_pipe_is_not_described(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    assert described(tmp_path) is None


def test_an_index_that_is_long_is_none(tmp_path: Path) -> None:
    index = tmp_path / "model.safetensors.index.json"
    with index.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(UnreadableTensorsError):
        tensors(tmp_path)
