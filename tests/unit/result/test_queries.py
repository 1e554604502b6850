"""Ledger + trace → queries.parquet."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from sut.errors import LogError
from sut.logs.run_logs import read_logs
from sut.logs.trace import read_trace
from sut.metrics import distribution_of
from sut.result.queries import write_queries

TRACE = "mlperf_log_trace.json"
COLUMNS = [
    "seq", "sample_index", "scheduled_ns", "issued_ns", "first_token_ns", "done_ns", "tokens_in",
    "tokens_out", "finish_reason", "state", "failure", "replica", "times_source",
]  # fmt: skip


def made(source: Path, target: Path, trace: Path | None = None) -> tuple[dict[str, int], dict]:
    path = target / "queries.parquet"
    counts = write_queries(source / "ledger.parquet", trace or source / TRACE, path)
    return counts, pq.ParquetFile(path).read().to_pydict()


@pytest.mark.parametrize("name", ["server", "interactive"])
def test_server_rows_reproduce_loadgens_own_figures(
    recorded: Path, tmp_path: Path, name: str
) -> None:
    counts, rows = made(recorded / name, tmp_path)
    figures = read_logs(recorded / name).figures
    assert list(rows) == COLUMNS
    assert counts == {"loadgen_trace": len(rows["seq"])}
    for kind, column in (("latency", "done_ns"), ("ttft", "first_token_ns")):
        spans = np.array(rows[column]) - np.array(rows["scheduled_ns"])
        ours = distribution_of(spans)
        theirs = getattr(figures, kind)
        assert ours is not None
        assert ours.model_dump(include=set(vars(theirs))) == vars(theirs)


def test_single_stream_takes_first_tokens_from_the_ledger(recorded: Path, tmp_path: Path) -> None:
    counts, rows = made(recorded / "singlestream", tmp_path)
    assert counts == {"loadgen_trace+ledger": 192}
    p50 = read_logs(recorded / "singlestream").figures.ttft.p50_ns
    spans = sorted(
        first - start
        for first, start in zip(rows["first_token_ns"], rows["scheduled_ns"], strict=True)
    )
    assert spans[96] == pytest.approx(p50, rel=0.05)


def test_without_a_trace_the_ledgers_own_stamps(recorded: Path, tmp_path: Path) -> None:
    source = recorded / "server"
    counts, rows = made(source, tmp_path, tmp_path / "absent")
    assert counts == {"ledger": 240}
    assert set(rows["scheduled_ns"]) == {None}
    ledger = pq.ParquetFile(source / "ledger.parquet").read().to_pydict()
    for name in ("issued_ns", "first_token_ns", "done_ns", "tokens_out", "replica"):
        assert rows[name] == ledger[name]


def test_a_trace_cut_short_leaves_the_rest_to_the_ledger(recorded: Path, tmp_path: Path) -> None:
    source, cut = recorded / "server", tmp_path / TRACE
    whole = (source / TRACE).read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    counts, rows = made(source, tmp_path, cut)
    assert counts["loadgen_trace"] + counts["ledger"] == 240
    assert min(counts.values()) > 50
    for scheduled, where in zip(rows["scheduled_ns"], rows["times_source"], strict=True):
        assert (scheduled is None) == (where == "ledger")


def test_a_failed_query_keeps_its_cause(recorded: Path, tmp_path: Path) -> None:
    _, rows = made(recorded / "server_with_errors", tmp_path)
    failed = [
        seq for seq, state in zip(rows["seq"], rows["state"], strict=True) if state == "failed"
    ]
    assert failed == [17, 203]
    assert rows["failure"][17] == "the engine refused the prompt"
    assert rows["tokens_out"][17] is None


def test_first_token_of_queries_scheduled_together_is_left_open(tmp_path: Path) -> None:
    sample = (
        '{{"name":"Sample","cat":"default","ph":"b","pid":1,"id":{0},"ts":7.000,"args":'
        '{{"sample_seq":{0},"query_seq":{0},"sample_idx":3,"issue_start_ns":1,"complete_ns":9}}}},\n'
    )
    token = (
        '{"name":"Token_Latency","ph": "C","pid":1,"ts":7.000,"args":'
        '{ "issue_delay":1,"issue_to_done":2}},\n'
    )
    path = tmp_path / TRACE
    path.write_text(sample.format(0) + token, encoding="utf-8")
    assert read_trace(path).first_token_ns == {7000: 7003}
    path.write_text(sample.format(0) + token + sample.format(1) + token, encoding="utf-8")
    trace = read_trace(path)
    assert trace.first_token_ns == {7000: None}
    assert (trace.samples[1].scheduled_ns, trace.samples[1].done_ns) == (7000, 7009)


def test_trace_of_another_run_is_refused(recorded: Path, tmp_path: Path) -> None:
    text = (recorded / "server" / TRACE).read_text(encoding="utf-8")
    trace = tmp_path / TRACE
    trace.write_text(text.replace('"sample_idx":34', '"sample_idx":35', 1), encoding="utf-8")
    with pytest.raises(LogError, match=r"query 0 asked for sample 35 here and for sample 34"):
        made(recorded / "server", tmp_path, trace)
    assert not (tmp_path / "queries.parquet").exists()


def test_never_overwrites(recorded: Path, tmp_path: Path) -> None:
    shutil.copyfile(recorded / "server" / "ledger.parquet", tmp_path / "queries.parquet")
    with pytest.raises(FileExistsError):
        made(recorded / "server", tmp_path)
