"""The open division asks for less, and takes no broken run either."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.submission.make_tree import make_tree
from tests.unit.submission.refusing import NAME, append, edit_facts, refused, set_logged
from tests.unit.submission.support import closed_session, edit_config, plan, session

BROKEN = {
    "a log edited after the run": (
        lambda root: append(root / "Offline/performance/mlperf_log_detail.txt"),
        "/Offline/performance/mlperf_log_detail.txt is not as the run left it",
    ),
    "an INVALID run": (
        lambda root: set_logged(root / "Server/performance", "result_validity", "INVALID"),
        "/Server/performance is not VALID: LoadGen's verdict: INVALID",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_open_takes_no_broken_run(tmp_path: Path, case: str) -> None:
    root = closed_session(tmp_path / "s")
    breaks, line = BROKEN[case]
    breaks(root)
    (reason,) = refused(tmp_path, root, division="open")
    assert reason.startswith(f"{NAME}{line}")


def test_open_too_takes_no_run_with_values_that_the_round_fixes_otherwise(tmp_path):
    root = closed_session(tmp_path / "s")
    edit_config(root, warmup={"queries": 0})
    edit_facts(root, "warmup", requested=0, succeeded=0)
    (reason,) = refused(tmp_path, root, division="open")
    assert "warmup.queries is 0, but the mlperf profile asks for 10 at least" in reason


def test_open_needs_no_compliance_run_and_no_set_of_scenarios(tmp_path):
    root = session(tmp_path / "s", "server", "server+accuracy")
    assert make_tree(plan(tmp_path / "tree", root, division="open")).is_dir()


def test_open_still_needs_the_accuracy_run(tmp_path):
    root = session(tmp_path / "s", "server")
    assert refused(tmp_path, root, division="open") == (
        "llama3.1-8b Server has no accuracy run: name the session that holds one, or make it.",
    )


def test_open_asks_for_the_whole_data_set_under_the_rounds_rules(tmp_path):
    root = session(tmp_path / "s", "server", "server+accuracy", profile="quick")
    edit_facts(root, "dataset", source="sample", synthetic=True)
    reasons = refused(tmp_path, root, division="open")
    assert [reason.partition(": ")[2].partition(";")[0] for reason in reasons] == [
        "the profile is quick, which relaxes the round's rules",
        "the data set is the shipped sample",
        "the data set is synthetic",
    ]


def test_open_takes_any_model(tmp_path):
    root = session(tmp_path / "s", "server", "server+accuracy")
    edit_config(root, model={"official": False})
    assert make_tree(plan(tmp_path / "tree", root, division="open")).is_dir()
