"""What people read of a run, and no manifest names, is held to the evidence that it was made of."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sut.record.folder import sha256_of
from sut.record.session import read_session
from sut.report.compliance.build import write_compliance
from sut.report.compliance.evidence import view_of
from sut.result.build import result_json, result_of
from sut.result.evaluated import with_evaluations
from sut.result.queries import write_queries
from sut.verify.session import verify_session
from sut.verify.standing import Item, Standing
from tests.unit.submission import support

ACCURACY, TEST, RUN = "Offline/accuracy", "Offline/TEST06", "Offline/performance"
NAME = "node_20261124T000000Z"
SAMPLES = f"{ACCURACY}/samples.json"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a session of Offline is made on first use."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture
def session(made: Path, tmp_path: Path) -> Path:
    """A session with every file that the harness makes of it, to break."""
    root = made / NAME
    if not root.exists():
        kinds = ("offline", "offline+accuracy", "offline+TEST06")
        fill(support.session(made, *kinds, name=NAME))
    return Path(shutil.copytree(root, tmp_path / NAME))


def fill(root: Path) -> None:
    for run in read_session(root).runs:
        trace = run.folder.root / "mlperf_log_trace.json"
        write_queries(run.folder.ledger, trace, run.folder.queries)
    log = root / ACCURACY / "mlperf_log_accuracy.json"
    first = json.loads(log.read_text(encoding="utf-8"))[0]
    tokens = len(first["data"]) // 8
    answer = {"sample_index": first["qsl_idx"], "tokens": tokens, "answer": "a", "reference": None}
    document = {"log_sha256": sha256_of(log), "tokenizer_sha256": None, "answers": [answer]}
    (root / SAMPLES).write_text(json.dumps(document), encoding="utf-8")
    record = with_evaluations(read_session(root))
    result = result_of(record)
    (root / "result.json").write_text(result_json(result), encoding="utf-8")
    write_compliance(view_of(record, result))


@pytest.fixture(autouse=True)
def _scores_lie_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A copied session has the scores of the first."""
    import sut.result.evaluated

    def scored(*_: object) -> object:
        return list(support.SCORED.values())[-1]

    monkeypatch.setattr(sut.result.evaluated, "evaluate", scored)


def against(root: Path) -> list[Item]:
    mine = ("accuracy.txt", "verify_accuracy.txt", "parquet", "samples.json", "html", "ance.json")
    items = verify_session(root)
    return [
        each
        for each in items
        if each.standing is Standing.CONTRADICTS and each.subject.endswith(mine)
    ]


def text(name: str, old: str, new: str) -> Callable[[Path], object]:
    def apply(root: Path) -> None:
        content = (root / name).read_text(encoding="utf-8")
        assert old in content
        (root / name).write_text(content.replace(old, new, 1), encoding="utf-8")

    return apply


def shown(**changes: object) -> Callable[[Path], object]:
    """The first answer of samples.json, otherwise."""

    def apply(root: Path) -> None:
        document = json.loads((root / SAMPLES).read_text(encoding="utf-8"))
        document["answers"][0] |= changes
        (root / SAMPLES).write_text(json.dumps(document), encoding="utf-8")

    return apply


def rows(change: Callable[[list[dict[str, object]]], object]) -> Callable[[Path], object]:
    def apply(root: Path) -> None:
        import pyarrow as pa

        path = root / RUN / "queries.parquet"
        table = pq.read_table(path)
        listed = table.to_pylist()
        change(listed)
        pq.write_table(pa.Table.from_pylist(listed, schema=table.schema), path)

    return apply


EDITS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a score": (f"{ACCURACY}/accuracy.txt", text(f"{ACCURACY}/accuracy.txt", "38.77", "48.77")),
    "no score": (
        f"{ACCURACY}/accuracy.txt",
        lambda root: (root / ACCURACY / "accuracy.txt").write_text("x"),
    ),
    "a score more": (
        f"{ACCURACY}/accuracy.txt",
        text(f"{ACCURACY}/accuracy.txt", "{", "{'rouge3': '90.0', "),
    ),
    "a test's verdict": (
        f"{TEST}/verify_accuracy.txt",
        text(f"{TEST}/verify_accuracy.txt", "pass: True", "pass: False"),
    ),
    "a query's end": (f"{RUN}/queries.parquet", rows(lambda each: each[3].update(done_ns=1))),
    "a query less": (f"{RUN}/queries.parquet", rows(lambda each: each.pop())),
    "a query twice": (f"{RUN}/queries.parquet", rows(lambda each: each.append(each[0]))),
    "queries in another order": (f"{RUN}/queries.parquet", rows(lambda each: each.reverse())),
    "no queries": (
        f"{RUN}/queries.parquet",
        lambda root: (root / RUN / "queries.parquet").write_text("x"),
    ),
    "queries of another run": (
        f"{RUN}/queries.parquet",
        lambda root: shutil.copy(root / ACCURACY / "queries.parquet", root / RUN),
    ),
    "an answer's length": (SAMPLES, shown(tokens=1)),
    "an answer's sample": (SAMPLES, shown(sample_index=9999)),
    "answers of another log": (SAMPLES, text(SAMPLES, '"log_sha256": "', '"log_sha256": "0')),
    "no answers": (SAMPLES, lambda root: (root / SAMPLES).write_text("[]")),
    "a rule of the compliance report": (
        "compliance.json",
        text("compliance.json", '"compliant": ', '"compliant":  '),
    ),
    "the compliance page": ("compliance.html", text("compliance.html", "</h1>", "!</h1>")),
}


def test_an_honest_session_proves_them(session: Path) -> None:
    assert against(session) == []
    proved = {each.subject for each in verify_session(session) if each.standing is Standing.PROVED}
    assert {place for place, _ in EDITS.values()} - proved == {SAMPLES}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_contradicts(session: Path, name: str) -> None:
    place, change = EDITS[name]
    change(session)
    assert [each.subject for each in against(session)] == [place]


def test_texts_that_nothing_holds_are_named_so(session: Path) -> None:
    shown(answer="What nobody said")(session)
    (said,) = (each for each in verify_session(session) if each.subject == SAMPLES)
    assert (said.standing, said.sentence[:14]) == (Standing.OPEN, "Its texts are ")


def test_pages_of_another_version_are_left_open(session: Path) -> None:
    (session / "result.json").unlink()
    (session / "compliance.html").write_text("<html>of long ago</html>", encoding="utf-8")
    (said,) = (each for each in verify_session(session) if each.subject == "compliance.html")
    assert said.standing is Standing.OPEN
