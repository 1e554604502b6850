"""A campaign of one scenario whose engine settings are searched first."""

from __future__ import annotations

import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from sut.campaign.campaign import Campaign
from sut.campaign.plan import read_plan
from sut.campaign.planned import planned
from sut.config.schema import NullConfig
from sut.tune.asked import Asked
from sut.tune.judge import judged
from sut.tune.measured import Measured
from sut.tune.schedule import Job
from tests.unit.campaign.support import resolved
from tests.unit.result.sessions import make_session

SLOTS = "engine.null.slots"
PLAN = f"""\
scenarios: [Server]
modes: [performance, accuracy]
systems: [cpu]
tune: [Server]
budget: 15m
space: {{{SLOTS}: [1, 4, 16]}}
common:
  engine.kind: "null"
  {SLOTS}: 1
  dataset: synthetic
  server.target_qps: 20
  server.min_duration_s: 5
"""


def campaign(tmp_path: Path, text: str = PLAN, *, stop: bool = False) -> Campaign:
    """One call of the verb, as far as its campaign."""
    path, out = tmp_path / "plan.yaml", tmp_path / "out"
    tmp_path.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    again = partial(planned, read_plan(path), out, resolved)
    made = Campaign(out, again(), Console(file=io.StringIO()), stop, again)
    made.run()
    return made


def folders(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "out" / "tunes").iterdir())


class Recorded:
    """Makes trials with a session of their settings; all show the same."""

    def __init__(self) -> None:
        self.made: list[Job] = []

    def __call__(self, asked: Asked, job: Job, measured: Sequence[Measured]) -> Measured:
        self.made.append(job)
        number = 1 + max((each.number for each in measured), default=0)
        folder = asked.trials / f"{number:03d}"
        folder.mkdir(parents=True)
        null = NullConfig(slots=job.settings[SLOTS])
        engine = asked.loaded.config.engine.model_copy(update={"null": null})
        session = make_session(folder, "server", engine=engine)
        told = judged(session, asked.scenario)
        assert told.failed is None, told.failed
        made = Measured(
            number, job.purpose, job.settings, told.value, None, 60.0,
            session=session.relative_to(asked.out).as_posix(), figures=told.figures,
        )  # fmt: skip
        made.write(folder / "trial.json")
        return made
