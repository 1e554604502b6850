"""Batch size and queue depth over time: drawn where the engine told them, and only there."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pytest

from sut.errors import LogError
from sut.record.engine_load import LoadSample, load_lines, read_load
from sut.record.ledger_file import read_ledger
from sut.record.session import read_session
from sut.report.page import series
from sut.report.page.build import report_html
from sut.result.build import result_of
from tests.unit.result.sessions import RECORDED, make_session

TITLES = ("Batch size", "Queue depth", "KV cache")


def told(ledger: Path) -> list[LoadSample]:
    """Each half second, from a second before the first query."""
    first = pc.min(read_ledger(ledger)["issued_ns"]).as_py()
    return [
        LoadSample(
            monotonic_ns=first + n * 500_000_000, running=n + 2, waiting=9 - n,
            kv_cache_used=0.1, preemptions=0,
        )
        for n in range(-2, 3)
    ]  # fmt: skip


def test_what_the_engine_told_is_drawn_from_the_first_query_on(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    run = root / "Server" / "performance"
    samples = told(run / "ledger.parquet")
    (run / "engine.jsonl").write_text(load_lines(samples))
    record = read_session(root)
    text = report_html(result_of(record), record)
    assert all(f"<figcaption>{title}<" in text for title in TITLES)
    points = series.engine_series(samples, "running", record.runs[0].ledger)
    assert points == [
        {"s": 0.0, "value": 2.0}, {"s": 0.5, "value": 3.0}, {"s": 1.0, "value": 4.0},
    ]  # fmt: skip


def of_two(ledger: Path) -> list[LoadSample]:
    """Each moment told by a second replica too."""
    return [
        each
        for first in told(ledger)
        for each in (
            first,
            first.model_copy(update={"replica": 1, "running": 5, "kv_cache_used": 0.7}),
        )
    ]


def test_of_replicas_the_sum_is_drawn_and_of_the_kv_cache_the_fullest(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    run = root / "Server" / "performance"
    samples = of_two(run / "ledger.parquet")
    (run / "engine.jsonl").write_text(load_lines(samples))
    record = read_session(root)
    text = report_html(result_of(record), record)
    assert "It is the sum over the replicas." in text
    assert "It is that of the fullest replica." in text
    ledger = record.runs[0].ledger
    running = series.engine_series(samples, "running", ledger)
    assert [each["value"] for each in running] == [2 + 5, 2 + 5, 3 + 5, 3 + 5, 4 + 5, 4 + 5]
    usage = series.engine_series(samples, "kv_cache_used", ledger)
    assert {each["value"] for each in usage} == {0.7}


def test_of_more_samples_than_can_be_seen_the_highest_stay() -> None:
    ledger = RECORDED / "server" / "ledger.parquet"
    (first, *_) = told(ledger)[2:]
    many = [
        first.model_copy(update={"monotonic_ns": first.monotonic_ns + n, "running": n % 100})
        for n in range(10 * series.POINTS)
    ]
    points = series.engine_series(many, "running", read_ledger(ledger))
    assert len(points) == series.POINTS
    assert max(each["value"] for each in points) == 99


@pytest.mark.parametrize("content", [None, "", "{}\n", "\xff"])
def test_nothing_is_drawn_where_it_told_nothing(tmp_path: Path, content: str | None) -> None:
    root = make_session(tmp_path, "server")
    if content is not None:
        (root / "Server" / "performance" / "engine.jsonl").write_text(content, encoding="latin-1")
    record = read_session(root)
    text = report_html(result_of(record), record)
    assert not any(f"<figcaption>{title}<" in text for title in TITLES)


def test_a_ledger_without_a_query_has_no_time_to_draw_over() -> None:
    ledger = read_ledger(RECORDED / "server" / "ledger.parquet")
    assert series.engine_series(told(RECORDED / "server" / "ledger.parquet"), "running",
                                ledger.slice(0, 0)) == []  # fmt: skip


def test_the_file_is_read_as_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "engine.jsonl"
    assert read_load(path) == []
    samples = told(RECORDED / "server" / "ledger.parquet")
    path.write_text(load_lines(samples))
    assert read_load(path) == samples
    path.write_text('{"running": 1}\n')
    with pytest.raises(LogError):
        read_load(path)
