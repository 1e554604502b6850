from __future__ import annotations

import gzip
import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from qsl.files import read_file
from sut.errors import DatasetError

ROWS = [
    {"instruction": {"llama": "x"}, "input": "A b.", "tok_input": [1, 70000, 3], "output": "A."},
    {"instruction": {"llama": "x"}, "input": "Ç “d”.", "tok_input": [4], "output": "D."},
]


def write(path: Path, rows: Any) -> Path:
    path.write_text(json.dumps(rows, indent=4, ensure_ascii=False), encoding="utf-8")
    return path


def ids(path: Path, **options: bool) -> list[list[int]]:
    prompts = read_file(path, **options).prompts
    assert prompts is not None
    return [p.tolist() for p in prompts]


def test_the_mlcommons_json_form(tmp_path: Path) -> None:
    path = write(tmp_path / "cnn_eval.json", ROWS)
    columns = read_file(path)
    assert columns.texts == ["A b.", "Ç “d”."]
    assert columns.references == ["A.", "D."]
    assert ids(path) == [[1, 70000, 3], [4]]
    assert columns.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert columns.names == {"texts": "input", "prompts": "tok_input", "references": "output"}


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in ROWS) + "\n")
    assert ids(path) == [[1, 70000, 3], [4]]


def test_text_without_ids(tmp_path: Path) -> None:
    path = write(tmp_path / "t.json", [{"article": "a", "highlights": "h", "id": "7"}])
    columns = read_file(path)
    assert (columns.texts, columns.prompts, columns.references) == (["a"], None, ["h"])


def test_ids_without_references(tmp_path: Path) -> None:
    columns = read_file(write(tmp_path / "t.json", [{"tok_input": [1]}]))
    assert (columns.texts, columns.references) == (None, None)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([ROWS[0], {**ROWS[1], "tok_input": [1, "2"]}], r"sample 1: .*int.*tok_input"),
        ([{**ROWS[0], "tok_input": [2**31]}], r"sample 0: .*tok_input"),
        ([{**ROWS[0], "tok_input": "12"}], r"sample 0: .*array.*tok_input"),
        ([{**ROWS[0], "output": 3}], r"sample 0: .*str.*output"),
        ([ROWS[0], "text"], r"sample 1: Expected `object`"),
        ([ROWS[0], {"input": "a", "output": "b"}], "sample 1 differs from sample 0 in tok_input"),
        ([{"input": "a"}, {"input": "a", "output": "b"}], "sample 1 differs .* in output"),
        ([{"question": "a"}], "no sample with input, article or tok_input"),
        ([], "no sample with"),
        ("text", "sample 0: Expected `object`"),
    ],
)
def test_wrong_json_names_the_sample(tmp_path: Path, rows: Any, message: str) -> None:
    path = write(tmp_path / "bad.json", rows)
    with pytest.raises(DatasetError, match=message) as caught:
        read_file(path)
    assert caught.value.where == str(path)


def test_a_file_cut_short(tmp_path: Path) -> None:
    path = write(tmp_path / "cut.json", ROWS)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DatasetError, match="neither a JSON list nor JSON lines"):
        read_file(path)


def test_parquet(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    pd.DataFrame(ROWS).drop(columns="instruction").to_parquet(path)
    columns = read_file(path)
    assert ids(path) == [[1, 70000, 3], [4]]
    assert columns.texts == ["A b.", "Ç “d”."]
    assert columns.references == ["A.", "D."]
    assert columns.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_parquet_in_several_chunks(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    frame = pd.DataFrame({"tok_input": [[i] * (i % 3 + 1) for i in range(10)]})
    frame.to_parquet(path, row_group_size=4)
    assert ids(path) == frame["tok_input"].tolist()


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([[1], None], "tok_input has 1 missing values"),
        ([[1], [2, None]], "tok_input has 1 missing ids"),
        (["a", "b"], "tok_input is .*string"),
        ([[1], [2**40]], "tok_input is "),
    ],
)
def test_wrong_parquet(tmp_path: Path, column: list[Any], message: str) -> None:
    path = tmp_path / "f.parquet"
    pd.DataFrame({"tok_input": pd.Series(column, dtype=object)}).to_parquet(path)
    with pytest.raises(DatasetError, match=message):
        read_file(path)


def test_parquet_text_must_be_text(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    pd.DataFrame({"input": [1, 2]}).to_parquet(path)
    with pytest.raises(DatasetError, match="sample 0: input is a int, not a string"):
        read_file(path)


def test_not_a_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    path.write_bytes(b"PAR0")
    with pytest.raises(DatasetError, match="not a readable parquet"):
        read_file(path)


def openorca(path: Path) -> Path:
    frame = pd.DataFrame(
        {
            "tok_input": [np.array([1, 2]), [3]],
            "tok_input_length": [2, 1],
            "output": ["a", "b"],
            "question": ["q", "r"],
        }
    )
    frame.to_pickle(path)
    return path


class Bomb:
    """What a hostile pickle does: runs code as it is read."""

    def __init__(self, target: Path):
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("name", ["f.pkl", "f.pkl.gz", "f.PICKLE"])
def test_a_pickle_is_not_read_unasked(tmp_path: Path, name: str) -> None:
    path, mark = tmp_path / name, tmp_path / "ran"
    data = pickle.dumps(Bomb(mark))
    path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    with pytest.raises(DatasetError, match="not read unasked") as caught:
        read_file(path)
    assert "allow_pickle" in str(caught.value.remedy)
    assert not mark.exists()


@pytest.mark.parametrize("name", ["open_orca.sampled_24576.pkl", "open_orca.sampled_24576.pkl.gz"])
def test_the_openorca_pickle(tmp_path: Path, name: str) -> None:
    path = openorca(tmp_path / name)
    columns = read_file(path, allow_pickle=True)
    assert ids(path, allow_pickle=True) == [[1, 2], [3]]
    assert columns.references == ["a", "b"]
    assert columns.texts is None
    assert columns.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_mixtral_pickle(tmp_path: Path) -> None:
    path = tmp_path / "mixtral.pkl"
    pd.DataFrame(
        {"dataset": ["GSM8K"], "input": ["q"], "tok_input": [[[1, 2]]], "gt_output": [18]}
    ).to_pickle(path)
    columns = read_file(path, allow_pickle=True)
    assert columns.references == ["18"]
    assert columns.names["references"] == "gt_output"
    assert ids(path, allow_pickle=True) == [[1, 2]]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"tok_input": [[1]]}, "holds a dict, not a DataFrame"),
        (pd.DataFrame({"tok_input": [[1], [1.5]]}), "sample 1: tok_input is 1-dimensional float64"),
        (pd.DataFrame({"tok_input": [[2**31]]}), "sample 0: tok_input"),
        (pd.DataFrame({"tok_input": ["ab"]}), "sample 0: tok_input is 0-dimensional"),
    ],
)
def test_wrong_pickles(tmp_path: Path, content: Any, message: str) -> None:
    path = tmp_path / "f.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(DatasetError, match=message):
        read_file(path, allow_pickle=True)


def test_a_broken_pickle(tmp_path: Path) -> None:
    path = tmp_path / "f.pkl"
    path.write_bytes(pickle.dumps([1, 2])[:-2])
    with pytest.raises(DatasetError, match="cannot be read"):
        read_file(path, allow_pickle=True)


def test_missing_and_unknown_files(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such file"):
        read_file(tmp_path / "none.json")
    (tmp_path / "f.txt").touch()
    with pytest.raises(DatasetError, match=r"ends in '\.txt'"):
        read_file(tmp_path / "f.txt")
