"""The per-query table of a run or a session for other programs: CSV or Parquet.

It is what `queries.parquet` of each run holds, one below the other, with the times that the
formulas of `sut.metrics` make of its stamps. It is joined again from ledger and trace, because that
file is no evidence.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from sut.errors import LogError
from sut.logs.trace import TRACE_NAME, read_trace
from sut.record.folder import RunDir, SessionDir
from sut.record.ledger_file import read_ledger
from sut.record.locate import session_folder
from sut.result.queries import join
from sut.result.query_columns import COLUMNS

NS_PER_MS = 1e6


def query_table(path: Path) -> Any:
    """The table of a run's folder, or of all runs of a session, as pyarrow has it.

    Args:
        path: a run's folder, or any path of a session.

    Raises:
        LogError: there is no run, or what it left cannot be read.
    """
    import pyarrow as pa

    alone = RunDir(path)
    runs = [alone] if alone.run_facts.is_file() else SessionDir(session_folder(path)).run_dirs()
    if not runs:
        raise LogError(
            "the session has no LoadGen run.",
            where=str(path),
            remedy="Name a session with one, e.g. of `history`.",
        )
    tables = []
    for run in runs:
        try:
            tables.append(_table_of(run))
        except pa.ArrowException as error:
            raise LogError(
                f"its columns are not those of queries: {str(error).splitlines()[0]}.",
                where=str(run.root),
                remedy="Restore its files from the run.",
            ) from error
    return pa.concat_tables(tables)


def _table_of(run: RunDir) -> Any:
    import pyarrow as pa

    trace = run.root / TRACE_NAME
    rows = join(read_ledger(run.ledger), read_trace(trace), str(trace))
    root = run.root.resolve()
    named = {"scenario": root.parent.name, "run": root.name}
    columns = {name: pa.array([word] * rows.num_rows, pa.string()) for name, word in named.items()}
    columns |= {name: rows[name] for name in rows.column_names} | _times(rows)
    return pa.table({name: columns[name] for name in COLUMNS})


def _times(rows: Any) -> dict[str, Any]:
    import pyarrow as pa
    import pyarrow.compute as pc

    succeeded = pc.equal(rows["state"], "succeeded")
    begun = pc.coalesce(rows["scheduled_ns"], rows["issued_ns"])
    # LoadGen divides by the tokens after the first (logging.cc, RecordSampleCompletion).
    later = pc.if_else(pc.greater(rows["tokens_out"], 1), pc.subtract(rows["tokens_out"], 1), None)
    first_token, done = rows["first_token_ns"], rows["done_ns"]

    def milliseconds(start: Any, end: Any, parts: Any = None) -> Any:
        spans = pc.divide(pc.cast(pc.subtract(end, start), pa.float64(), safe=False), NS_PER_MS)
        if parts is not None:
            spans = pc.divide(spans, pc.cast(parts, pa.float64()))
        return pc.if_else(succeeded, spans, None)

    return {
        "ttft_ms": milliseconds(begun, first_token),
        "tpot_ms": milliseconds(first_token, done, later),
        "latency_ms": milliseconds(begun, done),
    }


def exported(table: Any, form: str) -> bytes:
    """The bytes of a file with this table.

    Args:
        table: of `query_table`.
        form: csv or parquet.
    """
    import pyarrow.csv
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    if form == "parquet":
        pq.write_table(table, sink)
    else:
        pyarrow.csv.write_csv(table, sink)
    return sink.getvalue()
