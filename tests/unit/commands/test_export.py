"""`sut export`: the per-query table in full, with units, and nothing written over."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sut.commands.export import main, parser
from sut.errors import ConfigError, LogError
from sut.record.session import read_session
from sut.result.build import result_of
from sut.result.queries import write_queries
from sut.result.query_columns import COLUMNS
from tests.conftest import ROOT
from tests.unit.result.sessions import edit_ledger, make_session

NS_PER_MS = 1e6


@pytest.fixture
def session(tmp_path: Path) -> Path:
    return make_session(tmp_path, "offline", "server")


def exported(capsys: pytest.CaptureFixture[str], *arguments: str) -> pd.DataFrame:
    capsys.readouterr()
    assert main(arguments) == 0
    return pd.read_csv(io.StringIO(capsys.readouterr().out), dtype_backend="numpy_nullable")


def test_a_session_has_a_row_for_each_sample_of_each_run(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = exported(capsys, str(session))
    assert list(table.columns) == list(COLUMNS)
    runs = read_session(session).runs
    ledgers = {run.scenario.value: run.ledger for run in runs if run.ledger is not None}
    counts = table.scenario.value_counts().to_dict()
    assert counts == {name: ledger.num_rows for name, ledger in ledgers.items()}
    assert set(table.run) == {"performance"}
    for name, ledger in ledgers.items():
        rows = table[table.scenario == name]
        assert rows.seq.tolist() == list(range(len(rows)))
        assert rows.tokens_out.tolist() == ledger["tokens_out"].to_pylist()


def test_its_times_are_loadgens_own_figures(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = exported(capsys, str(session / "Server" / "performance"))
    results = result_of(read_session(session)).scenarios
    server = next(run for scenario, run in results.items() if scenario.value == "Server")
    assert set(table.times_source) == {"loadgen_trace"}
    for column, found in (
        ("ttft_ms", server.ttft),
        ("tpot_ms", server.tpot),
        ("latency_ms", server.latency),
    ):
        assert found is not None
        assert found.mean_ns is not None
        assert table[column].mean() * NS_PER_MS == pytest.approx(found.mean_ns, rel=1e-3)
        assert table[column].max() * NS_PER_MS == pytest.approx(found.max_ns, rel=1e-3)


def test_a_failed_sample_has_no_times_and_none_is_0(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(rows: list[dict[str, object]]) -> None:
        rows[3] |= {"state": "failed", "failure": 'why, "so"', "tokens_out": None}
        rows[4] |= {"tokens_out": 1}

    run = session / "Server" / "performance"
    edit_ledger(run, fail)
    table = exported(capsys, str(run))
    assert table.failure[3] == 'why, "so"'
    assert table.loc[3, ["ttft_ms", "tpot_ms", "latency_ms", "tokens_out"]].isna().all()
    assert pd.isna(table.tpot_ms[4])
    assert not pd.isna(table.ttft_ms[4])


def test_the_table_that_lies_beside_the_evidence_is_not_believed(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = session / "Server" / "performance"
    before = exported(capsys, str(run))
    left = run / "queries.parquet"
    write_queries(run / "ledger.parquet", run / "mlperf_log_trace.json", left)
    table = pq.read_table(left)
    faster = pa.array([each // 2 for each in table["done_ns"].to_pylist()], pa.int64())
    pq.write_table(table.set_column(table.column_names.index("done_ns"), "done_ns", faster), left)
    pd.testing.assert_frame_equal(exported(capsys, str(run)), before)


def test_parquet_goes_to_a_new_file_with_whole_numbers(session: Path, tmp_path: Path) -> None:
    out = tmp_path / "q.parquet"
    arguments = [str(session), "--format", "parquet", "--out", str(out)]
    assert main(arguments) == 0
    table = pq.read_table(out)
    assert table.column_names == list(COLUMNS)
    types = {field.name: str(field.type) for field in table.schema}
    assert {types[name] for name in types if name.endswith("_ns")} == {"int64"}
    assert {types[name] for name in types if name.endswith("_ms")} == {"double"}
    with pytest.raises(ConfigError, match="is not overwritten"):
        main(arguments)


def test_what_cannot_be_written_is_refused(session: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Parquet needs a file"):
        main([str(session), "--format", "parquet"])
    with pytest.raises(LogError, match="no such folder"):
        main([str(tmp_path / "nowhere")])


def test_the_page_and_the_help_say_what_each_column_is() -> None:
    page = (ROOT / "docs" / "export.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", page, re.MULTILINE))
    assert {name: told.get(name) for name in COLUMNS} == dict(COLUMNS)
    text = " ".join(parser().format_help().split())
    assert all(f"{name} " in text and about in text for name, about in COLUMNS.items())
