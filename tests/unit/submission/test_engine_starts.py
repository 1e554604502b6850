"""A session whose scenarios had engines of their own: each run is judged by the one it had."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sut.config.names import Scenario
from sut.errors import LogError
from sut.record.session import read_session
from sut.report.compliance.build import compliance_report
from sut.report.compliance.rows import Verdict
from sut.report.summary import summary_text
from sut.result.alike import result_differences
from sut.result.baseline import FREE_ALONE
from sut.result.build import build, result_of
from sut.result.schema import engine_of
from sut.rules.evidence import evidence_of
from sut.submission.make_tree import make_tree
from sut.verify.session import verify_session
from sut.verify.standing import Standing
from tests.unit.result.sessions import close_again, dump, edit
from tests.unit.submission.support import SUBMITTER, closed_session, plan, small_round


def read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def configure(root: Path, document: dict[str, Any]) -> None:
    """The same configuration for both starts: no rate was measured between them."""
    (root / "config.2.json").write_text(json.dumps(document), encoding="utf-8")
    dump(root / "config.json", document)


def against(root: Path) -> list[str]:
    found = build(root, small_round("v6.1")).not_submission_grade_because
    return [each for each in found if each != "the session is not valid"]


def change_start(name: str, **changes: Any) -> Callable[[Path], None]:
    """Arguments, by which these records tell traits, of one start's engine."""

    def change(root: Path) -> None:
        facts = read(root / name)
        facts["engine"]["arguments"] |= changes
        facts["engine"].pop("traits", None)
        dump(root / name, facts)

    return change


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Offline as the session is set, Server with steps of 512 tokens."""
    root = closed_session(tmp_path / "s")
    document = read(root / "config.json")
    document["config"]["by_scenario"] = {
        "Server": {"engine": {"vllm": {"max_num_batched_tokens": 512}}}
    }
    second = read(root / "session.json")
    (root / "session.2.json").write_text(json.dumps(second), encoding="utf-8")
    configure(root, document)
    change_start("session.2.json", max_num_batched_tokens=512)(root)
    return root


def test_each_run_has_the_settings_the_engine_and_the_facts_of_its_start(two: Path) -> None:
    record = read_session(two)
    assert [(each.file, each.scenarios) for each in record.starts] == [
        ("session.json", ("Offline",)),
        ("session.2.json", ("Server",)),
    ]
    found = {}
    for run in record.runs:
        evidence = evidence_of(record, run, None)
        asked = evidence.config.engine.planned().max_batch_tokens
        engine = evidence.session.engine
        assert engine is not None
        found[run.scenario] = (asked, engine.arguments.get("max_num_batched_tokens"))
    ours = record.config.engine.vllm.max_num_batched_tokens
    assert found == {Scenario.OFFLINE: (ours, None), Scenario.SERVER: (512, 512)}


def test_the_result_of_a_scenario_carries_its_own_engine(two: Path) -> None:
    result = build(two, small_round("v6.1"))
    assert result.reasons == []
    assert against(two) == []
    offline, server = (result.scenarios[Scenario(name)] for name in ("Offline", "Server"))
    assert offline.own_engine is None
    assert engine_of(result, offline) == result.engine
    assert server.own_engine is not None
    assert server.own_engine.settings == {"engine.vllm.max_num_batched_tokens": 512}
    assert engine_of(result, server) != result.engine
    text = summary_text(result)
    told = text[text.index("engine of Server") :]
    assert "  max_num_batched_tokens" in told.splitlines()[1]


@pytest.mark.parametrize(
    ("name", "whose"), [("session.json", "Offline"), ("session.2.json", "Server")]
)
def test_a_rule_that_one_engine_breaks_names_whose_it_is(two: Path, name: str, whose: str) -> None:
    change_start(name, enable_prefix_caching=True)(two)
    reason = f"engine of {whose}: prefix caching is on, which the rules prohibit"
    assert against(two) == [reason]
    report = compliance_report(two, small_round("v6.1"))
    rows = [row for row in report.rows if row.rule == "prefix-caching-off"]
    assert {row.subject: row.verdict for row in rows} == {
        f"engine of {each}": Verdict.NOT_MET if each == whose else Verdict.MET
        for each in ("Offline", "Server")
    }
    assert {row.proof[0].file for row in rows} == {"session.json", "session.2.json"}
    items = verify_session(two, round_=small_round("v6.1"))
    said = [each for each in items if each.rule == "prefix-caching-off"]
    assert {each.subject: each.standing for each in said} == {
        "engine of Offline": Standing.OPEN if whose == "Offline" else Standing.STATED,
        "engine of Server": Standing.OPEN if whose == "Server" else Standing.STATED,
    }


def test_what_both_engines_break_is_said_once(two: Path) -> None:
    for name in ("session.json", "session.2.json"):
        change_start(name, enable_prefix_caching=True)(two)
    assert against(two) == ["prefix caching is on, which the rules prohibit"]


def test_an_engine_is_held_to_the_settings_of_its_own_scenario(two: Path) -> None:
    change_start("session.2.json", max_num_batched_tokens=4096)(two)
    assert against(two) == [
        "engine of Server: the engine's max_batch_tokens is 4096, not 512 as its settings ask"
    ]


def test_a_run_that_names_another_start_is_none_of_this_one(two: Path) -> None:
    path = two / "Server" / "performance" / "run.json"
    run = read(path)
    path.write_text(
        json.dumps(run | {"session": read(two / "Offline/performance/run.json")["session"]})
    )
    close_again(two)
    result = build(two, small_round("v6.1"))
    assert not result.valid
    assert any("session.json of the run" in reason for reason in result.reasons)


def test_the_facts_of_a_later_start_are_evidence(two: Path) -> None:
    path = two / "session.2.json"
    path.write_text(path.read_text() + "\n")
    result = build(two, small_round("v6.1"))
    assert any("session.2.json was changed" in reason for reason in result.reasons)
    path.unlink()
    with pytest.raises(LogError, match="cannot be read") as found:
        read_session(two)
    assert str(found.value.where).endswith("session.2.json")


def test_a_later_engine_that_never_became_ready_costs_no_result(two: Path) -> None:
    shutil.rmtree(two / "Server")
    edit(two / "session.2.json", engine=None, warmup=None)
    result = build(two, small_round("v6.1"))
    assert not result.valid
    assert result.scenarios[Scenario.OFFLINE].valid
    assert "Server was asked for in performance mode and has no run" in result.reasons
    against = result.not_submission_grade_because
    assert "engine of Server: the engine never became ready" in against
    for name in ("session.2.json", "config.2.json"):
        (two / name).unlink()
    close_again(two)
    assert len(read_session(two).starts) == 1, "the session ended before the second start"
    assert build(two, small_round("v6.1")).scenarios[Scenario.OFFLINE].valid


def test_a_rate_that_was_measured_with_the_second_engine_is_in_its_configuration(two: Path) -> None:
    document = read(two / "config.json")
    document["config"]["server"]["target_qps"] = 1.5
    dump(two / "config.2.json", document)
    record = read_session(two)
    planned = read(two / "config.json")["config"]["server"]["target_qps"]
    assert [each.config.server.target_qps for each in record.starts] == [planned, 1.5]
    assert record.config.server.target_qps == 1.5


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("server", "ttft_limit_ms", 9000),
        ("offline", "target_qps", 9),
        ("generation", "max_tokens", 9),
    ],
)
def test_nothing_else_of_it_may_differ(two: Path, section: str, key: str, value: int) -> None:
    document = read(two / "config.json")
    document["config"][section][key] = value
    dump(two / "config.2.json", document)
    with pytest.raises(LogError, match="not the configuration of config") as found:
        read_session(two)
    assert str(found.value.where).endswith("config.2.json")


def test_nodes_are_compared_start_by_start(two: Path, tmp_path: Path) -> None:
    ours = build(two, small_round("v6.1"))
    change_start("session.2.json", async_scheduling=False)(two)
    theirs = build(two, small_round("v6.1"))
    found = result_differences({"a": ours, "b": theirs})
    assert [each.key for each in found] == ["Server: engine argument async_scheduling"]


def test_a_scenario_alone_has_the_same_engine_as_among_others(two: Path, tmp_path: Path) -> None:
    together = build(two, small_round("v6.1"))
    shutil.rmtree(two / "Offline")
    (two / "session.2.json").rename(two / "session.json")
    (two / "config.2.json").unlink()
    document = read(two / "config.json")
    document["config"]["scenarios"] = ["Server"]
    dump(two / "config.json", document)
    alone = build(two, small_round("v6.1"))
    assert alone.scenarios[Scenario.SERVER].own_engine is None
    assert result_differences({"a": together, "b": alone}, free=FREE_ALONE) == []


def test_a_tree_tells_each_scenario_its_own_engine(two: Path, tmp_path: Path) -> None:
    tree = make_tree(plan(tmp_path / "tree", two))
    told = {}
    for scenario in ("Offline", "Server"):
        (readme,) = tree.rglob(f"{scenario}/README.md")
        told[scenario] = "- max_num_batched_tokens: 512" in readme.read_text(encoding="utf-8")
    assert told == {"Offline": False, "Server": True}


def test_settings_tuned_for_one_scenario_are_told_as_its_own(two: Path, tmp_path: Path) -> None:
    document = read(two / "config.json")
    document["config"]["by_scenario"]["Server"]["engine"]["vllm"]["extra"] = {"watermark": 0.01}
    configure(two, document)
    tree = make_tree(plan(tmp_path / "tree", two))
    (system,) = (tree / "closed" / SUBMITTER / "systems").glob("*.json")
    notes = read(system)["sw_notes"]
    assert notes.endswith("llama3.1-8b Offline: nothing; llama3.1-8b Server: watermark=0.01")


def test_a_session_of_one_start_is_as_it_was(tmp_path: Path) -> None:
    record = read_session(closed_session(tmp_path / "s"))
    (start,) = record.starts
    assert start.config is record.config
    assert start.facts is record.facts
    assert result_of(record, small_round("v6.1")).scenarios[Scenario.SERVER].own_engine is None
