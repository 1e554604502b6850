"""A campaign whose runs are recordings."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console

from sut.campaign.campaign import Campaign
from sut.campaign.plan import Override
from sut.config.sources import Loaded, load
from sut.harness.session import Outcome
from sut.record.folder import SessionDir
from sut.result.build import build
from tests.unit.result.sessions import make_session


def resolved(overrides: object) -> Loaded:
    given: list[Override] = list(overrides)  # type: ignore[call-overload]
    return load(given, environment={}, card=None, host_name="x")


@dataclass
class Runs:
    """Stands for the engine: a recorded session for each run, unless told otherwise."""

    made: list[str] = field(default_factory=list)
    configurations: list[Loaded] = field(default_factory=list)
    ends: dict[str, BaseException] = field(default_factory=dict)
    invalid: set[str] = field(default_factory=set)
    late: set[str] = field(default_factory=set)
    """Whose result is being written when somebody asks to end."""

    def __call__(self, loaded: Loaded, console: Console) -> Outcome:
        server = loaded.config.server
        rate = "auto" if server.probe_rate else f"{server.target_qps:g}"
        self.made.append(rate)
        self.configurations.append(loaded)
        if rate in self.ends:
            raise self.ends[rate]
        root = make_session(loaded.config.results_dir / f"x_{len(self.made)}", "server")
        result = build(root).model_copy(update={"valid": rate not in self.invalid, "reasons": []})
        if rate in self.invalid:
            result = result.model_copy(update={"reasons": ["it is slow"]})
        return Outcome(result, SessionDir(root), interrupted=False, asked_to_end=rate in self.late)


def states(campaign: Campaign) -> list[tuple[str, bool]]:
    return [(each.state.value, each.kept) for each in campaign.every()]
