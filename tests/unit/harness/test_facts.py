from __future__ import annotations

from pathlib import Path

import pytest

from sut.config.engine_traits import EngineTraits
from sut.config.schema import SystemConfig
from sut.engines.base import EngineInfo
from sut.errors import EngineStartError
from sut.harness import facts as session_module
from sut.harness.facts import agreed_sha256, engine_facts, notes, software_facts
from sut.machine.hardware import hardware, software
from sut.record.facts import EngineFacts, HardwareFacts, SoftwareFacts
from sut.record.folder import sha256_of
from tests.unit.config.support import loaded, weights
from tests.unit.result.sessions import make_config, make_session_facts


def info(sha256: str | None) -> EngineInfo:
    return EngineInfo("vllm", 2, {}, {}, EngineTraits(), model_sha256=sha256)


def test_the_checksum_is_that_of_the_weights_that_answer() -> None:
    assert agreed_sha256(info(None), "here") == "here"
    assert agreed_sha256(info("there"), None) == "there", "a control node may have no weights"
    assert agreed_sha256(info("same"), "same") == "same"
    assert agreed_sha256(info(None), None) is None


def test_other_weights_on_the_replicas_are_refused() -> None:
    with pytest.raises(EngineStartError, match="not those of this machine"):
        agreed_sha256(info("there"), "here")


def test_settings_that_nobody_measured_are_a_note_and_no_reason_against_a_run(
    tmp_path: Path,
) -> None:
    config = make_config(("server",))
    assert notes(config, tmp_path) == []
    unmeasured = config.model_copy(update={"system": SystemConfig(name="a30-bf16")})
    (said,) = notes(unmeasured, tmp_path)
    assert "a30-bf16" in said


def facts_of(folder: Path, path: str | None = "answered") -> EngineFacts:
    return engine_facts(
        EngineInfo("vllm", 1, {}, {}, EngineTraits(), model_path=path), 1.0, folder, None
    )


def test_a_session_records_whose_config_json_the_weights_have(tmp_path: Path) -> None:
    own = Path(weights(tmp_path / "own"))
    other = Path(weights(tmp_path / "other", hidden_size=2048))
    assert facts_of(own).model_recognised == "llama3.1-8b"
    assert facts_of(own).model_config_sha256 == sha256_of(own / "config.json")
    assert facts_of(other).model_recognised is None
    assert facts_of(other).model_config_sha256 == sha256_of(other / "config.json")
    assert facts_of(tmp_path).model_config_sha256 is None, "a folder without one"
    assert facts_of(own, path=None).model_recognised is None, "a null engine has no weights"
    assert facts_of(own, path=None).model_config_sha256 is None


def test_weights_that_are_not_taken_for_official_are_a_note(tmp_path: Path) -> None:
    folder = weights(tmp_path / "base", eos_token_id=128001)
    flags = ("--system", "a30-bf16", "--set", "system.measured=true")
    said = notes(loaded(*flags, "--set", f"model.path={folder}").config, tmp_path)
    assert said == [
        f"the weights are not taken for llama3.1-8b's own: {folder}/config.json is not that of "
        "llama3.1-8b: eos_token_id is 128001, not [128001, 128008, 128009]"
    ]
    assert notes(loaded(*flags).config, tmp_path) == []
    assert notes(loaded(*flags, "--model", folder).config, tmp_path) == []


def engine_on(*software: dict[str, str | None] | None) -> EngineFacts:
    """With a replica on each of so many nodes, which tell of their software or do not."""
    places = [
        {"node_id": str(number), "host": f"host{number}", "gpu_uuids": []}
        | ({} if told is None else {"software": told})
        for number, told in enumerate(software)
    ]
    return EngineFacts.model_validate(
        make_session_facts()["engine"] | {"details": {"replicas": places}}
    )


def test_what_is_found_of_a_machine_is_what_a_session_holds() -> None:
    assert HardwareFacts.model_validate(hardware()).cpu_threads_usable > 0
    assert SoftwareFacts.model_validate(software()).python


def test_the_engines_versions_are_those_of_the_nodes_that_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = HardwareFacts.model_validate(make_session_facts()["hardware"])
    control = make_session_facts()["software"] | {"engine_package": None}
    monkeypatch.setattr(session_module, "software", lambda: dict(control))
    theirs = control | {"engine_package": "vllm 0.32.0", "torch": "2.13", "loadgen": "other"}
    newer = theirs | {"engine_package": "vllm 0.33.0"}

    found = software_facts(here, engine_on(theirs, theirs))
    assert (found.engine_package, found.torch) == ("vllm 0.32.0", "2.13")
    assert found.loadgen == control["loadgen"], "LoadGen runs here"
    assert software_facts(here, engine_on(theirs, newer)).engine_package == (
        "vllm 0.32.0, vllm 0.33.0"
    )
    assert software_facts(here, engine_on(None)).engine_package is None
    assert software_facts(here, None).engine_package is None
    told = engine_on(None).model_copy(update={"traits": EngineTraits(package="mine 1.0")})
    assert software_facts(here, told).engine_package == "mine 1.0", "the engine knows best"
    monkeypatch.setattr(session_module, "software", lambda: dict(newer))
    assert software_facts(here, engine_on(None)).engine_package == "vllm 0.33.0"
