"""The configuration on the page: each key with its value and where that is from."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.report.page.settings import Set, settings
from sut.result.build import build
from sut.result.schema import Result
from tests.unit.result.sessions import make_session


@pytest.fixture
def result(tmp_path: Path) -> Result:
    return build(make_session(tmp_path, "server"))


def test_each_key_has_its_value_and_its_origin(result: Result) -> None:
    rows = {each.key: each for each in settings(result)}
    assert rows["profile"] == Set("profile", '"quick"', "default")
    assert rows["server.min_query_count"] == Set("server.min_query_count", "240", None)
    assert list(rows) == sorted(rows)


def test_an_origin_without_a_value_is_told(result: Result) -> None:
    more = result.model_copy(update={"configuration_origins": {"server.gone": "--set"}})
    assert Set("server.gone", None, "--set") in settings(more)


def test_what_has_an_origin_as_a_whole_is_not_taken_apart(result: Result) -> None:
    changes = {
        "configuration": {"engine": {"options": {"a": 1, "b": {}}}},
        "configuration_origins": {"engine.options": "file.yaml"},
    }
    (only,) = settings(result.model_copy(update=changes))
    assert only == Set("engine.options", '{"a": 1, "b": {}}', "file.yaml")
