"""A session's directory → its Result: a pure function of the files, the same a year later.

A run whose logs are missing or broken still gets a result: INVALID, with the reasons and
whatever figures the ledger gives, marked as the ledger's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sut import metrics
from sut.advice.remedies import advice
from sut.config.names import Mode, Scenario
from sut.config.rounds import Round, load_round
from sut.config.schema import RunConfig
from sut.config.vllm_extra import flat
from sut.errors import ConfigError
from sut.logs.run_logs import LoadGenLogs
from sut.metrics import Distribution, Source
from sut.plan.run_id import RunId, run_ids
from sut.record.facts import (
    AccuracyFacts,
    LedgerFacts,
    RunFacts,
    SessionFacts,
)
from sut.record.folder import RunDir, sha256_of, stamp_of
from sut.record.session import RunRecord, SessionRecord, read_session
from sut.result.card import card_limit, kv_cache
from sut.result.card_use import cards_used, energy_per_token_j
from sut.result.evaluated import with_evaluations
from sut.result.schema import (
    SCHEMA_VERSION,
    UNVERIFIED,
    BenchmarkInfo,
    Evaluation,
    LoadGenInfo,
    LogFile,
    Message,
    OwnEngine,
    Queries,
    ReplicaShare,
    Result,
    RunResult,
)
from sut.result.title import benchmark_title
from sut.rules.catalogue import session_checks, validity_checks
from sut.rules.check import Check
from sut.rules.evidence import Evidence, evidence_of
from sut.rules.grade import submission_grade
from sut.rules.loadgen_log import SEED_KEYS
from sut.rules.session_case import session_case
from sut.rules.surroundings import disturbances, issue_late_ms


def build(session_root: Path, round_: Round | None = None) -> Result:
    """Read everything a session left and judge it.

    Args:
        session_root: the session's folder.
        round_: the rules to judge by; None: those of the round the configuration names.

    Raises:
        LogError: config.json, session.json or a run.json is missing or malformed.
    """
    return result_of(with_evaluations(read_session(session_root)), round_)


def result_of(record: SessionRecord, round_: Round | None = None) -> Result:
    """`build`, of a session that was read already."""
    config, session = record.config, record.facts
    problems: list[str] = []
    if round_ is None:
        round_ = _round(config.round, problems)
    made = {
        RunId(run.scenario, Mode(run.facts.mode), run.facts.test): _run_of(record, run, round_)
        for run in record.runs
    }
    problems += _problems(record, made)
    case = session_case(record, round_)
    problems += [each.reason for each in session_checks(case) if not each.passed]
    against = [*submission_grade(case), *(["the session is not valid"] if problems else [])]
    return Result(
        schema_version=SCHEMA_VERSION,
        trust=UNVERIFIED,
        benchmark_info=_benchmark_info(config, session),
        valid=not problems,
        reasons=problems,
        submission_grade=not against,
        not_submission_grade_because=against,
        scenarios=_performance_runs(made),
        accuracy_runs={
            run_id.scenario: each for run_id, each in made.items() if run_id.mode is Mode.ACCURACY
        },
        compliance_runs=_compliance_runs(made),
        warmup=session.warmup,
        engine=session.engine,
        kv_cache=kv_cache(config, session),
        hardware=session.hardware,
        software=session.software,
        dataset=session.dataset,
        cards=session.cards,
        notes=session.notes,
        configuration=config.model_dump(mode="json"),
        configuration_origins=record.origins,
    )


def _problems(record: SessionRecord, made: dict[RunId, RunResult]) -> Iterable[str]:
    """That it ended early, what was asked for and is not there, then each run's own reasons."""
    if record.ending is not None:
        yield record.ending.sentence
    for run_id in run_ids(record.config):
        if run_id not in made:
            yield f"{run_id.scenario} was asked for in {run_id.folder} mode and has no run"
    for run_id, each in made.items():
        yield from (f"{_run_name(run_id)}: {why}" for why in each.reasons)


def _performance_runs(made: dict[RunId, RunResult]) -> dict[Scenario, RunResult]:
    """Each with the evaluation of its scenario's accuracy run beside it."""
    found = {run_id.scenario: each.evaluation for run_id, each in made.items() if each.evaluation}
    return {
        run_id.scenario: each.model_copy(update={"evaluation": found.get(run_id.scenario)})
        for run_id, each in made.items()
        if run_id.mode is Mode.PERFORMANCE
    }


def _run_name(run_id: RunId) -> str:
    if run_id.mode is Mode.PERFORMANCE:
        return run_id.scenario.value
    return f"{run_id.scenario} {run_id.test or 'accuracy'} run"


def _compliance_runs(
    made: dict[RunId, RunResult],
) -> dict[Scenario, dict[str, RunResult]]:
    found: dict[Scenario, dict[str, RunResult]] = {}
    for run_id, each in made.items():
        if run_id.test is not None:
            found.setdefault(run_id.scenario, {})[run_id.test] = each
    return found


def result_json(result: Result) -> str:
    """The text of result.json: the same bytes for the same result."""
    return json.dumps(result.model_dump(mode="json"), indent=2, allow_nan=False) + "\n"


def _run_of(record: SessionRecord, run: RunRecord, round_: Round | None) -> RunResult:
    """One run, with the engine that answered it where that is not the session's first."""
    start = record.of_start(run.scenario)
    made = run_result(evidence_of(record, run, round_), record.folder.root)
    if start is record.starts[0]:
        return made
    own = OwnEngine(
        settings=flat(record.config.by_scenario.get(run.scenario, {})),
        engine=start.facts.engine,
        warmup=start.facts.warmup,
        kv_cache=kv_cache(start.config, start.facts),
        cards=start.facts.cards,
    )
    return made.model_copy(update={"own_engine": own})


def run_result(evidence: Evidence, session_root: Path) -> RunResult:
    """Figures and verdict of one LoadGen run."""
    run, logs, checks = evidence.run, evidence.logs, validity_checks(evidence)
    times, facts = _times(evidence), _counts(evidence)
    first = _first_figures(evidence, times["latency"])
    mean_tokens, cards = _mean_output_tokens(evidence, facts), cards_used(evidence.directory)
    return RunResult(
        valid=all(each.passed for each in checks),
        **first,
        evaluation=_evaluation(evidence.accuracy),
        mode=run.mode,
        test=run.test,
        started_utc=run.started_utc,
        ended_utc=run.ended_utc,
        duration_s=metrics.judged_duration_s(
            run.scenario, evidence.figures, logs.sample_count if logs else None
        ),
        **times,
        tokens_in=facts.tokens_in,
        tokens_out=facts.tokens_out,
        mean_output_tokens=mean_tokens,
        queries=Queries.model_validate(facts.model_dump(include=set(Queries.model_fields))),
        replicas=_replicas(facts, run.replica_figures),
        seeds=_seeds(logs),
        engine_counters=run.engine_counters,
        engine_figures=run.engine_figures,
        card_limit=card_limit(evidence, facts, first["achieved_qps"], mean_tokens),
        cards=cards,
        energy_per_token_j=energy_per_token_j(cards, facts.tokens_out),
        **_surroundings(evidence),
        engine_failure=run.engine_failure,
        incidents=run.incidents,
        audit_config=run.audit_config,
        loadgen=_loadgen_info(run, logs, evidence.logs_problem),
        checks=checks,
        reasons=_reasons(checks),
        advice=advice(evidence, checks),
        logs=_log_files(evidence.directory, session_root),
    )


def _reasons(checks: Sequence[Check]) -> list[str]:
    """What could not be judged follows from what failed: a log cut short has no figures."""
    failed = [each for each in checks if not each.passed]
    return [each.reason for each in failed if each.judged] or [each.reason for each in failed]


def _surroundings(evidence: Evidence) -> dict[str, Any]:
    late = issue_late_ms(evidence)
    return {
        "surroundings": evidence.run.surroundings,
        "issue_late_ms_p99": late[0] if late else None,
        "issue_late_ms_most": late[1] if late else None,
        "disturbed_by": disturbances(evidence),
    }


def _seeds(logs: LoadGenLogs | None) -> dict[str, int | None]:
    effective = logs.effective if logs else {}
    return {key: _whole(effective.get(f"effective_{key}")) for key in SEED_KEYS}


def _mean_output_tokens(evidence: Evidence, counts: LedgerFacts) -> float | None:
    if evidence.ledger is None:
        return None
    return metrics.mean_output_tokens(metrics.counted_tokens(evidence.ledger), counts.issued)


def _counts(evidence: Evidence) -> LedgerFacts:
    """The ledger's; without one those of run.json, and a rule says that nothing proves them."""
    return evidence.counts or evidence.run.ledger


def _first_figures(evidence: Evidence, latency: Distribution | None) -> dict[str, Any]:
    """The four figures that users know by name, and whose each is."""
    rates, facts = _rates(evidence), _counts(evidence)
    p99_ns = latency.p99_ns if latency else None
    accuracy = facts.succeeded / facts.issued if facts.issued else None
    sources: dict[str, Source | None] = {
        "achieved_qps": rates.samples.source,
        "throughput_tokens_per_sec": rates.tokens.source,
        "latency_p99": latency.source if latency and p99_ns is not None else None,
        "accuracy": None if accuracy is None else "ledger",
    }
    return {
        "achieved_qps": rates.samples.per_second,
        "throughput_tokens_per_sec": rates.tokens.per_second,
        "latency_p99": None if p99_ns is None else p99_ns / 1e6,
        "accuracy": accuracy,
        "figure_sources": {key: source for key, source in sources.items() if source},
    }


def _evaluation(facts: AccuracyFacts | None) -> Evaluation | None:
    """The published object; null until there is an evaluation."""
    if facts is None:
        return None
    return Evaluation(
        scorer=facts.scorer,
        metrics={each.name: each.value for each in facts.metrics},
        targets={each.name: each.target for each in facts.metrics if each.target is not None},
        upper_limits={
            each.name: each.upper_limit for each in facts.metrics if each.upper_limit is not None
        },
        characters=facts.characters,
        gen_num=facts.gen_num,
        tokens_per_sample=facts.tokens_per_sample,
        judged_against=facts.judged_against,
        tool=facts.tool,
        complete=facts.complete,
        problems=facts.problems,
        notes=facts.notes,
        passed=facts.passed,
    )


def _rates(evidence: Evidence) -> metrics.Rates:
    official = metrics.loadgen_rates(evidence.run.scenario, evidence.figures)
    if official.samples.per_second is not None or evidence.ledger is None:
        return official
    if evidence.run.mode != "performance":
        return official  # an accuracy or compliance run measures no rate
    return metrics.ledger_rates(evidence.ledger)


def _times(evidence: Evidence) -> dict[str, Distribution | None]:
    """LoadGen's distributions; where it has none, the ledger's."""
    figures, ledger = evidence.figures, evidence.ledger
    count = evidence.logs.sample_count if evidence.logs else None
    made: dict[str, Distribution | None] = {}
    for kind, quantiles, of_ledger in (
        ("latency", figures.latency, metrics.latency_ns),
        ("ttft", figures.ttft, metrics.ttft_ns),
        ("tpot", figures.tpot, metrics.tpot_ns),
    ):
        made[kind] = metrics.loadgen_distribution(quantiles, count)
        if made[kind] is None and ledger is not None:
            made[kind] = metrics.distribution_of(of_ledger(ledger))
    return made


def _round(name: str, problems: list[str]) -> Round | None:
    try:
        return load_round(name)
    except ConfigError as error:
        problems.append(f"the rules cannot be read: {error.message.rstrip('.')}")
        return None


def _benchmark_info(config: RunConfig, session: SessionFacts) -> BenchmarkInfo:
    started = datetime.fromisoformat(session.started_utc)
    return BenchmarkInfo(
        benchmark=benchmark_title(config),
        model=config.model.name,
        timestamp=session.timestamp or stamp_of(started),
        started_utc=session.started_utc,
        node=config.node_name,
        profile=config.profile,
        round=config.round,
        benchmark_id=config.model.benchmark,
        model_path=config.model.path,
        model_revision=config.model.revision,
        model_official=config.model.official,
        command=session.command,
    )


def _loadgen_info(run: RunFacts, logs: LoadGenLogs | None, problem: str | None) -> LoadGenInfo:
    groups = {
        kind: [Message(key=g.key, text=g.text, count=g.count) for g in found]
        for kind, found in (
            ("errors", logs.errors if logs else ()),
            ("warnings", logs.warnings if logs else ()),
        )
    }
    verdict = logs.result.get("result_validity") if logs else None
    return LoadGenInfo(
        version=logs.loadgen_version if logs else None,
        package=run.loadgen_package,
        model=run.loadgen_model,
        verdict=verdict if isinstance(verdict, str) else None,
        invalid_reason=logs.invalid_reason if logs else None,
        incomplete=logs.incomplete if logs else problem,
        settings_effective=logs.effective if logs else {},
        settings_requested=logs.requested if logs else {},
        **groups,
    )


def _replicas(facts: LedgerFacts, figures: Mapping[str, Mapping[str, float]]) -> list[ReplicaShare]:
    latest = max((r.last_done_ns for r in facts.replicas if r.last_done_ns is not None), default=0)
    return [
        ReplicaShare(
            replica=each.replica,
            samples=each.samples,
            share=each.samples / facts.issued if facts.issued else None,
            tokens_out=each.tokens_out,
            failed=each.failed,
            ended_before_last_s=None
            if each.last_done_ns is None
            else (latest - each.last_done_ns) / 1e9,
            engine_figures=dict(figures.get(each.replica, {})),
        )
        for each in facts.replicas
    ]


def _log_files(folder: Path, session_root: Path) -> list[LogFile]:
    """The files of a run that its result rests on, as they are now."""
    scenario = RunDir(folder)
    kept = (scenario.user_conf, scenario.ledger, scenario.accuracy, scenario.verification)
    files = {path.name: path for path in kept} | scenario.loadgen_files()
    root = session_root.resolve()
    return [
        LogFile(
            name=name,
            path=f"{root.name}/{path.resolve().relative_to(root).as_posix()}",
            sha256=sha256_of(path),
        )
        for name, path in sorted(files.items())
        if path.is_file()
    ]


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
