"""Data set files as other people's tools write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qsl.files import Columns, read_file
from sut.errors import DatasetError

ROWS: list[dict[str, Any]] = [
    {"input": f"Report {i}: “x”.", "tok_input": [5, 6, 7 + i], "output": f"Short {i}."}
    for i in range(12)
]


def shown(columns: Columns) -> tuple[Any, ...]:
    assert columns.prompts is not None
    return columns.texts, [each.tolist() for each in columns.prompts], columns.references


def as_records(folder: Path) -> tuple[Any, ...]:
    path = folder / "records.json"
    path.write_text(json.dumps(ROWS), encoding="utf-8")
    return shown(read_file(path))


@pytest.mark.parametrize("orient", ["records", "columns", "index", "split", "table"])
def test_each_orientation_of_a_data_frame_is_the_same_data_set(tmp_path: Path, orient: Any) -> None:
    path = tmp_path / "frame.json"
    pd.DataFrame(ROWS).to_json(path, orient=orient)
    assert shown(read_file(path)) == as_records(tmp_path)


def test_a_data_frame_in_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "frame.jsonl"
    pd.DataFrame(ROWS).to_json(path, orient="records", lines=True)
    assert shown(read_file(path)) == as_records(tmp_path)


def test_one_line_of_json_is_one_sample(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps(ROWS[0]))
    assert read_file(path).texts == [ROWS[0]["input"]]


def test_values_without_names_are_refused_with_the_call_that_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "frame.json"
    pd.DataFrame(ROWS).to_json(path, orient="values")
    with pytest.raises(DatasetError, match="without names") as caught:
        read_file(path)
    assert caught.value.remedy is not None
    assert 'orient="records"' in caught.value.remedy


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"input": {"0": "a", "1": "b"}, "output": {"0": "a"}}, "do not have the same rows"),
        ({"columns": ["input", "output"], "index": [0], "data": [["a"]]}, "1 values for 2 columns"),
        ({"input": {"0": "a", "1": None}, "output": {"0": "a", "1": "b"}}, "differs .* in input"),
        ({"input": {"0": 3}, "output": {"0": "a"}}, "got `int`"),
        ({}, "no sample"),
        ({"a": {"b": 1}}, "no sample"),
    ],
)
def test_a_table_that_is_not_whole(tmp_path: Path, document: Any, words: str) -> None:
    path = tmp_path / "frame.json"
    path.write_text(json.dumps(document))
    with pytest.raises(DatasetError, match=words):
        read_file(path)


@pytest.mark.parametrize("name", ["x.json", "x.jsonl"])
def test_a_byte_order_mark_is_read_over(tmp_path: Path, name: str) -> None:
    lines = name.endswith("l")
    text = "\n".join(map(json.dumps, ROWS)) if lines else json.dumps(ROWS)
    (tmp_path / name).write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert shown(read_file(tmp_path / name)) == as_records(tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_missing_value_that_python_wrote_is_named(tmp_path: Path, value: float) -> None:
    path = tmp_path / "nan.json"
    path.write_text(json.dumps([*ROWS, ROWS[0] | {"output": value}]))
    with pytest.raises(DatasetError, match="a value is missing"):
        read_file(path)


WRONG = [
    ("output", None, "sample 3: output is missing"),
    ("output", float("nan"), "sample 3: output is missing"),
    ("output", pd.NA, "sample 3: output is missing"),
    ("output", pd.NaT, "sample 3: output is missing"),
    ("input", None, "sample 3: input is missing"),
    ("output", b"bytes", "sample 3: output is a bytes"),
    ("output", ["list"], "sample 3: output is a list"),
    ("output", 7, "sample 3: output is a int"),
    ("output", True, "sample 3: output is a bool"),
]


@pytest.mark.parametrize(("column", "value", "words"), WRONG)
def test_what_is_not_text_in_a_pickle_is_refused(
    tmp_path: Path, column: str, value: Any, words: str
) -> None:
    rows = [dict(row) for row in ROWS]
    rows[3][column] = value
    path = tmp_path / "x.pkl"
    pd.DataFrame(rows, dtype=object).to_pickle(path)
    with pytest.raises(DatasetError, match=words):
        read_file(path, allow_pickle=True)


@pytest.mark.parametrize(
    ("value", "text"), [(18, "18"), (np.int64(18), "18"), (1.5, "1.5"), ("18", "18")]
)
def test_a_number_of_mixtrals_answers_is_text(tmp_path: Path, value: Any, text: str) -> None:
    path = tmp_path / "x.pkl"
    pd.DataFrame([{"input": "a", "gt_output": value}], dtype=object).to_pickle(path)
    assert read_file(path, allow_pickle=True).references == [text]


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), True, [1]])
def test_a_number_that_is_none_is_no_answer(tmp_path: Path, value: Any) -> None:
    path = tmp_path / "x.pkl"
    pd.DataFrame([{"input": "a", "gt_output": value}], dtype=object).to_pickle(path)
    with pytest.raises(DatasetError, match="sample 0: gt_output is"):
        read_file(path, allow_pickle=True)


def test_yes_and_no_are_not_token_ids(tmp_path: Path) -> None:
    pq.write_table(pa.table({"tok_input": [[True, False]]}), tmp_path / "x.parquet")
    with pytest.raises(DatasetError, match="yes and no are not ids"):
        read_file(tmp_path / "x.parquet")


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["input", "input"])
    pq.write_table(table, tmp_path / "x.parquet")
    frame = pd.DataFrame([["a", "b"]], columns=["input", "input"])
    frame.to_pickle(tmp_path / "x.pkl")
    for name in ("x.parquet", "x.pkl"):
        with pytest.raises(DatasetError, match="column input is there 2 times"):
            read_file(tmp_path / name, allow_pickle=True)


def test_a_folder_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="this is a folder"):
        read_file(tmp_path)


@pytest.mark.parametrize("before", ["", '[{"input": "a", "x": '])
def test_values_in_values_without_end_are_refused(tmp_path: Path, before: str) -> None:
    path = tmp_path / "deep.json"
    path.write_text(before + "[" * 100_000 + "]" * 100_000 + ("}]" if before else ""))
    with pytest.raises(DatasetError, match="it is nested too deeply"):
        read_file(path)


def test_a_data_set_of_holes_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "holes.json"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(DatasetError, match="it has 1099511627776 bytes, more than"):
        read_file(path)
