"""A key that stands twice in an object is refused in every document that is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sut.config.model_files import described
from sut.config.resolved import read_resolved
from sut.errors import ConfigError, LogError
from sut.json_text import DoubledKeyError, decoded
from sut.logs.accuracy import read_accuracy_log
from sut.logs.run_logs import read_logs
from sut.record.session import read_document, read_session
from tests.unit.audit.sabotage import healthy, write_log
from tests.unit.result.sessions import make_session, rewrite_log

TWICE = "holds the key {} more than once"


def doubled(path: Path, key: str) -> None:
    """The first object of a file that has the key has it again, with another value before it."""
    text = path.read_text(encoding="utf-8")
    assert f'"{key}"' in text
    path.write_text(text.replace(f'"{key}"', f'"{key}": 7, "{key}"', 1), encoding="utf-8")


@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 1}', '[{"b": {"a": 1, "a": 2}}]', b'{"a":1,"a":2}']
)
def test_a_key_is_in_an_object_once(text: str | bytes) -> None:
    with pytest.raises(DoubledKeyError, match=TWICE.format("a")):
        decoded(text)
    assert decoded('{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]}')["a"] == {"a": 1}


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("config.json", "profile"),
        ("session.json", "sha256"),
        ("Server/performance/run.json", "scenario"),
    ],
)
def test_in_the_documents_of_a_session(tmp_path: Path, name: str, key: str) -> None:
    root = make_session(tmp_path, "server")
    doubled(root / name, key)
    with pytest.raises(LogError, match=TWICE.format(key)):
        read_session(root)


@pytest.mark.parametrize("name", ["accuracy.json", "verification.json", "manifest.json"])
def test_in_what_was_worked_out_from_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text('{"passed": true, "passed": false}')
    with pytest.raises(LogError, match=TWICE.format("passed")):
        read_document(tmp_path / name)


def test_in_an_accuracy_log(tmp_path: Path) -> None:
    path = write_log(tmp_path, healthy())
    doubled(path, "qsl_idx")
    with pytest.raises(LogError, match=TWICE.format("qsl_idx")):
        read_accuracy_log(path)


def test_in_a_line_of_the_detail_log(tmp_path: Path) -> None:
    folder = make_session(tmp_path, "server") / "Server" / "performance"
    rewrite_log(
        folder,
        "mlperf_log_detail.txt",
        lambda text: text.replace('"value": ', '"value": 1, "value": ', 1),
    )
    with pytest.raises(LogError, match="not a LoadGen entry"):
        read_logs(folder)


def test_in_a_resolved_configuration(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"config": {}, "config": {}, "origins": {}}')
    with pytest.raises(ConfigError, match=TWICE.format("config")):
        read_resolved(tmp_path / "r.json")


def test_in_a_models_description(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"hidden_size": 4096}))
    assert described(tmp_path) == {"hidden_size": 4096}
    doubled(tmp_path / "config.json", "hidden_size")
    assert described(tmp_path) is None


@pytest.mark.parametrize("text", ["[" * 100_000, '{"a":' * 100_000])
def test_what_is_nested_too_deeply_is_no_json_to_any_reader(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        decoded(text)
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(LogError, match="nested too deeply"):
        read_document(tmp_path / "result.json")
