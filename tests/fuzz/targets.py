"""What is fuzzed: each reader of files or bytes that others may have written.

A target is right if it returns, or raises one of the errors that its docstring names. Anything
else is a crash, more than the time limit is a hang, and a verdict VALID on changed evidence is a
lie.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from qsl.files import read_file
from sut.config.checkpoint import UnreadableTensorsError, tensors
from sut.config.resolved import read_resolved
from sut.config.rounds import load_round
from sut.config.shipped import CONF_ROOT, DEFAULT_ROUND
from sut.config.user_conf import parse_user_conf, readers_of
from sut.config.yaml_tree import read_leaves
from sut.errors import HarnessError
from sut.loadgen.link import FrameReader, Kind, issue_frame, parse_indices, parse_issue
from sut.logs.accuracy import read_accuracy_log, token_type_of
from sut.logs.detail import read_detail
from sut.logs.summary import read_summary
from sut.logs.trace import read_trace
from sut.plan.audit_config import AUDIT_FILE, AUDIT_ROOT, parse_audit_config
from sut.record.cards import read_samples
from sut.record.engine_load import read_load
from sut.record.journal import frame_of, read_journal
from sut.record.ledger_file import counted, read_ledger
from sut.result.build import build
from sut.result.stored import read_result
from tests.unit.result.sessions import RECORDED, make_session

Seeds = Callable[[Path], Iterator[bytes]]


@dataclass(frozen=True)
class Target:
    """One reader.

    Attributes:
        try_it: reads these bytes, with a folder of its own to write them to.
        seeds: gives what a real file holds, with a folder to make it in.
        allowed: the errors that are an answer.
        longest: bytes that are tried at most.
    """

    try_it: Callable[[bytes, Path], object]
    seeds: Seeds
    allowed: tuple[type[Exception], ...] = (HarnessError,)
    longest: int = 8192


def _recorded(name: str) -> Seeds:
    """The file of this name of each recording, and the beginning of it."""

    def seeds(_: Path) -> Iterator[bytes]:
        for path in sorted(RECORDED.glob(f"*/{name}")):
            content = path.read_bytes()
            yield content
            yield content[:2000]

    return seeds


def _files(root: Path, pattern: str) -> Seeds:
    return lambda _: (path.read_bytes() for path in sorted(root.glob(pattern)))


def _texts(*texts: str) -> Seeds:
    return lambda _: (text.encode() for text in texts)


def _file(name: str, read: Callable[[Path], object]) -> Callable[[bytes, Path], object]:
    """A reader of a path, given bytes."""

    def try_it(data: bytes, folder: Path) -> object:
        path = folder / name
        path.write_bytes(data)
        return read(path)

    return try_it


def _answers(path: Path) -> object:
    return read_accuracy_log(path, token_type_of(path))


def _counts(path: Path) -> object:
    return counted(read_ledger(path), 0)


def _user_conf(path: Path) -> object:
    rules = load_round(DEFAULT_ROUND)
    return parse_user_conf(path, readers_of(rules, rules.default_benchmark))


def _tensors(path: Path) -> object:
    return tensors(path.parent)


def _header(_: Path) -> Iterator[bytes]:
    header = b'{"a.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}}'
    yield len(header).to_bytes(8, "little") + header + bytes(24)


def _frames(data: bytes, _: Path) -> object:
    """Both sides' reading of the link, cut where the first byte says."""
    reader, cut = FrameReader(), data[0] if data else 0
    for part in (data[1 : 1 + cut], data[1 + cut :]):
        for kind, payload in reader.feed(part):
            if kind is Kind.ISSUE:
                parse_issue(payload)
            elif kind in (Kind.LOAD, Kind.UNLOAD):
                parse_indices(payload)
    return None


def _frame_seeds(_: Path) -> Iterator[bytes]:
    yield b"\x07" + issue_frame(0, 123, [1, 2, 3]) + issue_frame(3, 456, [4])


def _rows(folder: Path) -> Iterator[bytes]:
    session = make_session(folder / "rows", "server")
    table = read_ledger(session / "Server/performance/ledger.parquet")
    yield frame_of(table) + frame_of(table.slice(0, 3))


def _stored(folder: Path) -> Iterator[bytes]:
    yield build(make_session(folder / "stored", "server")).model_dump_json().encode()


def _resolved(folder: Path) -> Iterator[bytes]:
    yield (make_session(folder / "resolved", "server") / "config.json").read_bytes()


# Evidence: each file is changed by itself in a whole session, and the session must not stay VALID.
EVIDENCE = (
    "config.json",
    "session.json",
    "Server/performance/run.json",
    "Server/performance/ledger.parquet",
    "Server/performance/mlperf_log_detail.txt",
    "Server/performance/mlperf_log_summary.txt",
    "Server/performance/mlperf_log_trace.json",
    "Server/performance/user.conf",
    "manifest.json",
)


@cache
def _whole(folder: Path) -> Path:
    root = make_session(folder / "whole", "server")
    assert build(root).valid
    return root


def _session(data: bytes, folder: Path) -> object:
    """The first byte chooses the file, the rest is its new content."""
    root, name = _whole(folder), EVIDENCE[data[0] % len(EVIDENCE) if data else 0]
    path = root / name
    before = path.read_bytes() if path.exists() else None
    try:
        path.write_bytes(data[1:])
        result = build(root)
        assert not result.valid or data[1:] == before, f"VALID with a changed {name}"
        return result
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_bytes(before)


def _evidence(folder: Path) -> Iterator[bytes]:
    root = _whole(folder)
    for number, name in enumerate(EVIDENCE):
        if (root / name).exists():
            yield bytes([number]) + (root / name).read_bytes()


ROWS = '[{"input": "a b", "tok_input": [1, 2], "output": "c"}, {"input": "d", "output": "e"}]'
TARGETS: dict[str, Target] = {
    "detail-log": Target(
        _file("mlperf_log_detail.txt", read_detail), _recorded("mlperf_log_detail.txt")
    ),
    "summary-log": Target(
        _file("mlperf_log_summary.txt", read_summary), _recorded("mlperf_log_summary.txt")
    ),
    "accuracy-log": Target(
        _file("mlperf_log_accuracy.json", _answers), _recorded("mlperf_log_accuracy.json")
    ),
    "trace": Target(_file("mlperf_log_trace.json", read_trace), _recorded("mlperf_log_trace.json")),
    "ledger": Target(
        _file("ledger.parquet", _counts), _recorded("ledger.parquet"), longest=1 << 15
    ),
    "journal": Target(_file("ledger.journal", read_journal), _rows, longest=1 << 15),
    "cards": Target(
        _file("cards.jsonl", read_samples),
        _texts('{"monotonic_ns": 5, "uuid": "GPU-1", "power_mw": 3}\n{"monotonic_ns": 6}\n'),
    ),
    "engine-load": Target(
        _file("engine.jsonl", read_load),
        _texts(
            '{"monotonic_ns": 5, "running": 3, "waiting": 0, "kv_cache_used": 0.5, '
            '"preemptions": 0}\n{"monotonic_ns": 6}\n'
        ),
    ),
    "dataset-json": Target(_file("data.json", read_file), _texts(ROWS, '{"input": {"0": "a"}}')),
    "dataset-jsonl": Target(
        _file("data.jsonl", read_file), _texts('{"input": "a", "output": "b"}\n{"input": "c"}\n')
    ),
    "dataset-parquet": Target(
        _file("data.parquet", read_file), _recorded("ledger.parquet"), longest=1 << 15
    ),
    "yaml": Target(_file("config.yaml", read_leaves), _files(CONF_ROOT, "*/*.yaml")),
    "user-conf": Target(_file("user.conf", _user_conf), _recorded("user.conf")),
    "audit-config": Target(
        _file(AUDIT_FILE, parse_audit_config), _files(AUDIT_ROOT, f"*/{AUDIT_FILE}")
    ),
    "resolved": Target(_file("resolved.json", read_resolved), _resolved, longest=1 << 15),
    "result": Target(_file("result.json", read_result), _stored, longest=1 << 15),
    "checkpoint": Target(
        _file("model.safetensors", _tensors), _header, (HarnessError, UnreadableTensorsError)
    ),
    # asyncio ends the connection with the error, and the run names it as the cause.
    "link": Target(_frames, _frame_seeds, (ValueError, struct.error)),
    "session": Target(_session, _evidence, longest=1 << 16),
}


def tried(target: Target, data: bytes, folder: Path) -> None:
    """Read the bytes once.

    Raises:
        Exception: one that is no answer.
    """
    try:
        target.try_it(data, folder)
    except target.allowed as error:
        if not str(error).strip():
            raise AssertionError("an error that says nothing") from error


def clean(folder: Path, names: Sequence[str] = ()) -> None:
    """Remove what seeds and readers made."""
    for name in names or ("rows", "stored", "resolved", "whole"):
        shutil.rmtree(folder / name, ignore_errors=True)
