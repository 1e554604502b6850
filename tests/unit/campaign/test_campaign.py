"""A campaign around its runs, which are recordings here."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

import sut.campaign.campaign
import sut.campaign.measuring
from sut.campaign.campaign import Campaign
from sut.campaign.measuring import Measuring
from sut.campaign.plan import Plan, read_plan
from sut.campaign.planned import Planned, foretold, foretold_document, planned
from sut.campaign.rate_search import RateSearch
from sut.campaign.report import report_of
from sut.commands.campaign import main
from sut.config.sources import Loaded
from sut.errors import ConfigError, EngineStartError, RunError
from sut.record.session import read_session
from sut.record.unlike import made_with
from tests.unit.campaign.support import Runs, resolved, states
from tests.unit.result.sessions import make_session

PLAN = """\
scenarios: [Server]
common:
  engine.kind: "null"
  dataset: synthetic
  server.target_qps: 20
  server.min_duration_s: 5
settings:
  a: {}
  b: {server.target_qps: 40}
  c: {server.target_qps: auto}
"""
NAMES = ["cpu.a.Server-performance", "cpu.b.Server-performance", "cpu.c.Server-performance"]

pytestmark = pytest.mark.usefixtures("small_model")  # for its tokenizer


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN, encoding="utf-8")
    return read_plan(path)


Call = Callable[..., Campaign]


@pytest.fixture
def call(tmp_path: Path, plan: Plan) -> Call:
    """One call of the verb, as far as its campaign."""

    def of(*, stop: bool = False) -> Campaign:
        out = tmp_path / "out"
        campaign = Campaign(out, planned(plan, out, resolved), Console(file=io.StringIO()), stop)
        campaign.run()
        return campaign

    return of


def test_stages_that_were_valid_are_kept(call: Call, runs: Runs) -> None:
    first = call()
    assert [each.planned.name for each in first.every()] == NAMES
    assert states(first) == [("VALID", False)] * 3
    assert first.valid
    assert states(call()) == [("VALID", True)] * 3
    assert len(runs.made) == 3


def test_a_kept_session_that_is_not_valid_by_its_own_files_is_made_again(
    call: Call, runs: Runs
) -> None:
    first = call()
    session = first.every()[1].session
    assert session is not None
    (session / "Server" / "performance" / "ledger.parquet").unlink()
    again = call()
    assert states(again) == [("VALID", True), ("VALID", False), ("VALID", True)]
    assert len(runs.made) == 4


def test_the_settings_of_a_kept_session_are_those_asked_for(tmp_path: Path) -> None:
    record = read_session(make_session(tmp_path, "server"))
    asked = Loaded(record.config, record.origins)
    assert made_with(asked, record)
    server = record.config.server
    faster = server.model_copy(update={"target_qps": server.target_qps + 1})
    other = replace(asked, config=record.config.model_copy(update={"server": faster}))
    assert not made_with(other, record)
    measured = record.origins | {"server.target_qps": "measured: 70 % of a probe's"}
    assert made_with(other, replace(record, origins=measured))


def test_other_settings_and_other_code_make_a_stage_again(
    call: Call, runs: Runs, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call()
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN.replace("{server.target_qps: 40}", "{server.target_qps: 41}"))
    out = tmp_path / "out"
    changed = planned(read_plan(path), out, resolved)
    assert [each.left is None for each in changed] == [False, True, False]
    monkeypatch.setattr(sut.campaign.measuring, "software", lambda: {"harness_commit": "another"})
    assert [each.left for each in planned(plan, out, resolved)] == [None] * 3


def test_another_data_set_makes_every_stage_again(
    call: Call, runs: Runs, plan: Plan, tmp_path: Path
) -> None:
    call()
    stages = planned(plan, tmp_path / "out", resolved)
    hashes = {each.inputs["dataset_sha256"] for each in stages}
    assert len(hashes) == 1
    assert len(hashes.pop()) == 64


def test_one_that_is_invalid_or_fails_is_said_and_the_others_go_on(call: Call, runs: Runs) -> None:
    runs.invalid = {"20"}
    runs.ends = {"40": EngineStartError("no memory", remedy="Free some.")}
    ended = call()
    assert states(ended) == [("INVALID", False), ("FAILED", False), ("VALID", False)]
    assert ended.every()[0].said == ("it is slow",)
    assert ended.every()[1].said == ("no memory. Free some.",)
    assert not ended.valid
    runs.invalid, runs.ends = set(), {}
    assert states(call()) == [("VALID", False), ("VALID", False), ("VALID", True)]


def test_stop_on_invalid_makes_none_after_it(call: Call, runs: Runs) -> None:
    runs.invalid = {"20"}
    assert states(call(stop=True)) == [("INVALID", False), ("not made", False), ("not made", False)]


def test_an_interruption_keeps_what_was_finished(call: Call, runs: Runs) -> None:
    runs.ends = {"40": KeyboardInterrupt()}
    stopped = call()
    assert stopped.interrupted
    assert states(stopped) == [("VALID", False), ("not made", False), ("not made", False)]
    runs.ends = {}
    assert states(call()) == [("VALID", True), ("VALID", False), ("VALID", False)]


@pytest.mark.parametrize("state", ["VALID", "INVALID"])
def test_one_that_is_asked_to_end_while_a_result_is_written_makes_no_other(
    call: Call, runs: Runs, state: str
) -> None:
    runs.late = {"20"}
    runs.invalid = {"20"} if state == "INVALID" else set()
    stopped = call()
    assert stopped.interrupted
    assert states(stopped) == [(state, False), ("not made", False), ("not made", False)]
    runs.late, runs.invalid = set(), set()
    assert states(call())[0] == ("VALID", state == "VALID")


def test_each_stage_is_told_with_its_time_before_the_start(
    call: Call, runs: Runs, plan: Plan, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    said = "\n".join(foretold(plan, planned(plan, out, resolved)))
    assert "3 stages, 0 of them kept" in said
    assert "about 5 s: Poisson arrivals at 20/s" in said
    assert "not known, 5 s at least: its rate is measured first" in said
    runs.invalid = {"40"}
    call()
    stages = planned(plan, out, resolved)
    said = "\n".join(foretold(plan, stages))
    assert "3 stages, 2 of them kept" in said
    document = foretold_document(plan, stages)
    rows = {row["stage"]: row for row in document["stages"]}
    kept = [each.name for each in stages if each.left is not None]
    assert [name for name, row in rows.items() if row["kept"]] == kept
    assert all((row["seconds"] is None) == row["kept"] for row in rows.values())
    assert json.loads(json.dumps(document)) == document


def test_what_a_stage_took_is_the_next_estimate(
    call: Call, runs: Runs, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    call()
    monkeypatch.setattr(sut.campaign.measuring, "software", lambda: {"harness_commit": "another"})
    found: list[Planned] = planned(plan, tmp_path / "out", resolved)
    assert {each.estimate.why for each in found} == {"what it took the last time"}


def test_a_setting_that_there_is_not_is_told_with_the_plans_line(
    tmp_path: Path, runs: Runs
) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN.replace("server.target_qps: 40", "server.taget_qps: 40"))
    with pytest.raises(
        ConfigError, match=r"plan\.yaml:9: server\.taget_qps is 40, but there is no"
    ):
        planned(read_plan(path), tmp_path / "out", resolved)
    assert runs.made == []
    assert not (tmp_path / "out").exists()


def test_two_systems_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    (tmp_path / "mine.yaml").write_text("like: cpu\nsystem: {name: cpu}\n")
    path.write_text(f"systems: [cpu, {tmp_path}/mine.yaml]\n{PLAN}")
    with pytest.raises(ConfigError, match="two of the systems have the name cpu"):
        planned(read_plan(path), tmp_path / "out", resolved)


def test_the_report_has_every_stage_and_a_comparison(call: Call, runs: Runs, plan: Plan) -> None:
    runs.invalid = {"20"}
    runs.ends = {"40": EngineStartError("<b>no memory</b>")}
    campaign = call()
    report = report_of(campaign, plan)
    report.write()
    assert "INVALID  cpu.a.Server-performance" in report.text
    assert "         it is slow" in report.text
    assert "FAILED   cpu.b.Server-performance" in report.text
    assert "1 of 3 stages are VALID." in report.text
    rows = json.loads((campaign.out / "campaign.json").read_text())["stages"]
    assert [row["state"] for row in rows] == ["INVALID", "FAILED", "VALID"]
    assert rows[0]["figures"]["samples/s"] > 0
    assert rows[1]["figures"] == {}
    page = report.page.read_text(encoding="utf-8")
    assert "&lt;b&gt;no memory" in page
    assert 'href="compare-Server.html"' in page
    assert "tokens/s" in (campaign.out / "compare-Server.html").read_text(encoding="utf-8")
    text = (campaign.out / "report.txt").read_text(encoding="utf-8")
    assert "A  cpu.a.Server-performance\nB  cpu.c.Server-performance" in text
    assert json.loads(json.dumps(report.document))["comparisons"][0]["stages"] == {
        "A": NAMES[0],
        "B": NAMES[2],
    }


ENDS: dict[str, tuple[dict[str, BaseException], set[str], int]] = {
    "every stage is VALID": ({}, set(), 0),
    "one is INVALID": ({}, {"20"}, 1),
    "one failed": ({"40": EngineStartError("no memory")}, set(), 1),
    "it was interrupted": ({"40": KeyboardInterrupt()}, set(), 130),
}


@pytest.mark.parametrize("end", ENDS)
def test_one_exit_code_for_all_of_it(
    end: str, runs: Runs, plan: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.path.write_text(f"systems: [cpu]\n{PLAN}", encoding="utf-8")
    runs.ends, runs.invalid, code = ENDS[end]
    out = tmp_path / "out"
    assert main([str(plan.path), "--out", str(out), "--quiet", "--json"]) == code
    document = json.loads(capsys.readouterr().out)
    assert document["valid"] is (code == 0)
    assert document["interrupted"] is (code == 130)
    assert (out / "report.txt").is_file()


def test_a_dry_run_makes_nothing(
    runs: Runs, plan: Plan, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.path.write_text(f"systems: [cpu]\n{PLAN}", encoding="utf-8")
    assert main([str(plan.path), "--out", str(tmp_path / "out"), "--dry-run"]) == 0
    assert "3 stages, 0 of them kept" in capsys.readouterr().out
    assert runs.made == []
    assert not (tmp_path / "out").exists()


SEARCHED = """\
scenarios: [Server]
modes: [performance, accuracy]
peak: [Server]
common:
  engine.kind: "null"
  dataset: synthetic
  server.min_duration_s: 5
settings:
  a: {server.target_qps: 20}
"""


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Stands for the search: it confirms the rate that was asked for, unless that is 13."""
    made: list[float] = []

    def find_one(self: RateSearch, each: Measuring, out: Path, console: Console) -> Path:
        rate = each.loaded.config.server.target_qps
        made.append(rate)
        if rate == 13:
            raise RunError("no rate of Server is confirmed: no rate helps.")
        return make_session(out / "peaks" / f"{len(made)}", "server")

    monkeypatch.setattr(RateSearch, "find", find_one)
    return made


def searching(tmp_path: Path, text: str = SEARCHED) -> Campaign:
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    path.write_text(text, encoding="utf-8")
    plan = read_plan(path)
    again = partial(planned, plan, out, resolved)
    campaign = Campaign(out, again(), Console(file=io.StringIO()), again=again)
    campaign.run()
    return campaign


def test_a_rate_is_searched_once_and_the_other_runs_of_the_scenario_take_it(
    tmp_path: Path, runs: Runs, searches: list[float]
) -> None:
    campaign = searching(tmp_path)
    assert states(campaign) == [("VALID", False)] * 2
    (session,) = (tmp_path / "out" / "peaks").glob("*/node_*")
    found = read_session(session).config.server.target_qps
    assert (searches, runs.made) == ([20], [f"{found:g}"]), "the accuracy run has the rate found"
    (accuracy,) = (each for each in campaign.stages if each.search is None)
    origin = accuracy.measuring.loaded.origins["server.target_qps"]
    assert origin == f"measured: the peak, by {session.name}"
    assert states(searching(tmp_path)) == [("VALID", True)] * 2
    assert len(searches) == 1


def test_the_rate_of_a_search_is_no_setting_of_another_scenario(
    tmp_path: Path, runs: Runs, searches: list[float]
) -> None:
    text = SEARCHED.replace("[Server]\nmodes", "[Server, Offline]\nmodes")
    first = {each.planned.name: each.planned.inputs for each in searching(tmp_path, text).every()}
    offline = [name for name in first if "Offline" in name]
    assert len(offline) == 2
    again = searching(tmp_path, text)
    assert states(again) == [("VALID", True)] * 4
    assert all(each.inputs == first[each.name] for each in again.stages if each.name in offline)


def test_where_no_rate_is_found_nothing_is_measured_at_one(
    tmp_path: Path, runs: Runs, searches: list[float]
) -> None:
    campaign = searching(tmp_path, SEARCHED.replace("20", "13"))
    (search, waiting) = campaign.every()
    assert (search.state.value, waiting.state.value) == ("FAILED", "not made")
    assert "no rate of Server is confirmed" in search.said[0]
    assert waiting.said == ("the search for its rate has found none so far",)
    assert not campaign.valid
    assert (runs.made, searches) == ([], [13])


def test_where_a_search_begins_does_not_decide_what_it_finds(
    tmp_path: Path, runs: Runs, searches: list[float]
) -> None:
    searching(tmp_path)
    assert states(searching(tmp_path, SEARCHED.replace("20", "30"))) == [("VALID", True)] * 2
    other = SEARCHED.replace("min_duration_s: 5", "min_duration_s: 6")
    assert [kept for _, kept in states(searching(tmp_path, other))] == [False, False]
    assert searches == [20, 20]
    assert len(runs.made) == 2
