"""The rows on a whole session: the catalogue judges, the proof and the remark are ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sut.config.names import Scenario
from sut.record.engine_before import places_of
from sut.report.compliance.evidence import CONFIG, PERFORMANCE, SESSION, RunView, SessionView
from sut.report.compliance.rows import Proof, Row, Subject
from sut.rules.catalogue import OF_ENGINE, SCENARIO_WIDE, SESSION_WIDE
from sut.rules.check import Check
from sut.rules.rule import Statement
from sut.rules.session_case import ScenarioCase

SELECTED = (
    *("scenario-set", "dataset-count", "dataset", "dataset-checksum"),
    *("model", "weights-checksum", "engine", "weights-loaded", "numerics"),
    *("calibration", "engine-as-asked", "engine-environment"),
    *("prefix-caching-off", "reuse-probe", "no-speculation", "greedy", "output-length"),
    *("plain-sampling", "stop-tokens", "warm-up-first", "processes-apart", "as-closed"),
)
OF_SCENARIO = ("runs-complete", "same-engine")


def rows(view: SessionView) -> Iterable[Row]:
    """Every rule on the session as a whole, and on each engine that it started."""
    for name in SELECTED:
        rule = SESSION_WIDE[name]
        for mine in (name in OF_ENGINE and view.starts.values()) or (view,):
            checks = rule.checks(mine.case)
            if checks:
                yield _row(mine, mine.subject, rule, checks, PROOFS[name](mine))
            else:
                yield mine.subject.not_applicable(rule, _why_not(name, mine))


def _why_not(name: str, view: SessionView) -> str:
    if name == "calibration":
        return "no record of a quantisation lies with the weights"
    kind = view.config.engine.kind
    silent = f"the {kind} engine tells nothing that its settings ask for"
    return silent if view.case.traits.has_model else f"the {kind} engine has no model"


def scenario_rows(view: SessionView, scenario: Scenario) -> Iterable[Row]:
    """What the runs of one scenario must be together."""
    view = view.with_engine_of(scenario)
    runs, subject = list(view.of(scenario).values()), Subject(scenario.value, view.round)
    case = ScenarioCase(view.case, scenario)
    missing = [kind for kind in case.wanted if kind not in case.runs]
    reason = f"this session has no run of kind {', '.join(missing)}" if missing else None
    for name in OF_SCENARIO:
        rule = SCENARIO_WIDE[name]
        proof = _of_scenario(name, view, runs)
        yield _row(view, subject, rule, rule.checks(case), proof, reason)


def _row(
    view: SessionView,
    subject: Subject,
    rule: Statement,
    checks: list[Check],
    proof: list[Proof],
    reason: str | None = None,
) -> Row:
    if rule.id in REMARKS:
        reason = REMARKS[rule.id](view, checks)
    if view.session.engine is None and all(each.measured is None for each in checks):
        reason = reason or "the engine never became ready"
    named = any(each.name for each in checks)
    return subject.of_checks(rule, checks, proof, reason, named=named)


def _scenarios_of_runs(view: SessionView) -> list[Proof]:
    asked = view.fact(CONFIG, "config", "scenarios")
    return [asked, *(run.fact("scenario") for run in view.runs if run.kind == PERFORMANCE)]


def _first_run(view: SessionView) -> list[Proof]:
    found = [view.fact(SESSION, "warmup"), view.fact(SESSION, "started_utc")]
    return [*found, *(run.fact("started_utc") for run in view.runs)]


def _log_starts(view: SessionView) -> list[Proof]:
    return [proof for run in view.runs for proof in run.log("loadgen_version")]


def _of_scenario(rule: str, view: SessionView, runs: list[RunView]) -> list[Proof]:
    if rule == "runs-complete":
        return [run.fact("mode") for run in runs]
    proof = [view.fact(SESSION, "started_utc"), view.fact(SESSION, "engine", "arguments")]
    return proof + [run.fact("started_utc") for run in runs]


def _facts(file: str, above: str, *names: str) -> Callable[[SessionView], list[Proof]]:
    keys = ("config", above) if file == CONFIG else (above,)
    return lambda view: [view.fact(file, *keys, name) for name in names]


def _told(*traits: str) -> Callable[[SessionView], list[Proof]]:
    """Where session.json says traits of the engine."""

    def places(view: SessionView) -> list[Proof]:
        engine = view.documents[view.facts_file].get("engine") or {}
        keys = [place for trait in traits for place in places_of(engine, trait)]
        return [view.fact(SESSION, "engine", *each) for each in keys]

    return places


def _both(
    *sources: Callable[[SessionView], list[Proof]],
) -> Callable[[SessionView], list[Proof]]:
    return lambda view: [proof for each in sources for proof in each(view)]


PROOFS: dict[str, Callable[[SessionView], list[Proof]]] = {
    "scenario-set": _scenarios_of_runs,
    "dataset-count": _facts(SESSION, "dataset", "count"),
    "dataset": _facts(SESSION, "dataset", "source", "synthetic", "path"),
    "dataset-checksum": _facts(SESSION, "dataset", "sha256"),
    "model": _both(
        _facts(CONFIG, "model", "official", "name", "revision"),
        _facts(SESSION, "engine", "model_recognised", "model_config_sha256"),
    ),
    "weights-checksum": _facts(SESSION, "engine", "model_sha256", "model_path"),
    "engine": _facts(SESSION, "engine", "kind"),
    "weights-loaded": _told("weights"),
    "numerics": _told("dtype", "quantization", "kv_cache_dtype"),
    "calibration": lambda view: [view.fact(SESSION, "quantised", "calibration", "list_sha256")],
    "engine-as-asked": _told(
        *("weights", "dtype", "quantization", "kv_cache_dtype"),
        *("context_tokens", "max_batch_sequences", "max_batch_tokens"),
    ),
    "engine-environment": _both(
        _facts(SESSION, "engine", "environment"), _facts(CONFIG, "engine", "environment")
    ),
    "prefix-caching-off": _told("prefix_caching"),
    "reuse-probe": _facts(
        SESSION, "reuse_probe", "prompts", "prompt_tokens", "hit_tokens", "first_s", "again_s"
    ),
    "no-speculation": _told("speculative_decoding"),
    "greedy": _told("greedy"),
    "output-length": _both(
        _facts(CONFIG, "generation", "max_tokens", "min_tokens"),
        _told("max_tokens", "min_tokens"),
    ),
    "plain-sampling": _told("other_sampling"),
    "stop-tokens": _both(_told("end_token_ids"), _facts(CONFIG, "model", "eos_token_ids")),
    "warm-up-first": _first_run,
    "processes-apart": _log_starts,
    "as-closed": lambda view: [view.fact(SESSION, "session_id")],
}
"""What proves a rule."""


def _model(view: SessionView, checks: list[Check]) -> str:
    del checks
    return f"{view.config.model.name}, revision {view.config.model.revision or 'not named'}"


def _quantised(view: SessionView, checks: list[Check]) -> str | None:
    del checks
    quantised = view.case.traits.quantised_as is not None
    return "quantisation asks for the published calibration write-up" if quantised else None


def _declared(view: SessionView, checks: list[Check]) -> str | None:
    """What a declared variable was at, since it is in no log."""
    del checks
    engine = view.session.engine
    found = (engine.environment if engine else None) or []
    named = [each for each in found if each.name in view.config.engine.environment]
    values = ", ".join(f"{each.name}={each.value}" for each in named)
    return f"declared: {values}" if values else None


def _probed(view: SessionView, checks: list[Check]) -> str | None:
    """The times of both passes, judged or not."""
    del checks
    probe = view.session.reuse_probe
    if probe is None:
        return "no prompt was asked twice"
    first, again = (", ".join(f"{s:.4g}" for s in each) for each in (probe.first_s, probe.again_s))
    return f"{probe.prompt_tokens} tokens each; first {first} s, again {again} s"


def _no_warmup(view: SessionView, checks: list[Check]) -> str | None:
    if checks[0].measured is not None:
        return "its prompts are outside the data set"
    return "there was no warm-up" if view.session.warmup is None else "there is no run"


def _data(view: SessionView, checks: list[Check]) -> str:
    del checks
    own = dict.fromkeys(each.dataset for each in view.case.benchmarks().values())
    return f"{view.session.dataset.name}; the benchmark's is {' or '.join(own)}"


def _joined(view: SessionView, checks: list[Check]) -> str | None:
    del view
    complete = all(each.passed for each in checks)
    return None if complete else "in this session; a submission may join several sessions"


REMARKS: dict[str, Callable[[SessionView, list[Check]], str | None]] = {
    "scenario-set": _joined,
    "dataset": _data,
    "dataset-checksum": lambda *_: "the official sources publish no checksum to compare it with",
    "model": _model,
    "numerics": _quantised,
    "engine-environment": _declared,
    "reuse-probe": _probed,
    "greedy": lambda *_: "the most probable token is taken",
    "warm-up-first": _no_warmup,
}
"""What a reader should know beside the figure."""
