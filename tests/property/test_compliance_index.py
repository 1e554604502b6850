"""The report's line numbers on anything: each names the first line that holds its key."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sut.errors import LogError
from sut.logs.detail import MAX_TEXT, LogIndex, read_detail

KEYS = st.sampled_from(["loadgen_version", "num_errors", "a", "b"])
ENTRIES = st.lists(
    st.tuples(KEYS, st.integers() | st.text(max_size=300), st.integers(1, 3)), max_size=12
)


def indexed(raw: bytes) -> LogIndex:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mlperf_log_detail.txt"
        path.write_bytes(raw)
        found = read_detail(path, allow_incomplete=True).index
    assert all(len(text) <= MAX_TEXT for _, text in found.first.values())
    return found


@given(ENTRIES)
def test_first_line_processes_and_starts(entries: list[tuple[str, int | str, int]]) -> None:
    lines = [
        ":::MLLOG "
        + json.dumps({"key": key, "value": value, "time_ms": 1.5, "metadata": {"pid": pid}})
        for key, value, pid in entries
    ]
    found = indexed("\n".join(lines).encode())
    keys = [key for key, _, _ in entries]
    assert {key: number for key, (number, _) in found.first.items()} == {
        key: keys.index(key) + 1 for key in keys
    }
    assert found.process_ids == {pid for _, _, pid in entries}
    assert found.starts == keys.count("loadgen_version")


@given(st.binary(max_size=500))
def test_what_is_no_log_has_places_or_is_refused(raw: bytes) -> None:
    try:
        found = indexed(raw)
    except LogError:
        return
    assert all(number >= 1 for number, _ in found.first.values())
