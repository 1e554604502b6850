"""The typed stub of mlperf_loadgen against the installed module."""

from __future__ import annotations

import ast
from pathlib import Path

import mlperf_loadgen
import pytest

STUB = Path(__file__).resolve().parents[2] / "stubs" / "mlperf_loadgen.pyi"
BODY = ast.parse(STUB.read_text(encoding="utf-8")).body
CLASSES = {node.name: node for node in BODY if isinstance(node, ast.ClassDef)}
FUNCTIONS = {node.name for node in BODY if isinstance(node, ast.FunctionDef)}


def declared(node: ast.ClassDef) -> set[str]:
    names = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
    fields = [item.target for item in node.body if isinstance(item, ast.AnnAssign)]
    return names.union(target.id for target in fields if isinstance(target, ast.Name))


def test_every_function_of_the_stub_exists():
    assert {
        name for name in FUNCTIONS if not callable(getattr(mlperf_loadgen, name, None))
    } == set()
    assert FUNCTIONS


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_class_of_the_stub_has_the_attributes_of_the_module(name: str):
    real = {item for item in dir(getattr(mlperf_loadgen, name)) if not item.startswith("__")}
    assert declared(CLASSES[name]) - {"__init__"} == real


@pytest.mark.parametrize("name", ["TestSettings", "LogOutputSettings"])
def test_a_setting_has_the_type_that_the_stub_says(name: str):
    settings = getattr(mlperf_loadgen, name)()
    fields = [item for item in CLASSES[name].body if isinstance(item, ast.AnnAssign)]
    said = {ast.unparse(item.target): ast.unparse(item.annotation) for item in fields}
    assert said == {field: type(getattr(settings, field)).__name__ for field in said}
