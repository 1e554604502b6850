"""The rules on what was answered, by ledger, counters, evaluation and file hashes of one run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sut.config.rounds import PREFIX_CACHE_HITS
from sut.record.facts import AccuracyFacts, AccuracyMetric, Verified
from sut.record.folder import sha256_of
from sut.report.compliance.evidence import (
    ACCURACY,
    ACCURACY_FILE,
    COMPLIANCE,
    VERIFICATION_FILE,
    RunView,
    SessionView,
    value_proof,
)
from sut.report.compliance.rows import Part, Proof, Row, Rule, Verdict, text_of
from sut.rules.run import REQUIRED_LOGS

RULES = "inference_rules.adoc"
ACCURACY_LOG = "mlperf_log_accuracy.json"
LEDGER = "ledger.parquet"

ENDED = Rule("run-ended", "LoadGen returned by itself and the engine lived", f"{RULES} §5.1")
NO_FAILURES = Rule("no-failures", "Every sample was answered, none with nothing", f"{RULES} §5.1")
SAME_SAMPLES = Rule(
    "same-samples",
    "LoadGen counts the samples we were given, and no warm-up query",
    f"{RULES} §5.1",
)
LONGEST = Rule(
    "longest-answer", "No answer is longer than the bound", f"{RULES} §4.1.3", "max_tokens"
)
NO_REUSE = Rule(
    "prefix-cache-hits",
    "No token was served from another query's KV cache, by the engine's own count",
    f"{RULES} §8.2, §9.4",
)
UNCHANGED = Rule(
    "files-unchanged",
    "LoadGen's files, user.conf and ledger are as the run left them",
    "submission_rules.adoc §5.6.3",
)
COVERED = Rule(
    "accuracy-covers-all",
    "The accuracy run answers every sample of the data set once",
    f"{RULES} §3, submission_checker",
    "dataset_count",
)
EVALUATED = Rule(
    "accuracy-evaluated",
    "The accuracy log of this run was evaluated in full",
    "language/llama3.1-8b/evaluation.py",
    "dataset_count",
)
TARGET = Rule("accuracy", "The accuracy target is reached", "submission_checker", "accuracy_min")
ALARMS = Rule("answers-sound", "The answers show no sign of a broken engine", f"{RULES} §9.4")
VERIFIED = Rule(
    "compliance-test",
    "The compliance test was verified on the log of this run",
    "compliance/README.md",
)


def rows(view: SessionView, run: RunView) -> Iterable[Row]:
    """Every rule of this kind that binds the run."""
    yield _ended(run)
    yield _no_failures(run)
    if run.run.mode != ACCURACY:
        counted = run.logs.sample_count if run.logs else None
        proof = [
            *run.log("result_query_count", "generated_samples_per_query"),
            run.fact("ledger", "issued"),
        ]
        issued = run.run.ledger.issued
        yield run.subject.judged(
            SAME_SAMPLES, counted, "==", issued, proof, unit="samples", reason=run.problem
        )
    longest = _longest(run.ledger)
    proof = [run.file(LEDGER, "longest value of tokens_out")]
    bound = run.benchmark.max_tokens
    yield run.subject.judged(LONGEST, longest, "<=", bound, proof, unit="tokens")
    yield _no_reuse(view, run)
    yield _unchanged(run)
    if run.run.mode == ACCURACY:
        yield _covered(run)
        yield from _accuracy(view, run)
    if run.run.mode == COMPLIANCE:
        yield from _verification(run)


def _ended(run: RunView) -> Row:
    facts = run.run
    parts = [
        Part("returned", facts.loadgen_returned, True),
        Part("interrupted", facts.interrupted, False),
        Part("engine failure", facts.engine_failure or "none", "none"),
    ]
    names = ("loadgen_returned", "interrupted", "engine_failure")
    return run.subject.combined(ENDED, parts, [run.fact(name) for name in names])


def _no_failures(run: RunView) -> Row:
    names = ("failed", "empty")
    parts = [Part(name, getattr(run.run.ledger, name), 0) for name in names]
    return run.subject.combined(NO_FAILURES, parts, [run.fact("ledger", name) for name in names])


def _longest(ledger: Any) -> int | None:
    import pyarrow.compute as pc

    found = None if ledger is None else pc.max(ledger["tokens_out"]).as_py()
    return None if found is None else int(found)


def _no_reuse(view: SessionView, run: RunView) -> Row:
    counters = {k: v for k, v in run.run.engine_counters.items() if PREFIX_CACHE_HITS in k}
    engine = view.session.engine
    if not counters and engine is not None and engine.kind == "null":
        return run.subject.not_applicable(NO_REUSE, "the null engine has no KV cache")
    names = sorted(counters) or [PREFIX_CACHE_HITS]
    parts = [Part(name, counters.get(name), 0.0) for name in names]
    proof = [run.fact("engine_counters", name) for name in names]
    return run.subject.combined(NO_REUSE, parts, proof)


def _unchanged(run: RunView) -> Row:
    """Every recorded hash, and that the logs a verdict rests on are among them."""
    recorded = run.run.log_sha256
    changed = [
        name
        for name, sha256 in sorted(recorded.items())
        if not (run.folder.root / name).is_file() or sha256_of(run.folder.root / name) != sha256
    ]
    absent = [name for name in REQUIRED_LOGS if name not in recorded]
    proof = [run.fact("log_sha256", name) for name in changed or sorted(recorded)]
    if changed:
        verdict, measured = Verdict.NOT_MET, f"changed or gone: {', '.join(changed)}"
    elif absent:
        verdict, measured = Verdict.NOT_MEASURED, f"no hash of {', '.join(absent)}"
    else:
        verdict, measured = Verdict.MET, f"{len(recorded)} files unchanged"
    required = "the SHA-256 recorded when the run ended"
    return run.subject.row(UNCHANGED, verdict, required=required, measured=measured, proof=proof)


def _covered(run: RunView) -> Row:
    import pyarrow.compute as pc

    distinct = None
    if run.ledger is not None:
        distinct = int(pc.count_distinct(run.ledger["sample_index"]).as_py())
    count = run.benchmark.dataset_count
    parts = [
        Part("samples issued", run.run.ledger.issued, count),
        Part("different samples", distinct, count),
    ]
    proof = [run.fact("ledger", "issued"), run.file(LEDGER, "different values of sample_index")]
    return run.subject.combined(COVERED, parts, proof)


def _accuracy(view: SessionView, run: RunView) -> Iterable[Row]:
    """The evaluation's figures against the round's targets, or the model's own reference."""
    say, facts, model = run.subject, run.accuracy, view.config.model
    if facts is None:
        for rule in (EVALUATED, TARGET):
            yield say.row(
                rule,
                Verdict.NOT_MEASURED,
                required=ACCURACY_FILE,
                measured=None,
                reason=f"there is no {ACCURACY_FILE}; the verb accuracy makes it",
            )
        return
    parts = [
        Part("answers", facts.gen_num, run.benchmark.dataset_count),
        Part("complete", facts.complete, True),
        Part("SHA-256 of the log", facts.log_sha256, run.run.log_sha256.get(ACCURACY_LOG)),
    ]
    names = ("gen_num", "complete", "log_sha256")
    proof = [_evaluation(run, facts, name) for name in names]
    yield say.combined(EVALUATED, parts, [*proof, run.fact("log_sha256", ACCURACY_LOG)])
    problems = "; ".join(facts.problems) or "none"
    yield say.judged(ALARMS, problems, "==", "none", [_evaluation(run, facts, "problems")])
    metrics = {each.name: each for each in facts.metrics}
    if model.official:
        low, high = run.benchmark.accuracy_min, run.benchmark.accuracy_max
        for name in dict.fromkeys((*low, *high)):
            yield _metric(run, name, metrics.get(name), low.get(name), high.get(name), None)
        return
    own = f"judged against {facts.judged_against}: {model.name} is not the benchmark's own model"
    for each in facts.metrics:
        if each.target is not None or each.upper_limit is not None:
            yield _metric(run, each.name, each, each.target, each.upper_limit, own)
    if all(each.target is None and each.upper_limit is None for each in facts.metrics):
        why = f"{model.name} is not the benchmark's own model, and has no reference to hold it to"
        yield say.not_applicable(TARGET, why)


def _evaluation(run: RunView, facts: AccuracyFacts, name: str) -> Proof:
    place = f"{run.place}/{ACCURACY_FILE}"
    return value_proof(place, f"$.{name}", getattr(facts, name))


def _metric(
    run: RunView,
    name: str,
    metric: AccuracyMetric | None,
    low: float | None,
    high: float | None,
    reason: str | None,
) -> Row:
    value = metric.value if metric else None
    parts = [
        Part(name, value, limit, comparison)
        for limit, comparison in ((low, ">="), (high, "<="))
        if limit is not None
    ]
    rule = Rule(f"accuracy-{name}", f"{name} reaches its target", TARGET.source, TARGET.round_key)
    if reason is not None:  # another model's reference, not the round's
        rule = Rule(rule.name, rule.words, "user_confs/references", None)
    assert run.accuracy is not None
    position = next((i for i, m in enumerate(run.accuracy.metrics) if m is metric), None)
    path = "$.metrics" if position is None else f"$.metrics[{position}].value"
    proof = [value_proof(f"{run.place}/{ACCURACY_FILE}", path, value)]
    return run.subject.combined(rule, parts, proof, reason)


def _verification(run: RunView) -> Iterable[Row]:
    """One row for the test as a whole, one for each of its conditions."""
    say, facts = run.subject, run.verification
    if facts is None:
        yield say.row(
            VERIFIED,
            Verdict.NOT_MEASURED,
            required=VERIFICATION_FILE,
            measured=None,
            reason=f"there is no {VERIFICATION_FILE}; the verb audit makes it",
        )
        return
    place = f"{run.place}/{VERIFICATION_FILE}"
    recorded = run.run.log_sha256.get(ACCURACY_LOG)
    parts = [
        Part("passed", facts.passed, True),
        Part("SHA-256 of the log", facts.log_sha256, recorded),
    ]
    proof = [
        value_proof(place, f"$.{name}", getattr(facts, name)) for name in ("passed", "log_sha256")
    ]
    yield say.combined(VERIFIED, parts, [*proof, run.fact("log_sha256", ACCURACY_LOG)])
    for position, each in enumerate(facts.checks):
        yield _condition(run, position, each, place)


def _condition(run: RunView, position: int, found: Verified, place: str) -> Row:
    verdict = Verdict.MET if found.passed else Verdict.NOT_MET
    if found.measured is None and not found.passed:
        verdict = Verdict.NOT_MEASURED
    unit = f" {found.unit}" if found.unit else ""
    mark = "" if found.comparison == "==" else f"{found.comparison} "
    rule = Rule(f"{run.kind}-{position + 1}", f"{run.kind}: {found.name}", found.source)
    return run.subject.row(
        rule,
        verdict,
        required=f"{mark}{text_of(found.limit)}{unit}",
        measured=None if found.measured is None else f"{text_of(found.measured)}{unit}",
        proof=[value_proof(place, f"$.checks[{position}]", found.measured)],
    )
