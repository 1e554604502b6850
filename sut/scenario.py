"""One LoadGen run against a started engine: from user.conf to run.json.

Whatever dies on the way, LoadGen's process is gone at the end, its logs are where it left
them, and run.json says what happened.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import numpy as np
import numpy.typing as npt
from rich.console import Console

from qsl.library import Library
from sut.config.loadgen_conf import expected_settings, loadgen_model, user_conf
from sut.config.rules import Round
from sut.config.schema import RunConfig, Scenario
from sut.engines.base import Engine, RunSpec
from sut.engines.host import EngineHost
from sut.errors import HarnessError
from sut.hardware import package_version
from sut.ledger import Ledger
from sut.ledger_table import ledger_facts, write_table
from sut.loadgen import LoadGenSpec
from sut.loadgen_process import LoadGenProcess
from sut.plan import plan
from sut.progress import RunProgress
from sut.result.facts import RunFacts
from sut.rundir import ScenarioDir, SessionDir, sha256_of, write_atomic
from sut.system import SystemUnderTest

POLL_S = 0.5
# After an engine fault LoadGen may return by itself (Offline) or play its schedule to the
# end (Server); decision 2 grants it ten seconds in all.
FAULT_GRACE_S = 8.0
CALL_TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Bench:
    """What every LoadGen run of a session shares."""

    config: RunConfig
    rules: Round
    host: EngineHost
    engine: Engine
    library: Library
    prompt_tokens: npt.NDArray[np.int64]
    session: SessionDir
    console: Console


def run_spec(config: RunConfig, scenario: Scenario, run: int) -> RunSpec:
    """What one LoadGen run asks of the engine."""
    return RunSpec(
        run=run,
        max_tokens=config.generation.max_tokens,
        min_tokens=config.generation.min_tokens,
        reports_first_token=scenario.reports_first_token,
        throughput_first=scenario is Scenario.OFFLINE,
    )


def run_scenario(bench: Bench, scenario: Scenario, run: int) -> RunFacts:
    """Run LoadGen once; return what `run.json` now holds."""
    config = bench.config
    directory = bench.session.new_scenario(scenario.value, config.mode.value)
    write_atomic(directory.user_conf, _user_conf(bench, scenario))
    ledger = Ledger(
        reports_first_token=scenario.reports_first_token,
        eos_token_ids=config.model.eos_token_ids,
    )
    sut = SystemUnderTest(bench.engine, ledger, bench.library, config.engine.stall_timeout_s)
    before = bench.host.call(bench.engine.stats(), CALL_TIMEOUT_S)
    bench.host.run(partial(bench.engine.begin_run, run_spec(config, scenario, run), sut.on_events))
    started = datetime.now(UTC)
    outcome = _drive_loadgen(bench, scenario, directory, sut, ledger)
    write_table(ledger, bench.prompt_tokens, directory.ledger)
    facts = RunFacts(
        scenario=scenario.value,
        mode=config.mode.value,
        started_utc=started.isoformat(timespec="milliseconds"),
        ended_utc=datetime.now(UTC).isoformat(timespec="milliseconds"),
        loadgen_model=loadgen_model(config, scenario),
        loadgen_package=package_version("mlcommons-loadgen", "mlcommons_loadgen"),
        loadgen_returned=sut.loadgen_returned,
        loadgen_exit=sut.loadgen_error or outcome.loadgen_exit,
        engine_failure=sut.fault,
        interrupted=outcome.interrupted,
        audit_config=_audit_path(config),
        expected_settings=expected_settings(
            config, scenario, bench.library.total_count, bench.rules, audit=_audited(config)
        ),
        ledger=ledger_facts(ledger, bench.prompt_tokens),
        engine_counters=_counters(bench, before),
        log_sha256={name: sha256_of(path) for name, path in directory.loadgen_files().items()},
    )
    write_atomic(directory.run_facts, facts.model_dump_json(indent=2) + "\n")
    return facts


def _user_conf(bench: Bench, scenario: Scenario) -> str:
    return user_conf(bench.config, scenario, bench.library.total_count, bench.rules)


def _audited(config: RunConfig) -> bool:
    return config.loadgen.audit_config is not None


def _audit_path(config: RunConfig) -> str | None:
    path = config.loadgen.audit_config
    return str(path.resolve()) if path else None


def _counters(bench: Bench, before: dict[str, float]) -> dict[str, float | None]:
    """What the engine counted during the run; nothing if it can no longer say."""
    try:
        after = bench.host.call(bench.engine.stats(), CALL_TIMEOUT_S)
    except TimeoutError:
        return {}
    return {name: value - before.get(name, 0.0) for name, value in after.items()}


@dataclass(frozen=True)
class _Outcome:
    loadgen_exit: str | None
    interrupted: bool


def _drive_loadgen(
    bench: Bench, scenario: Scenario, directory: ScenarioDir, sut: SystemUnderTest, ledger: Ledger
) -> _Outcome:
    """Start LoadGen's process, wait for it, and leave nothing in flight."""
    expected = plan(
        bench.config,
        scenario,
        bench.library.total_count,
        bench.rules,
        audit=_audited(bench.config),
    )
    label = f"{scenario.value} {bench.config.mode.value}"
    interrupted = False
    with LoadGenProcess(_spec(bench, scenario, directory), directory.root / "loadgen.log") as child:
        bench.host.call(_attach(bench, sut, child), CALL_TIMEOUT_S)
        with RunProgress(bench.console, label, expected.queries_expected) as progress:
            try:
                _wait(child, sut, ledger, progress)
            except KeyboardInterrupt:
                interrupted = True
        exited_by_itself = child.process.poll() is not None
        child.end()
        ending = child.how_it_ended() if exited_by_itself or not sut.fault else None
        sut.disconnected.wait(CALL_TIMEOUT_S)
    _last_look(bench, sut)
    reason = sut.fault or ("interrupted" if interrupted else ending) or "LoadGen left it open"
    bench.host.run(partial(ledger.fail_outstanding, reason, time.monotonic_ns()))
    if not exited_by_itself:
        why = "Ctrl-C" if interrupted else "the engine fault"
        ending = f"LoadGen was ended by us after {why}; its log stops there"
    return _Outcome(ending, interrupted)


def _last_look(bench: Bench, sut: SystemUnderTest) -> None:
    """An engine that died with the last samples must not pass for healthy; nothing stays open."""
    for look in (bench.engine.health, bench.engine.cancel):
        try:
            bench.host.call(look(), CALL_TIMEOUT_S)
        except TimeoutError:
            bench.host.run(partial(sut.fail, f"the engine gave no sign for {CALL_TIMEOUT_S:g} s"))
        except HarnessError as error:
            bench.host.run(partial(sut.fail, error.message))


def _spec(bench: Bench, scenario: Scenario, directory: ScenarioDir) -> LoadGenSpec:
    config = bench.config
    return LoadGenSpec(
        user_conf=str(directory.user_conf.resolve()),
        loadgen_model=loadgen_model(config, scenario),
        loadgen_scenario=scenario.loadgen_scenario,
        mode=config.mode.value,
        total_count=bench.library.total_count,
        performance_count=bench.library.performance_count,
        log_dir=str(directory.root.resolve()),
        # Always a path of ours: LoadGen's default is audit.config in the working directory.
        audit_config=_audit_path(config) or str(directory.root.resolve() / "no-audit.config"),
        enable_trace=config.loadgen.enable_trace,
    )


async def _attach(bench: Bench, sut: SystemUnderTest, child: LoadGenProcess) -> None:
    await bench.host.loop.create_unix_connection(lambda: sut, sock=child.connection)


def _wait(
    child: LoadGenProcess, sut: SystemUnderTest, ledger: Ledger, progress: RunProgress
) -> None:
    """Return when LoadGen's process has ended, or is overdue after an engine fault."""
    deadline: float | None = None
    while not child.wait(POLL_S):
        progress.update(ledger)
        if sut.fault and deadline is None:
            deadline = time.monotonic() + FAULT_GRACE_S
        if deadline is not None and time.monotonic() > deadline:
            return
    progress.update(ledger)
