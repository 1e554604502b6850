"""trial.json against the session that it was made of."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sut.config.names import Scenario
from sut.errors import ConfigError
from sut.record.session import read_session
from sut.tune.asked import Asked, asked_for
from sut.tune.judge import judged
from sut.tune.measured import Measured, Purpose, read_measured
from sut.tune.proved import refuse_unproved
from sut.tune.schedule import Wishes
from sut.tune.space import settings_of
from tests.unit.config.support import loaded
from tests.unit.result.sessions import make_session
from tests.unit.tune.support import asked

SPACE = ("engine.vllm.max_num_seqs=4,8",)


@pytest.fixture
def search(tmp_path: Path) -> Asked:
    """A search with one honest trial."""
    wanted = asked(tmp_path, space=SPACE)
    folder = wanted.trials / "001"
    folder.mkdir(parents=True)
    session = make_session(folder, "offline")
    found = judged(session, wanted.scenario)
    settings = settings_of(["engine.vllm.max_num_seqs"], read_session(session).config)
    made = Measured(
        1, Purpose.GIVEN, settings, found.value, None, 60.0,
        session=session.relative_to(tmp_path).as_posix(), figures=found.figures,
    )  # fmt: skip
    made.write(folder / "trial.json")
    return wanted


def edited(search: Asked, **changes: Any) -> list[Measured]:
    path = search.trials / "001" / "trial.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return read_measured(search.trials)


def test_an_honest_trial_is_taken(search: Asked) -> None:
    measured = read_measured(search.trials)
    assert measured[0].value is not None
    refuse_unproved(search, measured)
    refuse_unproved(search, [replace(measured[0], value=None, failed="it hung", session=None)])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"value": 1e9}, r"the value is 1000000000\.0, and the session gives 142236"),
        ({"figures": {"samples": 7.0}}, "the figures are others"),
        ({"settings": {"engine.vllm.max_num_seqs": 8}}, "it had other settings"),
        ({"session": None}, "it names no session of this search"),
        ({"session": "../elsewhere/node_1"}, "it names no session of this search"),
        ({"session": "trials/../elsewhere/node_1"}, "it names no session of this search"),
        ({"session": "trials/002/node_1"}, "cannot be read"),
    ],
)
def test_a_trial_that_says_otherwise_is_refused(
    search: Asked, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=rf"trials/001/trial\.json is not .*{said}"):
        refuse_unproved(search, edited(search, **changes))


def test_an_edited_session_proves_no_trial(search: Asked) -> None:
    measured = read_measured(search.trials)
    (search.out / str(measured[0].session) / "Offline/performance/ledger.parquet").unlink()
    with pytest.raises(ConfigError, match="not what its session shows"):
        refuse_unproved(search, measured)


NOTHING_SAID = json.dumps(
    {"number": 1, "purpose": "given", "settings": {}, "value": None, "failed": None, "cost_s": 1}
)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"number": "one"}', NOTHING_SAID])
def test_a_record_that_is_none_of_ours_is_named(search: Asked, text: str) -> None:
    path = search.trials / "001" / "trial.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="the record of a trial cannot be read") as refused:
        read_measured(search.trials)
    assert str(path) in refused.value.render()
    assert f"Remove {path.parent}" in refused.value.render()


def test_without_optuna_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sut.tune.propose.find_spec", lambda _: None)
    own = loaded("--system", "cpu-dummy", "--scenario", "Offline")
    with pytest.raises(ConfigError, match="Optuna, which searches, is not installed"):
        asked_for(own, Scenario.OFFLINE, tmp_path / "out", Wishes(60.0))
    assert not (tmp_path / "out").exists()
