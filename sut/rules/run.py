"""The rules on one run of a session that its record, its ledger and its files prove."""

from __future__ import annotations

from collections.abc import Iterable

from sut.config.rounds import PREFIX_CACHE_HITS
from sut.plan.audit_config import AUDIT_FILE, AUDIT_ROOT, parse_audit_config
from sut.record.folder import LOADGEN_FILES, RunDir, sha256_of
from sut.record.ledger_file import longest_answer
from sut.rules.case import RunCase
from sut.rules.check import Check, check
from sut.rules.rule import ACCURACY, COMPLIANCE, PERFORMANCE, Book, Ground

RULES = "inference_rules.adoc"
# What must have been hashed when the run ended; LoadGen writes the first three in any mode.
HASHED = (*LOADGEN_FILES[:3], "user.conf")

RUN_RULES: Book[RunCase] = Book(Ground.RECORD)


@RUN_RULES.rule(
    "run-ended", "LoadGen returned by itself and the engine lived", f"{RULES} §5.1"
)  # fmt: skip
def run_ended(case: RunCase) -> Iterable[Check]:
    """Causes before what follows from them: a reader takes the first line for the cause.

    LoadGen may return and its process still end by a signal or with another status than 0.
    """
    run, source = case.evidence.run, "run.json"
    yield check("interrupted", run.interrupted, "==", False, source, keys=("run.json/interrupted",))
    failure, keys = run.engine_failure or "none", ("run.json/engine_failure",)
    yield check("engine failure", failure, "==", "none", source, keys=keys)
    incidents, keys = "; ".join(run.incidents) or "none", ("run.json/incidents",)
    yield check("incidents", incidents, "==", "none", source, keys=keys)
    ended = run.loadgen_exit or ("returned" if run.loadgen_returned else "did not return")
    proof = ("run.json/loadgen_returned", "run.json/loadgen_exit")
    yield check("LoadGen's end", ended, "==", "returned", source, keys=proof)


@RUN_RULES.rule("logs-whole", "LoadGen's logs are whole", f"{RULES} §5.1", ground=Ground.LOADGEN)
def logs_whole(case: RunCase) -> Iterable[Check]:
    """None of them breaks off."""
    problem = case.evidence.logs_problem or (case.logs.incomplete if case.logs else None)
    state = problem or ("whole" if case.logs else None)
    yield check("LoadGen's logs", state, "==", "whole", "mlperf_log_*.txt")


@RUN_RULES.rule("warm-up", "Every warm-up query was answered", f"{RULES} §5.1")
def warm_up(case: RunCase) -> Iterable[Check]:
    """As many as were asked for, by the configuration or on top of it."""
    warmup, asked = case.evidence.session.warmup, case.evidence.config.warmup.queries
    done = warmup.succeeded if warmup else (0 if not asked else None)
    wanted = max(asked, warmup.requested) if warmup else asked
    ours = "our own condition: warm-up (docs/rules.md)"
    yield check("warm-up queries answered", done, "==", wanted, ours, unit="queries")
    if warmup is not None and done == wanted:
        said = "; ".join(warmup.failures[:1]) or "none"
        said = said if warmup.duration_s >= 0 else f"it took {warmup.duration_s:g} s"
        yield check("what says that they were not", said, "==", "none", ours)


@RUN_RULES.rule(
    "no-failures",
    "Every sample was answered, none with nothing",
    f"{RULES} §5.1",
    ground=Ground.LEDGER,
)
def no_failures(case: RunCase) -> Iterable[Check]:
    """The share answered; a relaxed profile may allow less than all."""
    counts, least = case.evidence.counts, case.demands.min_success_rate
    rate = counts.succeeded / counts.issued if counts is not None and counts.issued else None
    keys = ("run.json/ledger/failed", "run.json/ledger/empty")
    yield check("success rate", rate, ">=", least, case.demands.success_origin, keys=keys)


@RUN_RULES.rule(
    "longest-answer",
    "No answer is longer than the bound",
    f"{RULES} §4.1.3",
    "max_tokens",
    ground=Ground.LEDGER,
)
def longest(case: RunCase) -> Iterable[Check]:
    """By the ledger's count of tokens."""
    found, most = longest_answer(case.evidence.ledger), case.demands.max_tokens
    yield check("longest answer", found, "<=", most, "ledger.parquet", unit="tokens")


@RUN_RULES.rule(
    "same-samples",
    "LoadGen counts the samples we were given, and no warm-up query",
    f"{RULES} §5.1",
    modes=(PERFORMANCE, COMPLIANCE),
    ground=Ground.WITNESSES,
)
def same_samples(case: RunCase) -> Iterable[Check]:
    """LoadGen counts none in an accuracy run."""
    counts, name = case.evidence.counts, "samples LoadGen counts"
    issued = None if counts is None else counts.issued
    keys = ("result_query_count", "generated_samples_per_query", "run.json/ledger/issued")
    yield check(name, case.sample_count, "==", issued, "ledger", unit="samples", keys=keys)


@RUN_RULES.rule(
    "files-unchanged",
    "LoadGen's files, user.conf and ledger are as the run left them",
    "submission_rules.adoc §5.6.3",
    ground=Ground.HASHES,
)
def files_unchanged(case: RunCase) -> Iterable[Check]:
    """Each by its SHA-256; a file that must be there and has none proves nothing."""
    recorded, folder = case.evidence.run.log_sha256, case.evidence.directory
    changed = [
        name
        for name, sha256 in sorted(recorded.items())
        if not (folder / name).is_file() or sha256_of(folder / name) != sha256
    ]
    absent = [name for name in HASHED if name not in recorded]
    # Nothing is known of a file without a hash.
    measured = ", ".join(changed) or (None if absent else "none")
    keys = tuple(f"run.json/log_sha256/{name}" for name in sorted({*changed, *absent} or recorded))
    name, source = "logs that are not as LoadGen left them", "SHA-256 in run.json"
    yield check(name, measured, "==", "none", source, keys=keys)


@RUN_RULES.rule(
    "audit-config-given",
    "A compliance run was given an audit.config, any other none",
    "compliance/README.md",
)
def audit_config_given(case: RunCase) -> Iterable[Check]:
    """What we handed to LoadGen; the log says what it read."""
    given, wanted = case.evidence.run.audit_config is not None, case.mode == COMPLIANCE
    keys = ("run.json/audit_config", "run.json/audit_config_sha256")
    yield check("audit.config given to LoadGen", given, "==", wanted, "run.json", keys=keys)
    if given == wanted and not given:
        there = RunDir(case.evidence.directory).audit_config.is_file()
        yield check("audit.config in the run's folder", there, "==", False, "run.json", keys=keys)


@RUN_RULES.rule(
    "loadgen-model", "LoadGen was given the benchmark's model name", "loadgen", "loadgen_model"
)
def loadgen_model(case: RunCase) -> Iterable[Check]:
    """The name picks LoadGen's built-in settings; its log does not hold it."""
    name, wanted = case.evidence.run.loadgen_model, case.demands.loadgen_model
    keys = ("run.json/loadgen_model",)
    yield check("LoadGen's model name", name, "==", wanted, case.demands.origin, keys=keys)


@RUN_RULES.rule(
    "prefix-cache-hits",
    "No token was served from another query's KV cache, by the engine's own count",
    f"{RULES} §8.2, §9.4",
)
def prefix_cache_hits(case: RunCase) -> Iterable[Check]:
    """An engine with a model must count them; without one there is no KV cache."""
    counters, engine = case.evidence.run.engine_counters, case.evidence.session.engine
    names = [name for name in sorted(counters) if PREFIX_CACHE_HITS in name]
    if not names and engine is not None and engine.traits.has_model:
        names = [PREFIX_CACHE_HITS]
    for name in names:
        source = "KV reuse across queries is prohibited (inference_rules §8.2)"
        keys = (f"run.json/engine_counters/{name}",)
        yield check(name, counters.get(name), "==", 0, source, keys=keys)


@RUN_RULES.rule(
    "accuracy-covers-all",
    "The accuracy run answers every sample of the data set once",
    f"{RULES} §3, submission_checker",
    "dataset_count",
    (ACCURACY,),
    ground=Ground.LEDGER,
)
def accuracy_covers_all(case: RunCase) -> Iterable[Check]:
    """As many as there are, and no two of them the same."""
    import pyarrow.compute as pc

    evidence, count, origin = case.evidence, case.demands.dataset_count, case.demands.origin
    issued = distinct = None
    if evidence.ledger is not None:
        issued = evidence.ledger.num_rows
        distinct = int(pc.count_distinct(evidence.ledger["sample_index"]).as_py())
    keys = ("run.json/ledger/issued",)
    yield check("samples issued", issued, "==", count, origin, keys=keys)
    yield check("different samples", distinct, "==", count, origin)


@RUN_RULES.rule(
    "one-process",
    "LoadGen ran once in a process of its own",
    "FromConfig in loadgen/test_settings_internal.cc: a second run gets no built-in settings",
    ground=Ground.LOADGEN,
)
def one_process(case: RunCase) -> Iterable[Check]:
    """By LoadGen's first line and by the process ids in its log; see `processes-apart`, too."""
    index, keys = case.logs.detail.index if case.logs else None, ("loadgen_version",)
    yield check("runs in the log", index.starts if index else None, "==", 1, "log", keys=keys)
    processes = len(index.process_ids) if index else None
    yield check("processes", processes, "==", 1, "log", keys=keys)


@RUN_RULES.rule(
    "audit-settings",
    "The settings in force are those of the test's official audit.config",
    "audit.config of the test in mlcommons/inference",
    modes=(COMPLIANCE,),
    ground=Ground.LOADGEN,
)
def audit_settings(case: RunCase) -> Iterable[Check]:
    """The copy that ships with the harness; a file of the user's may say something else."""
    path = AUDIT_ROOT / str(case.evidence.run.test) / AUDIT_FILE
    if not path.is_file():
        return
    official = parse_audit_config(path)
    wanted: dict[str, int | bool | None] = {
        "accuracy_log_rng_seed": official.accuracy_log_rng_seed,
        "accuracy_log_sampling_target": official.accuracy_log_sampling_target,
        "min_duration_ms": official.min_duration,
        "sample_concatenate_permutation": bool(official.sample_concatenate_permutation),
    }
    for name, value in wanted.items():
        key = f"effective_{name}"
        yield check(name, case.logged(key), "==", value, "audit.config", keys=(key,))
