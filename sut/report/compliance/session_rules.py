"""The rules that hold for a whole session: scenario set, data, weights, engine, warm-up."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sut.config.engine_traits import EngineTraits
from sut.config.names import Scenario
from sut.config.official import of_benchmark
from sut.config.rounds import BenchmarkRules
from sut.record.engine_before import places_of
from sut.report.compliance.evidence import ACCURACY, CONFIG, PERFORMANCE, SESSION, SessionView
from sut.report.compliance.rows import Proof, Row, Subject, Verdict, part
from sut.rules.rule import Statement

RULES = "inference_rules.adoc"

SCENARIOS = Statement(
    "scenario-set",
    "The required scenarios were run, and one of those that may be chosen",
    f"{RULES} §4.1.1, submission_checker",
    "required",
)
RUNS = Statement(
    "runs-complete",
    "The scenario has a performance run, an accuracy run and every compliance test",
    "submission_rules.adoc §5.6.3, submission_checker",
    "compliance_tests",
)
SAME_ENGINE = Statement(
    "same-engine",
    "Performance, accuracy and compliance runs used one engine with the same settings",
    f"{RULES} §5.1",
)
DATASET_COUNT = Statement(
    "dataset-count", "The data set has every sample", f"{RULES} §4.1.1", "dataset_count"
)
DATASET = Statement("dataset", "The data set is the benchmark's own", f"{RULES} §4.1.1", "dataset")
DATASET_SHA = Statement(
    "dataset-checksum", "The data set's checksum is recorded", "submission_rules.adoc §5.10"
)
RECOGNITION = ("recognised", "config_sha256")
MODEL = Statement("model", "The weights are the benchmark's own", f"{RULES} §6.1")
WEIGHTS = Statement("weights-checksum", "The weights' checksum is recorded", f"{RULES} §6.1")
REAL_WEIGHTS = Statement(
    "weights-loaded", "The weights are read from files, not drawn", f"{RULES} §6.1"
)
ENGINE = Statement("engine", "An engine with the model gives the answers", f"{RULES} §6.1")
NUMERICS = Statement(
    "numerics", "The number formats and the quantisation are stated", f"{RULES} §8.1"
)
GREEDY = Statement("greedy", "Decoding is greedy", f"{RULES} §9.4")
LENGTHS = Statement(
    "output-length", "Answers have the round's length bounds", f"{RULES} §4.1.3", "max_tokens"
)
PLAIN = Statement(
    "plain-sampling", "No other sampling parameter changes the answers", f"{RULES} §9.4"
)
STOPS = Statement(
    "stop-tokens", "Answers end at the model's end-of-sequence tokens only", f"{RULES} §9.4"
)
NO_CACHE = Statement(
    "prefix-caching-off",
    "Prefix caching is off: no query uses another's KV cache",
    f"{RULES} §5.1, §8.2, §9.4",
)
NO_SPECULATION = Statement("no-speculation", "No speculative decoding", f"{RULES} §8.2")
WARMUP = Statement(
    "warm-up", "Warm-up was answered in full before LoadGen's first clock", f"{RULES} §5.1"
)


def rows(view: SessionView) -> Iterable[Row]:
    """Every rule on the session as a whole."""
    for name, (benchmark, scenarios) in _benchmarks(view).items():
        yield _scenario_set(view, name, benchmark, scenarios)
        yield from _dataset(view, benchmark)
    yield from _weights(view)
    yield from _engine(view)
    yield _warmup(view)


def scenario_rows(view: SessionView, scenario: Scenario) -> Iterable[Row]:
    """What the runs of one scenario must be together."""
    _, benchmark, _ = view.round.scenario_rules(view.config.model.benchmark, scenario)
    say = Subject(scenario.value, view.round)
    found = view.of(scenario)
    wanted = (PERFORMANCE, ACCURACY, *benchmark.compliance_tests)
    missing = [kind for kind in wanted if kind not in found]
    proof = [run.fact("mode") for run in found.values()]
    reason = f"this session has no run of kind {', '.join(missing)}" if missing else None
    yield say.row(
        RUNS,
        Verdict.NOT_MEASURED if missing else Verdict.MET,
        required=", ".join(wanted),
        measured=", ".join(found) or None,
        proof=proof,
        reason=reason,
    )
    yield _same_engine(view, scenario, wanted, reason)


def _benchmarks(view: SessionView) -> dict[str, tuple[BenchmarkRules, list[Scenario]]]:
    """The benchmark ids of the session: SingleStream belongs to the edge one."""
    found: dict[str, tuple[BenchmarkRules, list[Scenario]]] = {}
    for scenario in view.config.scenarios:
        name, benchmark, _ = view.round.scenario_rules(view.config.model.benchmark, scenario)
        found.setdefault(name, (benchmark, []))[1].append(scenario)
    return found


def _scenario_set(
    view: SessionView, name: str, benchmark: BenchmarkRules, asked: list[Scenario]
) -> Row:
    ran = [run.scenario for run in view.runs if run.kind == PERFORMANCE and run.scenario in asked]
    choice = not benchmark.one_of or set(benchmark.one_of) & set(ran)
    complete = set(benchmark.required) <= set(ran) and choice
    required = ", ".join(benchmark.required)
    if benchmark.one_of:
        required += f" and one of {', '.join(benchmark.one_of)}"
    return view.subject.row(
        SCENARIOS,
        Verdict.MET if complete else Verdict.NOT_MET,
        required=f"{name}: {required}",
        measured=", ".join(ran) or "no performance run",
        proof=[
            view.fact(CONFIG, "config", "scenarios"),
            *(run.fact("scenario") for run in view.runs if run.kind == PERFORMANCE),
        ],
        reason=None if complete else "in this session; a submission may join several sessions",
    )


def _same_engine(
    view: SessionView, scenario: Scenario, wanted: tuple[str, ...], missing: str | None
) -> Row:
    """One engine start serves a session, so a run from before it belongs to another."""
    runs = view.of(scenario)
    ready = datetime.fromisoformat(view.session.started_utc)
    alien = [k for k, run in runs.items() if datetime.fromisoformat(run.run.started_utc) < ready]
    proof = [view.fact(SESSION, "started_utc"), view.fact(SESSION, "engine", "arguments")]
    proof += [run.fact("started_utc") for run in runs.values()]
    say, reason = Subject(scenario.value, view.round), missing
    served = f"one engine start for {', '.join(runs)}" if runs else None
    if alien:
        verdict, served = Verdict.NOT_MET, f"{', '.join(alien)} began before this engine was ready"
    elif missing or view.session.engine is None:
        verdict = Verdict.NOT_MEASURED
        reason = missing or "the engine never became ready"
    else:
        verdict = Verdict.MET
    required = f"one engine start for {', '.join(wanted)}"
    return say.row(
        SAME_ENGINE, verdict, required=required, measured=served, proof=proof, reason=reason
    )


def _dataset(view: SessionView, benchmark: BenchmarkRules) -> Iterable[Row]:
    say, data = view.subject, view.session.dataset
    proof = [view.fact(SESSION, "dataset", "count")]
    yield say.judged(DATASET_COUNT, data.count, "==", benchmark.dataset_count, proof)
    own = data.source == "file" and not data.synthetic
    proof = [view.fact(SESSION, "dataset", key) for key in ("source", "synthetic", "path")]
    yield say.row(
        DATASET,
        Verdict.MET if own else Verdict.NOT_MET,
        required=f"a file of {benchmark.dataset}",
        measured=f"{data.name}, {'synthetic' if data.synthetic else data.source}",
        proof=proof,
    )
    yield say.row(
        DATASET_SHA,
        Verdict.MET if data.sha256 else Verdict.NOT_MEASURED,
        required="a SHA-256",
        measured=data.sha256 or None,
        proof=[view.fact(SESSION, "dataset", "sha256")],
        reason="the official sources publish no checksum to compare it with",
    )


def _weights(view: SessionView) -> Iterable[Row]:
    say, model, engine = view.subject, view.config.model, view.session.engine
    names = ("official", "name", "revision")
    own = [each.name for each in of_benchmark(model.benchmark)]
    recognised = None
    if engine is not None and engine.model_config_sha256 is not None:
        recognised = engine.model_recognised in own
    yield say.combined(
        MODEL,
        [
            part("official", model.official, True),
            part("recognised by config.json", recognised, True),
        ],
        [
            *(view.fact(CONFIG, "config", "model", name) for name in names),
            *(view.fact(SESSION, "engine", f"model_{name}") for name in RECOGNITION),
        ],
        reason=f"{model.name}, revision {model.revision or 'not named'}",
    )
    proof = [view.fact(SESSION, "engine", name) for name in ("model_sha256", "model_path")]
    sha256 = engine.model_sha256 if engine else None
    verdict = Verdict.MET if sha256 else Verdict.NOT_MEASURED
    yield say.row(WEIGHTS, verdict, required="a SHA-256", measured=sha256, proof=proof)
    kind = engine.kind if engine else None
    verdict = Verdict.NOT_MEASURED
    if engine is not None:
        verdict = Verdict.MET if engine.traits.has_model else Verdict.NOT_MET
    proof = [view.fact(SESSION, "engine", "kind")]
    required = "an engine with a model"
    yield say.row(ENGINE, verdict, required=required, measured=kind, proof=proof)


def _engine(view: SessionView) -> Iterable[Row]:
    """What the engine tells of itself."""
    engine, say = view.session.engine, view.subject
    rules = (REAL_WEIGHTS, NUMERICS, NO_CACHE, NO_SPECULATION, GREEDY, LENGTHS, PLAIN, STOPS)
    if engine is None:
        for rule in rules:
            yield say.row(
                rule,
                Verdict.NOT_MEASURED,
                required="the engine's own record",
                measured=None,
                reason="the engine never became ready",
            )
    elif not engine.traits.has_model:
        for rule in rules:
            yield say.not_applicable(rule, f"the {engine.kind} engine has no model")
    else:
        yield from _traits(view, engine.traits)
        yield from _sampling(view, engine.traits)


def _traits(view: SessionView, traits: EngineTraits) -> Iterable[Row]:
    say = view.subject
    yield say.judged(REAL_WEIGHTS, traits.weights, "==", "real", _told(view, "weights"))
    yield _numerics(view, traits)
    for rule, trait in ((NO_CACHE, "prefix_caching"), (NO_SPECULATION, "speculative_decoding")):
        parts = [part("engine's own word", getattr(traits, trait), False)]
        yield say.combined(rule, parts, _told(view, trait))


def _numerics(view: SessionView, traits: EngineTraits) -> Row:
    told = {name: getattr(traits, name) for name in ("dtype", "quantization", "kv_cache_dtype")}
    stated = [f"{name} {value}" for name, value in told.items() if value is not None]
    quantised = traits.quantised_as is not None
    return view.subject.row(
        NUMERICS,
        Verdict.MET if len(stated) == len(told) else Verdict.NOT_MEASURED,
        required="weights, quantisation and KV cache stated",
        measured=", ".join(stated) or None,
        proof=[proof for name in told for proof in _told(view, name)],
        reason="quantisation asks for the published calibration write-up" if quantised else None,
    )


def _sampling(view: SessionView, traits: EngineTraits) -> Iterable[Row]:
    say = view.subject
    parts = [part("greedy", traits.greedy, True)]
    yield say.combined(GREEDY, parts, _told(view, "greedy"), "the most probable token is taken")
    for benchmark, _ in _benchmarks(view).values():
        names = ("max_tokens", "min_tokens")
        parts = [part(name, getattr(traits, name), getattr(benchmark, name)) for name in names]
        yield say.combined(LENGTHS, parts, [proof for n in names for proof in _told(view, n)])
    odd = traits.other_sampling
    measured = None if odd is None else ", ".join(odd) or "none"
    yield say.judged(PLAIN, measured, "==", "none", _told(view, "other_sampling"))
    stops, ours = traits.end_token_ids, view.config.model.eos_token_ids
    measured = None if stops is None else _ids(stops)
    proof = [
        *_told(view, "end_token_ids"),
        view.fact(CONFIG, "config", "model", "eos_token_ids"),
    ]
    yield say.judged(STOPS, measured, "==", _ids(ours), proof)


def _ids(values: Iterable[Any]) -> str:
    return ", ".join(str(value) for value in sorted(set(values)))


def _told(view: SessionView, trait: str) -> list[Proof]:
    """Where session.json says a trait of the engine."""
    engine = view.documents[SESSION].get("engine") or {}
    return [view.fact(SESSION, "engine", *keys) for keys in places_of(engine, trait)]


def _warmup(view: SessionView) -> Row:
    """`session.json` is written after warm-up and before the first LoadGen process starts."""
    warmup, say = view.session.warmup, view.subject
    proof = [view.fact(SESSION, "warmup"), view.fact(SESSION, "started_utc")]
    required = "every warm-up query answered before the first run"
    if warmup is None or not view.runs:
        reason = "there was no warm-up" if warmup is None else "there is no run"
        return say.row(
            WARMUP, Verdict.NOT_MEASURED, required=required, measured=None, proof=proof,
            reason=reason,
        )  # fmt: skip
    first = min(view.runs, key=lambda run: datetime.fromisoformat(run.run.started_utc))
    before = datetime.fromisoformat(view.session.started_utc) <= datetime.fromisoformat(
        first.run.started_utc
    )
    answered = warmup.succeeded == warmup.requested
    order = "before" if before else "not before"
    return say.row(
        WARMUP,
        Verdict.MET if before and answered else Verdict.NOT_MET,
        required=required,
        measured=f"{warmup.succeeded} of {warmup.requested}, {order} the first run",
        proof=[*proof, first.fact("started_utc")],
        reason="its prompts are outside the data set",
    )
