"""Records the LoadGen logs of this folder: `python tests/data/logs/record.py NAME|all`.

`--ledger` leaves LoadGen's logs as they are and writes the answers' columns of the ledger anew:
those follow from the number of tokens.

One process per recording (LoadGen takes a configuration file once per process). The system
under test answers after fixed delays with 3 to 8 tokens, the end id last. The ledger beside the
logs is what the harness would have written for the same run. The trace is trimmed to the events
that `sut.result.queries` reads.
"""

from __future__ import annotations

import argparse
import heapq
import multiprocessing
import re
import threading
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from mlperf_loadgen import QuerySample

HERE = Path(__file__).resolve().parent
SAMPLES = 48
FIRST_TOKEN_S = 0.002
PER_TOKEN_S = 0.0005
FIRST_ID, END_ID = 5, 0


@dataclass(frozen=True)
class Recording:
    """One LoadGen run to make."""

    model: str
    scenario: str
    conf: str
    mode: str = "PerformanceOnly"
    failed: frozenset[int] = frozenset()
    empty: frozenset[int] = frozenset()


SERVER_CONF = """\
*.Server.target_qps = 200
*.Server.min_duration = 1000
*.Server.min_query_count = {queries}
*.Server.target_latency_percentile = {percentile}
"""

RECORDINGS = {
    "offline": Recording(
        "llama3_1-8b",
        "Offline",
        "*.Offline.target_qps = 400\n*.Offline.min_duration = 5\n*.Offline.min_query_count = 192\n",
    ),
    "server": Recording("llama3_1-8b", "Server", SERVER_CONF.format(queries=240, percentile=95)),
    "interactive": Recording(
        "llama3_1-8b-interactive", "Server", SERVER_CONF.format(queries=480, percentile=99)
    ),
    "server_with_errors": Recording(
        "llama3_1-8b",
        "Server",
        SERVER_CONF.format(queries=480, percentile=95),
        failed=frozenset({17, 203}),
        empty=frozenset({99}),
    ),
    "singlestream": Recording(
        "llama3_1-8b-edge",
        "SingleStream",
        "*.SingleStream.target_latency = 4\n*.SingleStream.min_duration = 300\n"
        "*.SingleStream.min_query_count = 96\n",
    ),
    "accuracy": Recording(
        "llama3_1-8b", "Offline", "*.Offline.target_qps = 400\n", mode="AccuracyOnly"
    ),
}


def answer(count: int) -> npt.NDArray[np.int32]:
    """So many tokens, the last of them the end id."""
    tokens = np.arange(FIRST_ID, FIRST_ID + count, dtype=np.int32)
    tokens[count - 1 :] = END_ID
    return tokens


def answered(count: int | None) -> dict[str, Any]:
    """The columns of a ledger's row that follow from the number of tokens."""
    if count is None:
        return {"finish_reason": None, "last_token": None, "answer_crc": None}
    crc = zlib.crc32(answer(count).tobytes())
    return {"finish_reason": "stop", "last_token": END_ID, "answer_crc": crc}


@dataclass
class Sut:
    """Answers every sample on one thread, in order of due time; keeps a ledger."""

    recording: Recording
    rows: list[dict[str, Any]] = field(default_factory=list)
    due: list[tuple[float, int, str, int]] = field(default_factory=list)
    wake: threading.Condition = field(default_factory=threading.Condition)
    closed: bool = False

    def issue(self, samples: list[QuerySample]) -> None:
        with self.wake:
            for sample in samples:
                self.accept(sample)
            self.wake.notify()

    def accept(self, sample: QuerySample) -> None:
        seq = len(self.rows)
        tokens = 3 + sample.index % 6
        state = "succeeded"
        if seq in self.recording.failed:
            state = "failed"
        elif seq in self.recording.empty:
            state, tokens = "empty", 1
        now = time.perf_counter_ns()
        self.rows.append(
            {
                "seq": seq,
                "sample_index": sample.index,
                "issued_ns": now,
                "first_token_ns": None,
                "done_ns": None,
                "tokens_in": 20 + sample.index,
                "tokens_out": None if state == "failed" else tokens,
                "state": state,
                "failure": "the engine refused the prompt" if state == "failed" else None,
                "replica": seq % 2,
            }
            | answered(None if state == "failed" else tokens)
        )
        first = now / 1e9 + FIRST_TOKEN_S
        last = first + PER_TOKEN_S * (tokens - 1)
        if self.recording.scenario != "Offline":
            heapq.heappush(self.due, (first, seq, "first", sample.id))
        heapq.heappush(self.due, (max(last, first + 1e-6), seq, "last", sample.id))

    def work(self) -> None:
        while True:
            with self.wake:
                while not self.closed and not self.due:
                    self.wake.wait()
                if self.closed:
                    return
                remaining = self.due[0][0] - time.perf_counter()
                if remaining > 0:
                    self.wake.wait(remaining)
                    continue
                _, seq, what, identifier = heapq.heappop(self.due)
            self.complete(seq, what, identifier)

    def complete(self, seq: int, what: str, identifier: int) -> None:
        import mlperf_loadgen as lg

        row = self.rows[seq]
        count = row["tokens_out"] or 0
        tokens = answer(max(count, 1))
        if what == "first":
            if row["state"] != "failed":
                row["first_token_ns"] = time.perf_counter_ns()
            lg.FirstTokenComplete(
                [lg.QuerySampleResponse(identifier, tokens.ctypes.data, 4 if count else 0, 1)]
            )
            return
        row["done_ns"] = time.perf_counter_ns()
        lg.QuerySamplesComplete(
            [lg.QuerySampleResponse(identifier, tokens.ctypes.data, 4 * count, count)]
        )


SCHEMA = pa.schema(
    [
        ("seq", pa.int64()),
        ("sample_index", pa.int64()),
        ("issued_ns", pa.int64()),
        ("first_token_ns", pa.int64()),
        ("done_ns", pa.int64()),
        ("tokens_in", pa.int32()),
        ("tokens_out", pa.int32()),
        ("state", pa.string()),
        ("finish_reason", pa.string()),
        ("failure", pa.string()),
        ("replica", pa.int32()),
        ("last_token", pa.int32()),
        ("answer_crc", pa.uint32()),
    ]
)


def trim_trace(path: Path) -> None:
    """Keep the frame and the events of samples and first tokens."""
    keep = re.compile(r'^\{"(traceEvents"|name":"(Sample".*"ph":"b"|Token_Latency"|LastTrace"))')
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    tail = next(i for i, line in enumerate(lines) if line.startswith('{"name":"LastTrace"'))
    kept = [line for line in lines[:tail] if keep.match(line)] + lines[tail:]
    path.write_text("".join(kept), encoding="utf-8")


def write_ledger(folder: Path, rows: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows, SCHEMA), folder / "ledger.parquet")


def answer_again(name: str) -> None:
    """Write the answers' columns of a ledger anew."""
    rows = pq.read_table(HERE / name / "ledger.parquet").to_pylist()
    write_ledger(HERE / name, [row | answered(row["tokens_out"]) for row in rows])


def record(name: str) -> None:
    """One LoadGen run in this process."""
    import mlperf_loadgen as lg

    recording = RECORDINGS[name]
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    conf = folder / "user.conf"
    conf.write_text(
        recording.conf + f"*.*.performance_sample_count_override = {SAMPLES}\n", encoding="utf-8"
    )
    settings = lg.TestSettings()
    if settings.FromConfig(str(conf), recording.model, recording.scenario):
        raise SystemExit(f"{conf.name} of {name} was refused")
    settings.scenario = getattr(lg.TestScenario, recording.scenario)
    settings.mode = getattr(lg.TestMode, recording.mode)
    sut = Sut(recording)
    worker = threading.Thread(target=sut.work)
    worker.start()
    system = lg.ConstructSUT(sut.issue, lambda: None)
    library = lg.ConstructQSL(SAMPLES, SAMPLES, lambda _: None, lambda _: None)
    logs, output = lg.LogSettings(), lg.LogOutputSettings()
    output.outdir = str(folder)
    logs.log_output, logs.enable_trace = output, True
    lg.StartTestWithLogSettings(system, library, settings, logs, str(folder / "no-audit"))
    with sut.wake:
        sut.closed = True
        sut.wake.notify()
    worker.join()
    write_ledger(folder, sut.rows)
    trim_trace(folder / "mlperf_log_trace.json")


def main() -> None:
    """Parse the command line and record, each run in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=[*RECORDINGS, "all"])
    parser.add_argument("--ledger", action="store_true", help="the answers' columns alone")
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    for each in RECORDINGS if options.name == "all" else [options.name]:
        if options.ledger:
            answer_again(each)
            continue
        process = context.Process(target=record, args=(each,))
        process.start()
        process.join()
        if process.exitcode:
            raise SystemExit(f"recording {each} ended with {process.exitcode}")


if __name__ == "__main__":
    main()
