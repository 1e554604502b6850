"""A resolved file, and a configuration made by a library's call: held to the rules of any other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sut.config.resolved import read_resolved
from sut.config.schema import RunConfig
from sut.config.sources import Loaded
from sut.errors import ConfigError
from tests.unit.config.support import loaded, weights
from tests.unit.result.sessions import make_config

MLPERF = ("--profile", "mlperf", "--system", "cpu-dummy")


def file_of(config: RunConfig, folder: Path, **changes: Any) -> Path:
    """A resolved file, and of each section named the fields that are changed."""
    document = {"config": config.model_dump(mode="json"), "origins": {"profile": "flag"}}
    for section, fields in changes.items():
        if isinstance(fields, dict):
            document["config"][section] |= fields
        else:
            document["config"][section] = fields
    path = folder / "resolved.json"
    path.write_text(json.dumps(document))
    return path


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    config = make_config(("server",))
    found = read_resolved(file_of(config, tmp_path))
    assert found.config == config
    assert found.origins == {"profile": "flag"}
    sealed = loaded(*MLPERF).config
    assert read_resolved(file_of(sealed, tmp_path)).config == sealed


BAD: list[tuple[dict[str, Any], str]] = [
    ({"generation": {"max_tokens": 16}}, "generation.max_tokens is 16, but the mlperf profile"),
    ({"offline": {"min_duration_s": 1}}, "offline.min_duration_s is 1.0, but the mlperf profile"),
    ({"server": {"ttft_limit_ms": 9000}}, "server.ttft_limit_ms is 9000.0, but the mlperf"),
    ({"dataset": {"max_samples": 10}}, "dataset.max_samples is 10, but the mlperf profile"),
    ({"validity": {"min_success_rate": 0.5}}, "validity.min_success_rate is 0.5, but the mlperf"),
    ({"warmup": {"queries": 0}}, "warmup.queries is 0, but the mlperf profile asks for 10"),
    ({"model": {"loadgen_model": "other"}}, "model.loadgen_model is other, but LoadGen knows"),
    ({"model": {"official": True}}, "model.official is true, but"),
    ({"dataset": {"source": "sample"}}, "dataset.source is sample, but the mlperf profile"),
    ({"round": "v5.0"}, "round v5.0 has no benchmark llama3.1-8b"),
    ({"scenarios": ["Server", "Server"]}, "which names one twice"),
    ({"engine": {"start_timeout_s": -1}}, "engine.start_timeout_s is -1"),
    ({"generation": {"max_tokens": "many"}}, "generation.max_tokens is many, must be a valid"),
    ({"generation": {"max_tokens": True}}, "generation.max_tokens is true, must be a number"),
    ({"generation": {"max_token": 128}}, "generation.max_token is 128, but there is no such key"),
    ({"server": 3}, "server is 3, but it is a section"),
    ({"engine": {"vllm": None}}, "engine.vllm is null, but it is a section"),
]


@pytest.mark.parametrize(("changes", "said"), BAD)
def test_what_any_other_way_refuses_it_refuses_and_names_the_file(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    path = file_of(loaded(*MLPERF).config, tmp_path, **changes)
    with pytest.raises(ConfigError) as refused:
        read_resolved(path)
    assert refused.value.where == str(path)
    assert said in refused.value.message
    assert refused.value.remedy
    assert refused.value.exit_code == 2


def test_every_fixed_value_is_held(tmp_path: Path) -> None:
    config = loaded(*MLPERF).config
    for section, field, value in (
        ("generation", "min_tokens", 0),
        ("dataset", "synthetic_count", 100),
        ("loadgen", "performance_sample_count", None),
        ("offline", "min_query_count", 1),
        ("interactive", "latency_percentile", 90.0),
        ("interactive", "tpot_limit_ms", 100.0),
        ("single_stream", "min_duration_s", 1.0),
    ):
        with pytest.raises(ConfigError, match=rf"{section}\.{field} is .* holds it at"):
            read_resolved(file_of(config, tmp_path, **{section: {field: value}}))


def test_a_field_that_is_missing_is_not_filled_with_a_default(tmp_path: Path) -> None:
    path = file_of(make_config(("server",)), tmp_path)
    document = json.loads(path.read_text())
    del document["config"]["engine"]["step_timeout_s"]
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigError, match=r"config\.engine\.step_timeout_s is missing") as refused:
        read_resolved(path)
    assert "same version" in str(refused.value.remedy)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"config": {}}', '{"config": {}, "origins": {"profile": 3}}', "[" * 100_000],
)
def test_what_is_no_resolved_configuration_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "resolved.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match="is not a resolved configuration"):
        read_resolved(path)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_resolved(tmp_path / "absent.json")


# -- a library's call -----------------------------------------------------------------------------


def changed(section: str, **fields: Any) -> Callable[[RunConfig], RunConfig]:
    """A copy as pydantic makes it: nothing in it is validated."""

    def change(config: RunConfig) -> RunConfig:
        part = getattr(config, section).model_copy(update=fields)
        return config.model_copy(update={section: part})

    return change


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (changed("generation", max_tokens=16), "max_tokens is 16, but the mlperf profile holds"),
        (
            changed("generation", max_tokens=-1),
            "max_tokens is -1, must be greater than or equal to 1",
        ),
        (changed("generation", max_tokens="many"), "max_tokens is many, must be a valid integer"),
        (changed("warmup", queries=True), "warmup.queries is true, must be a number"),
        (changed("warmup", queries=0), "asks for 10 at least"),
        (changed("model", official=True), "model.official is true, but"),
        (lambda config: config.model_copy(update={"profile": "fast"}), "profile is fast"),
        (lambda config: config.model_copy(update={"round": "v9.9"}), "round v9.9 is unknown"),
    ],
)
def test_none_makes_a_configuration_that_was_not_checked(
    change: Callable[[RunConfig], RunConfig], said: str
) -> None:
    found = loaded(*MLPERF)
    with pytest.raises(ConfigError) as refused:
        Loaded(change(found.config), found.origins)
    assert said in refused.value.message


def test_one_that_is_sound_is_taken_and_put_into_its_types(tmp_path: Path) -> None:
    found = loaded(*MLPERF)
    assert Loaded(found.config, {}).config == found.config
    text = changed("server", target_qps="8")(found.config)
    assert Loaded(text, {}).config.server.target_qps == 8.0
    own = loaded("--system", "a30-bf16", "--model", weights(tmp_path / "own"))
    assert Loaded(own.config, {}).config.model.official
