"""A search whose trials are a formula."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sut.config.names import Scenario
from sut.tune.asked import Asked
from sut.tune.measured import Measured
from sut.tune.schedule import Job, Wishes
from sut.tune.space import Settings, flat_engine, space_of, wanted_of
from tests.unit.config.support import loaded

SPACE = (
    "engine.vllm.max_num_seqs=4,8,16,32,64,128",
    "engine.vllm.max_num_batched_tokens=256,512,1024,2048",
    "engine.vllm.async_scheduling=true,false",
)
COST_S = 60.0
Value = Callable[[Settings, int], float | None]
"""What a trial with these settings and this number shows; None: it fails."""


def asked(
    out: Path, *flags: str, space: Sequence[str] = SPACE, wishes: Wishes | None = None
) -> Asked:
    """From deliberately poor settings."""
    poor = (
        *("--set", "engine.vllm.max_num_seqs=4", "--set", "engine.vllm.max_num_batched_tokens=256"),
        *("--set", "engine.vllm.async_scheduling=false"),
    )
    found = loaded("--system", "cpu-dummy", "--scenario", "Offline", *poor, *flags)
    flat = replace(found, config=flat_engine(found.config, Scenario.OFFLINE))
    return Asked(
        loaded=flat,
        scenario=Scenario.OFFLINE,
        out=out,
        space=space_of(flat.config, [wanted_of(each) for each in space]),
        wishes=wishes or Wishes(budget_s=3600.0),
        seed=1,
        trial_s=20.0,
        system="cpu-dummy",
    )


def tokens_per_s(settings: Settings, number: int) -> float:
    """Best at 64 sequences and 1,024 tokens; scheduling ahead gives a tenth."""
    sequences: int = settings["engine.vllm.max_num_seqs"]
    tokens: int = settings["engine.vllm.max_num_batched_tokens"]
    ahead = 1.1 if settings["engine.vllm.async_scheduling"] else 1.0
    full = min(sequences, 64) / 64 - max(sequences - 64, 0) / 640
    return 1000 * full * (1 - abs(tokens - 1024) / 4096) * ahead


class Maker:
    """Makes trials by a formula; counts them."""

    def __init__(self, value: Value = tokens_per_s, cost_s: float = COST_S) -> None:
        self.value, self.cost_s = value, cost_s
        self.made: list[Job] = []

    def __call__(self, asked: Asked, job: Job, measured: Sequence[Measured]) -> Measured:
        self.made.append(job)
        number = len(measured) + 1
        value = self.value(job.settings, number)
        failed = None if value is not None else "the engine did not start"
        figures: dict[str, Any] = {"samples": 500.0} if value is not None else {}
        made = Measured(
            number, job.purpose, job.settings, value, failed, self.cost_s, figures=figures
        )
        made_at = asked.trials / f"{number:03d}"
        made_at.mkdir(parents=True)
        made.write(made_at / "trial.json")
        return made
