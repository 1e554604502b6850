"""Two runs that do not differ, two that do, and two that are not of one task."""

from __future__ import annotations

import json
import math
from pathlib import Path
from xml.etree import ElementTree

import pytest

from sut.commands import compare as compare_verb
from sut.commands import history as history_verb
from sut.commands import regress as regress_verb
from sut.compare import party as parties
from sut.compare.alike import Area, _area, unlike
from sut.compare.comparison import compared
from sut.compare.figure import FIGURES, Figure, Kind
from sut.compare.party import Measured
from sut.compare.verdict import Verdict, against, rows_of
from sut.config.names import Scenario
from sut.config.scenario_sections import OfflineConfig, ServerConfig
from sut.config.schema import GenerationConfig
from sut.errors import ConfigError, LogError
from sut.record.folder import SessionDir
from sut.result.build import build, result_json
from sut.result.schema import Result
from tests.unit.compare.runs import made, party, slower

WIDTH = 80
RATE = FIGURES[0]
TTFT = Figure("TTFT P99, ms", Kind.TIME, "ttft", False, 99.0)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two sessions that measured the same."""
    folder = tmp_path_factory.mktemp("two")
    return made(folder / "a"), made(folder / "b")


@pytest.fixture
def second_is(monkeypatch: pytest.MonkeyPatch, two: tuple[Path, Path]):
    """Say what the second session measured."""

    def say(result: Result) -> None:
        known = {two[0]: build(two[0]), two[1]: result}
        monkeypatch.setattr(parties, "load_result", known.__getitem__)

    return say


def test_two_that_measured_the_same_do_not_differ(two, capsys) -> None:
    assert compare_verb.main([str(each) for each in two]) == 0
    text = capsys.readouterr().out
    assert "The same task, engine settings, machine and software." in text
    assert "within noise" in text
    assert "worse" not in text
    assert "better" not in text
    assert max(map(len, text.splitlines())) <= WIDTH
    verdicts = {cell.verdict for row in compared(list(map(str, two))).rows for cell in row.cells}
    assert verdicts == {None, Verdict.SAME}


def test_a_run_that_is_slower_is_worse_in_each_figure(two, second_is, capsys) -> None:
    second_is(slower(build(two[1]), by=3))
    assert compare_verb.main([*map(str, two), "--json"]) == 0
    found = {
        (each["scenario"], each["figure"]): each["parties"]["B"]["verdict"]
        for each in json.loads(capsys.readouterr().out)["figures"]
    }
    assert found["Server", "tokens/s"] == "worse"
    assert found["Server", "TTFT P99, ms"] == "worse"
    assert found["Server", "answered"] == "within noise"
    assert found["Offline", "tokens/s"] == "within noise"


def test_the_other_way_round_it_is_better(two, second_is) -> None:
    second_is(slower(build(two[1]), by=1 / 3))
    rows = {(r.scenario, r.figure.name): r for r in compared(list(map(str, two))).rows}
    assert rows[Scenario.SERVER, "samples/s"].cells[1].verdict is Verdict.BETTER
    assert rows[Scenario.SERVER, "TPOT P50, ms"].cells[1].verdict is Verdict.BETTER


def test_offline_is_not_compared_by_the_time_of_its_one_query(two) -> None:
    names = {r.figure.name for r in compared(list(map(str, two))).rows if r.scenario == "Offline"}
    assert names == {"tokens/s", "samples/s", "answered"}


@pytest.mark.parametrize(
    ("config", "area", "key"),
    [
        ({"generation": GenerationConfig(max_tokens=32)}, Area.TASK, "generation.max_tokens"),
        ({"server": ServerConfig(target_qps=9)}, Area.TASK, "server.target_qps"),
        ({"profile": "mlperf"}, Area.TASK, "profile"),
    ],
)
def test_another_task_is_not_comparable_and_the_difference_is_shown(
    two, tmp_path, capsys, config, area, key
) -> None:
    other = made(tmp_path, **config)
    assert compare_verb.main([str(two[0]), str(other)]) == 1
    text = capsys.readouterr().out
    assert "NOT COMPARABLE: this is not the same task." in text
    assert f"{area.value}: {key}: " in text
    assert "in A;" in text
    assert "in B" in text


def test_another_size_of_offline_is_said_and_compared(two, tmp_path, capsys) -> None:
    asked = build(two[0]).configuration["offline"]
    other = made(tmp_path, offline=OfflineConfig.model_validate(asked | {"target_qps": 399}))
    assert compare_verb.main([str(two[0]), str(other)]) == 0
    text = capsys.readouterr().out
    assert "The same task. They differ in size:" in text
    assert "size: offline.target_qps: 400.0 in A; 399.0 in B" in text


def test_another_machine_is_said_and_compared(two, tmp_path, capsys) -> None:
    other = made(tmp_path, accelerator="Another processor")
    assert compare_verb.main([str(two[0]), str(other)]) == 0
    text = capsys.readouterr().out
    assert "The same task. They differ in machine:" in text
    assert "machine: CPU: " in text


def test_other_engine_settings_are_said(two) -> None:
    run = build(two[1])
    assert run.engine is not None
    engine = run.engine.model_copy(update={"arguments": {**run.engine.arguments, "x": 1}})
    other = run.model_copy(update={"engine": engine})
    found = unlike([party("A", two[0]), party("B", two[1], other)])
    assert [(each.area, each.difference.key) for each in found] == [
        (Area.ENGINE, "engine argument x")
    ]


def test_settings_of_one_scenario_are_the_engines(two) -> None:
    run = build(two[1])
    own = {"Offline": {"engine": {"vllm": {"max_num_batched_tokens": 512}}}}
    other = run.model_copy(update={"configuration": {**run.configuration, "by_scenario": own}})
    found = unlike([party("A", two[0]), party("B", two[1], other)])
    assert [(each.area, each.difference.key) for each in found] == [(Area.ENGINE, "by_scenario")]


@pytest.mark.parametrize(
    ("key", "area"),
    [
        ("Server: engine argument x", Area.ENGINE),
        ("Server: effective_target_qps", Area.TASK),
        ("Server: LoadGen release", Area.SOFTWARE),
    ],
)
def test_what_a_difference_of_one_scenario_is_in(key: str, area: Area) -> None:
    assert _area(key) is area


def test_repeats_have_the_noise_between_runs_and_must_be_alike(two, tmp_path, capsys) -> None:
    group = ",".join(map(str, two))
    comparison = compared([group, group])
    assert [len(each.sessions) for each in comparison.parties] == [2, 2]
    assert all(row.cells[0].measured.noise in (0, None) for row in comparison.rows)
    assert compare_verb.main([group, group]) == 0
    assert "2 repeats" in capsys.readouterr().out
    other = made(tmp_path, accelerator="Another processor")
    with pytest.raises(ConfigError, match="no repeats of one run: CPU: "):
        compared([f"{two[0]},{other}", group])


def test_repeats_are_held_together_and_a_disturbance_is_said(two, second_is) -> None:
    run = build(two[1])
    server = run.scenarios[Scenario.SERVER].model_copy(update={"disturbed_by": ["a program ran"]})
    second_is(run.model_copy(update={"scenarios": {**run.scenarios, Scenario.SERVER: server}}))
    notes = list(compared(list(map(str, two))).notes())
    assert "B: Server was disturbed: a program ran." in notes
    three = Measured(100.0, 0.3, repeats=(90.0, 100.0, 110.0))
    other = Measured(80.0, 0.3, repeats=(75.0, 80.0, 85.0))
    assert against(RATE, three, other).noise != pytest.approx(math.hypot(0.3, 0.3))


def test_a_third_is_held_against_the_first(two) -> None:
    rows = list(rows_of([party(name, root) for name, root in zip("ABC", (*two, two[0]))]))  # noqa: B905
    assert {len(row.cells) for row in rows} == {3}


def test_a_file_alone_has_figures_and_no_noise(two, tmp_path) -> None:
    path = tmp_path / "stored.json"
    path.write_text(result_json(build(two[0])), encoding="utf-8")
    rows = compared([str(path), str(two[1])]).rows
    assert {r.cells[1].verdict for r in rows if r.figure.kind is Kind.RATE} == {Verdict.UNKNOWN}
    assert {r.cells[1].verdict for r in rows if r.figure.kind is Kind.SHARE} == {Verdict.SAME}


def test_the_page_has_every_figure_and_no_script(two, tmp_path, second_is, capsys) -> None:
    hostile = build(two[1])
    info = hostile.benchmark_info.model_copy(update={"node": "<script>alert(1)</script>"})
    second_is(slower(hostile, by=3).model_copy(update={"benchmark_info": info}))
    path = tmp_path / "page.html"
    assert compare_verb.main([*map(str, two), "--html", str(path)]) == 0
    page = path.read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script" in page
    assert page.count("</tr>") > 10
    assert ">worse<" in page
    assert ">within noise<" in page
    with pytest.raises(ConfigError, match="not overwritten"):
        compare_verb.main([*map(str, two), "--html", str(path)])


def test_one_alone_is_refused(two) -> None:
    with pytest.raises(ConfigError, match="nothing to compare with"):
        compare_verb.main([str(two[0])])
    with pytest.raises(LogError, match="No such file"):
        compare_verb.main([str(two[0]), str(two[0] / "absent")])


@pytest.mark.parametrize(
    ("figure", "first", "other", "tolerance", "verdict"),
    [
        (RATE, Measured(100, 0.03), Measured(96, 0.03), 0, Verdict.SAME),
        (RATE, Measured(100, 0.03), Measured(95, 0.03), 0, Verdict.WORSE),
        (RATE, Measured(100, 0.03), Measured(105, 0.03), 0, Verdict.BETTER),
        (RATE, Measured(100, 0.03), Measured(95, 0.03), 0.02, Verdict.SAME),
        (TTFT, Measured(100, 0.03), Measured(95, 0.03), 0, Verdict.BETTER),
        (TTFT, Measured(100, 0.03), Measured(105, 0.03), 0, Verdict.WORSE),
        (RATE, Measured(100, 0.0), Measured(99.9, 0.0), 0, Verdict.WORSE),
        (RATE, Measured(100, 0.0), Measured(100, 0.0), 0, Verdict.SAME),
        (RATE, Measured(100), Measured(50, 0.01), 0, Verdict.UNKNOWN),
        (RATE, Measured(100), Measured(99), 0.02, Verdict.SAME),
        (RATE, Measured(100), Measured(90), 0.02, Verdict.WORSE),
        (RATE, Measured(None), Measured(90, 0.1), 0, Verdict.MISSING),
        (RATE, Measured(0.0, 0.1), Measured(90, 0.1), 0, Verdict.UNKNOWN),
    ],
)
def test_a_verdict_is_by_ratio_and_noise(figure, first, other, tolerance, verdict) -> None:
    assert against(figure, first, other, tolerance).verdict is verdict


@pytest.mark.parametrize(
    ("first", "other", "verdict"),
    [
        ((100, 100), (99, 100), Verdict.SAME),
        ((1000, 1000), (900, 1000), Verdict.WORSE),
        ((900, 1000), (1000, 1000), Verdict.BETTER),
        ((0, 0), (5, 5), Verdict.UNKNOWN),
    ],
)
def test_shares_are_held_by_their_intervals(first, other, verdict) -> None:
    share = next(each for each in FIGURES if each.kind is Kind.SHARE)
    one, two = (
        Measured(good / of if of else 0.0, counted=(good, of)) for good, of in (first, other)
    )
    assert against(share, one, two).verdict is verdict


def test_the_gate_is_green_where_nothing_is_worse(two, tmp_path, capsys) -> None:
    path = tmp_path / "regress.xml"
    flags = ["--baseline", str(two[0]), str(two[1]), "--junit", str(path)]
    assert regress_verb.main(flags) == 0
    assert " 0 failed, 0 could not be judged." in capsys.readouterr().out
    suite = ElementTree.parse(path).getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "0")
    assert int(suite.get("tests") or 0) == len(suite.findall("testcase")) > 5


def test_the_gate_is_red_where_a_figure_is_worse(two, second_is, tmp_path, capsys) -> None:
    second_is(slower(build(two[1]), by=3))
    path = tmp_path / "regress.xml"
    assert regress_verb.main(["--baseline", str(two[0]), str(two[1]), "--junit", str(path)]) == 1
    assert "failed  Server       tokens/s: " in capsys.readouterr().out
    failures = ElementTree.parse(path).getroot().findall(".//failure")
    assert any("tokens/s" in (each.get("message") or "") for each in failures)
    assert regress_verb.main(["--baseline", str(two[0]), str(two[1]), "--tolerance", "900"]) == 0


def test_the_gate_is_red_where_the_run_is_not_valid_or_lacks_a_scenario(two, second_is) -> None:
    run = build(two[1])
    second_is(run.model_copy(update={"valid": False, "reasons": ["Server: too late"]}))
    assert regress_verb.main(["--baseline", str(two[0]), str(two[1])]) == 1
    second_is(
        run.model_copy(update={"scenarios": {Scenario.SERVER: run.scenarios[Scenario.SERVER]}})
    )
    assert regress_verb.main(["--baseline", str(two[0]), str(two[1])]) == 1


def test_the_gate_takes_no_other_task_and_no_other_machine_unasked(two, tmp_path, capsys) -> None:
    task = made(tmp_path / "task", generation=GenerationConfig(max_tokens=32))
    machine = made(tmp_path / "machine", accelerator="Another processor")
    with pytest.raises(ConfigError, match=r"task differs: generation\.max_tokens"):
        regress_verb.main(["--baseline", str(two[0]), str(task), "--any-system"])
    with pytest.raises(ConfigError, match=r"machine differs: CPU: .* or give --any-system"):
        regress_verb.main(["--baseline", str(two[0]), str(machine)])
    assert regress_verb.main(["--baseline", str(two[0]), str(machine), "--any-system"]) == 0


def test_a_stored_file_is_judged_by_the_tolerance(two, tmp_path, capsys) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(result_json(build(two[0])), encoding="utf-8")
    assert regress_verb.main(["--baseline", str(path), str(two[1])]) == 0
    assert " 0 could not be judged." not in capsys.readouterr().out
    flags = ["--baseline", str(path), str(two[1]), "--tolerance", "2", "--json"]
    assert regress_verb.main(flags) == 0
    assert {each["outcome"] for each in json.loads(capsys.readouterr().out)["held"]} == {"passed"}


def test_history_has_a_line_for_each_scenario_of_each_result(two, tmp_path, capsys) -> None:
    for number, root in enumerate(two):
        text = result_json(build(root)).replace('"20261124', f'"2026112{number}')
        (tmp_path / f"mlperf_datacenter_n{number}.json").write_text(text, encoding="utf-8")
    (tmp_path / "mlperf_datacenter_broken.json").write_text("{}", encoding="utf-8")
    assert history_verb.main([str(tmp_path)]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert len(lines) == 5
    assert max(map(len, lines)) <= WIDTH
    assert "196.54" in shown.out
    assert "broken.json: is not a result of this version" in shown.err
    assert history_verb.main([str(tmp_path), "--scenario", "Server", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [each["scenario"] for each in document["results"]] == ["Server", "Server"]
    assert len(document["unread"]) == 1


def test_history_of_a_folder_without_results_is_refused(tmp_path) -> None:
    with pytest.raises(LogError, match="no mlperf_datacenter"):
        history_verb.main([str(tmp_path)])


def test_a_published_file_leads_to_its_ledger(two) -> None:
    session = SessionDir(two[0])
    session.published_result.write_text(result_json(build(two[0])), encoding="utf-8")
    try:
        rows = compared([str(session.published_result), str(two[1])]).rows
        assert Verdict.UNKNOWN not in {row.cells[1].verdict for row in rows}
    finally:
        session.published_result.unlink()
