"""The verb `quantize` with a played environment: what it asks, keeps, records and refuses."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from qsl.load import SAMPLE_FILE
from qsl.prompts import render_batch
from qsl.tokenizer import open_tokenizer, tokenizer_sha256
from sut.capacity.numbers import quantised_to
from sut.commands.quantize import main
from sut.config.engine_traits import EngineTraits
from sut.config.rounds import load_round
from sut.engines.base import EngineInfo
from sut.errors import ConfigError, DatasetError, RunError
from sut.harness.facts import engine_facts, record_of
from sut.inputs.weights import weights_sha256
from sut.quantize.schemes import SCHEMES
from sut.record.facts import EngineFacts
from sut.record.quantize_record import quantize_facts
from tests.unit.quantize.played import MATRICES, asked_of, copy_of_data, environment, source_folder

IDS = ["id4", "id1", "id7"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return source_folder(tmp_path / "source")


@pytest.fixture
def ready(tmp_path: Path) -> Path:
    return environment(tmp_path / "environment")


def call(folder: Path, source: Path, out: Path, *more: str) -> int:
    given = ["--environment", str(folder), "--model", str(source), "--out", str(out)]
    return main([*given, *more])


def sample(folder: Path, source: Path, out: Path, *more: str) -> int:
    return call(folder, source, out, "--calibration", "sample", *more)


def listed(tmp_path: Path, ids: list[str] = IDS, held: list[str] = IDS) -> list[str]:
    """The flags of a list and of a copy of the data set."""
    names = tmp_path / "list.txt"
    names.write_text("".join(f"{each}\n" for each in ids))
    copy = copy_of_data(tmp_path / "train.csv", held)
    return ["--calibration", str(names), "--dataset", str(copy)]


def test_the_request_says_all_that_decides_the_result(tmp_path, source, ready):
    assert sample(ready, source, tmp_path / "out", "--samples", "3") == 0
    asked = asked_of(ready)
    scheme = SCHEMES["w8a8"]
    assert asked["config_groups"] == scheme.groups(None)
    assert (asked["smoothing_strength"], asked["ignore"]) == (0.8, ["lm_head"])
    assert (asked["dampening_fraction"], asked["block_size"]) == (0.01, 128)
    articles = [row["input"] for row in json.loads(SAMPLE_FILE.read_text())][:3]
    prompts = render_batch("chat", articles, open_tokenizer(source))
    assert asked["prompts"] == [list(each) for each in prompts]


def test_the_folder_is_a_checkpoint_with_its_record(tmp_path, source, ready):
    out = tmp_path / "out"
    assert sample(ready, source, out) == 0
    assert quantised_to(json.loads((out / "config.json").read_text())) == "w8a8"
    # Answers are read as those of the source: nothing of its tokenizer was written anew.
    assert tokenizer_sha256(out) == tokenizer_sha256(source)
    for name in ("generation_config.json", "chat_template.jinja"):
        assert (out / name).read_bytes() == (source / name).read_bytes()
    facts = quantize_facts(out, weights_sha256(out))
    assert facts is not None
    assert (facts.scheme, facts.quantised_modules, facts.device) == ("w8a8", 7, "cpu")
    assert facts.source.weights_sha256 == weights_sha256(source)
    assert facts.versions["llmcompressor"] == "9.9"
    assert facts.calibration.count == 64
    ids = (out / "calibration-ids.txt").read_bytes()
    assert facts.calibration.ids_sha256 == hashlib.sha256(ids).hexdigest()
    assert ids.count(b"\n") == 64
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []
    assert "calibrating" in (tmp_path / "out.log").read_text()


def test_the_record_is_of_these_weights_and_no_others(tmp_path, source, ready):
    sample(ready, source, tmp_path / "out")
    assert quantize_facts(tmp_path / "out", "0" * 64) is None
    assert quantize_facts(source, weights_sha256(source)) is None
    (tmp_path / "out" / "quantize.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"quantize\.json: the record cannot be read"):
        quantize_facts(tmp_path / "out", "0" * 64)


def test_samples_of_a_list_are_looked_up_in_its_order(tmp_path, source, ready):
    assert call(ready, source, tmp_path / "out", *listed(tmp_path), "--samples", "2") == 0
    prompts = render_batch("chat", ["Storm id4 came.", "Storm id1 came."], open_tokenizer(source))
    assert asked_of(ready)["prompts"] == [list(each) for each in prompts]
    assert (tmp_path / "out" / "calibration-ids.txt").read_text() == "id4\nid1\n"


def test_another_list_is_told_apart_from_the_official_one(tmp_path, source, ready, capsys):
    call(ready, source, tmp_path / "other", *listed(tmp_path))
    assert "this is not MLCommons' calibration list" in capsys.readouterr().out
    text = (tmp_path / "other" / "calibration.md").read_text()
    assert "NOT THE OFFICIAL LIST" in text
    assert "3 of 3 samples of another list" in text


def test_the_official_list_is_known_by_its_checksum(tmp_path, source, ready, capsys, monkeypatch):
    flags = listed(tmp_path)
    rules = load_round("v6.1")
    benchmark = rules.benchmarks["llama3.1-8b"]
    assert benchmark.calibration_list is not None
    digest = hashlib.sha256((tmp_path / "list.txt").read_bytes()).hexdigest()
    known = benchmark.calibration_list.model_copy(update={"sha256": digest})
    changed = benchmark.model_copy(update={"calibration_list": known})
    other = rules.model_copy(update={"benchmarks": {"llama3.1-8b": changed}})
    monkeypatch.setattr("sut.config.rounds.load_round", lambda _: other)
    call(ready, source, tmp_path / "out", *flags)
    assert "not MLCommons" not in capsys.readouterr().out
    text = (tmp_path / "out" / "calibration.md").read_text()
    assert "The first 3 of the 3 samples of MLCommons' calibration list" in text
    assert "No other data was used." in text
    assert "SmoothQuant" in text


def test_four_bits_have_groups_that_fit_and_no_smoothing(tmp_path, source):
    ready = environment(tmp_path / "environment")
    assert sample(ready, source, tmp_path / "out", "--scheme", "w4a16") == 0
    asked = asked_of(ready)
    assert asked["smoothing_strength"] is None
    # 128 does not divide the 64 inputs of this model's layers.
    assert asked["config_groups"]["group_0"]["weights"]["group_size"] == 64
    text = (tmp_path / "out" / "calibration.md").read_text()
    assert "SmoothQuant" not in text
    assert "one scale for each 64 inputs" in text
    assert "Activations are not quantised." in text


def engine_of(folder: Path) -> EngineFacts:
    return engine_facts(
        EngineInfo("vllm", 1, {}, {}, EngineTraits(), model_path="answered"),
        1.0,
        folder,
        weights_sha256(folder),
    )


def test_a_session_takes_the_record_of_the_weights_that_answer(tmp_path, source, ready):
    out = tmp_path / "out"
    sample(ready, source, out)
    engine = engine_of(out)
    assert engine.quantised_to == "w8a8"
    found = record_of(out, engine)
    assert found is not None
    assert found.source.weights_sha256 == weights_sha256(source)
    assert record_of(source, engine_of(source)) is None
    assert record_of(out, None) is None
    # Of weights that were changed since, the record says nothing; a broken one costs no run.
    assert record_of(out, engine.model_copy(update={"model_sha256": "0" * 64})) is None
    (out / "quantize.json").write_text("broken")
    assert record_of(out, engine) is None


REFUSED = {
    "no-model": (["--out", "x", "--calibration", "sample"], "--model is missing"),
    "no-out": (["--model", "x", "--calibration", "sample"], "--out is missing"),
    "no-calibration": (["--model", "x", "--out", "x"], "MLCommons' list.* --calibration sample"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_missing_is_named(case):
    flags, message = REFUSED[case]
    with pytest.raises(ConfigError) as caught:
        main(flags)
    assert caught.match(message)


def test_a_list_without_texts_is_one_sentence_and_a_remedy(tmp_path, source, ready):
    flags = listed(tmp_path)[:2]
    with pytest.raises(ConfigError, match="calibration samples are not at hand") as caught:
        call(ready, source, tmp_path / "out", *flags)
    assert caught.value.remedy == (
        "Give a local copy of CNN/DailyMail 3.0.0, its train split, with --dataset COPY."
    )
    with pytest.raises(ConfigError, match="--dataset goes with a list"):
        sample(ready, source, tmp_path / "out", "--dataset", "x")


def test_an_id_that_is_in_no_copy_is_refused(tmp_path, source, ready):
    with pytest.raises(DatasetError, match=r"1 of 3 listed ids .* first id7"):
        call(ready, source, tmp_path / "out", *listed(tmp_path, held=["id1", "id4"]))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--group-size", "32"), "w8a8 has a scale for each output channel and no groups"),
        (("--scheme", "w4a16", "--group-size", "128"), r"groups of 128 .* these do: 64, 32"),
    ],
)
def test_groups_that_do_not_fit_are_refused(tmp_path, source, ready, flags, message):
    with pytest.raises(ConfigError, match=message):
        sample(ready, source, tmp_path / "out", *flags)


def test_quantised_weights_and_a_folder_that_is_there_are_refused(tmp_path, source, ready):
    with pytest.raises(ConfigError, match="exists and is not overwritten"):
        sample(ready, source, source)
    sample(ready, source, tmp_path / "out")
    with pytest.raises(ConfigError, match="quantised already"):
        sample(ready, tmp_path / "out", tmp_path / "again")


def test_a_disk_that_is_full_is_seen_before_anything_runs(tmp_path, source, ready, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(9, 9, 0))
    with pytest.raises(ConfigError, match=r"0\.0 GiB are free"):
        sample(ready, source, tmp_path / "out")
    assert not (ready / "asked.json").exists()


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "dies": ({"failing": "sys.exit('no memory left')"}, "exit code 1:\n.*no memory left"),
    "another-scheme": (
        {"groups": "{'g': {'weights': {'type': 'int', 'num_bits': 4}}}"},
        r"config\.json says w4a16, not w8a8",
    ),
    "a-tensor-less": (
        {"leave_out": [name for each in list(MATRICES)[:1] for name in (each, f"{each}_scale")]},
        r"self_attn\.q_proj\.weight is missing",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_llm_compressor_leaves_is_held_against_what_was_asked(tmp_path, source, case):
    how, message = BROKEN[case]
    ready = environment(tmp_path / "environment", **how)
    with pytest.raises(RunError, match=f"(?s){message}"):
        sample(ready, source, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["environment", "out.log", "source"]
