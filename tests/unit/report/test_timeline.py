"""trace.json.gz: the fields of the Trace Event Format, and what the logs and the ledger say."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from sut.commands import trace
from sut.errors import ConfigError, LogError
from sut.logs.trace import read_trace
from sut.record.cards import CardSample, sample_line
from sut.record.session import read_session
from sut.report.timeline import COUNTERS, OF_CARDS, PIDS_A_RUN, trace_bytes
from tests.unit.result.sessions import make_session

# What the format asks of each kind of event (Trace Event Format, Google).
FIELDS = {
    "X": {"name", "cat", "ph", "ts", "dur", "pid", "tid"},
    "C": {"name", "ph", "ts", "pid", "args"},
    "M": {"name", "ph", "pid", "args"},
}
METADATA = {"process_name": "name", "process_sort_index": "sort_index", "thread_name": "name"}


def made(folder: Path, kind: str = "server") -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The document of a recorded run, and its ledger's rows."""
    session = read_session(make_session(folder, kind))
    rows = session.runs[0].ledger
    assert rows is not None
    return json.loads(gzip.decompress(trace_bytes(session))), rows.to_pylist()


@pytest.fixture(params=["server", "server_with_errors", "interactive", "offline", "singlestream"])
def document(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    return made(tmp_path, request.param)[0]


def of(document: dict[str, Any], phase: str, category: str | None = None) -> list[dict[str, Any]]:
    return [
        each
        for each in document["traceEvents"]
        if each["ph"] == phase and category in (None, each.get("cat"))
    ]


def test_every_event_has_the_fields_of_the_format(document: dict[str, Any]) -> None:
    assert document["displayTimeUnit"] in ("ms", "ns")
    assert document["traceEvents"]
    for event in document["traceEvents"]:
        assert FIELDS[event["ph"]] <= event.keys(), event
        assert isinstance(event["pid"], int)
        assert isinstance(event["name"], str)
        if "ts" in event:
            assert event["ts"] >= 0
        if event["ph"] == "X":
            assert event["dur"] >= 0
        if event["ph"] == "C":
            assert all(isinstance(value, int | float) for value in event["args"].values())
        if event["ph"] == "M":
            assert METADATA[event["name"]] in event["args"]


def test_in_a_lane_no_two_queries_overlap_and_phases_lie_inside(document: dict[str, Any]) -> None:
    lanes = defaultdict(list)
    for each in of(document, "X", "query"):
        lanes[each["pid"], each["tid"]].append((each["ts"], each["ts"] + each["dur"]))
    phases = defaultdict(list)
    for each in of(document, "X", "phase"):
        phases[each["pid"], each["tid"]].append((each["ts"], each["ts"] + each["dur"]))
    assert lanes.keys() == phases.keys()
    for lane, queries in lanes.items():
        queries.sort()
        assert all(one[1] <= other[0] + 1e-3 for one, other in pairwise(queries))
        for begin, end in phases[lane]:
            assert any(q[0] - 1e-3 <= begin and end <= q[1] + 1e-3 for q in queries)
    named = {(each["pid"], each["tid"]) for each in of(document, "M") if "tid" in each}
    assert named == lanes.keys()


def test_every_counter_begins_and_ends_with_nothing(document: dict[str, Any]) -> None:
    for name in COUNTERS:
        values = [each["args"]["value"] for each in of(document, "C") if each["name"] == name]
        assert all(value >= 0 for value in values)
        if values:
            assert values[-1] == 0


def test_a_query_is_what_the_ledger_says(tmp_path: Path) -> None:
    document, rows = made(tmp_path)
    slices = {each["args"]["seq"]: each for each in of(document, "X", "query")}
    assert slices.keys() == {row["seq"] for row in rows}
    phases = of(document, "X", "phase")
    assert {each["name"] for each in phases} == {"waiting", "prefill", "decode", "delivery"}
    total = {name: sum(each["dur"] for each in phases if each["name"] == name)
             for name in ("prefill", "decode")}  # fmt: skip
    assert total["prefill"] == pytest.approx(
        sum(row["first_token_ns"] - row["issued_ns"] for row in rows) / 1000
    )
    assert total["decode"] == pytest.approx(
        sum(row["done_ns"] - row["first_token_ns"] for row in rows) / 1000
    )
    for row in rows:
        assert slices[row["seq"]]["dur"] * 1000 >= row["done_ns"] - row["issued_ns"] - 1
        assert slices[row["seq"]]["args"]["tokens_out"] == row["tokens_out"]


def test_a_query_begins_and_ends_when_loadgen_says(tmp_path: Path) -> None:
    """Its slice is as long as LoadGen's from scheduled to complete: the two clocks run alike."""
    root = make_session(tmp_path, "server")
    document = json.loads(gzip.decompress(trace_bytes(read_session(root))))
    traced = read_trace(root / "Server/performance/mlperf_log_trace.json").samples
    assert traced
    for each in of(document, "X", "query"):
        theirs = traced[each["args"]["seq"]]
        assert each["dur"] == pytest.approx((theirs.done_ns - theirs.scheduled_ns) / 1000, abs=1000)
        assert each["dur"] * 1000 >= theirs.done_ns - theirs.scheduled_ns - 1


def test_without_loadgens_trace_there_is_neither_waiting_nor_delivery(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    (root / "Server/performance/mlperf_log_trace.json").unlink()
    document = json.loads(gzip.decompress(trace_bytes(read_session(root))))
    assert {each["name"] for each in of(document, "X", "phase")} == {"prefill", "decode"}


def test_offline_has_no_first_token(tmp_path: Path) -> None:
    document, _ = made(tmp_path, "offline")
    names = {each["name"] for each in of(document, "X", "phase")}
    assert "answer" in names
    assert not names & {"prefill", "decode"}


def test_cards_are_tracks_of_their_own(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    ledger = read_session(root).runs[0].ledger
    assert ledger is not None
    at = ledger["issued_ns"][0].as_py() + 1000
    cards = [CardSample(monotonic_ns=at, uuid="GPU-a", sm_mhz=1500, power_mw=690_000),
             CardSample(monotonic_ns=at - 10**12, uuid="GPU-a", sm_mhz=1)]  # fmt: skip
    (root / "Server/performance/cards.jsonl").write_text("".join(map(sample_line, cards)))
    document = json.loads(gzip.decompress(trace_bytes(read_session(root))))
    found = [each for each in of(document, "C") if each["pid"] == PIDS_A_RUN + OF_CARDS]
    assert {each["name"]: each["args"]["value"] for each in found} == {
        "clock MHz": 1500,
        "power W": 690.0,
    }


def test_the_verb_writes_a_new_file_and_leaves_the_session_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_session(tmp_path / "results", "server")
    before = sorted(path.name for path in root.rglob("*"))
    out = tmp_path / "trace.json.gz"
    assert trace.main([str(root), "--out", str(out), "--run", "Server/performance"]) == 0
    assert "ui.perfetto.dev" in capsys.readouterr().out
    assert json.loads(gzip.decompress(out.read_bytes()))["traceEvents"]
    assert sorted(path.name for path in root.rglob("*")) == before
    with pytest.raises(ConfigError, match="exists and is not overwritten"):
        trace.main([str(root), "--out", str(out)])
    with pytest.raises(ConfigError, match="stays as it was closed"):
        trace.main([str(root), "--out", str(root / "t.json.gz")])


def test_a_run_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    session = read_session(make_session(tmp_path, "server"))
    with pytest.raises(LogError) as refused:
        trace_bytes(session, "Offline/performance")
    assert "The session has: Server/performance" in refused.value.render()


def test_the_same_session_gives_the_same_bytes(tmp_path: Path) -> None:
    session = read_session(make_session(tmp_path, "server"))
    assert trace_bytes(session) == trace_bytes(session)
