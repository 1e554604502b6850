"""`verify TREE`: what `check` finds contradicts, what logs tell is proved, the rest is stated."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sut.config.rounds import load_round
from sut.errors import ConfigError
from sut.main import main
from sut.submission.check_tree import check_tree
from sut.verify.session import verify_session
from sut.verify.standing import Item, Standing
from sut.verify.tree import verify_tree
from tests.unit.submission.broken_trees import RESULTS, SYSTEM
from tests.unit.submission.sabotaged_files import ACCURACY, TEST06
from tests.unit.submission.sabotaged_logs import FIGURES, SETTINGS
from tests.unit.submission.support import ROUNDS, SUBMITTER, closed_session, small_round

Trees = Callable[[str, str], Path]


def of(items: list[Item], standing: Standing) -> list[Item]:
    return [each for each in items if each.standing is standing]


@pytest.mark.parametrize("round_", ROUNDS)
def test_a_good_tree_contradicts_nothing(made_trees: Trees, round_: str) -> None:
    items = verify_tree(made_trees(round_, "closed"), round_)
    assert of(items, Standing.CONTRADICTS) == []
    proved = {each.rule for each in of(items, Standing.PROVED)}
    assert {"seeds", "ttft", "rates-follow", "stamps-agree", "loadgen-release"} <= proved
    said = " ".join(each.sentence for each in of(items, Standing.PROVED))
    assert "samples/s" in said
    assert "TTFT P99" in said
    assert "TEST06 passes on its log" in said


def test_what_only_documents_say_is_stated(tree: Path) -> None:
    stated = of(verify_tree(tree, "v6.1"), Standing.STATED)
    system = f"closed/{SUBMITTER}/systems/{SYSTEM}.json"
    document = json.loads((tree / system).read_text(encoding="utf-8"))
    mine = [each.sentence.partition(" is ")[0] for each in stated if each.subject == system]
    assert mine == list(document)
    said = " ".join(each.sentence for each in stated)
    assert "These scores cannot be worked out here" in said
    assert "'rouge1': '38.7792'" in said
    assert "The SHA-256 is of the whole accuracy log" in said
    assert "weight_data_types is" in said


@pytest.mark.parametrize(
    ("name", "row"),
    [
        *((name, FIGURES[name]) for name in ("a faster Offline run, all figures to match",)),
        *((name, SETTINGS[name]) for name in ("the next LoadGen", "another run's summary")),
        *((name, ACCURACY[name]) for name in ("a hash of zeros",)),
        *((name, TEST06[name]) for name in ("another first token",)),
    ],
)
def test_what_check_finds_contradicts(tree: Path, name: str, row: tuple[Callable, str]) -> None:
    row[0](tree / "closed" / SUBMITTER)
    items = verify_tree(tree, "v6.1")
    found = check_tree(tree, "v6.1")
    wrong = of(items, Standing.CONTRADICTS)
    assert [each.sentence for each in wrong] == [each.sentence for each in found]
    proved = {(each.subject, each.rule) for each in of(items, Standing.PROVED)}
    assert not {(each.subject, each.rule) for each in wrong if each.rule} & proved


def test_a_test_that_fails_is_not_proved(tree: Path) -> None:
    TEST06["tokens after the end"][0](tree / "closed" / SUBMITTER)
    passing = [i.subject for i in verify_tree(tree, "v6.1") if "TEST06 passes" in i.sentence]
    assert passing == [f"closed/{SUBMITTER}/{RESULTS}/Offline/TEST06"]


def test_a_session_for_closed_is_held_to_the_rounds_own_demands(tmp_path: Path) -> None:
    root = closed_session(tmp_path)
    items = verify_session(root, round_=small_round("v6.1"))
    assert of(items, Standing.CONTRADICTS) == []
    proved = {each.rule for each in of(items, Standing.PROVED)}
    assert {"rates-follow", "stamps-agree", "compliance-test", "accuracy"} <= proved
    said = " ".join(each.sentence for each in of(items, Standing.PROVED))
    assert "ROUGE1 38.7792" in said


def test_a_round_may_be_given_as_its_rules(tree: Path) -> None:
    assert verify_tree(tree, load_round("v6.1")) == verify_tree(tree, "v6.1")


def test_the_verb_takes_a_tree(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(tree), "--json"])
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["contradicted"] is False


def test_another_folder_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path, why in ((tmp_path, "it is neither a session"), (tmp_path / "x", "no such folder")):
        with pytest.raises(SystemExit) as ended:
            main(["verify", str(path)])
        assert ended.value.code == ConfigError.exit_code
        line = capsys.readouterr().err
        assert line.startswith(f"sut: {path}: ")
        assert why in line
        assert line.count("\n") == 1
