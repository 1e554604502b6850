"""The published schema: current, and every result that is built obeys it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, ValidationError

from scripts import write_schema
from sut.result.build import build, result_json
from tests.unit.result.sessions import NAMES, make_round, make_session


@pytest.fixture
def validator() -> Draft202012Validator:
    schema = json.loads(write_schema.TARGET.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_the_written_schema_is_current() -> None:
    assert write_schema.main(["--check"]) == 0


def test_a_stale_schema_is_noticed_and_rewritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(write_schema, "TARGET", tmp_path / "schema.json")
    assert write_schema.main(["--check"]) == 1
    assert "stale" in capsys.readouterr().err
    assert write_schema.main([]) == 0
    assert write_schema.main(["--check"]) == 0


@pytest.mark.parametrize("name", sorted(NAMES))
def test_built_results_obey_the_schema(
    tmp_path: Path, name: str, validator: Draft202012Validator
) -> None:
    document = json.loads(result_json(build(make_session(tmp_path, name), make_round())))
    assert [error.message for error in validator.iter_errors(document)] == []


def test_the_schema_refuses_what_is_no_result(
    tmp_path: Path, validator: Draft202012Validator
) -> None:
    document = json.loads(result_json(build(make_session(tmp_path, "server"), make_round())))
    for path in (("trust",), ("scenarios", "Server", "valid"), ("benchmark_info", "timestamp")):
        broken = json.loads(json.dumps(document))
        inner = broken
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]
        with pytest.raises(ValidationError, match=path[-1]):
            validator.validate(broken)


def test_users_names_stay(tmp_path: Path) -> None:
    """Other programs read these (docs/rules.md, "Names that stay")."""
    document = json.loads(
        result_json(build(make_session(tmp_path, "offline", "server"), make_round()))
    )
    assert {"benchmark", "model", "timestamp"} <= document["benchmark_info"].keys()
    offline, server = document["scenarios"]["Offline"], document["scenarios"]["Server"]
    assert offline["valid"] is True
    assert offline["achieved_qps"] == 25861.1
    assert offline["throughput_tokens_per_sec"] == 142236.0
    assert server["valid"] is True
    assert server["achieved_qps"] == 196.537
    assert server["latency_p99"] == server["latency"]["p99_ns"] / 1e6
    assert server["accuracy"] == 1.0
    assert server["evaluation"] is None
    assert document["trust"].startswith("unverified: ")
