"""Each condition of validity: a whole run passes it, one broken fact fails it and it alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sut.config.rounds import Round
from sut.result.build import build
from sut.result.schema import ScenarioResult
from sut.rules.sealed import SEALED_CHECK
from tests.unit.result.sessions import (
    SETTINGS,
    dump,
    edit,
    make_config,
    make_round,
    make_session,
)
from tests.unit.rules.breakages import BREAKAGES, EVALUATED, Change, config_json

FOLDERS = {
    "offline": "Offline/performance",
    "server": "Server/performance",
    "server_with_errors": "Server/performance",
    "interactive": "Interactive/performance",
    "singlestream": "SingleStream/performance",
    "accuracy": "Offline/accuracy",
}


def judged(root: Path, name: str, rules: Round | None = None) -> ScenarioResult:
    result = build(root, rules or make_round())
    runs = result.accuracy_runs if name == "accuracy" else result.scenarios
    (run,) = runs.values()
    assert run.valid == (not run.reasons)
    assert result.valid is run.valid
    return run


def failed(run: ScenarioResult) -> list[str]:
    return [each.name for each in run.checks if not each.passed]


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_a_whole_run_passes_every_check(tmp_path: Path, name: str) -> None:
    run = judged(make_session(tmp_path, name), name)
    assert failed(run) == []
    assert len(run.checks) > 20
    assert run.valid


@pytest.mark.parametrize(("name", "change", "expected"), BREAKAGES)
def test_one_broken_fact_fails_its_check(
    tmp_path: Path, name: str, change: Change, expected: list[str]
) -> None:
    root = make_session(tmp_path, name)
    change(root / FOLDERS[name])
    run = judged(root, name)
    assert sorted(failed(run)) == sorted(expected)
    assert len(run.reasons) == len(expected)


def test_every_named_check_of_a_whole_run_was_seen_to_fail(tmp_path: Path) -> None:
    names = {each for _, _, expected in BREAKAGES for each in expected}
    for each in FOLDERS:
        for made in judged(make_session(tmp_path / each, each), each).checks:
            generic = {"effective_scenario", *SETTINGS, *EVALUATED, "prefix_cache_hit_tokens"}
            if made.name not in generic and made.name not in names:
                # The same check under the other recording's percentile.
                assert made.name.replace("P99", "P95") in names, made.name


def test_another_scenarios_log_is_refused(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    edit(root / FOLDERS["server"] / "run.json", scenario="Offline")
    path = root / "config.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["config"]["scenarios"] = ["Offline"]
    dump(path, document)
    assert "effective_scenario" in failed(judged(root, "server"))


def test_limits_are_strict(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    config_json("server", ttft_limit_ms=3.175953, latency_percentile=99)(root / FOLDERS["server"])
    assert "TTFT P99" in failed(judged(root, "server"))
    config_json("server", ttft_limit_ms=3.175954)(root / FOLDERS["server"])
    assert "TTFT P99" not in failed(judged(root, "server"))


def test_a_percentile_loadgen_does_not_print_rests_on_its_flag(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    config_json("server", latency_percentile=80)(root / FOLDERS["server"])
    run = judged(root, "server")
    assert failed(run) == []
    assert [each.measured for each in run.checks if each.name.startswith("TTFT P80")] == [True]


@pytest.mark.parametrize("counters", [{}, {"prefix_cache_hit_tokens": None}])
def test_an_engine_that_does_not_count_its_cache_hits_proves_nothing(
    tmp_path: Path, counters: dict[str, float | None]
) -> None:
    root = make_session(tmp_path, "server")
    edit(root / FOLDERS["server"] / "run.json", engine_counters=counters)
    assert failed(judged(root, "server")) == ["prefix_cache_hit_tokens"]


def test_mlperf_profile_relaxes_nothing(tmp_path: Path) -> None:
    run = judged(make_session(tmp_path, "server_with_errors", profile="mlperf"), "server")
    assert failed(run) == [
        "duration",
        "minimum duration asked of LoadGen",
        "success rate",
        "LoadGen errors",
        SEALED_CHECK,
    ]
    assert [each.name for each in run.checks if each.name.startswith("TTFT P")] == ["TTFT P99"]
    limits = {each.name: each.limit for each in run.checks}
    assert limits["duration"] == 600
    assert limits["success rate"] == 1.0


def test_mlperf_profile_asks_for_the_rounds_sample_count(tmp_path: Path) -> None:
    run = judged(make_session(tmp_path, "offline", profile="mlperf"), "offline")
    assert failed(run) == [
        "duration",
        "minimum duration asked of LoadGen",
        "samples",
        SEALED_CHECK,
    ]
    assert {each.name: each.limit for each in run.checks}["samples"] == 13368


def test_mlperf_profile_holds_to_the_rounds_limits(tmp_path: Path) -> None:
    config = make_config(("interactive",)).interactive
    lax = config.model_copy(update={"ttft_limit_ms": 2000.0, "latency_percentile": 90.0})
    run = judged(
        make_session(tmp_path, "interactive", profile="mlperf", interactive=lax), "interactive"
    )
    limits = {each.name: each.limit for each in run.checks}
    assert limits["TTFT P99"] == 500


def test_an_unknown_round_fails_what_needs_it(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server", round="v9.9")
    result = build(root)
    (run,) = result.scenarios.values()
    assert failed(run) == [
        "effective_qsl_rng_seed",
        "effective_sample_index_rng_seed",
        "effective_schedule_rng_seed",
        "LoadGen release",
    ]
    assert not result.valid
    assert "round v9.9 is unknown" in result.reasons[0]
