"""The search over settings as a stage of a campaign; its trials are a formula here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

import sut.tune.find
from sut.campaign import settings_search
from sut.campaign.measuring import Measuring
from sut.campaign.plan import read_plan
from sut.campaign.planned import foretold, planned
from sut.campaign.rate_search import RateSearch
from sut.campaign.report import write_report
from sut.commands.campaign import main
from sut.config.names import Scenario
from sut.errors import ConfigError, RunError
from sut.tune.measured import Measured, read_measured
from sut.tune.space import Settings
from tests.unit.campaign.searched import PLAN, SLOTS, campaign, folders
from tests.unit.campaign.support import Runs, resolved, states
from tests.unit.result.sessions import make_session
from tests.unit.tune.support import Maker

WITH_PEAK = PLAN.replace("systems:", "peak: [Server]\nsystems:")
NAMES = ["cpu.base.Server-tune", "cpu.base.Server-performance", "cpu.base.Server-accuracy"]
NO_SETTINGS = "the search for its engine's settings has found none so far"
NO_RATE = "the search for its rate has found none so far"

pytestmark = pytest.mark.usefixtures("small_model")  # for its tokenizer


def more_at_once(settings: Settings, number: int) -> float | None:
    return float(settings[SLOTS])


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Maker:
    """Trials without sessions: nothing holds them to what they show."""
    made = Maker(more_at_once)
    monkeypatch.setattr(settings_search, "make_trial", made)
    for module in (settings_search, sut.tune.find):
        monkeypatch.setattr(module, "refuse_unproved", lambda *_: None)
    return made


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[Measuring]:
    """Stands for the search for a rate, which confirms that of its recording."""
    made: list[Measuring] = []

    def find(self: RateSearch, each: Measuring, out: Path, console: Console) -> Path:
        made.append(each)
        return make_session(out / "peaks" / f"{len(made)}", "server")

    monkeypatch.setattr(RateSearch, "find", find)
    return made


def test_what_is_found_is_a_setting_of_every_stage_after_it(
    tmp_path: Path, runs: Runs, maker: Maker
) -> None:
    first = campaign(tmp_path)
    assert [each.planned.name for each in first.every()] == NAMES
    assert states(first) == [("found", False), ("VALID", False), ("VALID", False)]
    assert first.valid
    (folder,) = folders(tmp_path)
    for loaded in runs.configurations:
        (scenario,) = loaded.config.scenarios
        assert loaded.config.of(scenario).engine.null.slots == 16
        assert loaded.origins[f"by_scenario.Server.{SLOTS}"] == f"tuned: by {folder.name}"
    count = len(maker.made)
    assert states(campaign(tmp_path)) == [("found", True), ("VALID", True), ("VALID", True)]
    assert (len(maker.made), len(runs.made)) == (count, 2)


def test_it_leaves_what_tune_leaves_but_a_confirmation(
    tmp_path: Path, runs: Runs, maker: Maker
) -> None:
    campaign(tmp_path)
    (folder,) = folders(tmp_path)
    document = json.loads((folder / "tune.json").read_text())
    assert (document["given"], document["best"]) == ({SLOTS: 1}, {SLOTS: 16})
    assert (document["over"], document["budget_s"]) == (True, 900.0)
    assert document["confirmed_by"] == "the run of full length that follows it in its campaign"
    system = yaml.safe_load((folder / "tuned.yaml").read_text())
    assert system["like"] == "cpu"
    assert "to be confirmed by the run of full length" in system["description"]
    assert len(read_measured(folder / "trials")) == len(maker.made)


def test_a_rate_is_searched_for_with_the_settings_that_were_found(
    tmp_path: Path, runs: Runs, maker: Maker, searches: list[Measuring]
) -> None:
    made = campaign(tmp_path, WITH_PEAK)
    assert states(made) == [("found", False), ("VALID", False), ("VALID", False)]
    (search,) = searches
    (accuracy,) = runs.configurations
    for loaded in (search.loaded, accuracy):
        assert loaded.config.of(Scenario.SERVER).engine.null.slots == 16
    assert accuracy.origins["server.target_qps"].startswith("measured: the peak, by node_")
    again = campaign(tmp_path, WITH_PEAK)
    assert states(again) == [("found", True), ("VALID", True), ("VALID", True)]
    assert len(searches) == 1


def test_where_it_finds_nothing_what_waits_says_so(
    tmp_path: Path, runs: Runs, maker: Maker, searches: list[Measuring]
) -> None:
    maker.value = lambda settings, number: None
    text = WITH_PEAK.replace("scenarios: [Server]", "scenarios: [Server, Interactive]")
    made = campaign(tmp_path, text)
    assert states(made) == [
        ("FAILED", False),
        *([("not made", False)] * 2),
        *([("VALID", False)] * 2),
    ], "the other scenario waits for nothing"
    assert "the given settings failed" in made.every()[0].said[0]
    assert [each.said for each in made.every()[1:3]] == [(NO_SETTINGS,)] * 2
    assert not made.valid
    assert searches == []


def test_where_settings_are_found_and_no_rate_it_is_the_rate_that_is_waited_for(
    tmp_path: Path, runs: Runs, maker: Maker
) -> None:
    def none(self: RateSearch, each: Measuring, out: Path, console: Console) -> Path:
        raise RunError("no rate of Server is confirmed: no rate helps.")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(RateSearch, "find", none)
        made = campaign(tmp_path, WITH_PEAK)
    assert [each.state.value for each in made.every()] == ["found", "FAILED", "not made"]
    assert made.every()[2].said == (NO_RATE,)


def test_nothing_is_made_after_a_search_that_failed_where_that_is_asked(
    tmp_path: Path, runs: Runs, maker: Maker
) -> None:
    maker.value = lambda settings, number: None
    text = PLAN.replace("scenarios: [Server]", "scenarios: [Server, Interactive]")
    made = campaign(tmp_path, text, stop=True)
    assert states(made) == [("FAILED", False)] + [("not made", False)] * 4


class Killed(Maker):
    """Somebody asks to end in the third trial."""

    def __call__(self, *arguments: Any) -> Measured:
        if len(self.made) == 2:
            raise KeyboardInterrupt
        return super().__call__(*arguments)


def test_one_that_was_interrupted_goes_on_with_its_trials(
    tmp_path: Path, runs: Runs, maker: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    campaign(tmp_path / "whole")
    whole = [each.settings for each in maker.made]
    monkeypatch.setattr(settings_search, "make_trial", Killed(more_at_once))
    stopped = campaign(tmp_path / "cut")
    assert stopped.interrupted
    assert states(stopped) == [("not made", False)] * 3
    (folder,) = folders(tmp_path / "cut")
    assert json.loads((folder / "tune.json").read_text())["over"] is False
    assert not (folder / "tuned.yaml").exists()
    plan = read_plan(tmp_path / "cut" / "plan.yaml")
    said = "\n".join(foretold(plan, planned(plan, tmp_path / "cut" / "out", resolved)))
    assert "about 13 min: what is left of its budget" in said
    rest = Maker(more_at_once)
    monkeypatch.setattr(settings_search, "make_trial", rest)
    assert states(campaign(tmp_path / "cut"))[0] == ("found", False)
    assert folders(tmp_path / "cut") == [folder]
    assert [each.settings for each in rest.made] == whole[2:]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("min_duration_s: 5", "min_duration_s: 6"),
        (f"{SLOTS}: 1\n", f"{SLOTS}: 4\n"),
        ("[1, 4, 16]", "[1, 4, 32]"),
    ],
)
def test_one_with_other_inputs_has_another_folder(
    tmp_path: Path, runs: Runs, maker: Maker, old: str, new: str
) -> None:
    campaign(tmp_path)
    assert states(campaign(tmp_path, PLAN.replace(old, new)))[0] == ("found", False)
    assert len(folders(tmp_path)) == 2
    assert states(campaign(tmp_path))[0] == ("found", False), "its record was superseded"
    assert len(folders(tmp_path)) == 2


def test_a_larger_budget_goes_on_with_the_same_trials(
    tmp_path: Path, runs: Runs, maker: Maker
) -> None:
    campaign(tmp_path, PLAN.replace("15m", "6m"))
    few = len(maker.made)
    assert states(campaign(tmp_path))[0] == ("found", False)
    (folder,) = folders(tmp_path)
    assert 1 < few < len(maker.made) == len(read_measured(folder / "trials"))


def test_its_estimate_is_its_budget(
    tmp_path: Path, runs: Runs, maker: Maker, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN, encoding="utf-8")
    assert main([str(path), "--out", str(tmp_path / "out"), "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert "  cpu.base.Server-tune\n      about 15 min: its budget\n" in said
    assert maker.made == []
    path.write_text(PLAN.replace("budget: 15m\n", ""), encoding="utf-8")
    assert main([str(path), "--out", str(tmp_path / "out"), "--dry-run"]) == 0
    assert "about 30 min: its budget" in capsys.readouterr().out


def test_offline_takes_a_rate_that_fits_it_as_it_is_tuned(
    tmp_path: Path, runs: Runs, maker: Maker
) -> None:
    """The rate of a file is that of the engine as it was."""
    text = PLAN.replace("Server]", "Offline]")
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    path.write_text(text, encoding="utf-8")
    tune, performance, _ = planned(read_plan(path), out, resolved)
    origins = [each.measuring.loaded.origins["offline.probe_rate"] for each in (tune, performance)]
    assert origins[0].startswith("user_confs/")
    assert origins[1] == "campaign: as it is tuned"
    assert performance.measuring.loaded.config.offline.probe_rate
    assert "its rate is measured first" in performance.estimate.text
    path.write_text(f"{text}  offline.target_qps: 8\n", encoding="utf-8")
    given = planned(read_plan(path), out, resolved)[1].measuring.loaded.config.offline
    assert (given.target_qps, given.probe_rate) == (8, False), "a user's rate stays"


def test_an_engine_of_which_nothing_is_known_is_refused_before_the_start(
    tmp_path: Path, runs: Runs, maker: Maker
) -> None:
    with pytest.raises(ConfigError, match=r"not known what to search.*") as refused:
        campaign(tmp_path, PLAN.replace(f"space: {{{SLOTS}: [1, 4, 16]}}\n", ""))
    assert "with the word space" in refused.value.render()
    with pytest.raises(ConfigError, match=r"plan\.yaml:6: engine\.null\.slot is"):
        campaign(tmp_path, PLAN.replace(f"{SLOTS}: [", "engine.null.slot: ["))
    assert maker.made == []


def test_the_report_has_the_settings_the_effects_and_where_they_lie(
    tmp_path: Path, runs: Runs, maker: Maker
) -> None:
    made = campaign(tmp_path)
    report = write_report(made, read_plan(tmp_path / "plan.yaml"))
    (folder,) = folders(tmp_path)
    place = f"tunes/{folder.name}"
    assert f"found    {NAMES[0]}" in report.text
    assert f"{SLOTS}" in report.text
    assert "slots 1 → 16                             16.000 (16.000" in report.text
    assert f"{place}/tune.json, {place}/tuned.yaml" in report.text
    assert "3 of 3 stages are VALID, or found what was searched." in report.text
    row = report.document["stages"][0]
    assert (row["run"], row["state"], row["session"]) == ("tune", "found", None)
    assert row["search"]["best"] == {SLOTS: 16}
    assert [each["ratio"] for each in row["search"]["effects"]] == [16.0]
    assert report.document["stages"][1]["search"] is None
    page = report.page.read_text(encoding="utf-8")
    assert f"Settings of {NAMES[0]}" in page
    assert f'href="{place}/tune.json"' in page
    assert "slots 1 → 16" in page


@pytest.mark.parametrize(("fails", "code"), [(False, 0), (True, 1)])
def test_a_search_that_failed_counts_in_the_exit_code(
    tmp_path: Path, runs: Runs, maker: Maker, capsys: pytest.CaptureFixture[str], fails: bool,
    code: int,
) -> None:  # fmt: skip
    if fails:
        maker.value = lambda settings, number: None
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN, encoding="utf-8")
    assert main([str(path), "--out", str(tmp_path / "out"), "--quiet", "--json"]) == code
    assert json.loads(capsys.readouterr().out)["valid"] is not fails


def test_settings_that_are_none_are_taken_too(tmp_path: Path, runs: Runs, maker: Maker) -> None:
    """Null is a value: any number of slots."""
    maker.value = lambda settings, number: 99.0 if settings[SLOTS] is None else 1.0
    campaign(tmp_path, PLAN.replace("[1, 4, 16]", "[1, 4, null]"))
    assert {each.config.of(Scenario.SERVER).engine.null.slots for each in runs.configurations} == {
        None
    }
