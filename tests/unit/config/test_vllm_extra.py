"""engine.vllm.extra: any setting of vLLM's by its own name, but those that are the harness's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sut.config.keys import values_of
from sut.config.resolved import read_resolved
from sut.config.vllm_extra import EXTRA, GOVERNED, OURS, WHEN_AND_WHERE, refused
from sut.config.vllm_options import VllmConfig
from sut.engines.vllm.args import engine_arguments
from sut.engines.vllm.launch import executor_argument
from sut.errors import ConfigError
from sut.machine.source_fields import fields_in_source
from sut.report.plan_text import render_plan
from sut.result.alike import configuration_facts, differences
from tests.unit.config.support import loaded, written

FILE = """engine:
  vllm:
    extra:
      long_prefill_token_threshold: 256
      compilation_config:
        cudagraph_capture_sizes: [1, 2, 4]
"""
MLPERF = ("--profile", "mlperf", "--dataset", "synthetic", "--system", "cpu-dummy")
INSTALLED = fields_in_source("vllm", "engine/arg_utils.py", ("EngineArgs", "AsyncEngineArgs"))


def refusal(*flags: str) -> ConfigError:
    with pytest.raises(ConfigError) as found:
        loaded(*flags)
    assert found.value.exit_code == 2
    assert "\n" not in str(found.value)
    return found.value


def given(name: str, value: Any = 1) -> tuple[str, str]:
    return "--set", f"engine.vllm.extra.{name}={value}"


def test_names_of_vllm_reach_its_arguments_and_each_knows_its_origin(tmp_path: Path) -> None:
    path = written(tmp_path, FILE)
    found = loaded("--config", path, *given("watermark", 0.01), *given("numa_bind", "true"))
    assert found.config.engine.vllm.extra == {
        "long_prefill_token_threshold": 256,
        "compilation_config": {"cudagraph_capture_sizes": [1, 2, 4]},
        "watermark": 0.01,
        "numa_bind": True,
    }
    arguments = engine_arguments(found.config.engine.vllm, model_path="m", max_model_len=9)
    assert arguments["compilation_config"] == {"cudagraph_capture_sizes": [1, 2, 4]}
    assert arguments["watermark"] == 0.01
    assert arguments["max_model_len"] == 9
    assert found.origins[f"{EXTRA}compilation_config.cudagraph_capture_sizes"] == f"{path}:6"
    shown = render_plan(found, [])
    assert "engine.vllm.extra.watermark " in shown
    assert f"--set {EXTRA}watermark" in shown


def test_a_later_source_takes_the_place_of_a_part_and_of_the_whole(tmp_path: Path) -> None:
    path = ("--config", written(tmp_path, FILE))
    part = "compilation_config.cudagraph_capture_sizes"
    sizes = loaded(*path, *given(part, "[8]")).config.engine.vllm.extra
    assert sizes["compilation_config"] == {"cudagraph_capture_sizes": [8]}
    beside = loaded(*path, *given("compilation_config", "{cudagraph_mode: NONE}"))
    assert beside.config.engine.vllm.extra["compilation_config"] == {
        "cudagraph_capture_sizes": [1, 2, 4],
        "cudagraph_mode": "NONE",
    }
    whole = loaded(*path, *given("compilation_config", 3)).config.engine.vllm.extra
    assert whole["compilation_config"] == 3


def test_what_another_process_resolved_is_the_same(tmp_path: Path) -> None:
    first = loaded("--config", written(tmp_path, FILE))
    document = {"config": first.config.model_dump(mode="json"), "origins": first.origins}
    again = read_resolved(Path(written(tmp_path, json.dumps(document), "config.json")))
    assert again.config == first.config
    assert values_of(again.config) == values_of(first.config)


@pytest.mark.parametrize(("name", "key"), OURS.items())
def test_a_name_that_a_key_of_ours_sets_names_the_key(name: str, key: str) -> None:
    found = refusal(*given(name))
    assert f"engine.vllm.extra.{name} is 1, but {key} sets it." in found.message
    assert found.where == f"--set engine.vllm.extra.{name}"
    assert found.remedy == f"Set {key}."


@pytest.mark.parametrize("name", sorted(GOVERNED))
def test_what_rules_and_traits_govern_is_refused_in_every_profile(name: str) -> None:
    found = refusal(*given(name))
    assert found.message == f"engine.vllm.extra.{name} is 1, {GOVERNED[name]}."
    assert found.remedy == "Leave it out."


def test_a_part_of_what_is_governed_is_governed() -> None:
    assert "guessed ahead" in refusal(*given("speculative_config.method", "ngram")).message


def test_a_name_that_vllm_does_not_have_is_refused_with_the_nearest(tmp_path: Path) -> None:
    path = written(tmp_path, FILE.replace("threshold: 256", "treshold: 256"))
    found = refusal("--config", path)
    assert "engine.vllm.extra.long_prefill_token_treshold is 256, but vllm" in found.message
    assert found.message.endswith("has no setting of this name.")
    assert found.where == f"{path}:4"
    assert found.remedy == "The nearest is long_prefill_token_threshold."


def test_no_name_is_unknown_where_vllm_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sut.config.vllm_extra._fields", frozenset)
    assert loaded(*given("of_a_later_vllm")).config.engine.vllm.extra == {"of_a_later_vllm": 1}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("long_prefill_token_threshold", 256),
        ("block_size", 32),
        ("numa_bind", "true"),
        ("compilation_config", "{cudagraph_capture_sizes: [1, 2]}"),
        ("scheduler_cls", "vllm.v1.core.sched.scheduler.Scheduler"),
    ],
)
def test_the_mlperf_profile_takes_what_decides_when_and_where(name: str, value: Any) -> None:
    assert name in loaded(*MLPERF, *given(name, value)).config.engine.vllm.extra


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # Code of one's own, by every door that vLLM has for it.
        ("scheduler_cls", "mine.Scheduler"),
        ("scheduler_cls", "vllm_mine.Scheduler"),
        ("compilation_config.backend", "mine.compile"),
        ("compilation_config.inductor_passes", "{mine: mine.pass}"),
        ("compilation_config", "3"),
        ("compilation_config", '\'{"backend": "mine"}\''),
        # A door that a mapping in place of a value would open.
        ("block_size", "{}"),
        # Not known to be harmless.
        ("attention_config.use_prefill_query_quantization", "true"),
        ("max_num_scheduled_tokens", 1),
        ("max_num_queued_reqs", 1),
        ("optimization_level", 3),
    ],
)
def test_the_mlperf_profile_refuses_what_is_on_no_list(name: str, value: str) -> None:
    assert loaded(*given(name, value)).config.engine.vllm.extra, "the quick profile takes it"
    found = refusal(*MLPERF, *given(name, value))
    assert found.message.startswith(f"engine.vllm.extra.{name}")
    assert "does not know to leave answers alone" in found.message


def test_a_record_is_judged_by_what_is_written_here_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by what is installed: the same folder gives the same result everywhere."""
    from sut.config.held import broken
    from sut.config.rounds import load_round

    config = loaded(*MLPERF).config
    own = config.engine.vllm.model_copy(update={"extra": {"spec_tokens": 3, "dtype": "half"}})
    changed = config.model_copy(update={"engine": config.engine.model_copy(update={"vllm": own})})
    monkeypatch.setattr("sut.config.vllm_extra._fields", lambda: pytest.fail("asked"))
    assert [each.key for each in broken(changed, load_round(config.round))] == [
        f"{EXTRA}spec_tokens",
        f"{EXTRA}dtype",
    ]


def test_every_argument_that_the_harness_gives_is_among_its_own() -> None:
    vllm = VllmConfig(tensor_parallel_size=2, attention_backend="FLASH_ATTN")
    ours = {*engine_arguments(vllm, model_path="m", max_model_len=1), "additional_config"}
    ours |= {"distributed_executor_backend", *executor_argument(False)}
    assert ours <= OURS.keys() | GOVERNED.keys()
    assert {name for name, key in OURS.items() if key.startswith("engine.vllm.")} <= (
        VllmConfig.model_fields.keys()
    )


@pytest.mark.skipif(not INSTALLED, reason="vLLM is not installed")
def test_the_tables_name_what_vllm_has() -> None:
    tabled = {name.partition(".")[0] for name in (*OURS, *GOVERNED, *WHEN_AND_WHERE)}
    assert tabled - INSTALLED == set()
    assert not WHEN_AND_WHERE & (OURS.keys() | GOVERNED.keys())


def test_nothing_of_vllm_is_imported() -> None:
    code = (
        "import sys; from tests.unit.config.support import loaded; "
        "loaded('--set', 'engine.vllm.extra.watermark=0.1'); "
        "print([name for name in ('vllm', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "[]\n"


def test_nothing_is_said_of_an_engine_without_them() -> None:
    assert list(refused({}, strict=True)) == []
    assert loaded("--engine", "null", *given("dtype")).config.engine.kind == "null"


def test_nodes_must_agree_in_them_and_records_of_before_have_none() -> None:
    ours = loaded(*given("watermark", 0.01)).config.model_dump(mode="json")
    theirs = loaded().config.model_dump(mode="json")
    of_before = json.loads(json.dumps(theirs))
    del of_before["engine"]["vllm"]["extra"]
    found = {"a": ours, "b": theirs, "c": of_before}
    parties = {name: configuration_facts(each, ("origins",)) for name, each in found.items()}
    (difference,) = differences(parties)
    assert difference.key == "engine.vllm.extra"
    assert [names for _, names in difference.values] == [("a",), ("b", "c")]
