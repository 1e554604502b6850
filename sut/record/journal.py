"""`ledger.journal`: a ledger's rows as they change, for a run whose end never came.

A file of frames, each complete in itself: length and CRC-32 of its bytes (8 bytes, little
endian), then an Arrow stream of rows as ledger.parquet has them. A row that changed stands there
again, and the last one counts. Whoever writes may be killed at any moment: what follows the last
whole frame is left out. The file goes once ledger.parquet is whole.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from sut.errors import LogError
from sut.record.ledger_file import as_written

HEAD = struct.Struct("<II")


def frame_of(table: Any) -> bytes:
    """The bytes that are appended for some rows."""
    import pyarrow as pa

    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as stream:
        stream.write_table(table)
    content = sink.getvalue()
    return HEAD.pack(len(content), crc32(content)) + content


def read_journal(path: Path) -> Any | None:
    """The rows as they stood last, in order of `seq`, as a pyarrow table; None without one."""
    import pyarrow as pa

    tables = []
    # What is no frame of ours ends it, as a frame cut short.
    with suppress(pa.ArrowException, LogError):
        for content in _contents(path):
            tables.append(as_written(pa.ipc.open_stream(content).read_all(), path))
    if not tables:
        return None
    table = pa.concat_tables(tables, promote_options="default")
    seqs = table["seq"].to_numpy()
    _, from_the_end = np.unique(seqs[::-1], return_index=True)
    return table.take(len(seqs) - 1 - from_the_end)


def _contents(path: Path) -> Iterator[bytes]:
    """Of each whole frame."""
    if not path.is_file():
        return
    with path.open("rb") as stream:
        while len(head := stream.read(HEAD.size)) == HEAD.size:
            length, checksum = HEAD.unpack(head)
            content = stream.read(length)
            if len(content) < length or crc32(content) != checksum:
                return
            yield content
