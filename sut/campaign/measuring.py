"""One LoadGen run as a stage of its own, with an engine of its own.

A stage per run, and not per scenario, so that an interruption costs one run at most.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from sut.campaign.plan import Override
from sut.campaign.stages import MadeAndStopped
from sut.config.engine_kinds import package_of
from sut.config.names import Mode
from sut.config.rounds import load_round
from sut.config.sources import Loaded
from sut.errors import HarnessError
from sut.harness.session import Outcome, run_benchmark
from sut.inputs.inputs import load_inputs
from sut.machine.hardware import software
from sut.plan.forecast import Forecast
from sut.plan.run_id import RunId
from sut.plan.run_plan import plan_runs
from sut.record.folder import sha256_of
from sut.record.session import read_session
from sut.record.unlike import made_with
from sut.result.build import build

Loader = Callable[[Sequence[Override]], Loaded]


@dataclass(frozen=True)
class Measuring:
    """One LoadGen run that is to be made.

    Attributes:
        run: which.
        loaded: the configuration of a session with this run alone.
        forecast: how it is expected to go.
        dataset_sha256: of the file, or of the token ids where they are drawn.
        software: versions in force, the harness's commit among them.
    """

    run: RunId
    loaded: Loaded
    forecast: Forecast
    dataset_sha256: str
    software: dict[str, str | None]

    @property
    def name(self) -> str:
        """Scenario and run, for a file's name."""
        return f"{self.run.scenario.value}-{self.run.folder}"

    def inputs(self) -> dict[str, Any]:
        """All that decides what is measured; where the results go does not.

        The commit is among it: `submit` takes no runs of several commits.
        """
        config = self.loaded.config
        rules = load_round(config.round)
        described = Path(config.model.path) / "config.json"
        return {
            "config": config.model_dump(mode="json", exclude={"results_dir"}),
            "rules": rules.model_dump(mode="json", include={"name", "seeds"}),
            "software": self.software,
            "engine": package_of(config.engine.kind),
            "dataset_sha256": self.dataset_sha256,
            "model_config_sha256": sha256_of(described) if described.is_file() else None,
        }


def measurings(load: Loader, base: Sequence[Override], origin: str) -> Iterator[Measuring]:
    """Each LoadGen run of a configuration, planned.

    Args:
        load: resolves settings.
        base: settings of all of them.
        origin: who asks for single runs.

    Raises:
        ConfigError, DatasetError: what could not be run.
    """
    whole, code = load(base), software()
    dataset = load_inputs(whole.config).dataset
    plans = plan_runs(whole.config, load_round(whole.config.round), dataset.count, whole.origins)
    for plan in plans:
        loaded = load([*base, *_one(plan.run, origin)])
        yield Measuring(plan.run, loaded, plan.forecast, dataset.sha256, code)


def _one(run: RunId, origin: str) -> list[Override]:
    test = [("compliance.tests", [run.test], origin)] if run.mode is Mode.COMPLIANCE else []
    return [
        ("scenarios", [run.scenario.value], origin),
        ("mode", run.mode.value, origin),
        *test,
    ]


def holds(each: Measuring, left: Path, free: frozenset[str] = frozenset()) -> bool:
    """Whether a kept session is VALID by its own files, and has the settings of this run.

    Args:
        each: the run.
        left: the session's folder.
        free: keys in which it may differ.
    """
    try:
        return build(left).valid and made_with(each.loaded, read_session(left), free)
    except HarnessError:
        return False


def left_by(outcome: Outcome) -> Path | None:
    """What a stage leaves: only a VALID session is kept.

    Raises:
        MadeAndStopped: somebody asked to end while its result was written.
    """
    left = outcome.session.root if outcome.result.valid else None
    if outcome.asked_to_end:
        raise MadeAndStopped(left)
    return left


def measured(loaded: Loaded, console: Console) -> Outcome:
    """Run it, and say why it is INVALID if it is.

    Raises:
        KeyboardInterrupt: the user ended it; no stage after it is made.
        HarnessError: nothing was measured.
    """
    outcome = run_benchmark(loaded, console)
    if outcome.interrupted:
        raise KeyboardInterrupt
    for reason in outcome.result.reasons if not outcome.result.valid else ():
        console.print(f"  INVALID: {reason}", highlight=False, soft_wrap=True)
    return outcome
