"""The README's paragraph says what the harness does with queries, replicas or not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sut.config.names import Scenario
from sut.config.schema import EngineConfig
from sut.submission.batching import batching
from sut.submission.make_tree import make_tree
from tests.unit.submission.support import closed_session, edit_config, plan

OFFLINE, SERVER = Scenario.OFFLINE, Scenario.SERVER
CASES: list[tuple[int | None, str, Scenario, str]] = [
    (None, "auto", OFFLINE, "go to the engine in the order issued, unsorted. vLLM batches"),
    (None, "auto", SERVER, "Queries are handed to the engine as they arrive, in LoadGen's order;"),
    (2, "auto", OFFLINE, "sorts the samples by prompt length, the longest first;"),
    (2, "auto", OFFLINE, "Replicas pull from the head of that order as they drain: each holds "),
    (2, "auto", OFFLINE, "at most 80 samples, and never more than its even part"),
    (2, "equal", OFFLINE, "sorts the samples by prompt length, the longest first;"),
    (2, "equal", OFFLINE, "are dealt to the replicas in turn, an equal split."),
    (2, "auto", SERVER, "in LoadGen's order: to the one with the fewest outstanding tokens,"),
    (2, "equal", SERVER, "in LoadGen's order: to one after the other, in turn."),
    (2, "tokens", SERVER, "in LoadGen's order: to the one with the fewest outstanding tokens,"),
    (2, "prefill-weighted", SERVER, "a query whose first token is still out counts 9 times."),
    (2, "prefill-weighted", OFFLINE, "Replicas pull from the head of that order"),
]


def paragraph(replicas: int | None, dispatch: str, scenario: Scenario) -> str:
    values: dict[str, Any] = {"replicas": replicas, "ray": {"dispatch": dispatch}}
    engine = EngineConfig.model_validate(values)
    return " ".join(batching(engine, engine.planned(), scenario).split())


@pytest.mark.parametrize(("replicas", "dispatch", "scenario", "said"), CASES)
def test_the_paragraph_is_that_of_the_engine(replicas, dispatch, scenario, said):
    text = paragraph(replicas, dispatch, scenario)
    assert said in text
    assert "{" not in text
    assert ("unsorted" in text) is (scenario is OFFLINE and replicas is None)


def test_the_readme_of_a_tree_from_replicas_tells_of_them(tmp_path: Path):
    root = closed_session(tmp_path / "s")
    edit_config(root, engine={"replicas": 2})
    tree = make_tree(plan(tmp_path / "tree", root))
    (readme,) = tree.rglob("Offline/README.md")
    assert "the longest first" in readme.read_text(encoding="utf-8")
    assert json.loads((root / "config.json").read_text())["config"]["engine"]["replicas"] == 2
