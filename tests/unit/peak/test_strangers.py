"""What may lie in a search's folder: sessions of this search, as they were left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sut.config.names import Scenario
from sut.config.sources import Loaded
from sut.errors import ConfigError, LogError
from sut.peak.folder import SearchDir
from sut.peak.strangers import refuse_strangers
from sut.peak.trial import read_trial
from sut.record.session import read_session
from tests.unit.peak.test_trial import session
from tests.unit.result.sessions import make_session


def as_searched(root: Path) -> Loaded:
    """The configuration of a session, as a search would have it."""
    record = read_session(root)
    return Loaded(record.config, dict(record.origins))


def refuse(tmp_path: Path, loaded: Loaded) -> bool:
    """Whether it let the folder pass; else it raises."""
    refuse_strangers(SearchDir(tmp_path), loaded, Scenario.SERVER)
    return True


def test_sessions_of_the_search_are_taken(tmp_path: Path) -> None:
    loaded = as_searched(session(tmp_path))
    assert refuse(tmp_path, loaded)
    session(tmp_path / "later", target_qps=400)
    (tmp_path / "later").rename(tmp_path / "elsewhere")
    (tmp_path / "node_cut-off").mkdir()
    (tmp_path / "node_cut-off" / "session.json").write_text("{")
    assert refuse(tmp_path, loaded)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ttft_limit_ms": 60000.0}, r"its server\.ttft_limit_ms is 60000(\.0)?, not 2000(\.0)?"),
        ({"min_duration_s": 0.5}, r"its server\.min_duration_s is 0\.5, not 1(\.0)?"),
    ],
)
def test_a_run_of_another_search_is_refused(
    tmp_path: Path, change: dict[str, object], said: str
) -> None:
    loaded = as_searched(session(tmp_path / "mine"))
    stranger = session(tmp_path, **change)
    with pytest.raises(ConfigError, match=said) as refused:
        refuse(tmp_path, loaded)
    assert stranger.name in refused.value.message


def test_a_run_of_another_scenario_is_refused(tmp_path: Path) -> None:
    loaded = as_searched(session(tmp_path / "mine"))
    make_session(tmp_path, "offline")
    with pytest.raises(ConfigError, match="is a run of Offline"):
        refuse(tmp_path, loaded)


def test_a_trial_may_have_another_length_and_nothing_else(tmp_path: Path) -> None:
    loaded = as_searched(session(tmp_path / "mine"))
    session(tmp_path / "trials", min_duration_s=0.5)
    refuse(tmp_path, loaded)
    session(tmp_path / "trials" / "x", tpot_limit_ms=900.0).rename(tmp_path / "trials" / "y")
    with pytest.raises(ConfigError, match=r"trials/y is not .* its server\.tpot_limit_ms is 900"):
        refuse(tmp_path, loaded)


def test_a_trial_that_was_edited_counts_for_nothing(tmp_path: Path) -> None:
    root = session(tmp_path / "trials")
    assert read_trial(root, full=False) is not None
    run = read_session(root).runs[0]
    document = run.document | {"incidents": ["a replica was lost"]}
    run.folder.run_facts.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(LogError, match=r"not those that it left: Server/performance/run\.json"):
        read_trial(root, full=False)
    assert SearchDir(tmp_path).runs() == []
    confirmed = read_trial(root, full=True)
    assert confirmed is not None
    assert not confirmed.valid, "a run of full length has a verdict, which says so"
