"""Facts + rules → a list of Checks. VALID means that every one passed.

A figure that was not measured fails the check that needs it.
"""

from __future__ import annotations

from collections.abc import Iterable

from sut.config.names import Scenario
from sut.config.rounds import PREFIX_CACHE_HITS, Round
from sut.config.schema import OfflineConfig, RunConfig, ServerConfig, SingleStreamConfig
from sut.logs.figures import Quantiles
from sut.logs.run_logs import significant_quantum
from sut.metrics import judged_duration_s
from sut.record.folder import sha256_of
from sut.record.ledger_file import longest_answer
from sut.rules.check import Check, check, same_setting
from sut.rules.clocks import clock_checks
from sut.rules.consistency import agreement_checks, counts_add_up, ledger_matches_facts, logs_agree
from sut.rules.evidence import Evidence

SEED_KEYS = ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed")
REQUIRED_LOGS = ("mlperf_log_detail.txt", "mlperf_log_summary.txt")

# What LoadGen says of a sample that was completed without an answer (logging.cc).
TOKEN_ERRORS = ("n_tokens argument missing", "Number of tokens need to be greater than 1")
NS_PER_MS = 1e6


def validity_checks(evidence: Evidence) -> list[Check]:
    """Every condition of one run, in the order a reader wants them."""
    groups: list[Iterable[Check]] = [ran_to_its_end(evidence)]
    if evidence.run.mode == "performance":
        groups += [
            loadgen_verdict(evidence),
            latency_limits(evidence),
        ]
    groups += [
        queries_answered(evidence),
        loadgen_errors(evidence),
        settings_in_force(evidence),
        round_identity(evidence),
        nothing_tampered(evidence),
        engine_rules(evidence),
    ]
    if evidence.run.mode == "performance":
        groups += [
            agreement_checks(
                evidence.run.scenario, evidence.logs, evidence.run.ledger, evidence.ledger
            ),
            two_clocks(evidence),
        ]
    else:
        facts = evidence.run.ledger
        groups.append([counts_add_up(facts), ledger_matches_facts(facts, evidence.ledger)])
        groups.append([logs_agree(evidence.logs)])
    return [each for group in groups for each in group]


def ran_to_its_end(evidence: Evidence) -> Iterable[Check]:
    """Nobody interrupted, the engine lived, LoadGen came back, its logs are whole.

    Causes before what follows from them: a reader takes the first line for the cause.
    """
    run, source = evidence.run, "run.json"
    yield check("interrupted", run.interrupted, "==", False, source)
    yield check("engine failure", run.engine_failure or "none", "==", "none", source)
    yield check("incidents", "; ".join(run.incidents) or "none", "==", "none", source)
    ended = "returned" if run.loadgen_returned else (run.loadgen_exit or "did not return")
    yield check("LoadGen's end", ended, "==", "returned", source)
    problem = evidence.logs_problem or (evidence.logs.incomplete if evidence.logs else None)
    state = problem or ("whole" if evidence.logs else None)
    yield check("LoadGen's logs", state, "==", "whole", "mlperf_log_*.txt")
    warmup, asked = evidence.session.warmup, evidence.config.warmup.queries
    done = warmup.succeeded if warmup else (0 if not asked else None)
    wanted = max(asked, warmup.requested) if warmup else asked
    ours = "our own condition: warm-up (docs/rules.md)"
    yield check("warm-up queries answered", done, "==", wanted, ours, unit="queries")


def loadgen_verdict(evidence: Evidence) -> Iterable[Check]:
    """LoadGen's own conditions, and that they were the ones we wanted."""
    figures, logs, log = evidence.figures, evidence.logs, "LoadGen, mlperf_log_detail.txt"
    verdict = None if figures.valid is None else ("VALID" if figures.valid else "INVALID")
    yield check("LoadGen's verdict", verdict, "==", "VALID", log)
    rules = evidence.rules if evidence.strict else None
    ours = section_of(evidence.config, evidence.scenario)
    least_s = max(ours.min_duration_s, rules.min_duration_ms / 1000 if rules else 0)
    count = logs.sample_count if logs else None
    lasted_s = judged_duration_s(evidence.run.scenario, figures, count)
    made = check("duration", lasted_s, ">=", least_s, log, unit="s")
    # LoadGen judges whole nanoseconds; our duration comes from a rate of 6 digits.
    enough = lasted_s is not None and lasted_s + significant_quantum(lasted_s) >= least_s
    yield made.model_copy(update={"passed": enough})
    yield check("LoadGen: minimum duration", figures.min_duration_met, "==", True, log)
    setting = logs.effective.get("effective_min_duration_ms") if logs else None
    yield check("minimum duration asked of LoadGen", setting, ">=", least_s * 1000, log, unit="ms")
    least = max(ours.min_query_count, rules.min_query_count if rules else 0)
    yield check("samples", count, ">=", least, log, unit="samples")
    yield check("LoadGen: minimum queries", figures.min_queries_met, "==", True, log)
    yield check("LoadGen: early stopping", figures.early_stopping_met, "==", True, log)
    if evidence.scenario.loadgen_scenario == "Server":
        met = figures.performance_constraints_met
        yield check("LoadGen: latency constraints", met, "==", True, log)


def latency_limits(evidence: Evidence) -> Iterable[Check]:
    """TTFT and TPOT strictly below their limits, and the end-to-end P99 where one is set."""
    if evidence.scenario.loadgen_scenario != "Server":
        return
    ours, rules = evidence.config.latency_rules(evidence.scenario), evidence.rules
    official = rules if evidence.strict else None
    percentile = official.latency_percentile if official else ours.latency_percentile
    source = f"round {evidence.config.round}" if official else "configuration"
    limits = {
        "TTFT": (official and official.ttft_limit_ms) or ours.ttft_limit_ms,
        "TPOT": (official and official.tpot_limit_ms) or ours.tpot_limit_ms,
    }
    for kind, quantiles in (("TTFT", evidence.figures.ttft), ("TPOT", evidence.figures.tpot)):
        yield _percentile(evidence, kind, quantiles, percentile, limits[kind], source)
        key = f"requested_server_{kind.lower()}_latency"
        asked = evidence.logs.requested.get(key) if evidence.logs else None
        asked_ms = asked / NS_PER_MS if isinstance(asked, int) else None
        # The checker takes Interactive for Server (docs/rules.md): hold the log to its own.
        yield check(f"{kind} limit asked of LoadGen", asked_ms, "==", limits[kind], key, unit="ms")
    if ours.e2e_p99_limit_ms is not None:
        p99_ns = evidence.figures.latency.p99_ns
        p99_ms = None if p99_ns is None else p99_ns / NS_PER_MS
        limit = ours.e2e_p99_limit_ms
        yield check("latency P99", p99_ms, "<=", limit, "configuration", unit="ms")


def two_clocks(evidence: Evidence) -> Iterable[Check]:
    """LoadGen's wall clock was not set, and its times are the ledger's."""
    run, logs = evidence.run, evidence.logs
    count = logs.sample_count if logs else None
    return clock_checks(run.scenario, evidence.figures, count, evidence.ledger, run.clock)


def _percentile(
    evidence: Evidence,
    kind: str,
    quantiles: Quantiles,
    percentile: float,
    limit_ms: float,
    source: str,
) -> Check:
    value = quantiles.at(percentile)
    if value is None and not quantiles.empty:
        # LoadGen prints fixed percentiles only; of any other it tells whether it held.
        met = evidence.figures.performance_constraints_met
        name = f"{kind} P{percentile:g} (not printed; LoadGen's constraint at {limit_ms:g} ms)"
        return check(name, met, "==", True, source)
    measured = None if value is None else value / NS_PER_MS
    return check(f"{kind} P{percentile:g}", measured, "<", limit_ms, source, unit="ms")


def queries_answered(evidence: Evidence) -> Iterable[Check]:
    """Success rate, no answer too long, and that LoadGen and ledger mean the same samples."""
    ledger, config = evidence.run.ledger, evidence.config
    rate = ledger.succeeded / ledger.issued if ledger.issued else None
    least = 1.0 if evidence.strict else config.validity.min_success_rate
    source = "mlperf profile" if evidence.strict else "configuration"
    yield check("success rate", rate, ">=", least, source)
    longest, most = longest_answer(evidence.ledger), config.generation.max_tokens
    yield check("longest answer", longest, "<=", most, "ledger.parquet", unit="tokens")
    if evidence.run.mode != "accuracy":
        count = evidence.logs.sample_count if evidence.logs else None
        yield check("samples LoadGen counts", count, "==", ledger.issued, "ledger", unit="samples")


def loadgen_errors(evidence: Evidence) -> Iterable[Check]:
    """No ERROR line; in quick, one for each sample the ledger counts as failed or empty."""
    source, logs, ledger = "LoadGen, mlperf_log_detail.txt", evidence.logs, evidence.run.ledger
    explained = 0 if evidence.strict else ledger.failed + ledger.empty
    total = of_tokens = None
    if logs:
        lines = sum(group.count for group in logs.errors)
        total = max(lines, logs.num_errors or 0)
        of_tokens = sum(g.count for g in logs.errors if g.text.startswith(TOKEN_ERRORS))
    yield check("LoadGen errors", total, "==", explained, source, unit="lines")
    others = None if total is None or of_tokens is None else total - of_tokens
    yield check("LoadGen errors about anything but tokens", others, "==", 0, source, unit="lines")


def settings_in_force(evidence: Evidence) -> Iterable[Check]:
    """Each setting in LoadGen's log is the one that rules and configuration ask for."""
    expected = evidence.run.expected_settings
    yield check("expected settings recorded", len(expected), ">=", 1, "run.json", unit="settings")
    values = evidence.logs.detail.values if evidence.logs else {}
    for key, wanted in sorted(expected.items()):
        logged = values.get(key)
        made = check(key, logged, "==", wanted, "rules and configuration, run.json")
        yield made.model_copy(update={"passed": same_setting(wanted, logged)})


def round_identity(evidence: Evidence) -> Iterable[Check]:
    """Seeds and LoadGen release are the round's, scenario and mode the run's."""
    logs, rules = evidence.logs, evidence.round
    source = f"round {evidence.config.round}"
    seeds = rules.seeds.model_dump() if rules else {}
    for key in SEED_KEYS:
        used = logs.effective.get(f"effective_{key}") if logs else None
        yield check(f"effective_{key}", used, "==", seeds.get(key), source)
    version = logs.loadgen_version if logs else None
    span = " to ".join(rules.loadgen_versions) if rules else None
    made = check("LoadGen release", version, "==", span, source)
    yield made.model_copy(update={"passed": bool(rules and _within(version, rules))})
    scenario = evidence.scenario.loadgen_scenario
    mode = "AccuracyOnly" if evidence.run.mode == "accuracy" else "PerformanceOnly"
    for key, wanted in (("effective_scenario", scenario), ("effective_test_mode", mode)):
        yield check(key, logs.effective.get(key) if logs else None, "==", wanted, "run.json")


def _within(version: str | None, rules: Round) -> bool:
    try:
        first, last = (_release(each) for each in rules.loadgen_versions)
        return version is not None and first <= _release(version) <= last
    except ValueError:
        return False


def _release(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def nothing_tampered(evidence: Evidence) -> Iterable[Check]:
    """LoadGen's files are the ones it left, and no audit.config but the one we gave."""
    recorded = evidence.run.log_sha256
    changed = [n for n in REQUIRED_LOGS if n not in recorded]
    for name, sha256 in sorted(recorded.items()):
        path = evidence.directory / name
        if not path.is_file() or sha256_of(path) != sha256:
            changed.append(name)
    yield check(
        "logs that are not as LoadGen left them", ", ".join(changed) or "none", "==", "none",
        "SHA-256 in run.json",
    )  # fmt: skip
    read = evidence.logs.audit_config_read if evidence.logs else None
    given = evidence.run.audit_config is not None
    yield check("audit.config read by LoadGen", read, "==", given, "mlperf_log_detail.txt")


def engine_rules(evidence: Evidence) -> Iterable[Check]:
    """No token of one query served another, by the engine's own count; a model must count."""
    counters, engine = evidence.run.engine_counters, evidence.session.engine
    names = [name for name in sorted(counters) if PREFIX_CACHE_HITS in name]
    if not names and engine is not None and engine.kind != "null":
        names = [PREFIX_CACHE_HITS]
    for name in names:
        source = "KV reuse across queries is prohibited (inference_rules §8.2)"
        yield check(name, counters.get(name), "==", 0, source)


def section_of(
    config: RunConfig, scenario: Scenario
) -> OfflineConfig | ServerConfig | SingleStreamConfig:
    """The part of the configuration that rules a scenario."""
    sections: dict[Scenario, OfflineConfig | ServerConfig | SingleStreamConfig] = {
        Scenario.OFFLINE: config.offline,
        Scenario.SERVER: config.server,
        Scenario.INTERACTIVE: config.interactive,
        Scenario.SINGLE_STREAM: config.single_stream,
    }
    return sections[scenario]
