"""Settings of the engine that differ between scenarios: who says them, and what comes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sut.config.keys import values_of
from sut.config.names import Scenario
from sut.config.resolved import read_resolved
from sut.config.sources import Loaded
from sut.errors import ConfigError
from sut.plan.run_id import run_ids
from sut.report.plan_text import plan_document, render_plan
from sut.result.alike import configuration_facts, differences
from tests.unit.config.support import loaded, written

KEY = "engine.vllm.max_num_batched_tokens"
SYSTEM = """default_model: smollm2-135m
system:
  name: own
  platform: cpu
engine:
  vllm:
    max_num_batched_tokens: 2048
by_scenario:
  Server:
    engine.vllm.max_num_batched_tokens: 512
  Interactive:
    engine:
      vllm:
        max_num_batched_tokens: 256
"""


@pytest.fixture
def system(tmp_path: Path) -> tuple[str, str]:
    return "--system", written(tmp_path, SYSTEM)


def tokens(found: Loaded) -> dict[str, int]:
    return {each: found.config.of(each).engine.vllm.max_num_batched_tokens for each in Scenario}


def test_a_system_says_them_in_two_spellings(system: tuple[str, str]) -> None:
    found = loaded(*system)
    assert tokens(found) == {
        "Offline": 2048, "Server": 512, "Interactive": 256, "SingleStream": 2048
    }  # fmt: skip
    assert found.origins[f"by_scenario.Server.{KEY}"] == f"{system[1]}:10"
    assert found.origins[f"by_scenario.Interactive.{KEY}"] == f"{system[1]}:14"
    assert values_of(found.config)[f"by_scenario.Server.{KEY}"] == 512


def test_a_later_source_for_all_wins_over_an_earlier_one_for_a_scenario(
    system: tuple[str, str], tmp_path: Path
) -> None:
    flag = loaded(*system, "--set", f"{KEY}=1024")
    assert set(tokens(flag).values()) == {1024}
    assert flag.config.by_scenario == {}
    file = written(tmp_path, f"by_scenario:\n  Server:\n    {KEY}: 128\n", "user.yaml")
    assert tokens(loaded(*system, "--config", file))["Server"] == 128
    over = loaded(*system, "--config", file, "--set", f"{KEY}=1024")
    assert tokens(over)["Server"] == 1024


def test_within_a_source_a_scenario_wins_whatever_the_order() -> None:
    one, all_ = ("--set", f"by_scenario.Server.{KEY}=512"), ("--set", f"{KEY}=1024")
    for flags in ((*one, *all_), (*all_, *one)):
        found = tokens(loaded(*flags))
        assert (found["Server"], found["Offline"]) == (512, 1024)


def test_other_settings_of_the_section_stay(system: tuple[str, str]) -> None:
    found = loaded(*system, "--set", "engine.vllm.max_num_seqs=7").config
    assert found.of(Scenario.SERVER).engine.vllm.max_num_seqs == 7
    assert found.of(Scenario.SERVER).server == found.server


def test_equal_settings_share_a_start_and_unequal_ones_do_not(system: tuple[str, str]) -> None:
    asked = ("--scenario", "Server,Offline,SingleStream", "--mode", "both")
    assert loaded(*asked).config.engine_starts() == [("Server", "Offline", "SingleStream")]
    found = loaded(*system, *asked).config
    assert found.engine_starts() == [("Server",), ("Offline", "SingleStream")]
    same = loaded(
        "--set", f"by_scenario.Server.{KEY}={loaded().config.engine.vllm.max_num_batched_tokens}"
    )
    assert len(same.config.engine_starts()) == 1


def test_the_runs_are_made_engine_by_engine(system: tuple[str, str]) -> None:
    found = loaded(*system, "--scenario", "Offline,Server,SingleStream").config
    assert [run.scenario for run in run_ids(found)] == ["Offline", "SingleStream", "Server"]


def test_the_plan_says_how_many_engines_and_where_each_value_is_from(
    system: tuple[str, str],
) -> None:
    found = loaded(*system)
    text = render_plan(found, [])
    assert (
        "2 engines, one after the other, because their settings differ: 1 for Offline; 2 for Server"
    ) in text
    (line,) = (each for each in text.splitlines() if f"by_scenario.Server.{KEY}" in each)
    assert line.split()[1:] == ["512", f"{system[1]}:10"]
    assert plan_document(found, [])["engine_starts"] == [("Offline",), ("Server",)]
    assert "engines, one after the other" not in render_plan(loaded(), [])


@pytest.mark.parametrize(
    ("key", "value", "said", "remedy"),
    [
        ("by_scenario.Srver.engine.vllm.seed", 1, "a scenario's name", "The scenarios are Offline"),
        ("by_scenario.Server", 1, "a scenario's name", "The scenarios are Offline"),
        ("by_scenario.Server.offline.target_qps", 1, "only the engine's own", "in all of them"),
        ("by_scenario.Server.engine.kind", "null", "only the engine's own", "in all of them"),
        ("by_scenario.Server.generation.max_tokens", 1, "only the engine's own", "in all of them"),
        ("by_scenario.Server.engine.vllm.sed", 1, "no such key", "engine.vllm.seed"),
        ("by_scenario.Server.engine.vllm.seed", "abc", "valid integer", ""),
        ("by_scenario.Server.engine.vllm.seed", "true", "not a yes or no", ""),
        (f"by_scenario.Server.{KEY}", 1, "must be at least engine.vllm.max_num_seqs", ""),
        ("by_scenario.Server.engine.vllm.extra.trust_remote_code", "true", "nobody recorded", ""),
        ("by_scenario.Server.engine.vllm.extra.max_num_seqs", 1, "sets it", ""),
    ],
)
def test_what_cannot_differ_or_is_wrong_names_its_place(
    key: str, value: object, said: str, remedy: str
) -> None:
    with pytest.raises(ConfigError) as found:
        loaded("--set", f"{key}={value}")
    assert said in found.value.message
    assert found.value.where == f"--set {key}"
    assert remedy in (found.value.remedy or "")
    assert found.value.exit_code == 2


def test_the_mlperf_profile_holds_each_scenario_to_the_same_list() -> None:
    asked = ("--profile", "mlperf", "--dataset", "synthetic", "--system", "cpu-dummy")
    extra = "by_scenario.Server.engine.vllm.extra"
    assert loaded(*asked, "--set", f"{extra}.watermark=0.1").config.by_scenario
    with pytest.raises(ConfigError, match="does not know to leave answers alone"):
        loaded(*asked, "--set", f"{extra}.optimization_level=3")


def test_what_another_process_resolved_is_the_same(system: tuple[str, str], tmp_path: Path) -> None:
    first = loaded(*system)
    document = {"config": first.config.model_dump(mode="json"), "origins": first.origins}
    again = read_resolved(Path(written(tmp_path, json.dumps(document), "config.json")))
    assert again.config == first.config
    assert again.config.engine_starts() == first.config.engine_starts()


def test_nodes_must_agree_in_them_and_records_of_before_have_none(
    system: tuple[str, str],
) -> None:
    found = {"a": loaded(*system), "b": loaded(*system, "--set", f"{KEY}=2048")}
    documents = {name: each.config.model_dump(mode="json") for name, each in found.items()}
    documents["c"] = {key: value for key, value in documents["b"].items() if key != "by_scenario"}
    (difference,) = differences(
        {name: configuration_facts(each) for name, each in documents.items()}
    )
    assert difference.key == "by_scenario"
    assert [names for _, names in difference.values] == [("a",), ("b", "c")]
