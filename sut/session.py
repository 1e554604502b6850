"""What holds for every LoadGen run of one engine start, gathered for `session.json`."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from qsl.dataset import Dataset
from sut.config.schema import RunConfig
from sut.engines.base import EngineInfo
from sut.hardware import hardware, software
from sut.result.facts import DatasetFacts, EngineFacts, SessionFacts, WarmupFacts
from sut.rundir import SessionDir, write_atomic

STRAY_AUDIT = "audit.config"


def write_config(session: SessionDir, config: RunConfig, origins: dict[str, str]) -> None:
    """`config.json`: the resolved configuration and where each value came from."""
    document = {"config": config.model_dump(mode="json"), "origins": origins}
    write_atomic(session.config, json.dumps(document, indent=2, sort_keys=True) + "\n")


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


def engine_facts(
    info: EngineInfo, start_s: float, model_path: Path, model_sha256: str | None
) -> EngineFacts:
    """The engine as it said it was when it became ready."""
    return EngineFacts(
        kind=info.kind,
        replicas=info.replicas,
        arguments=info.arguments,
        sampling=info.sampling,
        start_s=round(start_s, 3),
        model_path=str(model_path) if info.model_path else None,
        model_sha256=model_sha256 if info.model_path else None,
        details=info.details,
    )


def notes(working_directory: Path) -> list[str]:
    """What a reader of the result should know about the circumstances."""
    found = []
    if (working_directory / STRAY_AUDIT).exists():
        found.append(
            f"a file named {STRAY_AUDIT} lies in the working directory; it was not read: "
            "LoadGen was given an explicit path"
        )
    return found


def write_session(
    session: SessionDir,
    dataset: Dataset,
    engine: EngineFacts | None,
    warmup: WarmupFacts | None,
) -> SessionFacts:
    """`session.json`."""
    facts = SessionFacts(
        started_utc=datetime.now(UTC).isoformat(timespec="milliseconds"),
        command=list(sys.argv),
        hardware=hardware(),
        software=software(),
        dataset=dataset_facts(dataset),
        engine=engine,
        warmup=warmup,
        notes=notes(Path.cwd()),
    )
    write_atomic(session.session_facts, facts.model_dump_json(indent=2) + "\n")
    return facts
