"""Power beside a run: a result that is not whole, or that nobody judged, is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.config.rounds import load_round
from sut.submission.check_tree import check_tree, passed
from sut.submission.layout import submission_rules
from sut.submission.power import UNJUDGED, power
from sut.submission.walk import entries
from tests.unit.submission.broken_trees import BENCHMARK, RESULTS, SYSTEM, Breaker, write
from tests.unit.submission.saboteur import several
from tests.unit.submission.support import SUBMITTER

RULES = submission_rules(load_round("v6.1")).power
RUN = RESULTS / "Server/performance/run_1"


def measured(root: Path) -> None:
    """Every file that a power result of Server has."""
    above = root / RUN.parent
    for name in RULES.files:
        write(above / RULES.folder / name)
    for log in (root / RUN).iterdir():
        write(above / RULES.ranging / log.name)
    for folder in (root / RUN, above / RULES.ranging):
        write(folder / "spl.txt")


def without(name: str) -> Breaker:
    return several(measured, lambda root: (root / RUN.parent / name).unlink())


def more(name: str) -> Breaker:
    return several(measured, lambda root: write(root / RUN.parent / name))


INCOMPLETE: dict[str, tuple[Breaker, str]] = {
    "no client log": (without("power/client.log"), "power/client.log is missing or empty."),
    "no samples": (without("run_1/spl.txt"), "run_1/spl.txt is missing or empty."),
    "no samples of the ranging": (without("ranging/spl.txt"), "ranging/spl.txt is missing or e"),
    "no log of the ranging": (
        without("ranging/mlperf_log_detail.txt"),
        "ranging/mlperf_log_detail.txt is missing or empty.",
    ),
    "a file more": (more("power/notes.txt"), "power/notes.txt is not known."),
    "a file more in the ranging": (more("ranging/a.txt"), "ranging/a.txt is not known."),
    "a folder of nothing known": (
        lambda root: write(root / RUN.parent / "power/a"),
        "power/client.json is missing or empty; ",
    ),
    "a file in place of the folder": (
        lambda root: write(root / RUN.parent / "power"),
        "power/client.json is missing or empty; ",
    ),
    "the ranging alone": (
        lambda root: write(root / RUN.parent / "ranging/spl.txt"),
        "power/client.json is missing or empty; ",
    ),
}


@pytest.mark.parametrize("name", INCOMPLETE)
def test_a_power_result_that_is_not_whole_is_one_error(tree, name):
    breaks, meets = INCOMPLETE[name]
    breaks(tree / "closed" / SUBMITTER)
    (found,) = check_tree(tree, "v6.1")
    assert found.severity == "error"
    assert found.sentence.startswith(f"{UNJUDGED}; this one is not whole: {meets}")


def test_a_whole_one_that_nobody_judged_is_an_error_by_itself(tree):
    measured(tree / "closed" / SUBMITTER)
    write(tree / f"closed/{SUBMITTER}/systems/{SYSTEM}_power.yaml")
    (found,) = check_tree(tree, "v6.1")
    assert (found.severity, found.sentence) == ("error", f"{UNJUDGED}.")


def test_beside_mlcommons_own_checker_it_is_a_warning(tree):
    measured(tree / "closed" / SUBMITTER)
    (found,) = power(entries(tree, load_round("v6.1")), judged=True)
    assert passed([found])


def test_the_old_layout_has_settings_of_the_analyzer(tree_v5_1):
    root = tree_v5_1 / "closed" / SUBMITTER
    measured(root)
    (found,) = check_tree(tree_v5_1, "v5.1")
    assert "analyzer_table.* is missing beside user.conf; power_settings.* is" in found.sentence
    for name in ("analyzer_table.csv", "power_settings.csv"):
        write(root / f"measurements/{SYSTEM}/{BENCHMARK}/Server/{name}")
    (found,) = check_tree(tree_v5_1, "v5.1")
    assert found.sentence == f"{UNJUDGED}."


def test_samples_of_power_without_power_are_a_stray(tree):
    write(tree / "closed" / SUBMITTER / RUN / "spl.txt")
    (found,) = check_tree(tree, "v6.1")
    assert found.sentence.startswith("Nothing else may lie")
