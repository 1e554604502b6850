"""queries.parquet: one row per query, with LoadGen's own stamps where its trace has them.

Rows with `times_source` "loadgen_trace" count nanoseconds from LoadGen's origin, with
`scheduled_ns` the time LoadGen meant to issue the query. Where the trace has no event for
the first token (LoadGen writes one in Server only), the ledger's interval from issue to first
token is added to LoadGen's issue, and the source reads "loadgen_trace+ledger". Rows with
"ledger" carry the host's monotonic clock and no scheduled time: compare times within a row.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sut.errors import LogError
from sut.logs.trace import Trace, Traced, read_trace
from sut.record.ledger_file import read_ledger

TRACE, TRACE_AND_LEDGER, LEDGER = "loadgen_trace", "loadgen_trace+ledger", "ledger"


def write_queries(ledger: Path, trace: Path, target: Path) -> dict[str, int]:
    """Join ledger and trace into `target`; return how many rows have which `times_source`.

    Raises:
        LogError: the ledger cannot be read, or the trace is of another run.
        FileExistsError: `target` exists; results are never overwritten.
    """
    import pyarrow.parquet as pq

    if target.exists():
        raise FileExistsError(target)
    joined = join(read_ledger(ledger), read_trace(trace), str(trace))
    with target.open("xb") as stream:
        pq.write_table(joined, stream)
    sources = joined["times_source"].to_pylist()
    return {source: sources.count(source) for source in sorted(set(sources))}


def join(ledger: Any, trace: Trace, where: str) -> Any:
    """The rows of queries.parquet as a pyarrow table.

    Raises:
        LogError: trace and ledger name different samples for one sequence number.
    """
    import pyarrow as pa

    columns = ledger.to_pydict()
    times: dict[str, list[int | None]] = {
        name: [] for name in ("scheduled_ns", "issued_ns", "first_token_ns", "done_ns")
    }
    sources = []
    for row, seq in enumerate(columns["seq"]):
        ours = {name: columns[name][row] for name in ("issued_ns", "first_token_ns", "done_ns")}
        traced = trace.samples.get(seq)
        if traced is None:
            stamps, source = {"scheduled_ns": None, **ours}, LEDGER
        else:
            _same_sample(traced, columns["sample_index"][row], seq, where)
            stamps, source = _stamps(traced, trace, ours)
        for name, value in stamps.items():
            times[name].append(value)
        sources.append(source)
    arrays = {name: pa.array(values, pa.int64()) for name, values in times.items()}
    kept = ("tokens_in", "tokens_out", "finish_reason", "state", "failure", "replica")
    return pa.table(
        {"seq": ledger["seq"], "sample_index": ledger["sample_index"]}
        | arrays
        | {name: ledger[name] for name in kept}
        | {"times_source": pa.array(sources, pa.string())}
    )


def _stamps(
    traced: Traced, trace: Trace, ours: dict[str, int | None]
) -> tuple[dict[str, int | None], str]:
    first, source = trace.first_token_ns.get(traced.scheduled_ns), TRACE
    began, issued = ours["first_token_ns"], ours["issued_ns"]
    if first is None and began is not None and issued is not None:
        first, source = traced.issued_ns + (began - issued), TRACE_AND_LEDGER
    stamps = {
        "scheduled_ns": traced.scheduled_ns,
        "issued_ns": traced.issued_ns,
        "first_token_ns": first,
        "done_ns": traced.done_ns,
    }
    return stamps, source


def _same_sample(traced: Traced, sample_index: int, seq: int, where: str) -> None:
    if traced.sample_index != sample_index:
        raise LogError(
            f"query {seq} asked for sample {traced.sample_index} here and for sample "
            f"{sample_index} in the ledger.",
            where=f"{where}:{traced.line}",
            remedy="Put the trace of the same run beside the ledger.",
        )
