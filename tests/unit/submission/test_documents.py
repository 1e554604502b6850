"""The texts of a tree, whole: what a reader of a submission is told."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sut.submission.make_tree import make_tree
from tests.unit.result.sessions import edit, seal
from tests.unit.submission.support import SUBMITTER, closed_session, plan

# What a run of the recordings is told of: hashes and LoadGen's settings stand in their places.
GOLDEN = Path(__file__).resolve().parents[2] / "data" / "submission_documents"


def golden(name: str) -> str:
    return (GOLDEN / name).read_text(encoding="utf-8")


@pytest.fixture
def folder(made_trees: Callable[[str, str], Path]) -> Path:
    return made_trees("v6.1", "closed") / "closed" / SUBMITTER


def test_the_readme_of_a_scenario(tmp_path: Path) -> None:
    session = closed_session(tmp_path / "s")
    tree = make_tree(plan(tmp_path / "tree", session))
    (path,) = tree.rglob("Offline/README.md")
    text = path.read_text(encoding="utf-8")
    hashes = [
        f"- {session.name}/Offline/{kind}/{name}: {digest}"
        for kind in ("performance", "accuracy", "TEST06")
        for name, digest in sorted(log_hashes(session / "Offline" / kind).items())
    ]
    assert len(hashes) == 19
    section = "\n".join(["## SHA-256 of the files as the runs left them", "", *hashes])
    assert section in text
    text = re.sub(r"\b[0-9a-f]{64}\b", "<SHA-256>", text.replace(section, "<HASHES>"))
    told = re.findall(r"^- effective_.*$", text, re.M)
    assert len(told) == 26
    assert "- effective_target_qps: 400.0" in told
    assert "- effective_sample_concatenate_permutation: true" in told
    assert text.replace("\n".join(told), "<SETTINGS>") == golden("readme_of_offline.md")


def log_hashes(run: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((run / "run.json").read_text(encoding="utf-8"))["log_sha256"]
    return found


@pytest.mark.parametrize(
    ("name", "kept"),
    [("bandwidth.md",) * 2, ("calibration.md",) * 2, ("README.md", "overview.md")],
)
def test_the_documents_of_a_tree(folder: Path, name: str, kept: str) -> None:
    assert (folder / "documentation" / name).read_text(encoding="utf-8") == golden(kept)


def test_settings_by_the_engines_own_names_are_told_as_tuned(tmp_path: Path) -> None:
    session = closed_session(tmp_path / "s")
    document = json.loads((session / "config.json").read_text(encoding="utf-8"))
    document["config"]["engine"]["vllm"]["extra"] = {
        "watermark": 0.01,
        "compilation_config": {"cudagraph_capture_sizes": [1, 2]},
    }
    edit(session / "config.json", **document)
    seal(session)
    tree = make_tree(plan(tmp_path / "tree", session))
    (readme,) = tree.rglob("Offline/README.md")
    told = (
        "Tuned among these, by the engine's own names:\n\n- watermark: 0.01\n"
        "- compilation_config.cudagraph_capture_sizes: [1, 2]\n"
    )
    assert told in readme.read_text(encoding="utf-8")
    (system,) = (tree / "closed" / SUBMITTER / "systems").glob("*.json")
    notes = json.loads(system.read_text(encoding="utf-8"))["sw_notes"]
    assert notes.endswith(
        "Tuned in the engine: watermark=0.01, compilation_config.cudagraph_capture_sizes=[1, 2]"
    )
