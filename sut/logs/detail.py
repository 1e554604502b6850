"""Reads mlperf_log_detail.txt line by line: typed facts, no opinions.

A line is `:::MLLOG {"key": …, "value": …, "metadata": {"is_error": …, …}}`. The first value
of a key holds (as in MLCommons' own parser), integers of any size stay integers, and memory
does not grow with the number of lines.
"""

from __future__ import annotations

import json
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from sut.errors import LogError
from sut.given_file import open_given
from sut.json_text import decoded
from sut.logs.figures import PERCENTILE_FIELDS, Figures, Quantiles, a_figure
from sut.logs.lines import Lines

DETAIL_NAME = "mlperf_log_detail.txt"
MARKER = b":::MLLOG "
AUDIT_MARK = "Found Audit Config file"

MAX_LINE_BYTES = 64 * 1024 * 1024
MAX_TEXTS = 64 * 1024
"""Bytes of an entry that takes several lines."""
MAX_KEYS = 10_000
MAX_MESSAGE_GROUPS = 100
OTHER_TEXTS = "(further texts)"
MAX_TEXT = 160
"""Characters of a line as it is quoted."""

# Long values that no figure needs; keeping them would put source hashes into every result.
BULKY = frozenset({"loadgen_file_sha1", "loadgen_git_log_message", "loaded_qsl_set"})

# C++ prints a double that is not a number as nan or inf, which JSON does not know; Microsoft's
# as -nan(ind).
NOT_A_NUMBER = re.compile(r'("value": )[-+]?(?:nan|inf)(?:\([a-z]+\))?(?=[,}])')

# LoadGen puts a text between quotation marks as it is: one of its own in a SUT's name, or a
# backslash, makes the line no JSON (logging.cc, ArgValueTransform).
AS_IT_IS = re.compile(r'("value": )"(.*)"(, "time_ms": )', re.DOTALL)

Value = str | int | float | bool | None
Groups = dict[tuple[str, str], tuple[int, int, str]]
"""Key and text of a message → how often, its first line, that line as it is quoted."""


@dataclass(frozen=True)
class MessageGroup:
    """Errors or warnings that say the same."""

    key: str
    text: str
    count: int
    first_line: int
    first_text: str = ""
    """The first such line as it is quoted."""


@dataclass
class LogIndex:
    """Where in a detail log each key stands first, and who wrote it: proofs of the figures."""

    first: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Key → line number from 1, and the line as it is quoted."""
    process_ids: set[int] = field(default_factory=set)
    starts: int = 0
    """How often LoadGen began to write: once for each run in this file."""
    lines: Lines = field(default_factory=Lines)

    def take(self, number: int, raw: bytes, entry: dict[str, Any]) -> None:
        """Note one line."""
        key, metadata = entry["key"], entry.get("metadata")
        self.starts += key == "loadgen_version"
        pid = metadata.get("pid") if isinstance(metadata, dict) else None
        if isinstance(pid, int):
            self.process_ids.add(pid)
        self.lines.take(entry)
        if key not in self.first and len(self.first) < MAX_KEYS:
            self.first[key] = (number, quoted(raw))


def cut(text: str) -> str:
    """A text as it is quoted: on one line, at most MAX_TEXT characters."""
    flat = " ".join(text.split())
    return flat if len(flat) <= MAX_TEXT else f"{flat[: MAX_TEXT - 3]}..."


def quoted(raw: bytes) -> str:
    """Key and value of a line; its stamp and its place in LoadGen's source prove nothing."""
    head = raw[: 4 * MAX_TEXT].decode("utf-8", "replace").partition(', "time_ms"')
    return cut(f"{head[0]}, ..." if head[1] else head[0])


@dataclass(frozen=True)
class DetailLog:
    """Everything the detail log says, by its own keys."""

    values: dict[str, Value]
    errors: tuple[MessageGroup, ...]
    warnings: tuple[MessageGroup, ...]
    lines: int
    incomplete: str | None
    """Where and how the log breaks off; None for a whole one."""
    index: LogIndex = field(default_factory=LogIndex, compare=False, repr=False)

    def group(self, prefix: str) -> dict[str, Value]:
        """The values whose key begins with `prefix`, e.g. `effective_`."""
        return {key: value for key, value in self.values.items() if key.startswith(prefix)}

    def figures(self) -> Figures:
        """The main figures, typed."""
        return _figures(self)


@dataclass
class _Reader:
    path: Path
    values: dict[str, Value] = field(default_factory=dict)
    errors: Groups = field(default_factory=dict)
    warnings: Groups = field(default_factory=dict)
    index: LogIndex = field(default_factory=LogIndex)

    def take(self, number: int, raw: bytes, entry: dict[str, Any]) -> None:
        key, value = entry["key"], entry.get("value")
        said = entry.get("metadata")
        metadata = said if isinstance(said, dict) else {}
        self.index.take(number, raw, entry)
        if metadata.get("is_error") or key.startswith("error_"):
            _count(self.errors, key, value, number, raw)
        elif metadata.get("is_warning") or key.startswith("warning_"):
            _count(self.warnings, key, value, number, raw)
        if key in self.values or key in BULKY:
            return
        if len(self.values) >= MAX_KEYS:
            raise LogError(
                f"more than {MAX_KEYS} different keys: this is not a LoadGen detail log.",
                where=f"{self.path}:{number}",
                remedy="Point at the folder that holds LoadGen's own logs.",
            )
        if isinstance(value, str | int | float) or value is None:
            self.values[key] = value


def _count(groups: Groups, key: str, value: Any, number: int, raw: bytes) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    name = (key, text)
    if name not in groups and len(groups) >= MAX_MESSAGE_GROUPS:
        name = (key, OTHER_TEXTS)
    if name in groups:
        count, first, shown = groups[name]
        groups[name] = (count + 1, first, shown)
    else:
        groups[name] = (1, number, quoted(raw))


def _decode(raw: bytes) -> dict[str, Any] | None:
    """The entry of one line, or None when the line is not one."""
    if not raw.startswith(MARKER):
        return None
    body = raw[len(MARKER) :].decode("utf-8", "replace")
    for candidate in _spellings(body):
        try:
            # A text may hold a control character as it is, e.g. a tab or the end of a line.
            entry = decoded(
                candidate,
                strict=False,
                parse_constant=lambda _: None,
                parse_float=_finite,
                parse_int=_bounded,
            )
        except ValueError:
            continue
        known = isinstance(entry, dict) and isinstance(entry.get("key"), str)
        return entry if known else None
    return None


def _spellings(body: str) -> Iterator[str]:
    """What LoadGen wrote, then as JSON would have it."""
    yield body
    yield NOT_A_NUMBER.sub(r"\1null", body)
    yield AS_IT_IS.sub(lambda found: f"{found[1]}{json.dumps(found[2])}{found[3]}", body)


def _finite(text: str) -> float | None:
    """A fraction; None for one that LoadGen cannot have written."""
    value = float(text)
    return value if a_figure(value) else None


def _bounded(text: str) -> int | None:
    """A whole number; None for one that LoadGen cannot have written."""
    value = int(text)
    return value if a_figure(value) else None


def _entries(stream: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    """Each entry with the number of its first line: a text with an end of line takes several."""
    begun: tuple[int, bytes] | None = None
    for number, raw in _lines(stream, path):
        if begun is None or raw.startswith(MARKER):
            if begun is not None:
                yield begun
            begun = (number, raw)
            continue
        joined = begun[1] + raw
        # Only what becomes an entry by it belongs to the one above; all else is corruption.
        if _decode(begun[1]) is None and begun[1].startswith(MARKER) and len(joined) <= MAX_TEXTS:
            begun = (begun[0], joined)
        else:
            yield begun
            begun = (number, raw)
    if begun is not None:
        yield begun


def _lines(stream: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    number = 0
    while raw := stream.readline(MAX_LINE_BYTES):
        number += 1
        if number == 1:
            raw = raw.removeprefix(BOM_UTF8)
        if len(raw) >= MAX_LINE_BYTES:
            raise LogError(
                f"the line is longer than {MAX_LINE_BYTES} bytes.",
                where=f"{path}:{number}",
                remedy="Restore the log from LoadGen's output; this file is not one.",
            )
        if raw.strip():
            yield number, raw


def read_detail(path: Path, *, allow_incomplete: bool = False) -> DetailLog:
    """Read one detail log.

    Raises:
        LogError: missing, empty, truncated or corrupt; with `allow_incomplete` an empty log
            and one that breaks off in its last line are read as far as they go.
    """
    reader, incomplete, count = _Reader(path), None, 0
    try:
        with open_given(path) as stream:
            lines = _entries(stream, path)
            for number, raw in lines:
                entry = _decode(raw)
                if entry is None:
                    incomplete = _broken_line(path, number, raw, follows=next(lines, None))
                    break
                reader.take(number, raw, entry)
                count = number
    except OSError as error:
        raise LogError(
            f"the detail log cannot be read: {error.strerror}.",
            where=str(path),
            remedy="Point at the folder that holds LoadGen's logs.",
        ) from error
    if incomplete is None:
        incomplete = _missing_end(reader.values, count)
    if incomplete and not allow_incomplete:
        raise LogError(
            f"{incomplete}.",
            where=f"{path}:{count + 1}",
            remedy="Run again: LoadGen did not finish writing this log.",
        )
    return DetailLog(
        reader.values,
        _groups(reader.errors),
        _groups(reader.warnings),
        count,
        incomplete,
        reader.index,
    )


def _broken_line(path: Path, number: int, raw: bytes, follows: tuple[int, bytes] | None) -> str:
    """Say how a line is broken; one in the middle is corruption, never a cut-off log."""
    start = raw[:40].decode("utf-8", "replace").rstrip()
    if follows is not None:
        raise LogError(
            f"the line is not a LoadGen entry (it begins {start!r}).",
            where=f"{path}:{number}",
            remedy="Restore the log from LoadGen's output; do not edit it.",
        )
    return f"the log breaks off in line {number}, which begins {start!r}"


def _missing_end(values: dict[str, Value], lines: int) -> str | None:
    if not lines:
        return "the log is empty"
    mode = values.get("effective_test_mode", values.get("requested_test_mode"))
    # An accuracy run ends with LoadGen's power stamps; any other with its verdict and count.
    last = "power_end" if mode == "AccuracyOnly" else "num_errors"
    return None if last in values else f"the log ends after line {lines} without {last}"


def _groups(counted: Groups) -> tuple[MessageGroup, ...]:
    return tuple(
        MessageGroup(key, text, count, first, shown)
        for (key, text), (count, first, shown) in counted.items()
    )


def _figures(log: DetailLog) -> Figures:
    values = log.values
    per_ns = _number(values, "result_token_throughput")
    validity = values.get("result_validity")
    return Figures(
        sut_name=_text(values, "sut_name"),
        scenario=_text(values, "effective_scenario"),
        mode=_text(values, "effective_test_mode"),
        valid=None if validity is None else validity == "VALID",
        performance_constraints_met=_flag(values, "result_perf_constraints_met"),
        min_duration_met=_flag(values, "result_min_duration_met"),
        min_queries_met=_flag(values, "result_min_queries_met"),
        early_stopping_met=_flag(values, "early_stopping_met"),
        errors=sum(group.count for group in log.errors),
        warnings=sum(group.count for group in log.warnings),
        samples_per_second=_number(values, "result_samples_per_second"),
        tokens_per_second=_number(values, "result_tokens_per_second"),
        completed_samples_per_second=_number(values, "result_completed_samples_per_sec"),
        scheduled_samples_per_second=_number(values, "result_scheduled_samples_per_sec"),
        completed_tokens_per_second=_number(values, "result_completed_tokens_per_second"),
        samples_per_second_with_overhead=_number(values, "result_qps_with_loadgen_overhead"),
        samples_per_second_without_overhead=_number(values, "result_qps_without_loadgen_overhead"),
        tokens_per_second_with_overhead=_number(
            values, "result_token_throughput_with_loadgen_overhead"
        ),
        # LoadGen divides by nanoseconds here and by seconds everywhere else (results.cc).
        tokens_per_second_without_overhead=None if per_ns is None else per_ns * 1e9,
        latency=_quantiles(values, "result_{}_latency_ns", "result_{}_percentile_latency_ns"),
        ttft=_quantiles(
            values,
            "result_first_token_{}_latency_ns",
            "result_first_token_{}_percentile_latency_ns",
        ),
        tpot=_quantiles(
            values,
            "result_time_to_output_token_{}",
            "result_time_per_output_token_{}_percentile_ns",
        ),
    )


def _quantiles(values: dict[str, Value], extreme: str, percentile: str) -> Quantiles:
    found = {f"{name}_ns": _whole(values, extreme.format(name)) for name in ("min", "max", "mean")}
    for spelled, name in PERCENTILE_FIELDS.items():
        found[name] = _whole(values, percentile.format(spelled))
    return Quantiles(**found)


def _number(values: dict[str, Value], key: str) -> float | None:
    value = values.get(key)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value)


def _whole(values: dict[str, Value], key: str) -> int | None:
    value = values.get(key)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _flag(values: dict[str, Value], key: str) -> bool | None:
    value = values.get(key)
    return value if isinstance(value, bool) else None


def _text(values: dict[str, Value], key: str) -> str | None:
    value = values.get(key)
    return value if isinstance(value, str) else None
