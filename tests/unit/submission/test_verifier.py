"""verify.py, which travels in a tree: run alone, it finds what `check` finds in LoadGen's logs."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from sut.config.rounds import load_round
from sut.main import main
from sut.submission.check_tree import check_tree
from sut.submission.make_tree import make_tree
from sut.submission.verifier import HALVES, NAME, verifier_text
from sut.verify.standing import Standing
from sut.verify.tree import verify_tree
from tests.unit.result.sessions import FOREIGN
from tests.unit.submission import support
from tests.unit.submission.broken_trees import RESULTS
from tests.unit.submission.official_runs import make_official
from tests.unit.submission.sabotaged_files import ACCURACY, TEST06
from tests.unit.submission.sabotaged_logs import FIGURES, LINES, SETTINGS
from tests.unit.submission.saboteur import Row, copied
from tests.unit.submission.support import ROUNDS, SUBMITTER
from tests.unit.submission.test_edge import ALL, edge_tree

Trees = Callable[[str, str], Path]
Lines = list[tuple[str, str, str]]
SABOTAGES: dict[str, Row] = FIGURES | LINES | SETTINGS | ACCURACY | TEST06
ALONE = (
    "every rate of Server up by a tenth",
    "Server's scheduled rate a little up",
    "a faster Offline run, all figures to match",
    "P99 of TTFT below P50",
    "fewer queries counted than generated",
    "a longest duration",
    "the next LoadGen",
    "another run's summary",
    "a hash of zeros",
    "a sample that is asked twice",
    "another first token",
    "tokens after the end",
    "an answer of 129 tokens",
)


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The file of a round: trees of the tests are made by a round of smaller counts."""
    folder = tmp_path_factory.mktemp("verifier")

    def get(round_: str) -> Path:
        path = folder / f"verify-{round_}.py"
        path.write_text(verifier_text(load_round(round_)), encoding="utf-8")
        return path

    return get


def run(script: Path, *arguments: Path) -> tuple[int, str, str]:
    """Exit code and output of a Python that finds no package and none of our code."""
    command = [sys.executable, "-I", "-S", str(script), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    return done.returncode, done.stdout, done.stderr


def of(output: str, standing: str) -> list[str]:
    return [line[12:] for line in output.splitlines() if line.startswith(f"{standing} ")]


def imported(round_: str) -> Any:
    """The same file, imported."""
    made = ModuleType("verify")
    sys.modules["verify"] = made  # dataclasses look their module up
    exec(compile(verifier_text(load_round(round_)), NAME, "exec"), made.__dict__)
    del sys.modules["verify"]
    return made


@pytest.fixture(scope="module")
def module() -> Any:
    return imported("v6.1")


def in_both(output: str, tree: Path, round_: str) -> None:
    """The figures are those of our own reading."""
    ours = [
        f"{each.subject}: {each.sentence}"
        for each in verify_tree(tree, round_)
        if each.standing is Standing.PROVED and "samples/s" in each.sentence
    ]
    theirs = [line for line in of(output, "PROVED") if "samples/s" in line]
    assert len(ours) >= 2
    assert theirs == ours


@pytest.mark.parametrize(
    ("round_", "division"), [*((each, "closed") for each in ROUNDS), ("v6.1", "open")]
)
def test_an_honest_tree_contradicts_nothing_and_has_our_figures(
    script: Callable[[str], Path], made_trees: Trees, round_: str, division: str
) -> None:
    tree = made_trees(round_, division)
    code, output, errors = run(script(round_), tree)
    assert (code, errors) == (0, ""), output
    assert of(output, "CONTRADICTS") == []
    assert "cannot be told from an honest one" in output.splitlines()[-1]
    stated = of(output, "STATED")
    assert any("host_memory_capacity is" in each for each in stated)
    assert any("ROUGE1 is 38.7792; to score again needs" in each for each in stated)
    in_both(output, tree, round_)


def interactive_tree(tmp_path: Path) -> Path:
    kinds = [f"{each}{kind}" for each in ("offline", "interactive")
             for kind in ("", "+accuracy", "+TEST06")]  # fmt: skip
    session = support.session(tmp_path / "sessions", *kinds)
    return make_official(make_tree(support.plan(tmp_path / "tree", session)))


@pytest.mark.parametrize(
    ("scenario", "make"),
    [
        ("SingleStream", lambda tmp_path: edge_tree(tmp_path, "v6.1", *ALL)),
        pytest.param("Interactive", interactive_tree, marks=pytest.mark.slow),
    ],
)
def test_the_other_scenarios_are_judged_too(
    script: Callable[[str], Path], tmp_path: Path, scenario: str, make: Callable[[Path], Path]
) -> None:
    tree = make(tmp_path)
    code, output, _ = run(script("v6.1"), tree)
    assert code == 0, output
    assert any(f"/{scenario}/performance" in each for each in of(output, "PROVED"))
    in_both(output, tree, "v6.1")


@pytest.mark.parametrize("name", ALONE)
def test_a_sabotage_is_found_by_the_file_alone(
    script: Callable[[str], Path], tree: Path, name: str
) -> None:
    SABOTAGES[name][0](tree / "closed" / SUBMITTER)
    code, output, _ = run(script("v6.1"), tree)
    assert code == 1
    found = {each.place.rpartition("/mlperf")[0] or each.place for each in check_tree(tree, "v6.1")}
    places = {line.partition(": ")[0] for line in of(output, "CONTRADICTS")}
    assert places == {each.removesuffix("/accuracy.txt") for each in found}


@pytest.mark.slow
def test_every_sabotage_of_the_logs_is_found(
    module: Any, made_trees: Trees, tmp_path: Path
) -> None:
    missed = set()
    for number, (name, (breaks, _)) in enumerate(SABOTAGES.items()):
        tree = tmp_path / str(number)
        shutil.copytree(made_trees("v6.1", "closed"), tree)
        breaks(tree / "closed" / SUBMITTER)
        lines: Lines = module.verify(tree)
        if not any(standing == "CONTRADICTS" for standing, _, _ in lines):
            missed.add(name)
        shutil.rmtree(tree)
    assert missed == set()


PUBLISHED = {
    "redhat_l40s_8b_offline": "Offline",
    "intel_gnr_8b_server": "Server",
    "dell_b200_8b_interactive": "Interactive",
    "nvidia_jetson_8b-edge_singlestream": "SingleStream",
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_logs_contradict_nothing(name: str) -> None:
    if not (FOREIGN / name).is_dir():
        pytest.skip(f"there is no {name} beside the checkout")
    made = imported("v5.1")
    benchmark = "llama3.1-8b-edge" if "edge" in name else "llama3.1-8b"
    known, report = made.DATA["benchmarks"][benchmark], made.Report()
    made.judge(report, made.Run(FOREIGN / name, PUBLISHED[name], "performance", known), name)
    assert {standing for standing, _, _ in report} == {"PROVED"}, report
    assert "samples/s" in report[-1][2]


def test_a_first_token_that_server_may_not_skip(module: Any, tree: Path) -> None:
    lines = tree / "closed" / SUBMITTER / RESULTS / "Server/TEST06/verify_accuracy.txt"
    text = lines.read_text(encoding="utf-8").replace("check pass: True", "check pass: Skipped", 1)
    lines.write_text(text, encoding="utf-8")
    found: Lines = module.verify(tree)
    (said,) = (sentence for standing, _, sentence in found if standing == "CONTRADICTS")
    assert "only Offline may skip a check" in said


def whole_log(root: Path) -> None:
    """A small log may lie in a tree as it is; its hash is then that of the file."""
    path = root / RESULTS / "Offline/accuracy/mlperf_log_accuracy.json"
    path.write_text('[\n{"seq_id": 0, "qsl_idx": 0, "data": "05000000"}\n]\n', encoding="utf-8")


GARBLED: dict[str, tuple[str, str, str]] = {
    "a count in words": ("performance/run_1/mlperf_log_detail.txt",
                         r'("key": "result_query_count", "value": )\d+', r'\1"many"'),
    "errors in a list": ("performance/run_1/mlperf_log_detail.txt",
                         r'("key": "num_errors", "value": )\d+', r"\1[1]"),
    "a time that is a flag": ("performance/run_1/mlperf_log_detail.txt",
                              r'("key": "result_max_latency_ns", "value": )\d+', r"\1true"),
    "an entry without metadata": ("performance/run_1/mlperf_log_detail.txt",
                                  r'"key": "result_validity"', '"key": 5'),
    "a sample in a list": ("TEST06/accuracy/mlperf_log_accuracy.json",
                           r'"qsl_idx": \d+', '"qsl_idx": [1]'),
    "a number for an answer": ("TEST06/accuracy/mlperf_log_accuracy.json",
                               r'"data": "\w+"', '"data": 5'),
}  # fmt: skip


@pytest.mark.parametrize("name", GARBLED)
def test_values_of_another_kind_contradict_and_break_nothing(
    module: Any, tree: Path, name: str
) -> None:
    place, old, new = GARBLED[name]
    path = tree / "closed" / SUBMITTER / RESULTS / "Server" / place
    text, count = re.subn(old, new, path.read_text(encoding="utf-8"))
    assert count
    path.write_text(text, encoding="utf-8")
    found: Lines = module.verify(tree)
    assert any(standing == "CONTRADICTS" for standing, _, _ in found)


def test_other_breaks_of_a_tree(module: Any, tree: Path) -> None:
    root = tree / "closed" / SUBMITTER
    copied("performance/run_1", "Server", "Offline")(root)
    whole_log(root)
    shutil.rmtree(root / RESULTS / "Server/accuracy")
    (root / "systems/rehearsal-cpu.json").write_text("[1]", encoding="utf-8")
    said = "\n".join(f"{b}: {c}" for a, b, c in module.verify(tree) if a == "CONTRADICTS")
    assert "Offline/performance/run_1: the run is of this scenario and kind: " in said
    assert "Server/performance/run_1: it is the run of " in said
    assert "the SHA-256 is that of the accuracy log beside it: that is " in said
    assert "Server/accuracy: LoadGen's detail log cannot be read" in said
    assert "rehearsal-cpu.json: it is no JSON object" in said
    (root / "systems/rehearsal-cpu.json").write_text("[" * 100_000, encoding="utf-8")
    deep = "\n".join(f"{b}: {c}" for a, b, c in module.verify(tree) if a == "CONTRADICTS")
    assert "rehearsal-cpu.json: it is no JSON object: it is nested too deeply" in deep
    shutil.rmtree(root / RESULTS / "Server")
    said = "\n".join(c for a, _, c in module.verify(tree) if a == "CONTRADICTS")
    assert "none of Server, Interactive is there" in said


def test_a_tree_carries_it_and_it_finds_its_tree(made_trees: Trees, tmp_path: Path) -> None:
    tree = made_trees("v6.1", "closed")
    (carried,) = tree.rglob(NAME)
    assert carried.relative_to(tree).parts[:3] == ("closed", SUBMITTER, "src")
    assert carried.read_text(encoding="utf-8") == verifier_text(load_round("v6.1"))
    assert [each.line for each in check_tree(tree, "v6.1")] == []
    copy = tmp_path / "tree"
    shutil.copytree(tree, copy)
    (carried,) = copy.rglob(NAME)
    code, output, _ = run(carried)
    assert code == 0, output


def test_bad_input_is_one_sentence_and_exit_code_2(
    script: Callable[[str], Path], tmp_path: Path
) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        code, output, errors = run(script("v6.1"), path)
        assert (code, output) == (2, "")
        assert errors == f"verify.py: {path}: this is not a tree with results.\n"


def test_it_needs_the_standard_library_of_python_3_10_and_nothing_else() -> None:
    texts = [verifier_text(load_round("v6.1")), *(path.read_text("utf-8") for path in HALVES)]
    for text in texts:
        nodes = list(ast.walk(ast.parse(text, feature_version=(3, 10))))
        names = {a.name for each in nodes if isinstance(each, ast.Import) for a in each.names}
        names |= {str(each.module) for each in nodes if isinstance(each, ast.ImportFrom)}
        ours = {"scripts.verifier.logs"} if text != texts[0] else set()
        assert {name.partition(".")[0] for name in names - ours} <= set(sys.stdlib_module_names)
    assert len(texts[0].partition("\nDATA.update(")[0].splitlines()) < 670


def test_the_verb_prints_the_file_of_a_round(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["verify", "--standalone", "--round", "v6.0"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == verifier_text(load_round("v6.0"))
    with pytest.raises(SystemExit) as ended:
        main(["verify"])
    assert ended.value.code == 2
    assert "DIR is missing" in capsys.readouterr().err
