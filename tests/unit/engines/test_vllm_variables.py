"""The patterns of vLLM's variables, held to the list of the vLLM that is installed."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

from sut.engines.vllm.variables import WATCH
from sut.machine.variables import GROUND

BOTH = GROUND | WATCH


def listed() -> list[str]:
    """The keys of `environment_variables` in vllm/envs.py."""
    spec = find_spec("vllm")
    if spec is None or spec.origin is None:
        pytest.skip("vLLM is not installed here")
    tree = ast.parse(Path(spec.origin).with_name("envs.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        named = isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
        if named and node.target.id == "environment_variables":  # type: ignore[attr-defined]
            return [ast.literal_eval(key) for key in node.value.keys]  # type: ignore[attr-defined]
    pytest.fail("vllm/envs.py has no environment_variables")


def test_every_variable_that_vllm_lists_is_looked_at() -> None:
    names = listed()
    assert len(names) > 100
    assert [name for name in names if not BOTH.sees(name)] == []


def test_every_harmless_pattern_is_of_a_variable_that_is_looked_at() -> None:
    for pattern in WATCH.harmless:
        assert BOTH.sees(pattern.replace("*", "X")), pattern


@pytest.mark.parametrize(
    "name",
    [
        "VLLM_TEST_FORCE_LOAD_FORMAT", "VLLM_MODEL_REDIRECT_PATH", "VLLM_PLUGINS",
        "VLLM_USE_SIMPLE_KV_OFFLOAD", "VLLM_ALLOW_INSECURE_SERIALIZATION", "LMCACHE_CONFIG_FILE",
        "VLLM_NEW_IN_ANOTHER_RELEASE", "VLLM_CUDA_COMPATIBILITY_PATH", "LOCAL_RANK",
    ],
)  # fmt: skip
def test_what_can_change_answers_or_times_is_not_harmless(name: str) -> None:
    assert BOTH.sees(name)
    assert not BOTH.is_harmless(name, "1")
