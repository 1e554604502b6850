"""A recorded run as a simulation takes it: times, limits of its batches, who answered what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sut.config.names import Mode, Scenario
from sut.config.quantities import MOST_REPLICAS
from sut.config.schema import RunConfig
from sut.engines.ray.dispatch import Dispatch, policy_of
from sut.errors import ConfigError, LogError
from sut.record.locate import session_folder
from sut.record.session import RunRecord, SessionRecord, read_session
from sut.result.build import result_of
from sut.simulate.fit import Recorded, fit
from sut.simulate.run import AsRecorded, LongestFirst, Workload
from sut.simulate.step import BatchLimits, Floats, Ints, StepModel

NS_PER_S = 1e9
SCENARIOS = (Scenario.OFFLINE, Scenario.SERVER, Scenario.INTERACTIVE)
"""vLLM's own name, in engine.vllm.extra."""


@dataclass(frozen=True)
class Source:
    """A run that can be simulated.

    Attributes:
        record: its session.
        run: the run.
        config: of its scenario alone, with the engine that answered it.
        recorded: what its ledger says.
        left_out: queries that did not succeed.
        wrong: why its run is not VALID; an edit is among it. Empty if it is.
    """

    record: SessionRecord
    run: RunRecord
    config: RunConfig
    recorded: Recorded
    left_out: int
    wrong: tuple[str, ...]

    @property
    def name(self) -> str:
        """For a person."""
        return f"{self.record.name} {self.run.place}"

    @property
    def preempted(self) -> float | None:
        """How often the engine pre-empted a query, which no simulation does; None: not told."""
        facts = self.run.facts
        return {**facts.engine_counters, **facts.engine_figures}.get("preemptions")

    @property
    def others_share(self) -> float | None:
        """What other programs had of the processor meanwhile, 0 to 1; None: nobody watched."""
        around = self.run.facts.surroundings
        return None if around is None else around.others_share

    def model(self) -> StepModel:
        """The model that is fitted from it."""
        return fit(self.recorded)


def read_source(path: Path, scenario: Scenario | None) -> Source:
    """The performance run of a session.

    Args:
        path: any path of the session.
        scenario: which; None: the session has one.

    Raises:
        LogError: there is no session, no such run, or no ledger.
        ConfigError: it has several runs, or an engine that tells no limits of its batches.
    """
    record = read_session(session_folder(path))
    run = _run_of(record, scenario, path)
    if run.ledger is None:
        raise LogError("the run has no ledger that can be read.", where=str(run.folder.ledger))
    config = record.of_start(run.scenario).config.model_copy(update={"by_scenario": {}})
    config = config.model_copy(update={"scenarios": (run.scenario,)})
    columns = _Columns.of(run.ledger)
    engine = record.of_start(run.scenario).facts.engine
    told = engine.replicas if engine is not None else 1
    if told > MOST_REPLICAS:
        said = f"engine.replicas is {told}, at most {MOST_REPLICAS}."
        raise LogError(said, where=str(record.folder.session_facts))
    replicas = max(told, int(columns.replica.max()) + 1)
    recorded = Recorded(
        columns.work,
        columns.first_s,
        columns.done_s,
        batch_limits(config),
        replicas,
        lambda: sorted_for(
            AsRecorded(columns.replica.tolist(), replicas), config, run.scenario, columns.work
        ),
    )
    judged = result_of(record).scenarios[run.scenario]
    left_out = run.ledger.num_rows - len(columns.work)
    return Source(record, run, config, recorded, left_out, tuple(judged.reasons))


def _run_of(record: SessionRecord, scenario: Scenario | None, path: Path) -> RunRecord:
    runs = [
        each
        for each in record.runs
        if each.facts.mode == Mode.PERFORMANCE and each.scenario in SCENARIOS
    ]
    mine = [each for each in runs if scenario in (None, each.scenario)]
    if not mine:
        wanted = "performance run" if scenario is None else f"performance run of {scenario}"
        raise LogError(
            f"there is no {wanted} to simulate here.",
            where=str(path),
            remedy=f"Name a session with a performance run of {', '.join(SCENARIOS)}.",
        )
    if len(mine) > 1:
        raise ConfigError(
            f"there are performance runs of {', '.join(each.scenario for each in mine)} here.",
            where=str(path),
            remedy=f"Choose one: --scenario {mine[0].scenario}.",
        )
    return mine[0]


@dataclass(frozen=True)
class _Columns:
    """Queries that succeeded, in the order of their issue; times from the first issue, seconds."""

    work: Workload
    first_s: Floats
    done_s: Floats
    replica: Ints

    @classmethod
    def of(cls, ledger: Any) -> _Columns:
        """From a ledger.

        Raises:
            LogError: no query succeeded.
        """
        import pyarrow.compute as pc

        kept = ledger.filter(pc.equal(ledger["state"], "succeeded")).sort_by("seq")
        if not kept.num_rows:
            raise LogError("no query of the run succeeded.", remedy="Simulate from another run.")
        zero = pc.min(kept["issued_ns"]).as_py()

        def times(name: str) -> Floats:
            found = pc.cast(pc.subtract(kept[name], zero), "float64", safe=False)
            seconds: Floats = found.to_pandas().to_numpy() / NS_PER_S
            return seconds

        def numbers(name: str, missing: int) -> Ints:
            found: Ints = pc.fill_null(kept[name], missing).to_numpy().astype(np.int64)
            return found

        work = Workload(
            times("issued_ns"),
            numbers("sample_index", 0),
            np.maximum(numbers("tokens_in", 1), 1),
            np.maximum(numbers("tokens_out", 1), 1),
        )
        return cls(work, times("first_token_ns"), times("done_ns"), numbers("replica", 0))


def batch_limits(config: RunConfig) -> BatchLimits:
    """What a configuration's engine may put into one step.

    Raises:
        ConfigError: its engine does not tell.
    """
    engine = config.engine
    traits = engine.planned()
    if traits.max_batch_sequences is None or traits.max_batch_tokens is None:
        raise ConfigError(
            f"the engine is {engine.kind}, which tells no limits of its batches, so there is "
            "no scheduler to simulate.",
            where="engine.kind",
            remedy="Simulate from a run of vLLM.",
        )
    split, most = (True, 0) if engine.own is None else engine.own.prompt_part()
    return BatchLimits(traits.max_batch_sequences, traits.max_batch_tokens, split, most)


def dispatch_of(
    config: RunConfig, scenario: Scenario, work: Workload, replicas: int
) -> Callable[[], Dispatch]:
    """Makes the policy by which a configuration's replicas get their queries."""
    longest = dict(zip(work.sample.tolist(), work.tokens_in.tolist(), strict=True))

    def made() -> Dispatch:
        policy = policy_of(
            config.engine.ray.dispatch,
            throughput_first=scenario is Scenario.OFFLINE,
            replicas=replicas,
            window=config.engine.planned().max_batch_sequences,
            work=lambda index: longest[index] + config.generation.max_tokens,
        )
        return sorted_for(policy, config, scenario, work)

    return made


def sorted_for(policy: Dispatch, config: RunConfig, scenario: Scenario, work: Workload) -> Dispatch:
    """The policy, behind the sorting that Offline has where replicas answer it."""
    if scenario is not Scenario.OFFLINE or config.engine.replicas is None:
        return policy
    lengths = np.zeros(int(work.sample.max()) + 1, np.int64)
    lengths[work.sample] = work.tokens_in
    count = config.loadgen.performance_sample_count or len(work)
    return LongestFirst(policy, lengths, count)
