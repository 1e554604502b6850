"""Outside the engines nothing looks a setting or an argument up by vLLM's name for it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from sut.config.engine_traits import EngineTraits
from sut.config.vllm_options import VllmConfig
from sut.engines.vllm.args import engine_arguments, sampling_arguments

ROOT = Path(__file__).resolve().parents[3]
# Who may: the engines, what compares with vLLM itself, the reader of records of before, and the
# section's own place, and two flags that are named after its keys.
THEIRS = (
    "sut/engines/", "sut/bench/", "sut/record/engine_before.py", "sut/config/schema.py",
    "sut/config/vllm_", "sut/config/flags.py",
)  # fmt: skip
# Words of vLLM's that are anybody's, or a trait's.
COMMON = {"seed", "model", "max_tokens", "min_tokens", *EngineTraits.model_fields}
ARGUMENTS = {
    *engine_arguments(VllmConfig(), model_path="m", max_model_len=1),
    *sampling_arguments(max_tokens=1, min_tokens=1, eos_token_ids=(), first_token=True),
    *VllmConfig.model_fields,
    "top_k",
    "speculative_config",
}


def looked_up(source: str) -> Iterator[str]:
    """Names of vLLM's that a module takes as an attribute or as a key."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in {"vllm", *ARGUMENTS - COMMON}:
            yield f"{node.lineno}: .{node.attr}"
        elif isinstance(node, ast.Constant) and node.value in ARGUMENTS - COMMON:
            yield f"{node.lineno}: {node.value!r}"


def test_no_module_looks_up_what_vllm_calls_its_own() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{each}"
        for folder in ("sut", "audit", "qsl")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not str(path.relative_to(ROOT)).startswith(THEIRS)
        for each in looked_up(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_a_look_up_would_be_seen() -> None:
    assert list(looked_up("n = config.engine.vllm.max_num_seqs")) == [
        "1: .max_num_seqs",
        "1: .vllm",
    ]
    assert list(looked_up('x = arguments["enable_prefix_caching"]')) == [
        "1: 'enable_prefix_caching'"
    ]
