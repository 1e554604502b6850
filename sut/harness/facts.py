"""What holds for every LoadGen run of one engine start, gathered for `session.json`."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from qsl.dataset import Dataset
from qsl.tokenizer import tokenizer_sha256
from sut.accuracy.registry import require_scorers
from sut.capacity.model_shape import ModelShape
from sut.capacity.numbers import quantised_to
from sut.config import model_files
from sut.config.installed_engines import registered_by
from sut.config.names import Mode, Scenario
from sut.config.official import disowned, recognise
from sut.config.schema import RunConfig
from sut.engines.base import EngineInfo
from sut.errors import ConfigError, DatasetError, EngineStartError
from sut.inputs.inputs import Inputs, check_cards
from sut.machine.devices import gpus
from sut.machine.hardware import hardware, software
from sut.machine.nvml import describe_cards
from sut.machine.variables import Variable
from sut.record.facts import (
    CardFacts,
    DatasetFacts,
    EngineFacts,
    HardwareFacts,
    ProbeFacts,
    RateProbeFacts,
    SessionFacts,
    SoftwareFacts,
    VariableFacts,
    WarmupFacts,
)
from sut.record.folder import SessionDir, sha256_of, write_atomic
from sut.record.nodes import nodes
from sut.record.quantize_record import QuantizeFacts, quantize_facts

STRAY_AUDIT = "audit.config"
# Versions that are the engine's, wherever it runs.
OF_ENGINE = ("engine_package", "torch", "transformers")


@dataclass(frozen=True)
class BeforeTheClock:
    """All that was found before LoadGen's first clock; nothing of an engine that did not start.

    Attributes:
        engine: its own word.
        warmup: how the first queries went.
        reuse_probe: None where nobody asked, or the engine hangs.
        cards: of this machine before the engine took their memory.
        rate_probe: what it does in a second, where a rate was auto.
        notes: what a reader is told of the rates.
    """

    engine: EngineFacts | None = None
    warmup: WarmupFacts | None = None
    reuse_probe: ProbeFacts | None = None
    cards: Sequence[CardFacts] = ()
    rate_probe: RateProbeFacts | None = None
    notes: Sequence[str] = field(default=())


@dataclass(frozen=True)
class Start:
    """One start of the engine, of several where scenarios have settings of their own.

    Attributes:
        number: from 1.
        scenarios: those that it answers.
        session_id: the same for all of a session.
    """

    number: int
    scenarios: tuple[Scenario, ...]
    session_id: str

    @classmethod
    def only(cls, scenario: Scenario) -> Start:
        """The one of a new session of one scenario."""
        return cls(1, (scenario,), secrets.token_hex(16))


def write_config(path: Path, config: RunConfig, origins: dict[str, str]) -> None:
    """`config.json`: the resolved configuration and where each value came from."""
    document = {"config": config.model_dump(mode="json"), "origins": origins}
    write_atomic(path, json.dumps(document, indent=2, sort_keys=True) + "\n")


def dataset_facts(dataset: Dataset) -> DatasetFacts:
    """The data set as it was loaded."""
    return DatasetFacts(
        name=dataset.name,
        source=dataset.source,
        path=str(dataset.path) if dataset.path else None,
        sha256=dataset.sha256,
        count=dataset.count,
        synthetic=dataset.synthetic,
        prompt_tokens_min=dataset.lengths.min,
        prompt_tokens_mean=dataset.lengths.mean,
        prompt_tokens_max=dataset.lengths.max,
    )


def agreed_sha256(info: EngineInfo, here: str | None) -> str | None:
    """The checksum of the weights that answer: by whoever read them, and the same here.

    Args:
        info: an engine on other nodes says what it read there.
        here: of the files on this machine; None where there are none.

    Raises:
        EngineStartError: the two differ.
    """
    if info.model_sha256 and here and info.model_sha256 != here:
        raise EngineStartError(
            f"the replicas' weights (SHA-256 {info.model_sha256[:12]}…) are not those of this "
            f"machine ({here[:12]}…).",
            remedy="Copy the same files to every node.",
        )
    return info.model_sha256 or here


def engine_facts(
    info: EngineInfo,
    start_s: float,
    model_path: Path,
    model_sha256: str | None,
    *,
    planned: Sequence[Variable] = (),
) -> EngineFacts:
    """The engine as it said it was when it became ready.

    Args:
        info: its own word.
        start_s: seconds from start to ready.
        model_path: the weights it was given.
        model_sha256: over their files.
        planned: the variables it was started with, for an engine that tells none.
    """
    described = (model_files.described(model_path) if info.model_path else None) or {}
    return EngineFacts(
        kind=info.kind,
        replicas=info.replicas,
        cards=info.cards,
        traits=info.traits,
        arguments=info.arguments,
        sampling=info.sampling,
        start_s=round(start_s, 3),
        model_path=str(model_path) if info.model_path else None,
        model_sha256=model_sha256 if info.model_path else None,
        model_recognised=_recognised(model_path) if info.model_path else None,
        model_config_sha256=_config_sha256(model_path) if info.model_path else None,
        model_shape=ModelShape.of_config(described),
        quantised_to=quantised_to(described),
        details=info.details,
        environment=[
            VariableFacts.model_validate(asdict(each))
            for each in (planned if info.variables is None else info.variables)
        ],
    )


def _recognised(folder: Path) -> str | None:
    own = recognise(folder)
    return None if own is None else own.name


def _config_sha256(folder: Path) -> str | None:
    with suppress(OSError):
        return sha256_of(folder / model_files.DESCRIPTION)
    return None


def _tokenizer_sha256(folder: Path) -> str | None:
    with suppress(DatasetError):  # a broken one costs no run that needs none
        return tokenizer_sha256(folder)
    return None


def record_of(folder: Path, engine: EngineFacts | None) -> QuantizeFacts | None:
    """The record of quantised weights, of those that answer and no others."""
    if engine is None or engine.model_sha256 is None:
        return None
    with suppress(ConfigError):  # a broken one costs no run: `submit` misses it
        return quantize_facts(folder, engine.model_sha256)
    return None


def software_facts(here: HardwareFacts, engine: EngineFacts | None) -> SoftwareFacts:
    """Versions in force: the engine's are those of the nodes that answer, where they tell.

    A control node needs no engine and may have another; nodes that differ are all named. An engine
    knows best which package it is of; of another package's the entry point tells.
    """
    versions = software()
    told = [node.software for node in nodes(here, engine) if node.software is not None]
    for name in OF_ENGINE:
        theirs = dict.fromkeys(getattr(each, name) for each in told)
        named = [version for version in theirs if version is not None]
        if named:
            versions[name] = ", ".join(named)
    if engine is not None and (own := engine.traits.package or registered_by(engine.kind)):
        versions["engine_package"] = own
    return SoftwareFacts.model_validate(versions)


def notes(config: RunConfig, working_directory: Path) -> list[str]:
    """What a reader of the result should know about the circumstances."""
    found = []
    other = disowned(config.model)
    if other is not None:
        found.append(other)
    found += _unmeasurable(config)
    if not config.system.measured and config.engine.planned().has_model:
        found.append(
            f"the settings of system {config.system.name} come from published facts; nobody here "
            "has measured them on that hardware"
        )
    if not config.engine.elsewhere and (driver := check_cards(config)):
        found.append(driver)
    if (working_directory / STRAY_AUDIT).exists():
        found.append(
            f"a file named {STRAY_AUDIT} lies in the working directory; it was not read: "
            "LoadGen was given an explicit path"
        )
    return found


def _unmeasurable(config: RunConfig) -> list[str]:
    """What this machine keeps an accuracy run from measuring."""
    if Mode.ACCURACY not in config.mode.modes:
        return []
    lacking = {
        name: why for scorer in require_scorers(config) for name, why in scorer.lacking.items()
    }
    return [
        f"{name} will not be measured and the accuracy verdict stays incomplete: {why}"
        for name, why in lacking.items()
        if config.model.official
    ]


def cards_before(config: RunConfig) -> list[CardFacts]:
    """The cards of this machine, before an engine takes their memory; none without any."""
    if config.system.platform != "cuda":
        return []
    found = describe_cards([gpu.uuid for gpu in gpus()])
    return [CardFacts.model_validate(each) for each in found]


def write_session(
    session: SessionDir,
    start: Start,
    config: RunConfig,
    inputs: Inputs,
    before: BeforeTheClock,
) -> SessionFacts:
    """`session.json`, or that of a later start."""
    here = HardwareFacts.model_validate(hardware())
    facts = SessionFacts(
        session_id=start.session_id,
        started_utc=datetime.now(UTC).isoformat(timespec="milliseconds"),
        timestamp=session.stamp,
        command=[word.encode("utf-8", "backslashreplace").decode() for word in sys.argv],
        hardware=here,
        software=software_facts(here, before.engine),
        dataset=dataset_facts(inputs.dataset),
        engine=before.engine,
        tokenizer_sha256=_tokenizer_sha256(inputs.model_path),
        quantised=record_of(inputs.model_path, before.engine),
        warmup=before.warmup,
        reuse_probe=before.reuse_probe,
        rate_probe=before.rate_probe,
        cards=list(before.cards),
        notes=[*notes(config, Path.cwd()), *before.notes],
    )
    write_atomic(session.facts_of_start(start.number), facts.model_dump_json(indent=2) + "\n")
    return facts
