"""Engines of other packages: found by name, set by engine.options, each mistake one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sut.config.engine_kinds import EngineKind, builds_for, engine_kind, package_of
from sut.config.installed_engines import BUILT_IN, engine_names, registered_by
from sut.config.keys import values_of
from sut.config.resolved import read_resolved
from sut.config.schema import EngineConfig, RunConfig
from sut.errors import ConfigError
from sut.inputs.inputs import needs_driver
from sut.report.plan_text import render_plan
from tests.unit.config.support import loaded, written

PACED = Path(__file__).resolve().parents[2] / "data" / "paced-engine"
ENGINE = ("--engine", "paced")


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package of the paced engine, as pip would have put it there."""
    monkeypatch.syspath_prepend(str(PACED))


def package(folder: Path, name: str, entry: str, code: str) -> None:
    """A package that registers an engine."""
    described = folder / f"{name.replace('-', '_')}-2.0.dist-info"
    described.mkdir(parents=True)
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.0\n")
    (described / "entry_points.txt").write_text(f"[sut.engines]\n{entry}\n")
    (folder / f"{name.replace('-', '_')}.py").write_text(code)


def refusal(*flags: str) -> ConfigError:
    with pytest.raises(ConfigError) as refused:
        loaded(*flags)
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)
    return refused.value


def test_ours_are_there_without_any_package() -> None:
    assert engine_names() == ["vllm", "null"]
    for name in BUILT_IN:
        assert isinstance(engine_kind(name), EngineKind)
    assert package_of("null") is None
    assert builds_for("null", "cpu") == ()
    assert builds_for("vllm", "cuda") == ("vllm",)


@pytest.mark.usefixtures("_installed")
def test_an_engine_of_another_package_is_found_by_its_name() -> None:
    assert engine_names() == ["vllm", "null", "paced"]
    assert engine_kind("paced").options().planned().max_batch_sequences == 8
    assert registered_by("paced") == package_of("paced") == "paced-engine 1.0"
    assert builds_for("paced", "cpu") == builds_for("paced", "cuda") == ("paced-engine",)


def test_an_unknown_engine_is_one_sentence_with_those_installed() -> None:
    error = refusal("--engine", "nulll")
    assert error.message == ("engine.kind is nulll, but the engines installed here are vllm, null.")
    assert (error.where, error.remedy) == ("--engine", "The nearest is null.")
    assert refusal("--engine", "zzz").remedy == "Install its package."


@pytest.mark.usefixtures("_installed")
def test_the_driver_that_vllms_build_needs_is_asked_of_no_other_engine() -> None:
    assert needs_driver(loaded("--system", "a30-bf16").config)
    assert not needs_driver(loaded("--system", "cpu").config)
    for name in ("null", "paced"):
        assert not needs_driver(loaded("--system", "a30-bf16", "--engine", name).config)


@pytest.mark.usefixtures("_installed")
def test_options_come_from_every_source_and_are_of_their_types(tmp_path: Path) -> None:
    file = written(tmp_path, "engine:\n  kind: paced\n  options:\n    at_once: 3\n    tokens: 9\n")
    found = loaded("--config", file, "--set", "engine.options.at_once=5")
    assert found.config.engine.options == {"pace_ms": 1.0, "at_once": 5, "tokens": 9}
    assert found.origins["engine.options.at_once"] == "--set engine.options.at_once"
    assert found.origins["engine.options.tokens"] == f"{file}:5"
    assert found.config.engine.planned().max_batch_sequences == 5
    assert found.config.engine.key_of("max_batch_sequences") == "engine.options.at_once"
    assert values_of(found.config)["engine.options.pace_ms"] == 1.0
    text = render_plan(found, [])
    assert "engine.options.at_once" in text
    assert "not submittable: the quick profile is not submission-grade;" in text
    assert "the paced engine answers without a model" in text


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize(
    ("setting", "said", "remedy"),
    [
        (
            "engine.options.at_onc=5",
            "engine.options.at_onc is 5, but engine paced has no such option.",
            "The nearest is engine.options.at_once.",
        ),
        (
            "engine.options.at_once=many",
            "engine.options.at_once is many, must be a valid integer.",
            None,
        ),
        (
            "engine.options.at_once=0",
            "engine.options.at_once is 0, must be greater than 0.",
            None,
        ),
        (
            "engine.options.at_once=true",
            "engine.options.at_once is true, must be a number or text, not a yes or no.",
            None,
        ),
        (
            "engine.options=5",
            "engine.options is 5, but it is a section.",
            "Set one of the engine's own, as engine.options.NAME.",
        ),
    ],
)
def test_a_bad_option_is_one_sentence(setting: str, said: str, remedy: str | None) -> None:
    error = refusal(*ENGINE, "--set", setting)
    assert (error.message, error.remedy) == (said, remedy)
    assert error.where == f"--set {setting.partition('=')[0]}"


@pytest.mark.usefixtures("_installed")
def test_a_bad_option_in_a_file_names_the_line(tmp_path: Path) -> None:
    file = written(tmp_path, "engine:\n  kind: paced\n  options:\n    pace_ms: -1\n")
    error = refusal("--config", file)
    assert error.message.startswith("engine.options.pace_ms is -1, must be greater than or equal")
    assert error.where == f"{file}:4"


def test_options_are_refused_where_the_engine_has_a_section() -> None:
    error = refusal("--engine", "null", "--set", "engine.options.token=3")
    assert error.message == (
        "engine.options.token is 3, but engine null has its settings in engine.null."
    )
    assert error.remedy == "The nearest is engine.null.tokens."


@pytest.mark.usefixtures("_installed")
def test_a_resolved_configuration_is_read_as_it_was_written(tmp_path: Path) -> None:
    found = loaded(*ENGINE, "--set", "engine.options.at_once=5")
    file = tmp_path / "resolved.json"
    document = {"config": found.config.model_dump(mode="json"), "origins": found.origins}
    file.write_text(json.dumps(document))
    assert read_resolved(file).config == found.config
    document["config"]["engine"]["options"]["at_once"] = 0
    file.write_text(json.dumps(document))
    with pytest.raises(ConfigError, match="at_once is 0, must be greater than 0") as refused:
        read_resolved(file)
    assert refused.value.where == str(file)


def test_a_configuration_is_read_where_its_engine_is_not_installed() -> None:
    engine = EngineConfig(kind="paced", options={"at_once": 5})
    assert RunConfig.model_validate(
        loaded("--engine", "null").config.model_dump() | {"engine": engine.model_dump()}
    ).engine.options == {"at_once": 5}
    assert engine.own is None
    assert engine.planned().weights is None, "nothing is known of it"
    assert engine.key_of("dtype") is None


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise RuntimeError('no card')", "cannot be loaded: RuntimeError: no card"),
        ("KIND = 7", "is a int, must be an EngineKind"),
        ("", "cannot be loaded: AttributeError: "),
    ],
    ids=["it fails", "something else", "nothing"],
)
def test_a_package_that_does_not_load_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, said: str
) -> None:
    name = f"broken{len(code)}"
    package(tmp_path, name, f"broken = {name}:KIND", code)
    monkeypatch.syspath_prepend(str(tmp_path))
    error = refusal("--engine", "broken")
    assert f"engine broken of {name} 2.0 {said}" in error.message
    assert error.remedy == f"Mend or uninstall {name} 2.0, or name another engine."


@pytest.mark.usefixtures("_installed")
def test_two_packages_of_one_name_are_both_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(tmp_path, "other-pace", "paced = other_pace:KIND", "")
    monkeypatch.syspath_prepend(str(tmp_path))
    both = "other-pace 2.0 and paced-engine 1.0 both have"
    assert refusal(*ENGINE).message == f"engine.kind is paced, which {both}."


def test_another_package_does_not_take_one_of_our_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package(tmp_path, "impostor", "null = impostor:KIND", "raise RuntimeError")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert engine_names() == ["vllm", "null"]
    assert registered_by("null") is None
    assert engine_kind("null").options is not None
