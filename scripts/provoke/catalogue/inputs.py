"""Hostile files in each place where a file is asked for: refused before anything starts."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.provoke.catalogue.hostile_rows import ROWS
from scripts.provoke.catalogue.sessions import OFFLINE, SMALL, Make
from scripts.provoke.catalogue.shapes import BYTES, JSON, KINDS, PARQUET, YAML, Shape, holding
from scripts.provoke.drive import ROOT
from scripts.provoke.fault import EITHER, HONEST, NOTHING, Call, Fault, Outcomes
from scripts.provoke.under import GIVEN, RESULTS
from sut.config.shipped import CONF_ROOT
from sut.plan.audit_config import AUDIT_FILE, AUDIT_ROOT

MODEL = ROOT / "models" / "smollm2-135m"
ASKED = ("--scenario", "Offline", "--engine", "null", *SMALL[len(OFFLINE) :])
Shapes = dict[str, tuple[str, Shape]]


@dataclass(frozen=True)
class Place:
    """Where a file is asked for.

    Attributes:
        name: of the file.
        what: in words.
        arguments: with `{path}`, `{folder}` and `{results}` in them.
        shapes: what may lie there.
        honest: what an honest file holds.
        inside: a folder of a model that the file is part of.
        takes: shapes that are an honest file here.
    """

    name: str
    what: str
    arguments: tuple[str, ...]
    shapes: Shapes
    honest: Callable[[], bytes] = lambda: b""
    inside: bool = False
    takes: tuple[str, ...] = ()


def _of(name: str) -> Callable[[], bytes]:
    return lambda: (MODEL / name).read_bytes()


def _shipped(path: str) -> Callable[[], bytes]:
    return lambda: (CONF_ROOT / path).read_bytes()


ROWS_TEXT = json.dumps(
    [{"input": f"a {i}", "tok_input": [1, 2, i], "output": "c"} for i in range(9)]
)
IN_MODEL = (*ASKED, "--dataset", "synthetic", "--set", "model.path={folder}/given/model")
WITH_TEXT = (*ASKED, "--dataset", "sample", "--set", "model.path={folder}/given/model")
USER_CONF = b"*.Offline.min_duration = 1000\n"
HOSTS = b"head: 127.0.0.1\nnodes: [127.0.0.1]\n"
AUDITED = (*SMALL, "--mode", "compliance", "--set", "compliance.audit_config={path}")

PLACES = (
    Place("config.yaml", "--config", (*SMALL, "--config", "{path}"), KINDS | BYTES | YAML,
          lambda: b"warmup: {queries: 1}\n", takes=("empty",)),
    Place("user.conf", "--user-conf", (*SMALL, "--user-conf", "{path}"), KINDS | BYTES,
          lambda: USER_CONF, takes=("half", "empty", "twice")),
    Place("resolved.json", "--resolved", ("--resolved", "{path}"), KINDS | BYTES | JSON,
          lambda: b'{"config": {}, "origins": {}}'),
    Place("hosts.yaml", "--hosts", ("cluster", "check", "--hosts", "{path}"), KINDS | BYTES | YAML,
          lambda: HOSTS),
    Place("data.json", "--dataset data.json", (*ASKED, "--dataset", "{path}"), KINDS | BYTES | JSON,
          ROWS_TEXT.encode),
    Place("data.jsonl", "--dataset data.jsonl", (*ASKED, "--dataset", "{path}"), BYTES | JSON,
          ROWS_TEXT.encode),
    Place("data.parquet", "--dataset data.parquet", (*ASKED, "--dataset", "{path}"),
          KINDS | BYTES | PARQUET),
    Place("data.pkl", "--dataset data.pkl", (*ASKED, "--dataset", "{path}"), KINDS),
    Place("audit.config", "compliance.audit_config", AUDITED, KINDS | BYTES,
          lambda: (AUDIT_ROOT / "TEST06" / AUDIT_FILE).read_bytes(),
          takes=("empty", "half", "twice")),
    Place("system.yaml", "--system", (*SMALL, "--system", "{path}"), KINDS | BYTES | YAML,
          _shipped("systems/cpu.yaml"), takes=("half",)),
    Place("model.yaml", "--model", (*SMALL, "--model", "{path}"), KINDS | BYTES | YAML,
          _shipped("models/smollm2-135m.yaml")),
    Place("statement.yaml", "submit --system",
          ("submit", "--submitter", "A", "--out", "{folder}/tree", "--system", "{path}", "/"),
          KINDS | BYTES | YAML, _shipped("submission/system-example.yaml")),
    Place("config.json", "a model's config.json", IN_MODEL, KINDS | BYTES | JSON,
          _of("config.json"), inside=True),
    Place("tokenizer.json", "a model's tokenizer.json", WITH_TEXT, KINDS | BYTES | JSON,
          _of("tokenizer.json"), inside=True),
    Place("tokenizer_config.json", "a model's tokenizer_config.json", WITH_TEXT,
          KINDS | BYTES | JSON, _of("tokenizer_config.json"), inside=True),
    Place("chat_template.jinja", "a model's chat template", WITH_TEXT, KINDS | BYTES,
          _of("chat_template.jinja"), inside=True),
    Place("model.safetensors.index.json", "a model's index", IN_MODEL, KINDS | BYTES | JSON,
          lambda: b'{"weight_map": {"a": "model.safetensors"}}', inside=True),
    Place("model.safetensors", "a model's weights", IN_MODEL, BYTES, lambda: b"", inside=True),
)  # fmt: skip
# Model files that a session without a model may do without: then it is VALID, or refused.
OPTIONAL = ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja",
            "model.safetensors.index.json", "model.safetensors")  # fmt: skip


def faults() -> Iterator[Fault]:
    """All of them."""
    for place in PLACES:
        for name, (how, shape) in place.shapes.items():
            ends: Outcomes = (NOTHING,)
            codes: tuple[int, ...] = (2,)
            if name in place.takes or place.name in OPTIONAL:
                ends, codes = (*ends, *EITHER), (0, 1, 2)
            id_ = f"input/{place.name}-{name}"
            yield Fault(id_, f"{place.what} is {how}", _given(place, shape), ends, codes)
    yield from _rows()
    yield from _headers()
    yield from _templates()
    yield from _prepared()


def _given(place: Place, shape: Shape) -> Make:
    def make(folder: Path) -> Call:
        given = folder / GIVEN
        if place.inside:
            given = _model(given / "model", place.name)
        path = given / place.name
        shape(path, place.honest())
        return _call(place.arguments, folder, path)

    return make


def _call(arguments: tuple[str, ...], folder: Path, path: Path) -> Call:
    words = {"{path}": str(path), "{folder}": str(folder)}
    filled = []
    for argument in arguments:
        for word, value in words.items():
            argument = argument.replace(word, value)
        filled.append(argument)
    runs = arguments[0].startswith("-") and "--resolved" not in arguments
    return Call([*(("--results-dir", str(folder / RESULTS)) if runs else ()), *filled])


def _model(folder: Path, but: str) -> Path:
    """The small model's folder without one file; what is large is a link."""
    folder.mkdir()
    for path in MODEL.iterdir():
        if path.name != but:
            (folder / path.name).symlink_to(path)
    return folder


def _rows() -> Iterator[Fault]:
    for name, (how, content, honest) in ROWS.items():
        place = Place("data.json", how, (*ASKED, "--dataset", "{path}"), {})
        ends, codes = ((NOTHING,), (2,)) if not honest else ((*HONEST, NOTHING), (0, 2))
        make = _given(place, holding(content()))
        yield Fault(f"rows/{name}", f"a data set with {how}", make, ends, codes)


def _headers() -> Iterator[Fault]:
    """Weights whose header lies."""
    place = Place("model.safetensors", "weights", IN_MODEL, {}, inside=True)
    for name, how, header, length in (
        ("longer", "a header longer than the file", b"{}", 1 << 20),
        ("endless", "a header of 2^63 bytes", b"{}", 1 << 63),
        ("deep", "a header nested 100,000 deep", b'{"a":' * 100_000, None),
        ("huge", "a tensor of 10^18 elements", _tensor(10**18), None),
        ("negative", "a tensor of negative size", _tensor(-1), None),
        ("text", "a tensor whose shape is text", b'{"a": {"dtype": "F32", "shape": ["x"]}}', None),
        ("list", "a header that is a list", b"[1, 2]", None),
    ):
        content = struct.pack("<Q", len(header) if length is None else length) + header
        make = _given(place, holding(content))
        yield Fault(f"weights/{name}", f"weights with {how}", make, (NOTHING, *HONEST), (0, 2))


def _templates() -> Iterator[Fault]:
    """Chat templates that are programs, which run in a sandbox."""
    place = Place("chat_template.jinja", "", WITH_TEXT, {}, inside=True)
    for name, how, text in (
        ("zero", "divides by zero", "{{ 1 / 0 }}"),
        ("memory", "makes 8 GB of text", "{{ 'a' * 8000000000 }}"),
        ("range", "counts to 10^9", "{% for i in range(1000000000) %}{% endfor %}"),
        ("power", "works out 9^9^9", "{{ 9 ** 9 ** 9 }}"),
        ("deep", "is nested 2,000 deep", "{% if 1 %}" * 2000 + "{% endif %}" * 2000),
        ("brackets", "has 5,000 brackets", "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}"),
        ("itself", "calls itself", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}"),
        ("inside", "asks for Python's insides", "{{ ''.__class__.__mro__[1].__subclasses__() }}"),
        ("unknown", "uses what nobody defined", "{{ nothing.at.all }}"),
        ("type", "adds text to a number", "{{ 1 + 'a' }}"),
        ("open", "is not closed", "{% for"),
    ):
        make = _given(place, holding(text.encode()))
        id_ = f"template/{name}"
        yield Fault(id_, f"a chat template that {how}", make, (NOTHING, *HONEST), (0, 2))


def _tensor(size: int) -> bytes:
    entry = {"dtype": "F32", "shape": [size], "data_offsets": [0, size * 4]}
    return json.dumps({"model.embed_tokens.weight": entry}).encode()


def _prepared() -> Iterator[Fault]:
    """The verb that makes a data set."""
    for name, shapes in (
        ("source.parquet", KINDS | BYTES | PARQUET),
        ("source.csv", KINDS | BYTES),
    ):
        words = ("prepare-dataset", "{path}", "{folder}/out.json", "--tokenizer", str(MODEL))
        place = Place(
            name, f"prepare-dataset's {name}", words, shapes, lambda: b"article,highlights\n"
        )
        for shape_name, (how, shape) in shapes.items():
            id_ = f"input/{name}-{shape_name}"
            make = _given(place, shape)
            # Twice the line of names is those names, and one row of text.
            codes = (0,) if id_ == "input/source.csv-twice" else (2,)
            yield Fault(id_, f"{place.what} is {how}", make, (NOTHING,), codes)
