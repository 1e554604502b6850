"""A search over settings that was made is kept, and held to the sessions of its trials."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sut.campaign import settings_search
from tests.unit.campaign.searched import SLOTS, Recorded, campaign, folders
from tests.unit.campaign.support import Runs, states

pytestmark = pytest.mark.usefixtures("small_model")  # for its tokenizer


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    made = Recorded()
    monkeypatch.setattr(settings_search, "make_trial", made)
    return made


Spoil = Callable[[Path], None]


def edited(**changes: Any) -> Spoil:
    def spoil(search: Path) -> None:
        path = search / "trials" / "002" / "trial.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return spoil


def cut(search: Path) -> None:
    (search / "trials" / "002" / "trial.json").write_text("{")


SPOILT: dict[str, tuple[Spoil, str]] = {
    "a value that its session does not give": (
        edited(value=1e9), "trials/002/trial.json is not what its session shows"),
    "settings that its session had not": (
        edited(settings={SLOTS: 999}), "trials/002/trial.json is not what its session shows"),
    "a record that is cut": (cut, "the record of a trial cannot be read"),
    "a record of another kind": (edited(cost_s="long"), "the record of a trial cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("what", SPOILT)
def test_a_kept_search_is_held_to_its_sessions(
    tmp_path: Path, runs: Runs, recorded: Recorded, what: str
) -> None:
    assert states(campaign(tmp_path))[0] == ("found", False)
    assert states(campaign(tmp_path))[0] == ("found", True)
    count, (folder,) = len(recorded.made), folders(tmp_path)
    spoil, said = SPOILT[what]
    spoil(folder)
    made = campaign(tmp_path)
    assert states(made) == [("FAILED", False)] + [("not made", False)] * 2
    assert said in made.every()[0].said[0]
    assert len(recorded.made) == count


def test_a_kept_search_without_one_of_its_trials_makes_that_again(
    tmp_path: Path, runs: Runs, recorded: Recorded
) -> None:
    campaign(tmp_path)
    count, (folder,) = len(recorded.made), folders(tmp_path)
    last = folder / "trials" / f"{count:03d}"
    last.rename(tmp_path / "away")
    assert states(campaign(tmp_path))[0] == ("found", False)
    assert len(recorded.made) == count + 1
    (folder / "tuned.yaml").unlink()
    assert states(campaign(tmp_path))[0] == ("found", False)
    assert (folder / "tuned.yaml").is_file()
    assert len(recorded.made) == count + 1
