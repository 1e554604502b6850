"""Sessions and trees that somebody else made: their readers end with a verdict or a sentence."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from scripts.provoke.catalogue.sessions import Make
from scripts.provoke.catalogue.shapes import BYTES, JSON, KINDS, Shape, holes
from scripts.provoke.fault import NOTHING, Call, Fault
from scripts.provoke.under import GIVEN
from sut.record.ledger_file import COLUMNS
from tests.unit.result.sessions import RECORDED, make_session

RUN = "Server/performance"
SHAPES = {
    **KINDS,
    # What is evidence is hashed to its end.
    "sparse": ("a file of 2 GiB of nothing", holes(1 << 31)),
    **{name: BYTES[name] for name in ("empty", "nul", "half", "twice")},
    **{name: JSON[name] for name in ("deep", "deep-value", "digits", "nan", "null")},
}
OF_SESSION = ("config.json", "session.json", "manifest.json", "ending.json", "result.json")
OF_RUN = ("run.json", "ledger.parquet", "user.conf", "mlperf_log_detail.txt",
          "mlperf_log_summary.txt", "mlperf_log_trace.json", "cards.jsonl")  # fmt: skip
# Shapes that every file is given, for the verbs beside `report`.
FEW = ("pipe", "zero")
TREE_LOGS = "closed/A/results/s/llama3.1-8b/Server/performance/run_1"
TREE_FILES = (f"{TREE_LOGS}/mlperf_log_detail.txt", f"{TREE_LOGS}/mlperf_log_summary.txt",
              f"{TREE_LOGS}/mlperf_log_trace.json", "closed/A/systems/s.json",
              "closed/A/results/s/llama3.1-8b/Server/user.conf", "closed/A/README.md")  # fmt: skip
CODES = (0, 1, 2)

Words = Callable[[Path], tuple[str, ...]]


def faults() -> Iterator[Fault]:
    """All of them."""
    for name in (*OF_SESSION, *(f"{RUN}/{each}" for each in OF_RUN)):
        for shape_name, (how, shape) in SHAPES.items():
            yield _read(name, shape_name, how, shape, "report", lambda root: ("report", str(root)))
            if shape_name in FEW:
                yield from _by_others(name, shape_name, how, shape)
    yield from _ledgers()
    yield from _cut_off()
    yield from _trees()
    yield from _folders()
    yield from _logs()


def _read(name: str, shape_name: str, how: str, shape: Shape, verb: str, words: Words) -> Fault:
    make = _session_with(name, shape, words)
    id_ = f"record/{verb}-{Path(name).name}-{shape_name}"
    return Fault(id_, f"`{verb}`: {Path(name).name} is {how}", make, (NOTHING,), CODES)


def _by_others(name: str, shape_name: str, how: str, shape: Shape) -> Iterator[Fault]:
    verbs: tuple[tuple[str, Words], ...] = (
        ("report --compliance", lambda root: ("report", "--compliance", str(root))),
        ("verify", lambda root: ("verify", str(root))),
        ("compare", lambda root: ("compare", str(root), str(root))),
        ("accuracy", lambda root: ("accuracy", str(root))),
        ("history", lambda root: ("history", str(root.parent))),
    )
    for verb, words in verbs:
        yield _read(name, shape_name, how, shape, verb, words)


def _session_with(name: str, shape: Shape, words: Words) -> Make:
    """A whole session with something else in place of one file."""

    def make(folder: Path) -> Call:
        root = make_session(folder / GIVEN, "server")
        path = root / name
        honest = path.read_bytes() if path.is_file() else b"{}"
        path.unlink(missing_ok=True)
        shape(path, honest)
        return Call(words(root))

    return make


TYPES: tuple[tuple[str, str, str], ...] = (
    ("text", "text", "string"),
    ("fraction", "fractions", "float64"),
    ("yes", "yes and no", "bool"),
    ("nothing", "no value", "null"),
    ("bytes", "bytes", "binary"),
)


def _ledgers() -> Iterator[Fault]:
    """A ledger with one column of another type."""
    for name in COLUMNS:
        for word, how, kind in TYPES:
            shape = _column(name, kind)
            for verb in ("report", "export", "trace"):
                told = f"{how} in the column {name}"
                words: Words = lambda root, verb=verb: (verb, str(root))  # type: ignore[misc]  # noqa: E731
                make = _session_with(f"{RUN}/ledger.parquet", shape, words)
                id_ = f"record/{verb}-ledger-{name}-{word}"
                yield Fault(id_, f"`{verb}`: a ledger with {told}", make, (NOTHING,), CODES)


def _column(name: str, kind: str) -> Shape:
    def shape(path: Path, honest: bytes) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pq.read_table(io.BytesIO(honest))
        value = {"string": "1", "binary": b"1", "null": None}.get(kind, 1)
        column = pa.array([value] * table.num_rows).cast(kind)
        pq.write_table(table.set_column(table.column_names.index(name), name, column), path)

    return shape


MARK = {"host": os.uname().nodename, "boot_id": None, "pid": 1, "started_ticks": 1,
        "phase": "running Server performance"}  # fmt: skip


def _cut_off() -> Iterator[Fault]:
    """`recover` of sessions that no harness of ours cut off."""
    for name in (".running.json", f"{RUN}/.begun.json", f"{RUN}/ledger.journal", "session.json"):
        for shape_name, (how, shape) in SHAPES.items():
            make = _recovered(name, shape)
            id_ = f"record/recover-{Path(name).name}-{shape_name}"
            yield Fault(id_, f"`recover`: {Path(name).name} is {how}", make, (NOTHING,), CODES)


def _recovered(name: str, shape: Shape) -> Make:
    def make(folder: Path) -> Call:
        root = make_session(folder / GIVEN, "server")
        (root / "manifest.json").unlink()
        run = root / RUN
        (run / "run.json").rename(run / ".begun.json")
        (run / "ledger.parquet").rename(run / "ledger.journal")
        (root / ".running.json").write_text(json.dumps(MARK))
        path = root / name
        honest = path.read_bytes()
        path.unlink()
        shape(path, honest)
        return Call(("recover", str(root)))

    return make


def _trees() -> Iterator[Fault]:
    for name in TREE_FILES:
        for shape_name, (how, shape) in SHAPES.items():
            for verb in ("check", "verify") if shape_name in FEW else ("check",):
                make = _tree_with(name, shape, verb)
                id_ = f"tree/{verb}-{Path(name).name}-{shape_name}"
                yield Fault(id_, f"`{verb}`: {Path(name).name} of a tree is {how}", make,
                            (NOTHING,), CODES)  # fmt: skip


def _tree(root: Path) -> Path:
    logs = root / TREE_LOGS
    logs.mkdir(parents=True)
    for path in (RECORDED / "server").iterdir():
        shutil.copyfile(path, logs / path.name)
    for name in TREE_FILES[3:]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("{}")
    return root


def _tree_with(name: str, shape: Shape, verb: str) -> Make:
    def make(folder: Path) -> Call:
        root = _tree(folder / GIVEN / "tree")
        path = root / name
        honest = path.read_bytes()
        path.unlink()
        shape(path, honest)
        return Call((verb, str(root)))

    return make


def _folders() -> Iterator[Fault]:
    """Folders that never end, or hold what no folder should."""
    acts: tuple[tuple[str, str, Callable[[Path], object]], ...] = (
        ("loop", "a folder that is a link to the one above it",
         lambda root: (root / "up").symlink_to(root)),
        ("root", "a link to /", lambda root: (root / "all").symlink_to("/")),
        ("proc", "a link to /proc", lambda root: (root / "proc").symlink_to("/proc")),
        ("deep", "folders 1,000 deep", _deep),
        ("many", "20,000 files", _many),
        ("names", "names of escapes, markup, newlines and bytes", _names),
        ("pipe", "a pipe that nobody asked for", lambda root: os.mkfifo(root / "pipe")),
        ("device", "a link to /dev/zero that nobody asked for",
         lambda root: (root / "zero").symlink_to("/dev/zero")),
    )  # fmt: skip
    for name, how, act in acts:
        for verb in ("check", "verify"):
            make = _folder(act, verb, lambda given: _tree(given / "tree"))
            id_ = f"tree/{verb}-holds-{name}"
            yield Fault(id_, f"`{verb}`: a tree that holds {how}", make, (NOTHING,), CODES)
        for verb in ("report", "verify", "accuracy"):
            make = _folder(act, verb, lambda given: make_session(given, "server"))
            id_ = f"record/{verb}-holds-{name}"
            yield Fault(id_, f"`{verb}`: a session that holds {how}", make, (NOTHING,), CODES)


def _folder(act: Callable[[Path], object], verb: str, made: Callable[[Path], Path]) -> Make:
    def make(folder: Path) -> Call:
        root = made(folder / GIVEN)
        act(root)
        return Call((verb, str(root)))

    return make


def _deep(root: Path) -> None:
    before = Path.cwd()
    os.chdir(root)
    try:
        for _ in range(1000):
            os.mkdir("d")  # noqa: PTH102 - no path is so long
            os.chdir("d")
    finally:
        os.chdir(before)


def _many(root: Path) -> None:
    (root / "many").mkdir()
    for number in range(20_000):
        (root / "many" / str(number)).touch()


def _names(root: Path) -> None:
    for name in ("\x1b[2J", "a\nb", "[red]<script>", "\udcff\udcfe", "x" * 255, "-rf", "%s{0}"):
        (root / name).write_text("x")


LINE = ':::MLLOG {{"key": "{key}", "value": {value}, "time_ms": 1.5, "metadata": {metadata}}}\n'
LOGS: tuple[tuple[str, str, Callable[[], bytes]], ...] = (
    ("deep", "a value nested 100,000 deep",
     lambda: _line(value="[" * 100_000 + "]" * 100_000)),
    ("digits", "a number of 100,000 digits", lambda: _line(value="9" * 100_000)),
    ("line", "one line of 200 MB", lambda: _line(value='"' + "x" * 200_000_000 + '"')),
    ("keys", "100,000 keys", lambda: b"".join(_line(key=f"k{i}") for i in range(100_000))),
    ("metadata", "metadata that is a list", lambda: _line(metadata="[1]")),
    ("metadata-text", "metadata that is text", lambda: _line(metadata='"x"')),
    ("key-number", "a key that is no text",
     lambda: b':::MLLOG {"key": 7, "value": 1, "metadata": {}}\n'),
    ("key-list", "a key that is a list",
     lambda: b':::MLLOG {"key": [1], "value": 1, "metadata": {}}\n'),
    ("escapes", "escapes of the terminal's and markup",
     lambda: _line(key="sut_name", value='"\\u001b[2J[red]<script>alert(1)</script>"')),
    ("surrogate", "half a surrogate pair", lambda: _line(key="sut_name", value='"\\ud800"')),
    ("errors", "100,000 errors",
     lambda: _line(metadata='{"is_error": true}') * 100_000),
    ("lines", "10,000,000 empty lines", lambda: b"\n" * 10_000_000),
)  # fmt: skip


def _line(key: str = "k", value: str = "1", metadata: str = "{}") -> bytes:
    return LINE.format(key=key, value=value, metadata=metadata).encode()


def _logs() -> Iterator[Fault]:
    """A detail log that goes on with what LoadGen never writes."""
    for name, how, content in LOGS:
        shape: Shape = lambda path, honest, more=content: path.write_bytes(honest + more())  # type: ignore[misc]  # noqa: E731
        for verb in ("report", "verify"):
            make = _session_with(
                f"{RUN}/mlperf_log_detail.txt",
                shape,
                lambda root, verb=verb: (verb, str(root)),  # type: ignore[misc]
            )
            id_ = f"log/{verb}-{name}"
            yield Fault(id_, f"`{verb}`: a log with {how}", make, (NOTHING,), CODES)
