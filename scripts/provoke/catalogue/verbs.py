"""Hostile files for the verbs that read results, bare logs and searches, and for `doctor`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from scripts.provoke.catalogue.records import CODES, SHAPES
from scripts.provoke.catalogue.sessions import Make, verb
from scripts.provoke.catalogue.shapes import Shape
from scripts.provoke.drive import ROOT
from scripts.provoke.fault import NOTHING, Call, Fault
from scripts.provoke.under import GIVEN
from tests.unit.result.sessions import RECORDED

MODEL = str(ROOT / "models" / "smollm2-135m")
RESULT = "mlperf_datacenter_n_20261128_000000.json"
# A file; and the words of a verb that reads it.
READ: tuple[tuple[str, tuple[str, ...]], ...] = (
    (RESULT, ("compare", "{path}", "{path}")),
    (RESULT, ("history", "{folder}/given")),
    (RESULT, ("regress", "{path}", "--baseline", "{path}")),
    (RESULT, ("report", "{path}")),
    ("aggregated_datacenter_results.json", ("verify", "{path}")),
    ("mlperf_log_accuracy.json", ("accuracy", "{folder}/given", "--model", MODEL)),
    ("mlperf_log_accuracy.json", ("audit", "--verify", "{folder}/given", "--scenario", "Offline")),
    ("mlperf_log_detail.txt", ("audit", "--verify", "{folder}/given", "--scenario", "Offline")),
    ("search.json", ("peak", "--scenario", "Server", "--engine", "null", "--out", "{folder}/given",
                   "--trials", "1")),
)  # fmt: skip
SURROUNDINGS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("hf-home", "HF_HOME is a device", {"HF_HOME": "/dev/null"}),
    ("token", "HF_TOKEN is a line of escapes", {"HF_TOKEN": "\x1b[2J\nx"}),
    ("tmpdir", "TMPDIR is missing", {"TMPDIR": "/nonexistent"}),
    ("path", "PATH is empty", {"PATH": ""}),
    ("home", "HOME is missing", {"HOME": "/nonexistent"}),
    ("ray", "RAY_ADDRESS is nonsense", {"RAY_ADDRESS": "x" * 5000}),
)


def faults() -> Iterator[Fault]:
    """All of them."""
    for name, words in READ:
        for shape_name, (how, shape) in SHAPES.items():
            told = f"`{words[0]}`: {name} is {how}"
            id_ = f"verb/{words[0]}-{name}-{shape_name}"
            yield Fault(id_, told, _read(name, shape, words), (NOTHING,), CODES)
    for name, how, variables in SURROUNDINGS:
        make = verb("doctor", **variables)
        yield Fault(f"verb/doctor-{name}", f"`doctor`: {how}", make, (NOTHING,), CODES)


def _read(name: str, shape: Shape, words: tuple[str, ...]) -> Make:
    def make(folder: Path) -> Call:
        given = folder / GIVEN
        for each in (RECORDED / "accuracy").iterdir():
            shutil.copyfile(each, given / each.name)
        path = given / name
        honest = path.read_bytes() if path.is_file() else b"{}"
        path.unlink(missing_ok=True)
        shape(path, honest)
        return verb(*(word.replace("{path}", str(path)) for word in words))(folder)

    return make
