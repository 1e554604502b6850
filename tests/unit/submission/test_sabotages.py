"""Every sabotage of the tables is refused, by the one rule or finding that is its cause."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from sut.config.rounds import load_round
from sut.rules.catalogue import CATALOGUE
from sut.submission.check_tree import check_tree, passed
from sut.submission.files import CONVERTED
from sut.submission.layout import submission_rules
from sut.submission.make_tree import make_tree
from sut.submission.twins import twins
from sut.submission.walk import entries
from tests.unit.audit.sabotage import AUDITED
from tests.unit.submission import support
from tests.unit.submission.broken_structure import STRUCTURE
from tests.unit.submission.broken_trees import (
    FILES,
    LOGS,
    RESULTS,
    SYSTEM,
    both,
    edit_json,
    in_detail,
    setting,
    system,
    write,
)
from tests.unit.submission.official_runs import make_official
from tests.unit.submission.sabotaged_files import ACCURACY, DOCUMENTS, STRAYS, TEST06, USER_CONF
from tests.unit.submission.sabotaged_logs import FIGURES, LINES, SETTINGS
from tests.unit.submission.sabotaged_words import NAMES, SYSTEMS, USER_CONF_IN_C, WORDS
from tests.unit.submission.saboteur import Row, copied, in_lines, results, several
from tests.unit.submission.support import SUBMITTER

TABLES = (
    *(FIGURES, LINES, SETTINGS, ACCURACY, TEST06, USER_CONF, DOCUMENTS, STRAYS),
    *(USER_CONF_IN_C, SYSTEMS, WORDS, NAMES),
)
ROWS: dict[str, Row] = {name: row for table in TABLES for name, row in table.items()}


def test_the_tables_are_many_and_no_row_hides_another() -> None:
    before = LOGS | FILES | STRUCTURE
    assert len(ROWS) == sum(len(table) for table in TABLES) >= 80
    assert not ROWS.keys() & before.keys()
    named = {meets for table in (FIGURES, LINES, SETTINGS) for _, meets in table.values()}
    assert len(named & CATALOGUE.keys()) >= 18


@pytest.mark.parametrize("name", ROWS)
def test_a_sabotage_is_refused_by_its_cause_alone(tree: Path, name: str) -> None:
    breaks, meets = ROWS[name]
    breaks(tree / "closed" / SUBMITTER)
    found = check_tree(tree, "v6.1")
    assert not passed(found)
    said = [each.rule or each.sentence for each in found]
    assert all(each.startswith(meets) for each in said), [each.line for each in found]
    if meets in CATALOGUE:
        assert [each.rule for each in found] == [meets]


@pytest.fixture(scope="session")
def three_scenarios(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """A closed tree with Interactive beside Server, made on first use; not to be changed."""
    folder = tmp_path_factory.mktemp("three")
    recordings, others = ("offline", "server", "interactive"), ("", "+accuracy", "+TEST06")

    def get() -> Path:
        if not (folder / "tree").exists():
            kinds = [f"{recording}{kind}" for recording in recordings for kind in others]
            session = support.session(folder / "sessions", *kinds)
            make_official(make_tree(support.plan(folder / "tree", session)))
        return folder / "tree"

    return get


INTERACTIVE: dict[str, Row] = {
    "Server's accuracy as Interactive's": (
        copied("accuracy", "Server", "Interactive"),
        "This is the run of results/",
    ),
    "Server's performance as Interactive's": (
        copied("performance/run_1", "Server", "Interactive"),
        "This is the run of results/",
    ),
    "Server's performance as Interactive's, on another day": (
        several(
            copied("performance/run_1", "Server", "Interactive"),
            in_lines(r'("value": ")\d\d-\d\d(-\d{4} )', r"\g<1>06-06\g<2>", "Interactive"),
        ),
        f"This is the run of {RESULTS}/Interactive/performance/run_1, by its latencies, to",
    ),
    "Server's answers and score as Interactive's": (
        lambda root: [
            copied(f"accuracy/{name}", "Server", "Interactive")(root)
            for name in ("mlperf_log_accuracy.json", "accuracy.txt")
        ],
        "The accuracy log is that of results/",
    ),
    "an accuracy run under Server's limits": (
        setting("requested_server_ttft_latency", 2_000_000_000, "Interactive", "accuracy"),
        "latency-limits-asked",
    ),
    "Server's limits in Interactive": (
        setting("requested_server_tpot_latency", 100_000_000, "Interactive"),
        "latency-limits-asked",
    ),
}


@pytest.mark.parametrize("name", [None, *INTERACTIVE])
def test_one_scenarios_runs_do_not_pass_for_anothers(
    three_scenarios: Callable[[], Path], tmp_path: Path, name: str | None
) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(three_scenarios(), tree)
    if name is None:
        assert [each.line for each in check_tree(tree, "v6.1")] == []
        return
    breaks, meets = INTERACTIVE[name]
    breaks(tree / "closed" / SUBMITTER)
    found = check_tree(tree, "v6.1")
    assert [each.line for each in found if not (each.rule or each.sentence).startswith(meets)] == []
    assert len(found) == 1


def test_another_submitters_runs_are_told(tree: Path) -> None:
    shutil.copytree(tree / "closed" / SUBMITTER, tree / "closed" / "Other")
    edit_json(tree / f"closed/Other/systems/{SYSTEM}.json", submitter="Other")
    (found,) = check_tree(tree, "v6.1")
    assert found.place == "closed/Other"
    assert found.sentence == f"All runs in it are those of closed/{SUBMITTER}."


def test_a_tests_log_is_not_that_of_a_run_at_another_rate(
    three_scenarios: Callable[[], Path], tmp_path: Path
) -> None:
    tree = tmp_path / "tree"
    shutil.copytree(three_scenarios(), tree)
    root = tree / "closed" / SUBMITTER
    copied("TEST06", "Server", "Interactive")(root)
    rules = load_round("v6.1")
    found, _ = twins(entries(tree, rules))
    assert found == [], "at one rate both draw the same samples, whose answers may be the same"
    in_detail("requested_server_target_qps", 17, "Interactive")(root)
    found, _ = twins(entries(tree, rules))
    (told,) = found
    assert told.place.endswith("Server/TEST06")
    assert "Interactive/TEST06, whose run had another rate." in told.sentence


def test_the_same_stray_in_many_folders_is_one_finding(tree: Path) -> None:
    root = tree / "closed" / SUBMITTER
    for folder in sorted(path for path in (root / RESULTS).rglob("*") if path.is_dir()):
        (folder / "._user.conf").write_text("x")
    (found,) = check_tree(tree, "v6.1")
    assert found.sentence.startswith("The name starts with a dot: ")
    assert found.sentence.endswith(" more.")
    assert found.place == (root / RESULTS).relative_to(tree).as_posix()


def test_line_ends_that_a_copy_converted_are_named_as_such(tree: Path) -> None:
    for path in sorted(each for each in tree.rglob("*") if each.is_file()):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    logs, verifier = check_tree(tree, "v6.1")
    assert logs.sentence.startswith(CONVERTED.removesuffix("."))
    assert (verifier.severity, verifier.sentence) == ("warning", CONVERTED)


OLD_LAYOUT: dict[str, Row] = {
    "measurements of no result": (
        lambda root: shutil.copytree(root / "measurements/rehearsal-cpu", root / "measurements/b"),
        "The folder belongs to no result.",
    ),
    "compliance of no result": (
        lambda root: shutil.copytree(root / "compliance/rehearsal-cpu", root / "compliance/b"),
        "The folder belongs to no result.",
    ),
    "a file among the compliance tests": (
        lambda root: (root / "compliance" / RESULTS.relative_to("results") / "Server/a").write_text(
            "x"
        ),
        "Nothing else may lie in this folder.",
    ),
    "user.conf among the results": (
        results("Server/user.conf"),
        "Nothing else may lie in this folder.",
    ),
}


def test_what_belongs_to_no_result_of_another_family_is_a_warning(tree_v5_1: Path) -> None:
    root = tree_v5_1 / "closed" / SUBMITTER
    shutil.copytree(root / RESULTS, root / RESULTS.parent / "resnet50")
    write(root / "measurements" / RESULTS.relative_to("results").parent / "resnet50/Single/a.json")
    found = [each for each in check_tree(tree_v5_1, "v5.1") if "no result" in each.sentence]
    assert [each.severity for each in found] == ["warning"]


@pytest.mark.parametrize("name", OLD_LAYOUT)
def test_the_old_layout_has_its_own_places(tree_v5_1: Path, name: str) -> None:
    breaks, meets = OLD_LAYOUT[name]
    breaks(tree_v5_1 / "closed" / SUBMITTER)
    (found,) = check_tree(tree_v5_1, "v5.1")
    assert found.sentence == meets
    assert found.severity == "error"


HARMLESS: dict[str, Callable[[Path], object]] = {
    "a LoadGen of changed source": in_detail("loadgen_git_status_message", " M loadgen.cc"),
    "a link inside the tree": lambda root: (root / "src/link.py").symlink_to(
        root / "documentation/README.md"
    ),
    "a README of the submitter's": lambda root: (root / "README.md").write_text("x"),
    "a software stack in parts": system(other_software_stack={"engine": "0.10", "toolkit": "12"}),
    "a page that MLCommons writes": lambda root: write(root / "results/rehearsal-cpu/summary.html"),
    "a document that says nothing": lambda root: (root / "documentation/a.md").write_text("\n"),
    "a benchmark of another family": lambda root: shutil.copytree(
        root / RESULTS, root / RESULTS.parent / "resnet50"
    ),
    "a test of another family, whose folders are other ones": lambda root: other_test(root),
}


def other_test(root: Path) -> None:
    """A benchmark of another family whose test keeps its log elsewhere."""
    folder = Path(shutil.copytree(root / RESULTS, root / RESULTS.parent / "resnet50"))
    test = folder / "Offline/TEST06"
    (test / "accuracy/mlperf_log_accuracy.json").rename(test / "mlperf_log_accuracy.json")
    (test / "accuracy").rmdir()
    (folder / "Server/TEST06/accuracy").rename(folder / "Server/TEST06/answers")


@pytest.mark.parametrize("name", HARMLESS)
def test_what_the_official_checker_accepts_is_a_warning(tree: Path, name: str) -> None:
    HARMLESS[name](tree / "closed" / SUBMITTER)
    (found,) = check_tree(tree, "v6.1")
    assert found.severity == "warning"
    assert passed([found])


ALLOWED: dict[str, Callable[[Path], object]] = {
    "a git checkout": lambda root: checkout(root.parents[1]),
    "an older calibration's place": lambda root: (root / "documentation/calibration.md").rename(
        root / "calibration.md"
    ),
    "the detail log of TEST06": lambda root: audited(root),
    "a network that is none": lambda root: system(
        is_network="false",
        **dict.fromkeys(submission_rules(load_round("v6.1")).system.network_keys, "none"),
    )(root),
    "a network of which nothing is said": system(is_network=""),
    "lines of other models in user.conf": lambda root: more(
        root, "llama2-70b.Server.target_qps = 4\n*.Server.performance_sample_count = 13368\n"
    ),
    "values that LoadGen has anyway": lambda root: more(
        root, "*.*.use_token_latencies = 1\nllama3_1-8b.*.sample_concatenate_permutation = 1\n"
    ),
}


def checkout(tree: Path) -> None:
    for name in (".git", ".github", "assets"):
        write(tree / f"{name}/a b")


def audited(root: Path) -> None:
    """A detail log that says what audit.config set."""
    source = both(root, "Server").detail
    target = root / RESULTS / "Server/TEST06/performance/run_1"
    target.mkdir(parents=True)
    text = support.AUDIT_LINE + source.read_text(encoding="utf-8")
    (target / source.name).write_text(text, encoding="utf-8")
    for key, value in AUDITED.items():
        support.set_value(target / source.name, key, value)


def more(root: Path, lines: str) -> None:
    path = root / RESULTS / "Server/user.conf"
    path.write_text(path.read_text(encoding="utf-8") + lines, encoding="utf-8")


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_allowed_is_no_word_worth(tree: Path, name: str) -> None:
    ALLOWED[name](tree / "closed" / SUBMITTER)
    assert [each.line for each in check_tree(tree, "v6.1")] == []
