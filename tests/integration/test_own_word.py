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


def session_of(results: Path, variables: Mapping[str, str], *more: str) -> tuple[int, Any, Any]:
    """Exit code, session.json and result of a small session with these variables."""
    with running(results, *SMALL, *more, variables=variables) as process:
        _, said = process.communicate()
    files = [*results.glob("*/session.json"), *results.glob("mlperf_datacenter_*.json")]
    assert len(files) == 2, said
    facts, result = (json.loads(path.read_text(encoding="utf-8")) for path in files)
    return process.returncode, facts, result


@pytest.mark.usefixtures("dummy_model")
def test_prefix_caching_that_the_core_alone_has_is_told_by_the_core(tmp_path: Path):
    variables = plugin(tmp_path / "plugin", "reusing_core")
    _, facts, result = session_of(tmp_path / "results", variables)
    engine = facts["engine"]
    assert engine["arguments"]["enable_prefix_caching"] is False, "what we asked for"
    assert engine["details"]["otherwise_in_core"] == {"prefix_caching": [False, True]}
    assert engine["traits"]["prefix_caching"] is True
    assert (
        "prefix caching is on, which the rules prohibit" in (result["not_submission_grade_because"])
    )
