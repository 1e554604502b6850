"""What `check` says of trees that MLCommons has published: each error is known, and is right.

MLCOMMONS_RESULTS names a checkout of mlcommons/inference_results_v5.1.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from sut.submission.check_tree import check_tree
from sut.submission.findings import Finding

PUBLISHED = os.environ.get("MLCOMMONS_RESULTS")
CLOSED = Path(str(PUBLISHED)) / "closed"
pytestmark = pytest.mark.skipif(
    PUBLISHED is None, reason="MLCOMMONS_RESULTS names no mlcommons/inference_results_v5.1"
)

# What stands against each, as the sentence begins; docs/submission.md says why each is right.
NO_BANDWIDTH = "The division closed requires this document."
LONG = "longest answer is 129, must be <= 128."
OTHER_USER_CONF = "It is not of this run: "
COALESCED = "requested_server_coalesce_queries is yes, must be no."
NO_ANSWER = "The test's log is not of a run: it holds no answer."
STRAY = "Nothing else may lie in this folder."
OF_NO_SUBMISSION = "A submitter's folder may hold "
NO_DESCRIPTION, NO_FOLDER = "Only descriptions of systems lie here.", "Only folders lie here."
AGAINST: dict[str, set[str]] = {
    "RedHat": {NO_BANDWIDTH, LONG, OTHER_USER_CONF, COALESCED},
    "Intel": {NO_BANDWIDTH, OTHER_USER_CONF, NO_ANSWER, STRAY},
    "NVIDIA": {NO_BANDWIDTH, LONG, OF_NO_SUBMISSION, NO_DESCRIPTION, NO_FOLDER},
}
OF_OURS = ("llama3.1-8b", "llama3_1-8b")


def linked(source: str, target: str) -> None:
    """A link where both are on one disk: the logs are large."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def others_code(folder: str, names: list[str]) -> set[str]:
    """The sources of other benchmarks."""
    if Path(folder).name != "code":
        return set()
    return {name for name in names if not name.startswith(OF_OURS)}


@pytest.fixture(scope="module", params=AGAINST)
def judged(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, list[Finding]]:
    """A submitter, and what is said of its tree."""
    name = str(request.param)
    if not (CLOSED / name).is_dir():
        pytest.skip(f"there is no closed/{name}")
    tree = tmp_path_factory.mktemp("published")
    shutil.copytree(
        CLOSED / name,
        tree / "closed" / name,
        symlinks=True,
        ignore=others_code,
        copy_function=linked,
    )
    return name, check_tree(tree, "v5.1")


def test_each_error_is_known(judged: tuple[str, list[Finding]]) -> None:
    name, found = judged
    errors = [each for each in found if each.severity == "error"]
    known = tuple(AGAINST[name])
    assert [each.line for each in errors if not each.sentence.startswith(known)] == []
    assert {one for one in known for each in errors if each.sentence.startswith(one)} == set(known)


def test_no_figure_of_a_log_is_contradicted(judged: tuple[str, list[Finding]]) -> None:
    _, found = judged
    of_logs = [each for each in found if each.rule and each.severity == "error"]
    assert {each.rule for each in of_logs} <= {"distinct-queries"}


def test_what_mlcommons_itself_added_is_no_error(judged: tuple[str, list[Finding]]) -> None:
    _, found = judged
    names = ("README.md", "summary.html")
    added = [each for each in found if Path(each.place).name in names and "results" in each.place]
    assert {each.severity for each in added} == {"warning"}
