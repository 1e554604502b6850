"""Sessions of recorded logs that are alike, and what a test says that one measured otherwise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sut.compare.party import Party, Session
from sut.config.names import Scenario
from sut.record.session import read_session
from sut.result.build import build
from sut.result.schema import Result
from tests.unit.result.sessions import dump, make_session, seal

NAMES = ("server", "offline")


def made(folder: Path, *, accelerator: str | None = None, **config: Any) -> Path:
    """A session; `accelerator`: on a machine with another processor."""
    root = make_session(folder, *NAMES, **config)
    if accelerator is not None:
        facts = json.loads((root / "session.json").read_text(encoding="utf-8"))
        facts["hardware"]["cpu_model"] = accelerator
        dump(root / "session.json", facts)
        seal(root)
    return root


def slower(result: Result, by: float, scenario: Scenario = Scenario.SERVER) -> Result:
    """The same with all times of a scenario longer and all its rates lower."""
    run = result.scenarios[scenario]
    times = {}
    for name in ("latency", "ttft", "tpot"):
        found = getattr(run, name)
        if found is not None:
            longer = {
                key: value if key in ("source", "count") or value is None else int(value * by)
                for key, value in found.model_dump().items()
            }
            times[name] = found.model_copy(update=longer)
    rates = {
        name: getattr(run, name) / by for name in ("achieved_qps", "throughput_tokens_per_sec")
    }
    changed = run.model_copy(update=times | rates)
    return result.model_copy(update={"scenarios": {**result.scenarios, scenario: changed}})


def party(name: str, root: Path, result: Result | None = None) -> Party:
    """A party of one session, with another result than its own where one is given."""
    return Party(name, (Session(root, result or build(root), read_session(root)),))
