"""The report's line numbers on anything: each names the first line that holds its key."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sut.report.compliance.evidence import MAX_TEXT, index_log

KEYS = st.sampled_from(["loadgen_version", "num_errors", "a", "b"])
ENTRIES = st.lists(
    st.tuples(KEYS, st.integers() | st.text(max_size=300), st.integers(1, 3)), max_size=12
)


def indexed(raw: bytes) -> tuple[dict[str, tuple[int, str]], set[int], int]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mlperf_log_detail.txt"
        path.write_bytes(raw)
        found = index_log(path, range(100))
    assert all(len(text) <= MAX_TEXT for text in found.text_at.values())
    return found.first, found.process_ids, found.starts


@given(ENTRIES)
def test_first_line_processes_and_starts(entries: list[tuple[str, int | str, int]]) -> None:
    lines = [
        ":::MLLOG "
        + json.dumps({"key": key, "value": value, "time_ms": 1.5, "metadata": {"pid": pid}})
        for key, value, pid in entries
    ]
    first, processes, starts = indexed("\n".join(lines).encode())
    keys = [key for key, _, _ in entries]
    assert {key: number for key, (number, _) in first.items()} == {
        key: keys.index(key) + 1 for key in keys
    }
    assert processes == {pid for _, _, pid in entries}
    assert starts == keys.count("loadgen_version")


@given(st.binary(max_size=500))
def test_what_is_no_log_is_read_without_a_word(raw: bytes) -> None:
    first, _, _ = indexed(raw)
    assert all(number >= 1 for number, _ in first.values())
