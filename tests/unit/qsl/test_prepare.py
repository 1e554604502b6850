from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from qsl.files import read_file
from qsl.prepare import SourceForm, prepare_calibration, prepare_dataset
from qsl.prompts import find_format, render
from qsl.tokenizer import open_tokenizer
from sut.config.rounds import load_round
from sut.errors import DatasetError

OFFICIAL = "llama3.1-8b-cnn"
KNOWN = load_round("v6.1").benchmark("llama3.1-8b").dataset_source
assert KNOWN is not None
FORM = SourceForm(**KNOWN.model_dump())
ROWS = [
    {"article": f"Article {i} “says” \n \\ {{x}} NA.", "highlights": f"Says {i} .", "id": f"id{i}"}
    for i in range(5)
]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder as the Hub lays it out, in two shards."""
    folder = tmp_path / "cnn_dailymail"
    shards = folder / "3.0.0"
    shards.mkdir(parents=True)
    for split in ("validation", "train"):
        pd.DataFrame(ROWS[:3]).to_parquet(shards / f"{split}-00000-of-00002.parquet")
        pd.DataFrame(ROWS[3:]).to_parquet(shards / f"{split}-00001-of-00002.parquet")
    pd.DataFrame([{"article": "no", "highlights": "no", "id": "t"}]).to_parquet(
        shards / "test-00000-of-00001.parquet"
    )
    return folder


def expected(rows: list[dict[str, str]], model: Path, instruction: Any) -> str:
    tokenizer = open_tokenizer(model)
    return json.dumps(
        [
            {
                "instruction": instruction,
                "input": row["article"],
                "tok_input": render(OFFICIAL, row["article"], tokenizer),
                "output": row["highlights"],
            }
            for row in rows
        ],
        indent=4,
        ensure_ascii=False,
    )


def test_the_mlcommons_form(source: Path, model_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "cnn_eval.json"
    prepared = prepare_dataset(source, out, model_folder, OFFICIAL, FORM, None)
    text = out.read_text(encoding="utf-8")
    assert text == expected(ROWS, model_folder, {"llama": find_format(OFFICIAL).template})
    assert (prepared.count, prepared.path) == (5, out)
    assert prepared.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cnn_dailymail", "cnn_eval.json", "model"]
    columns = read_file(out)
    assert columns.prompts is not None
    assert len(columns.prompts) == 5


def test_batches_do_not_show(
    source: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = prepare_dataset(source, tmp_path / "a.json", model_folder, OFFICIAL, FORM, None)
    monkeypatch.setattr("qsl.prepare._BATCH", 2)
    parts = prepare_dataset(source, tmp_path / "b.json", model_folder, OFFICIAL, FORM, None)
    assert whole.sha256 == parts.sha256


def test_the_first_n(source: Path, model_folder: Path, tmp_path: Path) -> None:
    prepare_dataset(source, tmp_path / "o.json", model_folder, OFFICIAL, FORM, 2)
    assert read_file(tmp_path / "o.json").references == ["Says 0 .", "Says 1 ."]


@pytest.mark.parametrize("name", ["validation.parquet", "validation.csv"])
def test_single_files(name: str, model_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / name
    frame = pd.DataFrame([*ROWS, {"article": "NA", "highlights": "null", "id": "n"}])
    if name.endswith("csv"):
        frame.to_csv(file, index=False)
    else:
        frame.to_parquet(file)
    prepare_dataset(file, tmp_path / "o.json", model_folder, OFFICIAL, FORM, None)
    columns = read_file(tmp_path / "o.json")
    assert columns.texts == [*(row["article"] for row in ROWS), "NA"]


def test_calibration(source: Path, model_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("id4\nid1\n")
    out = tmp_path / "cal.json"
    prepared = prepare_calibration(source, out, model_folder, OFFICIAL, FORM, tmp_path / "ids.txt")
    instruction = find_format(OFFICIAL).template
    assert out.read_text() == expected([ROWS[4], ROWS[1]], model_folder, instruction)
    assert prepared.count == 2


def test_calibration_ids_must_be_there(source: Path, model_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "cal.json"
    with pytest.raises(DatasetError, match="no such file"):
        prepare_calibration(source, out, model_folder, OFFICIAL, FORM, tmp_path / "ids.txt")
    (tmp_path / "ids.txt").write_text("id4\nnone\n")
    with pytest.raises(DatasetError, match=r"1 of 2 listed ids .* first none"):
        prepare_calibration(source, out, model_folder, OFFICIAL, FORM, tmp_path / "ids.txt")
    assert not out.exists()


def test_nothing_is_overwritten(source: Path, model_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "o.json"
    out.write_text("mine")
    with pytest.raises(DatasetError, match="exists and is not overwritten"):
        prepare_dataset(source, out, model_folder, OFFICIAL, FORM, None)
    assert out.read_text() == "mine"


def test_a_file_that_appears_meanwhile_is_kept(
    source: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "o.json"

    def late(model: Path) -> Any:
        out.write_text("theirs")
        return open_tokenizer(model)

    monkeypatch.setattr("qsl.prepare.open_tokenizer", late)
    with pytest.raises(DatasetError, match="exists"):
        prepare_dataset(source, out, model_folder, OFFICIAL, FORM, None)
    assert out.read_text() == "theirs"
    assert not list(tmp_path.glob(".o.json*"))


def test_a_failure_leaves_no_file(
    source: Path, model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> list[list[int]]:
        raise DatasetError("broken")

    monkeypatch.setattr("qsl.prepare.render_batch", fails)
    with pytest.raises(DatasetError, match="broken"):
        prepare_dataset(source, tmp_path / "o.json", model_folder, OFFICIAL, FORM, None)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["cnn_dailymail", "model"]


@pytest.mark.parametrize("name", ["f.csv", "f.parquet"])
def test_a_file_longer_than_any_data_set_is_refused_unread(
    tmp_path: Path, model_folder: Path, name: str
):
    with (tmp_path / name).open("wb") as stream:
        stream.truncate(2**36)  # of holes: it would fill the memory
    with pytest.raises(DatasetError, match=f"it has {2**36} bytes, more than {2**33}"):
        prepare_dataset(tmp_path / name, tmp_path / "o.json", model_folder, OFFICIAL, FORM, None)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none", None, "neither a .parquet or .csv file nor a folder"),
        ("f.txt", b"x", "neither a .parquet"),
        ("f.parquet", b"PAR0", "cannot be read"),
        ("f.csv", b"article,summary\na,b\n", "no column highlights; it has article, summary"),
        ("f.csv", b"", "cannot be read"),
        ("f.csv", b"article,highlights\n", "no sample is left"),
    ],
)
def test_wrong_sources(
    name: str, content: bytes | None, message: str, model_folder: Path, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        prepare_dataset(tmp_path / name, tmp_path / "o.json", model_folder, OFFICIAL, FORM, None)
    assert not (tmp_path / "o.json").exists()


def test_the_folder_must_exist(source: Path, model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no such folder"):
        prepare_dataset(source, tmp_path / "no" / "o.json", model_folder, OFFICIAL, FORM, None)


def made(source: Path, model_folder: Path, tmp_path: Path) -> Any:
    out = tmp_path / "made.json"
    prepare_dataset(source, out, model_folder, OFFICIAL, FORM, None)
    return json.loads(out.read_text(encoding="utf-8"))


@pytest.mark.parametrize("column", ["article", "highlights"])
@pytest.mark.parametrize("value", [None, float("nan")])
def test_a_missing_value_is_refused_by_its_row(
    column: str, value: Any, model_folder: Path, tmp_path: Path
) -> None:
    rows: list[dict[str, Any]] = [dict(row) for row in ROWS]
    rows[2][column] = value
    pd.DataFrame(rows).to_parquet(tmp_path / "x.parquet")
    with pytest.raises(DatasetError, match=f"row 2: {column} is missing"):
        made(tmp_path / "x.parquet", model_folder, tmp_path)
    assert not (tmp_path / "made.json").exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("article,highlights\na,b\nc,\n", "row 1: highlights is missing"),
        ("article,highlights\na,b\nc\n", "row 1: highlights is missing"),
        ("article,highlights\na,b,c\nd,e,f\n", "more values than its first line has names"),
    ],
)
def test_a_csv_whose_rows_are_not_whole(
    text: str, words: str, model_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_text(text)
    with pytest.raises(DatasetError, match=words):
        made(tmp_path / "x.csv", model_folder, tmp_path)


def test_releases_side_by_side_are_refused(
    source: Path, model_folder: Path, tmp_path: Path
) -> None:
    (source / "3.0.0").rename(source / "2.0.0")
    copy = source / "3.0.0"
    copy.mkdir()
    for file in (source / "2.0.0").iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    with pytest.raises(DatasetError, match=r"2 times: in 2\.0\.0, 3\.0\.0") as caught:
        made(source, model_folder, tmp_path)
    assert caught.value.remedy == f"Name the folder of one release: {copy}."
    assert len(made(copy, model_folder, tmp_path)) == len(ROWS)  # the remedy can be followed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("validation-00000-of-00002.parquet", None), "shard 0 of 2 is missing"),
        (
            ("validation-00000-of-00002.parquet", "validation-00000-of-00002-0a1b.parquet"),
            "not the shards of one split",
        ),
        (
            ("validation-00000-of-00002.parquet", "validation-00000-of-00001.parquet"),
            "not the shards of one split",
        ),
        (("validation-00000-of-00002.parquet", "validation-all.parquet"), "not the shards"),
    ],
)
def test_shards_that_are_not_one_split(
    change: tuple[str, str | None], words: str, source: Path, model_folder: Path, tmp_path: Path
) -> None:
    name, other = change
    shard = source / "3.0.0" / name
    if other is None:
        shard.unlink()
    else:
        (source / "3.0.0" / other).write_bytes(shard.read_bytes())
    with pytest.raises(DatasetError, match=words):
        made(source, model_folder, tmp_path)


def test_an_id_that_is_listed_twice_is_refused(
    source: Path, model_folder: Path, tmp_path: Path
) -> None:
    listed = tmp_path / "ids.txt"
    listed.write_text("id1\nid1\n")
    with pytest.raises(DatasetError, match="id1 is listed twice"):
        prepare_calibration(source, tmp_path / "made.json", model_folder, OFFICIAL, FORM, listed)
