"""The straight line of a coordinated run: nodes, runs alone, the run together, the sum."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from sut.cluster.barrier import Limits, Node, NodeOutcome, Together, run_together
from sut.cluster.collect import (
    build_session,
    first_query,
    keep,
    read_stored,
    write_aggregated,
)
from sut.cluster.workers import Workers, workers
from sut.config.absolute import with_absolute_paths
from sut.config.names import Mode, Scenario
from sut.config.rate import PROBED
from sut.config.schema import RunConfig
from sut.config.sources import Loaded
from sut.errors import ConfigError, EngineStartError, LogError
from sut.inputs.weights import start_limit_s
from sut.machine.signals import first_ends_the_run, held_back
from sut.plan.run_id import run_ids
from sut.plan.run_plan import read_audit_configs
from sut.record.folder import SessionDir, try_results_dir
from sut.result.aggregate import Call, NodeRecord, Start, aggregate
from sut.result.aggregated_schema import Aggregated, aggregated_json
from sut.result.baseline import Alone, check_stored
from sut.result.stored import Stored

FORGET_S = 10.0
INTERRUPTED = "interrupted before every node's run was whole"


@dataclass(frozen=True)
class Summed:
    """What a coordinated call leaves behind."""

    result: Aggregated
    path: Path
    interrupted: bool


def check_coordinated(config: RunConfig) -> None:
    """Refuse what no coordinated run can be made of.

    Raises:
        ConfigError: no cluster is named, replicas are asked for, or there is nothing to run.
    """
    if config.engine.ray.address is None:
        raise ConfigError(
            "a coordinated run needs the Ray cluster whose nodes it is to use.",
            where="--coordinated",
            remedy="Give its --address.",
        )
    if config.engine.replicas is not None:
        raise ConfigError(
            f"engine.replicas is {config.engine.replicas}, but a coordinated run has one engine "
            "on each node.",
            where="--coordinated",
            remedy="Leave out --replicas, or leave out --coordinated for one system of replicas.",
        )
    read_audit_configs(config)


def run_coordinated(
    loaded: Loaded, *, baseline: bool, stored: Sequence[Path], console: Console
) -> Summed:
    """Run the configuration on every node at once; write and return the sum.

    Args:
        loaded: resolved here, the same for every node but for its name.
        baseline: first run each node alone, to compare with.
        stored: results of nodes alone to compare with instead.
        console: for progress.

    Raises:
        ConfigError, LogError: before anything was started.
        EngineStartError: the cluster or a node's engine could not start.
    """
    check_coordinated(loaded.config)
    try_results_dir(loaded.config.results_dir)
    call = _Call(loaded, console, {str(path): read_stored(path) for path in stored})
    with first_ends_the_run(), workers(loaded.config, call.say) as found:
        names = ", ".join(f"{node.name} ({node.place})" for node in found.nodes)
        call.say(f"{len(found.nodes)} nodes: {names}.")
        return call.run(found, measure_alone=baseline)


@dataclass
class _Call:
    loaded: Loaded
    console: Console
    stored: Mapping[str, Stored]
    started: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __post_init__(self) -> None:
        """What the nodes are given is what their results are held against."""
        self.loaded = one_rate(self.loaded)

    def say(self, line: str) -> None:
        self.console.print(line, highlight=False, soft_wrap=True)

    def run(self, found: Workers, *, measure_alone: bool) -> Summed:
        """Everything between the nodes' start and their end.

        Signals end a run while it is under way. What was measured is fetched, added up and
        written whatever comes meanwhile.
        """
        with held_back() as held:
            alone = self._stored_alone(found.nodes) if self.stored else None
            if measure_alone:
                measured: dict[str, NodeRecord] = {}
                for node in found.nodes:
                    self.say(f"node {node.name} alone:")
                    together = self._together([node], found)
                    (measured[node.name],) = self._records(together)
                    interrupted = together.interrupted or held.came
                    if interrupted or together.failures:
                        records = [_not_together(each) for each in measured.values()]
                        return self._sum(records, None, together.head_lost, interrupted)
                alone = _alone(measured)
            engine = self.loaded.config.engine.kind
            self.say(f"all {len(found.nodes)} nodes together, {engine} engine on each:")
            together = self._together(found.nodes, found)
            interrupted = together.interrupted and not together.whole
            return self._sum(self._records(together), alone, together.head_lost, interrupted)

    def _stored_alone(self, nodes: Sequence[Node]) -> Alone:
        names = [node.name for node in nodes]
        results = {path: each.result for path, each in self.stored.items()}
        paths = check_stored(self.loaded.config, names, results)
        return Alone(
            "stored",
            {name: results[path] for name, path in paths.items()},
            paths,
            stated=[name for name, path in paths.items() if not self.stored[path].built],
        )

    def _together(self, nodes: Sequence[Node], found: Workers) -> Together:
        config = self.loaded.config
        ray = config.engine.ray
        start_s = start_limit_s(config) + config.warmup.timeout_s
        return run_together(
            nodes,
            {node.name: document_for(self.loaded, node.name) for node in nodes},
            [str(run) for run in run_ids(config)],
            Limits(start_s, ray.heartbeat_s, ray.heartbeat_timeout_s),
            self.say,
            found.head_gone,
        )

    def _records(self, together: Together) -> list[NodeRecord]:
        """Each node's session, unpacked here, and what it holds.

        Raises:
            EngineStartError: a node failed before anything was measured.
        """
        records = [self._record(outcome) for outcome in together.outcomes]
        if together.failures and not together.begun and not together.interrupted:
            raise EngineStartError(
                f"the nodes' runs did not start: {together.failures[0]}.",
                remedy="Run: python -m sut.main cluster check.",
            )
        return records

    def _record(self, outcome: NodeOutcome) -> NodeRecord:
        node = outcome.node
        if outcome.archive is None:
            failure = outcome.failure or "its run left no session"
            return NodeRecord(node.name, node.place, None, None, failure)
        try:
            session = keep(outcome.archive, self.loaded.config.results_dir)
            built = build_session(session)
        except (OSError, LogError) as error:  # it stays on its node, and the others' are kept here
            failure = outcome.failure or f"its session could not be kept here: {_in_words(error)}"
            return NodeRecord(node.name, node.place, None, None, failure)
        wait([node.forget()], timeout=FORGET_S)
        why = outcome.failure
        if built.problem is not None:
            why = why or f"no result can be built of its session: {built.problem}"
        return NodeRecord(
            node.name,
            node.place,
            session.root.name,
            built.result,
            why,
            self._starts(outcome, session),
            built.contradictions,
        )

    def _starts(self, outcome: NodeOutcome, session: SessionDir) -> dict[Scenario, Start]:
        starts: dict[Scenario, Start] = {}
        for run in run_ids(self.loaded.config):
            offset = outcome.offsets.get(str(run))
            if run.mode is Mode.PERFORMANCE and offset is not None:
                start = first_query(session, run.scenario, offset.ns, offset.error_ns)
                if start is not None:
                    starts[run.scenario] = start
        return starts

    def _sum(
        self,
        records: Sequence[NodeRecord],
        alone: Alone | None,
        head_lost: str | None,
        interrupted: bool,
    ) -> Summed:
        problems = [INTERRUPTED] if interrupted else []
        if head_lost is not None:
            problems.append(head_lost)
        call = Call(
            started_utc=self.started.isoformat(timespec="milliseconds"),
            command=sys.argv,
            problems=problems,
        )
        result = aggregate(self.loaded.config, records, alone, call)
        path = write_aggregated(self.loaded.config.results_dir, aggregated_json(result))
        return Summed(result, path, interrupted)


def _alone(measured: Mapping[str, NodeRecord]) -> Alone:
    return Alone(
        "measured",
        {name: each.result for name, each in measured.items() if each.result},
        {name: each.session for name, each in measured.items() if each.session},
        contradictions={name: each.contradictions for name, each in measured.items()},
    )


def _in_words(error: OSError | LogError) -> str:
    return error.message if isinstance(error, LogError) else error.strerror or str(error)


def _not_together(record: NodeRecord) -> NodeRecord:
    """A run alone, after which there was none together: its figures are no part of a sum."""
    failure = record.failure or "it ran alone only"
    return replace(record, result=None, failure=failure, starts={}, contradictions=())


def one_rate(loaded: Loaded) -> Loaded:
    """All nodes have one rate, so none of them measures its own."""
    config = loaded.config
    changes = {
        name: getattr(config, name).model_copy(update={"probe_rate": False}) for name in PROBED
    }
    return replace(loaded, config=config.model_copy(update=changes))


def document_for(loaded: Loaded, name: str) -> str:
    """config.json for one node: its own name, one engine, paths that do not depend on a folder."""
    config = with_absolute_paths(one_rate(loaded).config)
    ray = config.engine.ray.model_copy(update={"address": None})
    changes: dict[str, object] = {
        "node_name": name,
        "engine": config.engine.model_copy(update={"ray": ray}),
    }
    document = {
        "config": config.model_copy(update=changes).model_dump(mode="json"),
        "origins": loaded.origins | {"node_name": "coordinated run"},
    }
    return json.dumps(document)
