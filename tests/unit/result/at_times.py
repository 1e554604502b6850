"""When a recorded run was made, by the wall clock of its log and by its ledger's own clock."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

STARTED = "2026-11-24T00:00:00Z"


def around(detail: Path) -> tuple[str, str]:
    """A second before LoadGen began by its log, and a second after it ended."""
    if not detail.is_file():
        return STARTED, STARTED
    found = re.findall(
        r'"key": "power_(?:begin|end)", "value": "([^"]+)"', detail.read_text(encoding="utf-8")
    )
    begin, end = (
        datetime.strptime(each, "%m-%d-%Y %H:%M:%S.%f").replace(tzinfo=UTC) for each in found
    )
    a_second = timedelta(seconds=1)
    return (begin - a_second).isoformat(), (end + a_second).isoformat()


def moved(folder: Path, by_ns: int) -> None:
    """The ledger of a run that was made so much later, by the monotonic clock."""
    path = folder / "ledger.parquet"
    table = pq.ParquetFile(path).read()
    for name in ("issued_ns", "first_token_ns", "done_ns"):
        place = table.schema.get_field_index(name)
        later = pc.add(table[name], pa.scalar(by_ns, table.schema.field(name).type))
        table = table.set_column(place, table.schema.field(name), later)
    pq.write_table(table, path)
