"""The rules on a session as a whole: profile, round, scenarios, data, weights, warm-up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sut.config.held import load_profile
from sut.config.keys import show
from sut.config.official import of_benchmark
from sut.rules.check import Check
from sut.rules.rule import Book, Ground
from sut.rules.session_case import SessionCase, lacking, told

RULES = "inference_rules.adoc"
SUBMITTED_PROFILE = "mlperf"
OTHERS_SHARE = "validity.others_cpu_share"
NOBODYS = "no official model's"

SESSION_RULES: Book[SessionCase] = Book(Ground.RECORD)


@SESSION_RULES.rule("profile", "The profile relaxes no rule of the round", f"{RULES} §4.1.1")
def profile(case: SessionCase) -> Iterable[Check]:
    """One profile holds the round's own figures."""
    name = case.config.profile
    against = f"the profile is {name}, which relaxes the round's rules"
    yield told("", name, "==", SUBMITTED_PROFILE, against)
    # An early record does not have it.
    if case.strict and "others_cpu_share" in case.config.validity.model_fields_set:
        yield _others_share(case)


def _others_share(case: SessionCase) -> Check:
    """The profile's own bound on what disturbs a run: null or a larger share relaxes it."""
    most = case.config.validity.others_cpu_share
    settings = {each.key: each.value for each in load_profile(SUBMITTED_PROFILE).settings}
    held = settings[OTHERS_SHARE]
    against = f"{OTHERS_SHARE} is {show(most)}, and the {SUBMITTED_PROFILE} profile has {held}"
    return told(OTHERS_SHARE, most, "<=", held, against)


@SESSION_RULES.rule("engine", "An engine with the model gives the answers", f"{RULES} §6.1")
def engine(case: SessionCase) -> Iterable[Check]:
    """By what the engine told of itself."""
    kind = case.engine.kind if case.engine else None
    planned = case.config.engine.kind
    against = "" if case.traits.has_model else f"the {planned} engine answers without a model"
    yield told("", kind, "==", "an engine with a model", against, holds=case.traits.has_model)


@SESSION_RULES.rule("model", "The weights are the benchmark's own", f"{RULES} §6.1")
def model(case: SessionCase) -> Iterable[Check]:
    """By the model's file, and by the config.json that lies with the weights that were read."""
    ours, found = case.config.model, case.engine
    against = f"{ours.name} is not the benchmark's own model"
    yield told("official", ours.official, "==", True, against)
    names = [each.name for each in of_benchmark(ours.benchmark)]
    recognised, against = None, "no config.json of the weights is on record"
    if found is not None and found.model_config_sha256 is not None:
        recognised, as_whose = found.model_recognised in names, found.model_recognised
        against = (
            f"the config.json of the weights was recognised as {as_whose or NOBODYS}, "
            f"not as that of {' or '.join(names) or ours.benchmark}"
        )
    said = not ours.official or found is None or not case.traits.has_model
    yield told("recognised by config.json", recognised, "==", True, "" if said else against)


@SESSION_RULES.rule(
    "weights-checksum", "The weights are the published ones, byte for byte", f"{RULES} §6.1"
)
def weights_checksum(case: SessionCase) -> Iterable[Check]:
    """Over the files that were read; of a quantised checkpoint no checksum is published."""
    found = (case.engine.model_sha256 if case.engine else None) or None
    yield told("recorded", found, "==", "a SHA-256", holds=True)
    known = [
        checksum
        for own in of_benchmark(case.config.model.benchmark)
        if case.engine and case.engine.model_recognised == own.name
        for checksum in own.weights_sha256
    ]
    if found and known and case.engine and case.engine.quantised_to is None:
        against = (
            f"the weights' files are not those of the published checkpoint: their checksum is "
            f"{found[:12]}…, not {' or '.join(f'{each[:12]}…' for each in known)}"
        )
        yield told("published", found, "==", " or ".join(known), against, holds=found in known)


@SESSION_RULES.rule("dataset", "The data set is the benchmark's own", f"{RULES} §4.1.1", "dataset")
def dataset(case: SessionCase) -> Iterable[Check]:
    """A file's, neither made up nor the sample that ships with the harness."""
    data = case.facts.dataset
    against = "the data set is the shipped sample" if data.source == "sample" else ""
    yield told("source", data.source, "==", "file", against)
    yield told("synthetic", data.synthetic, "==", False, "the data set is synthetic")


@SESSION_RULES.rule(
    "dataset-checksum", "The data set's checksum is recorded", "submission_rules.adoc §5.10"
)
def dataset_checksum(case: SessionCase) -> Iterable[Check]:
    """The official sources publish none to compare it with."""
    yield told("", case.facts.dataset.sha256 or None, "==", "a SHA-256", holds=True)


@SESSION_RULES.rule(
    "dataset-count", "The data set has every sample", f"{RULES} §4.1.1", "dataset_count"
)
def dataset_count(case: SessionCase) -> Iterable[Check]:
    """As many as the benchmark's has."""
    count = case.facts.dataset.count
    for wanted in dict.fromkeys(each.dataset_count for each in case.benchmarks().values()):
        against = f"the data set has {count} samples, not {wanted}"
        yield told("", count, "==", wanted, against)


@SESSION_RULES.rule("round", "The round has the benchmark and its scenarios", "the round's file")
def known_round(case: SessionCase) -> Iterable[Check]:
    """Without it nothing is known that a submission is held to."""
    config, name = case.config, case.config.model.benchmark
    known = case.round is not None
    yield told("round", known, "==", True, f"the rules of round {config.round} are unknown")
    if not known:
        return
    has = case.benchmark is not None
    yield told("benchmark", has, "==", True, f"round {config.round} has no benchmark {name}")
    for scenario in config.scenarios if has else ():
        against = f"round {config.round} has no scenario {scenario} for {name}"
        yield told(str(scenario), case.rules_of(scenario)[0] is not None, "==", True, against)


@SESSION_RULES.rule(
    "scenario-set",
    "The required scenarios were run, and one of those that may be chosen",
    f"{RULES} §4.1.1, submission_checker",
    "required",
)
def scenario_set(case: SessionCase) -> Iterable[Check]:
    """By the performance runs. Of a scenario that was asked for, `runs-complete` speaks."""
    asked, ours = case.config.scenarios, case.config.model.benchmark
    made = {run.scenario for run in case.runs if run.mode == "performance"}
    for name, benchmark in case.benchmarks().items():
        mine = [each for each in asked if case.rules_of(each)[0] == name]
        missing, no_choice = lacking(benchmark, [each for each in mine if each.value in made])
        not_asked, none_asked = lacking(benchmark, mine)
        for each in benchmark.required:
            said = name != ours or each not in not_asked
            against = "" if said else f"the required scenario {each} was not run"
            yield told(each.value, each not in missing, "==", True, against)
        if benchmark.one_of:
            choice, said = ", ".join(benchmark.one_of), name != ours or not none_asked
            against = "" if said else f"none of {choice} was run"
            yield told(f"one of {choice}", not no_choice, "==", True, against)


@SESSION_RULES.rule(
    "warm-up-first", "Warm-up ended before LoadGen's first clock", f"{RULES} §5.1"
)  # fmt: skip
def warm_up_first(case: SessionCase) -> Iterable[Check]:
    """`session.json` is written after warm-up and before the first LoadGen process starts."""
    order = None
    if case.facts.warmup is not None and case.runs:
        first = min(datetime.fromisoformat(run.started_utc) for run in case.runs)
        before = datetime.fromisoformat(case.facts.started_utc) <= first
        order = "before the first run" if before else "not before the first run"
    yield told("", order, "==", "before the first run")


@SESSION_RULES.rule(
    "processes-apart",
    "No two LoadGen runs share a process",
    "FromConfig in loadgen/test_settings_internal.cc: a second run gets no built-in settings",
    ground=Ground.LOADGEN,
)
def processes_apart(case: SessionCase) -> Iterable[Check]:
    """By the process ids in LoadGen's logs."""
    logs = list(case.processes.values())
    shared = sum(len(pids) for pids in logs) - len(frozenset().union(*logs))
    yield told("processes that two runs share", shared, "==", 0)


@SESSION_RULES.rule(
    "as-closed",
    "The session's files are those that it left, and no others",
    "our own condition: evidence belongs together (docs/rules.md)",
    ground=Ground.HASHES,
)
def as_closed(case: SessionCase) -> Iterable[Check]:
    """By the manifest that was written when it closed. LoadGen's logs, each run judges itself."""
    closed, ours = case.closed, case.facts.session_id
    said = closed.session_id if closed is not None else None
    yield told("session of the manifest", said, "==", ours)
    known = {f"{place}/{name}" for place, names in case.hashed.items() for name in names}
    found = closed.without(known).contradictions if closed is not None else None
    yield told("files that are not as the session left them", found, "==", "none")
