"""One LoadGen run against a started engine: from user.conf to run.json.

Whatever dies on the way, LoadGen's process is gone at the end, its logs are where it left
them, and run.json says what happened.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console

from qsl.dataset import Dataset
from qsl.library import Library
from sut.config.names import Mode, Scenario
from sut.config.rounds import Round
from sut.config.schema import RunConfig
from sut.engines.base import NO_REPLICA, Engine, RunSpec
from sut.errors import HarnessError
from sut.harness.clock_watch import ClockWatch
from sut.harness.host import EngineHost
from sut.harness.ledger import Ledger
from sut.harness.ledger_table import ledger_facts, write_table
from sut.harness.progress import RunProgress
from sut.harness.system import SystemUnderTest
from sut.loadgen.child import LoadGenSpec
from sut.loadgen.process import LoadGenProcess
from sut.machine.hardware import package_version
from sut.plan.audit_config import audit_config_path
from sut.plan.forecast import audit_of, plan_job
from sut.plan.runs import Job
from sut.plan.settings import expected_settings, loadgen_model, performance_count, user_conf
from sut.record.facts import ClockFacts, RunFacts
from sut.record.folder import ScenarioDir, SessionDir, sha256_of, write_atomic

POLL_S = 0.5
# After an engine fault LoadGen may return by itself (Offline) or play its schedule to the
# end (Server); decision 2 grants it ten seconds in all.
FAULT_GRACE_S = 8.0
CALL_TIMEOUT_S = 30.0
NO_AUDIT = "no-audit.config"


@dataclass(frozen=True)
class Bench:
    """What every LoadGen run of a session shares."""

    config: RunConfig
    rules: Round
    host: EngineHost
    engine: Engine
    dataset: Dataset
    prompt_tokens: npt.NDArray[np.int64]
    session: SessionDir
    console: Console


def run_spec(config: RunConfig, scenario: Scenario, run: int, block: int = 0) -> RunSpec:
    """What one LoadGen run asks of the engine; Offline may be reordered within a block."""
    return RunSpec(
        run=run,
        max_tokens=config.generation.max_tokens,
        min_tokens=config.generation.min_tokens,
        reports_first_token=scenario.reports_first_token,
        throughput_first=scenario is Scenario.OFFLINE,
        block=block,
    )


def run_scenario(bench: Bench, job: Job, run: int) -> RunFacts:
    """Run LoadGen once; return what `run.json` now holds."""
    config, count = bench.config, bench.dataset.count
    directory = bench.session.new_scenario(job.scenario.value, job.folder)
    text = user_conf(config, job.scenario, count, bench.rules, job.mode)
    write_atomic(directory.user_conf, text)
    ledger = Ledger(
        reports_first_token=job.scenario.reports_first_token,
        eos_token_ids=config.model.eos_token_ids,
        replica=0 if config.engine.replicas is None else NO_REPLICA,
    )
    copy_size = performance_count(config, count, job.mode)
    library = Library(bench.dataset, copy_size)
    sut = SystemUnderTest(bench.engine, ledger, library, config.engine.stall_timeout_s)
    before = _stats(bench)
    spec = run_spec(config, job.scenario, run, copy_size)
    bench.host.run(partial(bench.engine.begin_run, spec, sut.on_events))
    started = datetime.now(UTC)
    outcome = _drive_loadgen(bench, job, directory, sut, ledger)
    write_table(ledger, bench.prompt_tokens, directory.ledger)
    audit = _audit_config(config, job)
    report = bench.host.run(bench.engine.report)
    facts = RunFacts(
        scenario=job.scenario.value,
        mode=job.mode.value,
        test=job.test,
        started_utc=started.isoformat(timespec="milliseconds"),
        ended_utc=datetime.now(UTC).isoformat(timespec="milliseconds"),
        loadgen_model=loadgen_model(config, job.scenario),
        loadgen_package=package_version("mlcommons-loadgen", "mlcommons_loadgen"),
        loadgen_returned=sut.loadgen_returned,
        loadgen_exit=sut.loadgen_error or outcome.loadgen_exit,
        engine_failure=sut.fault,
        interrupted=outcome.interrupted,
        audit_config=str(audit) if audit else None,
        audit_config_sha256=sha256_of(audit) if audit else None,
        expected_settings=expected_settings(
            config,
            job.scenario,
            count,
            bench.rules,
            mode=job.mode,
            audit=audit_of(config, job),
        ),
        ledger=ledger_facts(ledger, bench.prompt_tokens),
        clock=outcome.clock,
        engine_counters=_counters(bench, before),
        engine_figures=report.figures,
        incidents=report.incidents,
        log_sha256=directory.hashes(),
    )
    write_atomic(directory.run_facts, facts.model_dump_json(indent=2) + "\n")
    return facts


def _audit_config(config: RunConfig, job: Job) -> Path | None:
    return audit_config_path(config, job.test) if job.test else None


def _counters(bench: Bench, before: dict[str, float] | None) -> dict[str, float | None]:
    """What the engine counted during the run; nothing if it can no longer say.

    Nothing either once a replica was lost: its counts went with it, and the difference of two
    sums over different replicas counts nothing.
    """
    after = _stats(bench)
    if before is None or after is None or bench.host.run(bench.engine.report).incidents:
        return {}
    return {name: value - before.get(name, 0.0) for name, value in after.items()}


def _stats(bench: Bench) -> dict[str, float] | None:
    """The engine's counters; None from one that hangs."""
    try:
        return bench.host.call(bench.engine.stats(), CALL_TIMEOUT_S)
    except TimeoutError:
        return None


@dataclass(frozen=True)
class _Outcome:
    loadgen_exit: str | None
    interrupted: bool
    clock: ClockFacts


def _drive_loadgen(
    bench: Bench, job: Job, directory: ScenarioDir, sut: SystemUnderTest, ledger: Ledger
) -> _Outcome:
    """Start LoadGen's process, wait for it, and leave nothing in flight."""
    expected = plan_job(bench.config, job, bench.dataset.count, bench.rules)
    label = f"{job.scenario.value} {job.folder}"
    interrupted, clocks = False, ClockWatch()
    with LoadGenProcess(_spec(bench, job, directory), directory.root / "loadgen.log") as child:
        bench.host.call(_attach(bench, sut, child), CALL_TIMEOUT_S)
        with RunProgress(bench.console, label, expected.queries_expected) as progress:
            try:
                _wait(child, sut, ledger, progress, clocks)
            except KeyboardInterrupt:
                interrupted = True
        exited_by_itself = child.process.poll() is not None
        child.end()
        ending = child.how_it_ended() if exited_by_itself or not sut.fault else None
        sut.disconnected.wait(CALL_TIMEOUT_S)
    _last_look(bench, sut)
    reason = sut.fault or ("interrupted" if interrupted else ending) or "LoadGen left it open"
    bench.host.run(partial(ledger.fail_outstanding, reason, time.monotonic_ns()))
    clocks.look()
    if not exited_by_itself:
        why = "Ctrl-C" if interrupted else "the engine fault"
        ending = f"LoadGen was ended by us after {why}; its log stops there"
    return _Outcome(ending, interrupted, clocks.facts())


def _last_look(bench: Bench, sut: SystemUnderTest) -> None:
    """An engine that died with the last samples must not pass for healthy; nothing stays open."""
    for look in (bench.engine.health, bench.engine.cancel):
        try:
            bench.host.call(look(), CALL_TIMEOUT_S)
        except TimeoutError:
            bench.host.run(partial(sut.fail, f"the engine gave no sign for {CALL_TIMEOUT_S:g} s"))
        except HarnessError as error:
            bench.host.run(partial(sut.fail, error.message))


def _spec(bench: Bench, job: Job, directory: ScenarioDir) -> LoadGenSpec:
    config, count = bench.config, bench.dataset.count
    return LoadGenSpec(
        user_conf=str(directory.user_conf.resolve()),
        loadgen_model=loadgen_model(config, job.scenario),
        loadgen_scenario=job.scenario.loadgen_scenario,
        # LoadGen knows a compliance run as a performance run under an audit.config.
        mode=(Mode.ACCURACY if job.mode is Mode.ACCURACY else Mode.PERFORMANCE).value,
        total_count=count,
        performance_count=performance_count(config, count, job.mode),
        log_dir=str(directory.root.resolve()),
        # Always a path of ours: LoadGen's default is audit.config in the working directory.
        audit_config=str(_audit_config(config, job) or directory.root.resolve() / NO_AUDIT),
        enable_trace=config.loadgen.enable_trace,
    )


async def _attach(bench: Bench, sut: SystemUnderTest, child: LoadGenProcess) -> None:
    await bench.host.loop.create_unix_connection(lambda: sut, sock=child.connection)


def _wait(
    child: LoadGenProcess,
    sut: SystemUnderTest,
    ledger: Ledger,
    progress: RunProgress,
    clocks: ClockWatch,
) -> None:
    """Return when LoadGen's process has ended, or is overdue after an engine fault."""
    deadline: float | None = None
    while not child.wait(POLL_S):
        progress.update(ledger)
        clocks.look()
        if sut.fault and deadline is None:
            deadline = time.monotonic() + FAULT_GRACE_S
        if deadline is not None and time.monotonic() > deadline:
            return
    progress.update(ledger)
