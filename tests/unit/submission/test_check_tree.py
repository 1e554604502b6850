"""A good tree passes; each thing that the rules ask for, broken once, is one complaint."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from sut.config.rounds import load_round
from sut.errors import ConfigError
from sut.submission.check_tree import _inside, check_tree, passed
from sut.submission.findings import Finding
from sut.submission.layout import submission_rules
from tests.unit.submission.broken_structure import STRUCTURE
from tests.unit.submission.broken_trees import (
    BENCHMARK,
    FILES,
    LOGS,
    SYSTEM,
    detail,
    evaluated,
    measured,
    system,
)
from tests.unit.submission.support import ROUNDS, SUBMITTER


@pytest.mark.parametrize("division", ["closed", "open"])
@pytest.mark.parametrize("round_", ROUNDS)
def test_nothing_stands_against_a_good_tree(made_trees, round_, division):
    assert check_tree(made_trees(round_, division), round_) == []


@pytest.mark.parametrize("case", [*LOGS, *FILES, *STRUCTURE])
def test_one_broken_thing_is_found(tree, case):
    breaks, sentences = (LOGS | FILES | STRUCTURE)[case]
    breaks(tree / "closed" / SUBMITTER)
    found = check_tree(tree, "v6.1")
    assert not passed(found)
    said = [each.sentence for each in found]
    for sentence in dict.fromkeys(sentences):
        assert any(each.startswith(sentence) for each in said), said
    # One fault is one finding: nothing is said that follows from it.
    assert all(each.startswith(tuple(sentences)) for each in said), said
    assert {each.severity for each in found} == {"error"}
    assert all(each.place and each.remedy and each.source == "ours" for each in found)


@pytest.mark.parametrize(
    "case", ["a lower percentile", "a score below its target", "a blank in a name"]
)
def test_what_is_found_is_found_once(tree, case):
    breaks, _ = (LOGS | FILES | STRUCTURE)[case]
    breaks(tree / "closed" / SUBMITTER)
    assert len(check_tree(tree, "v6.1")) == 1


def test_a_copied_run_hides_no_stray_folder(tree):
    root = tree / "closed" / SUBMITTER
    STRUCTURE["a division of our own"][0](root)
    shutil.copyfile(detail(root, "Server", "performance"), detail(root, "Server", "accuracy"))
    first, second = sorted(each.sentence for each in check_tree(tree, "v6.1"))
    assert first.startswith("This is the run of results/")
    assert second == "preview is not a division."


@pytest.mark.parametrize(
    ("severity", "place", "told"),
    [
        ("error", "a/run_1", True),
        ("error", "a/run_1/user.conf", True),
        ("error", "a/run_10", False),
        ("error", "a", False),
        ("warning", "a/run_1", False),
    ],
)
def test_an_error_at_or_below_a_place_tells_of_it(severity, place, told):
    assert _inside(Finding(severity, place, "", ""), "a/run_1") is told


@pytest.mark.parametrize(("old", "new"), [("'38.7792'", "'12.0'"), ("'rougeLsum': '35.793', ", "")])
def test_open_is_warned_of_a_score_that_closed_would_refuse(made_trees, tmp_path, old, new):
    tree = tmp_path / "tree"
    shutil.copytree(made_trees("v6.1", "open"), tree)
    evaluated(old, new)(tree / "open" / SUBMITTER)
    (found,) = check_tree(tree, "v6.1")
    assert found.severity == "warning"
    assert passed([found])


def test_the_old_layout_is_judged_by_the_old_rounds_paths(tree_v5_1):
    root = tree_v5_1 / "closed" / SUBMITTER
    (root / f"measurements/{SYSTEM}/{BENCHMARK}/Server/user.conf").unlink()
    (root / f"compliance/{SYSTEM}/{BENCHMARK}/Server/TEST06/verify_accuracy.txt").unlink()
    places = [each.place for each in check_tree(tree_v5_1, "v5.1")]
    assert places == [
        f"closed/{SUBMITTER}/compliance/{SYSTEM}/{BENCHMARK}/Server/TEST06/verify_accuracy.txt",
        f"closed/{SUBMITTER}/measurements/{SYSTEM}/{BENCHMARK}/Server/user.conf",
    ]


def test_a_tree_of_another_round_fails_on_layout_and_seeds(tree):
    said = {each.sentence for each in check_tree(tree, "v5.1")}
    assert "LoadGen is 6.0.17; round v5.1 takes 5.0.22 to 6.0.4." in said
    assert "This must be called code." in said


def test_errors_come_before_warnings(made_trees, tmp_path):
    tree = tmp_path / "tree"
    shutil.copytree(made_trees("v6.1", "open"), tree)
    root = tree / "open" / SUBMITTER
    evaluated("'38.7792'", "'12.0'")(root)
    measured(retraining="")(root)
    assert [each.severity for each in check_tree(tree, "v6.1")] == ["error", "warning"]


def test_a_tree_that_is_not_there_and_an_old_round_are_bad_input(tmp_path):
    with pytest.raises(ConfigError, match="no such folder"):
        check_tree(tmp_path / "nowhere", "v6.1")
    with pytest.raises(ConfigError, match="takes no submission"):
        check_tree(tmp_path, "v5.0")


NETWORK = dict.fromkeys(submission_rules(load_round("v6.1")).system.network_keys, "none")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"is_network": ""}, None),
        ({"is_network": "false", **NETWORK}, None),
        ({"is_network": "false"}, "is_network is stated"),
        ({"is_network": "True", **NETWORK}, "is_network is stated"),
        ({"is_network": 0}, "is_network is stated"),
        ({"is_network": False}, "is_network is neither text nor number."),
    ],
)
def test_a_system_that_is_of_no_network_may_say_so_where_the_checker_takes_it(tree, changes, said):
    system(**changes)(tree / "closed" / SUBMITTER)
    found = check_tree(tree, "v6.1")
    assert {each.sentence.startswith(said) for each in found} == ({True} if said else set())


@pytest.mark.parametrize(("word", "takes"), [("false", True), ("no", True), ("true", False)])
def test_the_old_script_asks_for_no_more_where_it_is_stated(tree_v5_1, word, takes):
    system(is_network=word)(tree_v5_1 / "closed" / SUBMITTER)
    assert passed(check_tree(tree_v5_1, "v5.1")) is takes


def test_an_empty_tree_is_found(tmp_path):
    assert [each.sentence for each in check_tree(tmp_path, "v6.1")] == ["The tree holds no result."]


def test_the_repository_that_holds_a_tree_is_passed_over(tree):
    for folder in (".git/refs/tags", ".git/objects/info", ".github", "assets"):
        (tree / folder).mkdir(parents=True)
    (tree / ".git" / "HEAD").write_text("ref: refs/heads/x\n")
    (tree / ".github" / "c.yml").write_text("a")
    (tree / "assets" / "a b.md").write_text("a")
    assert check_tree(tree, "v6.1") == []
    # Below a submitter's folder they are strays like any other.
    (tree / "closed" / SUBMITTER / "assets").mkdir()
    assert not passed(check_tree(tree, "v6.1"))


def test_a_compliance_log_without_a_sample_is_one_finding(tree):
    (log,) = tree.glob("closed/*/results/*/*/Server/TEST06/accuracy/mlperf_log_accuracy.json")
    log.write_text("[\n]\n")
    (found,) = check_tree(tree, "v6.1")
    assert "holds no answer" in found.sentence


def test_a_compliance_log_of_int64_is_judged_as_one(tree):
    (log,) = tree.glob("closed/*/results/*/*/Server/TEST06/accuracy/mlperf_log_accuracy.json")
    entries = json.loads(log.read_text())
    for entry in entries:
        for key in ("data", "token_data"):
            words = np.frombuffer(bytes.fromhex(entry[key]), "<i4").astype("<i8")
            entry[key] = words.tobytes().hex().upper()
    log.write_text(json.dumps(entries))
    assert check_tree(tree, "v6.1") == []


def test_benchmarks_of_other_families_are_named_once_and_not_judged(tree):
    results = tree / "closed" / SUBMITTER / "results" / SYSTEM
    for other in ("whisper", "bert-99"):
        shutil.copytree(results / BENCHMARK / "Offline", results / other / "Offline")
    told = [each for each in check_tree(tree, "v6.1") if "other families" in each.sentence]
    (found,) = told
    assert found.sentence == "Benchmarks of other families are not judged here: bert-99, whisper."
    assert (found.severity, found.place) == ("warning", "")
    assert found.remedy == "Ask MLCommons' checker about them."
