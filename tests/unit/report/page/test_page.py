"""The page of a result: everything drawn, nothing from outside, nothing of others unescaped."""

from __future__ import annotations

import json
import math
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sut.config.names import Scenario
from sut.figure_text import figure_text
from sut.record.ending import EndingFacts
from sut.record.session import SessionRecord, read_session
from sut.report.page import plots
from sut.report.page.build import report_html
from sut.report.page.tiles import tiles
from sut.result.build import result_of
from sut.result.evaluated import with_evaluations
from sut.result.schema import Result
from tests.unit.result.sessions import dump, make_accuracy, make_session, seal

finite = st.floats(0, 1e12)


def built(folder: Path) -> tuple[Result, SessionRecord]:
    record = with_evaluations(read_session(folder))
    return result_of(record), record


@pytest.fixture
def page(tmp_path: Path) -> str:
    return report_html(*built(make_session(tmp_path, "server", "offline")))


class Tags(HTMLParser):
    """Tags that must be closed are, in their order."""

    VOID = ("meta", "path", "circle", "br", "input")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def test_the_page_is_whole_and_has_nothing_from_elsewhere(page: str) -> None:
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert "<script" not in page
    assert not [each for each in tags.sources if "//" in each]
    assert "@import" not in page


def test_each_plot_is_drawn_and_is_proper_xml(page: str) -> None:
    drawn = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(drawn) == 7 + 5 + 3, "Server has first tokens and limits; Offline has none"
    for svg in drawn:
        assert "nan" not in svg.lower()
        root = ElementTree.fromstring(svg)
        assert root.findall(".//path") or root.findall(".//circle")


def test_verdict_what_to_do_and_limits_stand_before_any_plot(tmp_path: Path) -> None:
    result, record = built(make_session(tmp_path, "server"))
    run = result.scenarios[Scenario.SERVER].model_copy(update={"advice": ["set less"]})
    bad = {"valid": False, "reasons": ["too slow"], "scenarios": {Scenario.SERVER: run}}
    text = report_html(result.model_copy(update=bad), record)
    words = (
        "INVALID</span>",
        "What to do",
        "set less",
        "What failed",
        "too slow",
        "TTFT P",
        "<svg",
    )
    places = [text.index(each) for each in words]
    assert places == sorted(places)


def test_a_session_without_logs_still_has_its_page(tmp_path: Path) -> None:
    folder = make_session(tmp_path, "server")
    for path in (folder / "Server" / "performance").glob("*.parquet"):
        path.unlink()
    text = report_html(*built(folder))
    assert "INVALID" in text
    assert "<svg" not in text


def test_hostile_names_are_text(tmp_path: Path) -> None:
    result, record = built(make_session(tmp_path, "server"))
    evil = "<script>alert(1)</script>"
    info = result.benchmark_info.model_copy(update={"model": evil, "node": '"><b>'})
    text = report_html(
        result.model_copy(update={"benchmark_info": info, "notes": [evil], "reasons": [evil]}),
        record,
    )
    assert "<script" not in text
    assert "&lt;script&gt;" in text
    assert '"><b>' not in text


def test_what_was_not_measured_is_never_zero() -> None:
    assert figure_text(None) == "not measured"
    assert figure_text(0.0) == "0"
    assert figure_text(12345.678) == "12,346"


@given(st.lists(finite, min_size=1, max_size=30))
def test_any_distribution_can_be_drawn(values: list[float]) -> None:
    ordered = sorted(values)
    points = [{"ms": each, "share": n / len(ordered)} for n, each in enumerate(ordered)]
    for limit in (None, 0.0, ordered[-1], 1e15):
        svg = plots.cdf(points, "ms <&>", limit, 0.99)
        ElementTree.fromstring(svg)
        assert "nan" not in svg
        assert "inf" not in svg


@given(st.lists(st.tuples(finite, finite), min_size=1, max_size=30))
def test_any_timeline_and_any_points_can_be_drawn(rows: list[tuple[float, float]]) -> None:
    times = [{"s": x, "value": y} for x, y in rows]
    for svg in (
        plots.over_time(times, "y"),
        plots.over_time(times, "y", area=True),
        plots.scatter([{"x": x, "y": y} for x, y in rows], "x", "y"),
    ):
        ElementTree.fromstring(svg)
        assert not re.search(r"nan|inf", svg)


@given(st.floats(1e-6, 1e12))
def test_an_axis_ends_at_a_round_number_beyond_the_largest_value(value: float) -> None:
    top = plots._top(value)
    assert top >= value * (1 - 1e-9)
    assert top <= 2 * value * (1 + 1e-9) or math.isclose(top, value)
    assert 2 <= len(plots._ticks((0, top))) <= 11


def test_a_cards_clock_and_power_are_drawn(tmp_path: Path) -> None:
    folder = make_session(tmp_path, "offline")
    lines = "".join(
        f'{{"monotonic_ns": {n}000000000, "uuid": "GPU-1", "sm_mhz": {1400 + n}, '
        f'"power_mw": {600000 + n}}}\n'
        for n in range(1, 4)
    )
    (folder / "Offline" / "performance" / "cards.jsonl").write_text(lines)
    text = report_html(*built(folder))
    assert "Card 0: clock" in text
    assert "Card 0: power" in text
    assert len(re.findall(r"<svg", text)) == 5 + 2


def test_each_tile_and_each_time_has_its_formula(page: str) -> None:
    assert "output tokens / longest latency" in page
    assert "t = until the query issued last is done" in page
    assert "first token - scheduled time" in page
    assert "(latency - TTFT) / (output tokens - 1)" in page
    assert "floor(n * p)" in page


def test_a_rate_of_the_ledger_says_so(tmp_path: Path) -> None:
    result, _ = built(make_session(tmp_path, "server"))
    run = result.scenarios[Scenario.SERVER]
    sources = {"throughput_tokens_per_sec": "ledger", "achieved_qps": "ledger"}
    broken = run.model_copy(update={"figure_sources": sources})
    told = {each.what: each.formula for each in tiles(Scenario.SERVER, broken)}
    assert "by our ledger" in told["tokens/s"]
    assert "by our ledger" not in told["ms TTFT, P99"]


def test_replicas_and_their_shares_are_told(page: str) -> None:
    assert "Shares of the replicas" in page
    assert "50.0%" in page


def test_a_session_that_ended_before_its_time_says_how_and_where_to_read(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    shutil.rmtree(root / "Server")
    facts = json.loads((root / "session.json").read_text())
    dump(root / "session.json", facts | {"engine": None, "warmup": None, "reuse_probe": None})
    ending = EndingFacts(
        phase="starting the engine", cause="no memory", log="engine.log", last_lines=["<b>", "out"]
    )
    dump(root / "ending.json", ending.model_dump())
    seal(root)
    text = report_html(*built(root))
    assert "INVALID" in text
    assert "While starting the engine: no memory." in text
    assert "&lt;b&gt;\nout" in text
    assert 'href="engine.log"' in text
    assert "never became ready" in text
    assert text.count("no memory") == 1, "the reasons do not say it again"
    assert "asked for in performance mode and has no run" in text


def test_each_run_stands_on_top_with_what_it_used_of_its_limits(tmp_path: Path) -> None:
    result, record = built(make_session(tmp_path, "server", "offline"))
    run = result.scenarios[Scenario.SERVER]
    checks = [
        each.model_copy(update={"measured": 2500.0, "passed": False})
        if each.rule == "ttft"
        else each
        for each in run.checks
    ]
    late = run.model_copy(update={"valid": False, "checks": checks})
    runs = result.scenarios | {Scenario.SERVER: late}
    text = report_html(result.model_copy(update={"scenarios": runs}), record)
    top = text[: text.index("<section")]
    assert "TTFT P95 125%, does not hold" in top
    assert "TPOT P95 1%" in top
    assert "no limit" in top, "Offline has none"
    assert 'href="#Offline"' in top


def test_a_limit_without_a_figure_is_not_judged_and_no_limit_that_does_not_hold(
    tmp_path: Path,
) -> None:
    root = make_session(tmp_path, "server")
    for name in ("mlperf_log_detail.txt", "mlperf_log_summary.txt"):
        (root / "Server" / "performance" / name).unlink()
    text = report_html(*built(root))
    top, body = text.split("<section", 1)
    assert "Server: not measured, so not judged: " in top
    assert "does not hold" not in text
    assert body.count("not judged</td>") >= 3, "both limits of the round, and ours"


def test_the_evidence_of_the_session_is_linked_and_what_is_made_of_it_is_not(
    tmp_path: Path,
) -> None:
    root = make_session(tmp_path, "server")
    (root / "engine.log").touch()
    (root / "result.json").touch()
    (root / ".running.json").touch()
    text = report_html(*built(root))
    found = text[text.index("Files of the session") :]
    assert re.findall('<a href="(.*?)"', found) == ["config.json", "engine.log", "session.json"]


def test_scores_stand_on_top_beside_their_targets(tmp_path: Path) -> None:
    result, record = built(make_session(tmp_path, "accuracy"))
    run = result.accuracy_runs[Scenario.OFFLINE]
    assert run.evaluation is not None
    held = run.evaluation.model_copy(update={"targets": {"ROUGE1": 38.391408}})
    runs = {Scenario.OFFLINE: run.model_copy(update={"evaluation": held})}
    text = report_html(result.model_copy(update={"accuracy_runs": runs}), record)
    assert "ROUGE1 30 of 38.3914" in text[: text.index("<section")]
    assert "nothing to hold its scores to" in report_html(result, record)


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (0.0, "0"),
        (0.00005, "0.00005"),
        (0.25, "0.25"),
        (20_000.0, "20,000"),
        (2_500_000.0, "2.5 M"),
        (1e8, "100 M"),
    ],
)
def test_a_tick_has_no_exponent(value: float, label: str) -> None:
    assert plots._label(value) == label


def test_what_is_counted_has_no_ticks_between_whole_numbers() -> None:
    points = [{"s": 0.0, "value": 1.0}, {"s": 4.0, "value": 1.0}]
    assert ">0.2<" in plots.over_time(points, "share")
    assert ">0.2<" not in plots.over_time(points, "queries", area=True)


def test_the_last_label_of_an_axis_is_whole() -> None:
    """Half of its width is beyond the plot: seven characters of 12 px."""
    assert plots.RIGHT >= 7 * 12 * 0.6 / 2


def test_answers_of_no_model_stand_beside_the_verdict(tmp_path: Path) -> None:
    root = make_session(tmp_path, "accuracy", engine={"kind": "null"})
    folder = root / "Offline" / "accuracy"
    dump(folder / "accuracy.json", make_accuracy(folder, problems=["all loop"]))
    record = read_session(root)
    (run,) = record.runs
    record = replace(record, runs=(replace(run, evaluation=run.stated_accuracy),))
    result = result_of(record)
    top = report_html(result, record)
    top = top[: top.index("<table")]
    assert "VALID</span>, but the answers are not a model" in top
    assert "all loop" in top


def test_singlestream_begins_with_its_metric(tmp_path: Path) -> None:
    result, record = built(make_session(tmp_path, "singlestream"))
    page = report_html(result, record)
    assert page.index("ms latency, P90") < page.index("<span>tokens/s</span>")
    assert "no limit; latency P90 " in page
