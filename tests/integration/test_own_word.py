"""An engine that is not as it was asked to be tells so itself. Real vLLM on CPU, real LoadGen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import running, settings
from tests.integration.hanging_core import plugin

SMALL = [
    "--scenario", "Offline", "--system", "cpu-dummy",
    *settings(
        dataset__synthetic_count=8, offline__min_query_count=8, offline__min_duration_s=0,
        generation__max_tokens=4, engine__vllm__max_num_seqs=32, engine__vllm__cpu_kvcache_gib=1,
    ),
]  # fmt: skip
PROBED = settings(warmup__probe_reuse="true")


def session_of(results: Path, variables: Mapping[str, str], *more: str) -> tuple[int, Any, Any]:
    """Exit code, session.json and result of a small session with these variables."""
    with running(results, *SMALL, *more, variables=variables) as process:
        _, said = process.communicate()
    files = [*results.glob("*/session.json"), *results.glob("mlperf_datacenter_*.json")]
    assert len(files) == 2, said
    facts, result = (json.loads(path.read_text(encoding="utf-8")) for path in files)
    return process.returncode, facts, result


@pytest.mark.slow
@pytest.mark.usefixtures("dummy_model")
def test_prefix_caching_that_the_core_alone_has_is_told_by_the_core(tmp_path: Path):
    variables = plugin(tmp_path / "plugin", "reusing_core")
    _, facts, result = session_of(tmp_path / "results", variables, *PROBED)
    engine, against = facts["engine"], result["not_submission_grade_because"]
    assert engine["arguments"]["enable_prefix_caching"] is False, "what we asked for"
    assert engine["details"]["otherwise_in_core"] == {"prefix_caching": [False, True]}
    assert engine["traits"]["prefix_caching"] is True
    assert "prefix caching is on, which the rules prohibit" in against
    hits = facts["reuse_probe"]["hit_tokens"]["prefix_cache_hit_tokens"]
    assert hits > 0, "the core's counter says it, too"
    assert f"the engine reused {hits:g} tokens of prompts that were asked twice" in against


@pytest.mark.slow
@pytest.mark.usefixtures("dummy_model")
def test_an_engine_as_it_was_asked_reuses_nothing(tmp_path: Path):
    _, facts, result = session_of(tmp_path / "results", {}, *PROBED)
    probe = facts["reuse_probe"]
    assert probe["hit_tokens"] == {"prefix_cache_hit_tokens": 0.0}
    assert (probe["prompts"], probe["replicas"], probe["failures"]) == (4, 1, [])
    assert len(probe["first_s"]) == len(probe["again_s"]) == 4
    against = result["not_submission_grade_because"]
    assert not [reason for reason in against if "asked twice" in reason or "prefix" in reason]


@pytest.mark.usefixtures("dummy_model")
def test_a_variable_is_refused_before_the_start_until_it_is_declared(tmp_path: Path):
    strict = ["--profile", "mlperf", "--system", "cpu-dummy", "--scenario", "Offline"]
    variables = {"VLLM_USE_SIMPLE_KV_OFFLOAD": "1"}
    results = tmp_path / "results"
    with running(results, *strict, variables=variables) as process:
        _, said = process.communicate()
    assert process.returncode == 2
    assert "the environment variable VLLM_USE_SIMPLE_KV_OFFLOAD can change the engine" in said
    assert "--set engine.environment=[VLLM_USE_SIMPLE_KV_OFFLOAD]" in said
    assert not results.exists(), "nothing was started"


@pytest.mark.slow
@pytest.mark.usefixtures("dummy_model")
def test_the_core_tells_the_variables_that_reached_it(tmp_path: Path):
    variables = {"KMP_AFFINITY": "none", "HF_TOKEN": "hush", "VLLM_CPU_KVCACHE_SPACE": "7"}
    _, facts, _ = session_of(tmp_path / "results", variables)
    found = {each["name"]: each for each in facts["engine"]["environment"]}
    assert found["KMP_AFFINITY"] == {
        "name": "KMP_AFFINITY", "value": "none", "given_by": "user", "harmless": False
    }  # fmt: skip
    assert (found["HF_TOKEN"]["value"], found["HF_TOKEN"]["given_by"]) == (None, "user")
    space = found["VLLM_CPU_KVCACHE_SPACE"]
    assert (space["value"], space["given_by"]) == ("1", "harness"), "ours is in force"
    assert "hush" not in json.dumps(facts)
