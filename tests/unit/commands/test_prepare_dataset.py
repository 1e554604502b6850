"""`prepare-dataset` takes source, columns and prompt form from the benchmark's data."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from qsl.prompts import find_format
from qsl.tokenizer import open_tokenizer
from sut.commands.prepare_dataset import main
from sut.config.rounds import DatasetSource, load_round
from sut.errors import ConfigError, DatasetError
from tests.unit.accuracy.answered import make_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return make_model(tmp_path / "model")


def asked(source: Path, model: Path, *flags: str) -> list[str]:
    return [str(source), str(source.with_suffix(".json")), "--tokenizer", str(model), *flags]


def copy(folder: Path, **columns: str) -> Path:
    path = folder / "copy.csv"
    pd.DataFrame([columns]).to_csv(path)
    return path


def test_by_default_it_is_the_default_benchmarks_own_prompt(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = copy(tmp_path, article="A storm came.", highlights="A storm.")
    assert main(asked(source, model)) == 0
    (row,) = json.loads(source.with_suffix(".json").read_text())
    official = find_format("llama3.1-8b-cnn")
    assert row["instruction"] == {official.key: official.template}
    ids = open_tokenizer(model).encode_batch([official.text("A storm came.")], special_tokens=True)
    assert row["tok_input"] == ids[0]
    assert capsys.readouterr().out.startswith("1 samples in ")


def test_another_benchmark_has_other_columns(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = load_round("v6.1")
    form = DatasetSource(
        name="Sums", split="test", calibration_split="train", text="question",
        reference="result", id="id",
    )  # fmt: skip
    other = rules.benchmarks["llama3.1-8b"].model_copy(update={"dataset_source": form})
    more = rules.model_copy(update={"benchmarks": rules.benchmarks | {"sums": other}})
    monkeypatch.setattr("sut.config.rounds.load_round", lambda _: more)
    flags = ("--benchmark", "sums", "--prompt-format", "chat")
    source = copy(tmp_path, question="1 + 1", result="2")
    assert main(asked(source, model, *flags)) == 0
    (row,) = json.loads(source.with_suffix(".json").read_text())
    assert (row["input"], row["output"]) == ("1 + 1", "2")
    wrong = copy(tmp_path, article="a", highlights="b")
    wrong.with_suffix(".json").unlink()
    with pytest.raises(DatasetError, match="no column question") as caught:
        main(asked(wrong, model, *flags))
    assert "Give Sums with question and result." in caught.value.render()
    # No file of user_confs/models says how its own weights are asked.
    with pytest.raises(ConfigError, match="sums has no model of its own"):
        main(asked(wrong, model, "--benchmark", "sums"))


@pytest.mark.parametrize(
    ("benchmark", "message"),
    [
        ("llama3.1-8b-edge", "does not say what the data set of llama3.1-8b-edge is made of"),
        ("gptj", "round v6.1 has no benchmark gptj"),
    ],
)
def test_what_no_file_describes_is_refused(
    tmp_path: Path, model: Path, benchmark: str, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        main(asked(tmp_path / "copy.csv", model, "--benchmark", benchmark))


@pytest.mark.parametrize("limit", ["0", "-1", "1.5", "all"])
def test_a_limit_that_is_no_count_is_refused(tmp_path: Path, model: Path, limit: str) -> None:
    with pytest.raises(ConfigError, match=f"--limit: {limit} is not a whole number"):
        main(asked(tmp_path / "copy.csv", model, f"--limit={limit}"))
