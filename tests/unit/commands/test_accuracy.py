from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qsl.tokenizer import tokenizer_sha256
from sut.accuracy.reference import outputs_sha256
from sut.commands.accuracy import main
from sut.config.schema import EngineConfig, GenerationConfig, RunConfig
from sut.config.vllm_options import VllmConfig
from sut.errors import ConfigError, LogError
from tests.unit.accuracy.answered import (
    SUMMARIES,
    encoded,
    make_answered,
    make_model,
    write_log,
)
from tests.unit.accuracy.test_reference import document
from tests.unit.result.sessions import answered_by, dump, edit


@pytest.fixture(autouse=True)
def _references(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference that gave the summaries themselves; punkt's data is nowhere."""
    import nltk

    monkeypatch.setattr(nltk.data, "path", [])
    folder = tmp_path / "references"
    folder.mkdir()
    model = make_model(tmp_path / "tokenizer")
    outputs = [encoded(model, text) for text in SUMMARIES]
    made = document(outputs=outputs, outputs_sha256=outputs_sha256(outputs), max_tokens=200)
    dump(folder / "small.json", made)
    monkeypatch.setattr("sut.accuracy.targets.REFERENCES", folder)


def session(tmp_path: Path, texts: tuple[str, ...] = SUMMARIES) -> tuple[Path, Path]:
    """A session under the reference's conditions."""
    from qsl.files import read_file

    root, run = make_answered(
        tmp_path,
        texts,
        generation=GenerationConfig(max_tokens=200),
        engine=EngineConfig(vllm=VllmConfig(dtype="float32")),
    )
    path = tmp_path / "references" / "small.json"
    edit(path, dataset_sha256=read_file(tmp_path / "news.json").sha256)
    return root, run


def test_a_run_as_good_as_the_reference_passes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, run = session(tmp_path)
    assert main([str(root)]) == 0
    shown = capsys.readouterr().out
    assert "ROUGE1     100           >= 99" in shown
    assert "verdict: pass" in shown
    assert (run / "accuracy.json").is_file()
    assert (run / "accuracy.txt").is_file()


def test_a_worse_run_does_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, run = session(tmp_path, ("The river rose by two metres on Sunday.", *SUMMARIES[1:]))
    assert main([str(run)]) == 1
    shown = capsys.readouterr().out
    assert "FAIL" in shown
    assert "verdict: FAIL" in shown


@pytest.mark.parametrize(
    ("config", "code", "verdict"),
    [
        ({}, 1, "FAIL (signs of a broken engine, above)"),
        ({"engine": {"kind": "null"}}, 0, "pass, but the answers are not a model's"),
        (
            {"engine": {"kind": "null"}, "validity": {"alarms_fail": True}},
            1,
            "FAIL (signs of a broken engine, above)",
        ),
    ],
    ids=["a model", "none", "a smoke test of none"],
)
def test_alarms_come_first_and_decide_where_they_count(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    config: dict[str, Any],
    code: int,
    verdict: str,
) -> None:
    root, run = session(tmp_path)
    monkeypatch.setattr("sut.accuracy.alarms.sentences", lambda *_: ["all loop"])
    monkeypatch.setattr("sut.accuracy.evaluate.verdict", lambda *_: (True, True))
    document = json.loads((root / "config.json").read_text())
    for section, values in config.items():
        document["config"][section] |= values
    dump(root / "config.json", document)
    facts = json.loads((root / "session.json").read_text())
    facts["engine"] |= answered_by(RunConfig.model_validate(document["config"]))
    dump(root / "session.json", facts)
    assert main([str(root)]) == code
    lines = capsys.readouterr().out.splitlines()
    assert lines[:3] == [str(run), "", "sign of a broken engine: all loop"]
    assert f"verdict: {verdict}" in lines
    assert main([str(root), "--json"]) == code
    (printed,) = json.loads(capsys.readouterr().out)["runs"].values()
    assert printed["alarms_fail"] is (code == 1)


def test_what_cannot_be_judged_is_no_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, _ = session(tmp_path)
    (tmp_path / "references" / "small.json").unlink()
    assert main([str(root)]) == 1
    assert "verdict: nothing to judge by" in capsys.readouterr().out


def test_json_holds_the_facts_of_every_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, run = session(tmp_path)
    assert main([str(root), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed["runs"]) == [str(run)]
    facts = printed["runs"][str(run)]
    assert (facts["passed"], facts["gen_num"], facts["differs_from_written"]) == (True, 4, [])


def test_a_second_time_nothing_is_written_and_nothing_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, run = session(tmp_path)
    assert main([str(root)]) == 0
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    assert main([str(root)]) == 0
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before
    assert "differs" not in capsys.readouterr().out


def test_a_difference_from_what_was_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, run = session(tmp_path)
    main([str(root)])
    edit(run / "accuracy.json", characters=7, success_rate=0.5)
    written = (run / "accuracy.json").read_bytes()
    assert main([str(root)]) == 1
    shown = capsys.readouterr().out
    assert "differs from the accuracy.json written before in characters, success_rate" in shown
    assert (run / "accuracy.json").read_bytes() == written


def test_replace_keeps_the_old_files_beside_the_new(tmp_path: Path) -> None:
    root, run = session(tmp_path)
    main([str(root)])
    edit(run / "accuracy.json", characters=7)
    assert main([str(root), "--replace"]) == 0
    assert main([str(root), "--replace"]) == 0
    names = sorted(path.name for path in run.iterdir() if path.name.startswith("accuracy"))
    assert names == [
        "accuracy.json",
        "accuracy.json.old1",
        "accuracy.json.old2",
        "accuracy.txt",
        "accuracy.txt.old1",
        "accuracy.txt.old2",
    ]
    assert json.loads((run / "accuracy.json.old1").read_text())["characters"] == 7
    assert json.loads((run / "accuracy.json").read_text())["characters"] != 7


@pytest.mark.parametrize("flags", [[], ["--replace"]])
def test_a_folder_that_cannot_be_written_to_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str]
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    root, run = session(tmp_path)
    if flags:
        main([str(root)])
    # Not by chmod: root writes into any folder.
    monkeypatch.setattr("sut.record.folder.tempfile.mkstemp", refuse)
    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(ConfigError, match=r"cannot be written .*: Permission denied") as caught:
        main([str(root), *flags])
    assert caught.value.where == str(run)


def test_a_log_from_elsewhere_needs_data_set_and_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session(tmp_path)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    write_log(folder, [encoded(tmp_path / "model", text) for text in SUMMARIES])
    with pytest.raises(ConfigError, match="needs --dataset and --model"):
        main([str(folder)])
    flags = ["--dataset", str(tmp_path / "news.json"), "--model", str(tmp_path / "model")]
    assert main([str(folder), *flags]) == 1
    assert "success rate: not measured" in capsys.readouterr().out


def test_a_log_of_int64_is_scored_as_one_or_not_at_all(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session(tmp_path)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    path = write_log(folder, [encoded(tmp_path / "model", text) for text in SUMMARIES])
    entries = json.loads(path.read_text())
    for entry in entries:
        tokens = np.frombuffer(bytes.fromhex(entry["data"]), "<i4").astype("<i8")
        entry["data"] = tokens.tobytes().hex().upper()
    dump(path, entries)
    flags = ["--dataset", str(tmp_path / "news.json"), "--model", str(tmp_path / "model")]
    with pytest.raises(LogError, match="as in a log of int64"):
        main([str(folder), *flags, "--token-type", "int32"])
    for told in ([], ["--token-type", "int64"]):
        main([str(folder), *flags, *told, "--json"])
        (facts,) = json.loads(capsys.readouterr().out)["runs"].values()
        assert {each["name"]: each["value"] for each in facts["metrics"]}["ROUGE1"] == 100
        assert "the answers are read as int64" in facts["notes"]


@pytest.mark.parametrize(
    ("flag", "value", "why"),
    [
        ("--round", "v6.1", "the run has a round of its own"),
        ("--token-type", "int64", "the harness logs int32"),
    ],
)
def test_a_flag_for_logs_from_elsewhere_is_refused_for_a_run_of_ours(
    tmp_path: Path, flag: str, value: str, why: str
) -> None:
    root, _ = session(tmp_path)
    with pytest.raises(ConfigError, match=f"{flag} is {value}, but {why}"):
        main([str(root), flag, value])


def test_a_place_without_an_accuracy_run_is_refused(tmp_path: Path) -> None:
    root, run = session(tmp_path)
    with pytest.raises(LogError, match="neither a session nor"):
        main([str(tmp_path / "references")])
    run.rename(run.with_name("performance"))
    with pytest.raises(LogError, match="no accuracy run in this session"):
        main([str(root)])
    with pytest.raises(LogError, match="the folder of a performance run"):
        main([str(run.with_name("performance"))])


def recording_its_tokenizer(root: Path, model: Path) -> None:
    """As the harness writes it since it records the tokenizer."""
    edit(root / "session.json", tokenizer_sha256=tokenizer_sha256(model))


def test_what_scored_is_named_and_is_the_runs_own_by_content(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, run = session(tmp_path)
    recording_its_tokenizer(root, tmp_path / "model")
    copied = tmp_path / "elsewhere"
    shutil.copytree(tmp_path / "model", copied)
    assert main([str(root), "--model", str(copied)]) == 0, "the same files in another folder"
    shown = capsys.readouterr().out
    used = json.loads((run / "accuracy.json").read_text())["scored_with"]
    assert used["own"] is True
    assert f"tokenizer: the run's own (SHA-256 {used['tokenizer_sha256']})" in shown
    assert f"data set: the run's own (SHA-256 {used['dataset_sha256']})" in shown
    assert "official: no" not in shown


def test_figures_of_another_tokenizer_are_not_official_and_pass_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, run = session(tmp_path)
    recording_its_tokenizer(root, tmp_path / "model")
    other = tmp_path / "other"
    shutil.copytree(tmp_path / "model", other)
    edit(other / "tokenizer.json", version="1.0 of another")
    assert main([str(root), "--model", str(other)]) == 1
    shown = capsys.readouterr().out
    assert "tokenizer: NOT the run's own" in shown
    assert "official: no, the tokenizer is not the run's own" in shown
    assert "verdict: nothing to judge by" in shown
    facts = json.loads((run / "accuracy.json").read_text())
    assert (facts["passed"], facts["judged_against"]) == (None, None)
    assert facts["notes"][0].startswith("not judged and not official: the tokenizer")
    assert main([str(root), "--model", str(other), "--json"]) == 1
    (printed,) = json.loads(capsys.readouterr().out)["runs"].values()
    assert (printed["tokenizer_given"], printed["scored_with"]["own"]) == (str(other), False)


def test_a_session_that_recorded_no_tokenizer_says_that_nothing_is_known(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, _ = session(tmp_path)
    main([str(root)])
    assert "official: no, nothing on record tells what the run's own were" in (
        capsys.readouterr().out
    )
