"""Somebody else's logs are judged by the ids that were meant, and say by which."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audit.bounds import of_model, yardstick
from sut.config.rounds import load_round
from sut.errors import ConfigError


def session(folder: Path, **model: object) -> Path:
    run = folder / "node_1" / "Server" / "TEST06"
    run.mkdir(parents=True)
    (run / "run.json").write_text("{}")
    known = {"eos_token_ids": [2, 3], "benchmark": "llama3.1-8b"} | model
    document = {"config": {"model": known, "generation": {"max_tokens": 32}}}
    (folder / "node_1" / "config.json").write_text(json.dumps(document))
    return run


def test_without_a_word_it_is_the_benchmarks_own_model(tmp_path: Path):
    found = yardstick(tmp_path, None, None, None)
    assert found.eos_token_ids == (128001, 128008, 128009)
    assert (found.max_tokens, found.benchmark) == (128, "llama3.1-8b")
    assert str(found) == "128001, 128008, 128009 (model llama3.1-8b)"


def test_a_run_of_ours_is_judged_by_its_own_configuration(tmp_path: Path):
    found = yardstick(session(tmp_path), None, None, None)
    assert found.eos_token_ids == (2, 3)
    assert found.max_tokens == 32
    assert "config.json" in str(found)


def test_a_named_model_wins_over_the_session(tmp_path: Path):
    found = yardstick(session(tmp_path), None, "smollm2-135m", None)
    assert found.eos_token_ids == (2,)


def test_ids_win_over_everything_and_leave_the_length_open(tmp_path: Path):
    found = yardstick(session(tmp_path), " 7, 8 ", "smollm2-135m", None)
    assert found.eos_token_ids == (7, 8)
    assert found.max_tokens is None


@pytest.mark.parametrize("text", ["", ",", "two", "1,-2", "1.5", "²"])
def test_what_is_no_list_of_ids_is_refused(tmp_path: Path, text: str):
    with pytest.raises(ConfigError, match="is not a list of token ids"):
        yardstick(tmp_path, text, None, None)


def test_an_unknown_model_is_refused_with_the_nearest(tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        yardstick(tmp_path, None, "llama3.1-9b", None)
    assert "llama3.1-8b" in caught.value.render()


def test_a_session_that_cannot_be_read_is_one_sentence(tmp_path: Path):
    run = session(tmp_path)
    (tmp_path / "node_1" / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="configuration cannot be read"):
        yardstick(run, None, None, None)


def test_of_a_benchmark_that_the_round_lacks_no_length_is_known(monkeypatch: pytest.MonkeyPatch):
    bare = load_round("v6.1").model_copy(update={"benchmarks": {}})
    monkeypatch.setattr("audit.bounds.load_round", lambda _: bare)
    found = of_model("llama3.1-8b", "--model")
    assert (found.max_tokens, found.benchmark) == (None, "llama3.1-8b")
