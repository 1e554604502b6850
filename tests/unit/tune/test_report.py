"""tune.json, its text, and a system's file that `--system` takes."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console

from sut.config.names import Scenario
from sut.tune.budget import budget_s
from sut.tune.find import Found, searched
from sut.tune.measured import read_measured
from sut.tune.report import render, write_found
from sut.tune.schedule import chosen
from tests.unit.config.support import loaded, written
from tests.unit.tune.support import Maker, asked


def found_in(out: Path) -> tuple[dict, str]:
    wanted = asked(out)
    measured = searched(wanted, [], Console(quiet=True), lambda _: None, Maker())
    text = write_found(Found(measured, over=True, unconfirmed="no time"), wanted)
    assert (out / "tune.json").read_text() == text
    return json.loads(text), render(text)


def test_the_document_has_every_trial_and_every_effect(tmp_path: Path) -> None:
    document, text = found_in(tmp_path)
    trials = read_measured(tmp_path / "trials")
    assert len(document["trials"]) == len(trials)
    assert document["best"] == chosen(asked(tmp_path).given, trials)
    assert {each["key"] for each in document["effects"]} >= {"all of them"}
    assert "Not confirmed: no time" in text
    assert "max_num_seqs 4 → 64" in text


def test_the_systems_file_is_ready_for_use(tmp_path: Path) -> None:
    document, _ = found_in(tmp_path)
    system = str(tmp_path / "tuned.yaml")
    config = loaded("--system", system).config
    tuned = config.of(Scenario.OFFLINE).engine.vllm
    assert tuned.max_num_seqs == document["best"]["engine.vllm.max_num_seqs"]
    assert tuned.max_num_batched_tokens == document["best"]["engine.vllm.max_num_batched_tokens"]
    given = loaded("--system", "cpu-dummy").config
    assert config.of(Scenario.SERVER).engine == given.engine, "only Offline was searched"
    assert config.system.name == "cpu-dummy-tuned"
    assert config.model.name == given.model.name
    # A file may be like one that was found, for another scenario.
    more = written(tmp_path, f"like: {system}\nsystem:\n  name: more\n")
    assert loaded("--system", more).config.of(Scenario.OFFLINE).engine.vllm == tuned


def test_a_search_that_goes_on_leaves_no_systems_file(tmp_path: Path) -> None:
    wanted = asked(tmp_path)
    measured = searched(wanted, [], Console(quiet=True), lambda _: None, Maker())
    text = write_found(Found(measured[:3], over=False), wanted)
    assert not (tmp_path / "tuned.yaml").exists()
    assert "not over: the same call goes on" in render(text)


def test_a_budget_has_a_unit() -> None:
    assert [budget_s(each) for each in ("90s", "30m", "1.5h")] == [90.0, 1800.0, 5400.0]
