"""A session's folder, worked out anew: every rule, its result, and what only its record says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from sut.accuracy.evaluate import Sources
from sut.config.names import Mode
from sut.config.rounds import Round, load_round
from sut.errors import ConfigError, LogError
from sut.json_text import decoded
from sut.logs.accuracy import ACCURACY_NAME, read_accuracy_log
from sut.record.session import RunRecord, SessionRecord, read_session
from sut.report.page.build import NAME as PAGE
from sut.report.page.build import is_of_this_version, report_html
from sut.report.summary import summary_text
from sut.result.build import result_json, result_of
from sut.result.evaluated import with_evaluations
from sut.result.rebuilt import contradictions
from sut.result.schema import SCHEMA_VERSION, Result, RunResult
from sut.result.stored import read_result
from sut.rules.case import run_case
from sut.rules.catalogue import (
    CATALOGUE,
    NOT_IN_VALID,
    OF_ENGINE,
    SCENARIO_WIDE,
    SESSION_WIDE,
    VALID,
)
from sut.rules.demands import round_demands, run_demands
from sut.rules.evaluated import EVALUATED
from sut.rules.evidence import Evidence, evidence_of
from sut.rules.grade import GRADE
from sut.rules.planned import planned_settings
from sut.rules.rule import Ground, Rule
from sut.rules.session_case import ScenarioCase, session_case
from sut.verify.made_files import made_files
from sut.verify.standing import Item, Standing, of_rule

# Sections of session.json that no log and no second witness tells of.
STATED = ("hardware", "software", "dataset", "engine")
# Long, and the same words as the configuration's.
NOT_LISTED = frozenset({"arguments", "sampling", "details", "environment"})
SESSION = "session"
UNSCORED = "The answers cannot be scored again here: data set or model is not where the run had it"


def verify_session(
    root: Path, sources: Sources | None = None, round_: Round | None = None
) -> list[Item]:
    """Everything a session's files prove, state and contradict.

    Args:
        root: the session's folder.
        sources: data set and model from elsewhere than the run had them.
        round_: the rules to judge by; None: those of the round the configuration names.

    Raises:
        LogError: config.json, session.json or a run.json is missing or malformed.
    """
    record, unscored = _scored(read_session(root), sources)
    result = result_of(record, round_)
    if round_ is None:
        with suppress(ConfigError):  # result_of says that nobody knows it
            round_ = load_round(record.config.round)
    items = [item for run in record.runs for item in _run(record, run, round_, unscored)]
    items += _whole(record, round_)
    items += _figures(result)
    items += _own_result(record, result)
    items += _own_pages(record, result)
    items += made_files(record, result, same_version=_same_version(record, result))
    for start in record.starts:
        items += stated_facts(start.file, start.documents[start.file])
    return items


def _scored(record: SessionRecord, sources: Sources | None) -> tuple[SessionRecord, frozenset[str]]:
    """With every run evaluated; and the runs that keep what they state, as nothing here scores."""
    runs, unscored = [], set()
    for run in with_evaluations(record, sources).runs:
        stated = _stated_scores(run)
        if stated is not None:
            unscored.add(run.place)
            run = replace(run, evaluation=stated)
        runs.append(run)
    return replace(record, runs=tuple(runs)), frozenset(unscored)


def _stated_scores(run: RunRecord) -> Any | None:
    """What accuracy.json says, where only data set or model is missing to work it out anew."""
    if run.facts.mode != Mode.ACCURACY or run.evaluation_problem is None:
        return None
    with suppress(LogError):
        read_accuracy_log(run.folder.root / ACCURACY_NAME)
        return run.stated_accuracy
    return None


def _run(
    record: SessionRecord, run: RunRecord, round_: Round | None, unscored: frozenset[str]
) -> Iterator[Item]:
    """Every rule of a run's verdict; those beside it where the profile claims the round's rules."""
    evidence = evidence_of(record, run, round_)
    case, names = run_case(evidence, run_demands(evidence)), list(VALID)
    for rule in (CATALOGUE[name] for name in names):
        if evidence.run.mode in rule.modes:
            ground = None
            if run.place in unscored and rule.id in EVALUATED.rules:
                ground = Ground.RECORD
            yield from of_rule(rule, rule.checks(case), run.place, ground=ground)
    if run.place in unscored:
        yield Item(Standing.OPEN, run.place, f"{UNSCORED}. Give --dataset and --model.")
    yield from _scores(run, unscored)
    if evidence.strict:
        yield from _by_the_round(evidence, run.place)


def _scores(run: RunRecord, unscored: frozenset[str]) -> Iterator[Item]:
    """The metrics of an accuracy run: from its log, or only from accuracy.json."""
    metrics = run.accuracy.metrics if run.accuracy else []
    words = ", ".join(
        f"{each.name} {each.value:.10g}" for each in metrics if each.value is not None
    )
    standing = Standing.STATED if run.place in unscored else Standing.PROVED
    if words:
        ground = "accuracy.json" if run.place in unscored else "the log's answers, scored again"
        yield Item(standing, run.place, words, ground=ground)


def _by_the_round(evidence: Evidence, place: str) -> Iterator[Item]:
    """The rules that a verdict leaves to the compliance page, held to the round's own demands."""
    if evidence.round is None:
        return
    settings, own = planned_settings(evidence), evidence.config.model.official
    demands = round_demands(
        evidence.round, evidence.benchmark, evidence.rules, settings, own_model=own
    )
    case = run_case(evidence, demands)
    for rule in (CATALOGUE[name] for name in CATALOGUE if name in NOT_IN_VALID):
        if evidence.run.mode in rule.modes:
            yield from of_rule(rule, rule.checks(case), place)


def _whole(record: SessionRecord, round_: Round | None) -> Iterator[Item]:
    """The rules on the session and on its scenarios."""
    case = session_case(record, round_)
    starts = {f"engine of {name}": mine for name, mine in case.starts.items()}
    for rule in SESSION_WIDE.values():
        mine = starts if starts and rule.id in OF_ENGINE else {SESSION: case}
        for subject, each in mine.items():
            yield from _wide(rule, each, subject)
    for scenario in record.config.scenarios:
        for of_scenario in SCENARIO_WIDE.values():
            its = ScenarioCase(case.of(scenario), scenario)
            yield from _wide(of_scenario, its, scenario.value)


def _wide(rule: Rule[Any], case: Any, subject: str) -> Iterable[Item]:
    """Against a submission stands what a session need not claim: that is no contradiction."""
    checks = rule.checks(case)
    unmeasured = not any(each.judged for each in checks if not each.passed)
    failed = Standing.OPEN if rule.id in GRADE or unmeasured else Standing.CONTRADICTS
    return of_rule(rule, checks, subject, failed=failed)


def _figures(result: Result) -> Iterator[Item]:
    """The figures of each performance run; those of one that is not VALID prove nothing."""
    for scenario, run in result.scenarios.items():
        words = ", ".join(_named(run))
        standing = Standing.PROVED if run.valid else Standing.STATED
        ground = "worked out anew" if run.valid else "of a run that is not VALID"
        if words:
            yield Item(standing, f"{scenario}/performance", words, ground=ground)


def _named(run: RunResult) -> Iterator[str]:
    rates = {"samples/s": run.achieved_qps, "tokens/s": run.throughput_tokens_per_sec}
    yield from (f"{value:.6g} {name}" for name, value in rates.items() if value is not None)
    for name, times in (("latency", run.latency), ("TTFT", run.ttft), ("TPOT", run.tpot)):
        if times is not None and times.p99_ns is not None:
            yield f"{name} P99 {times.p99_ns / 1e6:.6g} ms"


def _own_result(record: SessionRecord, built: Result) -> Iterator[Item]:
    """result.json, and its published copy, against the result that the files give now."""
    for path in (record.folder.result, record.folder.published_result):
        if path.is_file():
            yield from _held(path, built)
    if not record.folder.result.is_file():
        yield Item(Standing.OPEN, "result.json", "It is not here to be held against the files.")


def _own_pages(record: SessionRecord, built: Result) -> Iterator[Item]:
    """What people read, against the same made anew; only where the result is what it was."""
    folder = record.folder
    if not _same_version(record, built):
        return  # the result says so already, or another version of the harness made it
    page = folder.root / PAGE
    made = {path: summary_text(built) for path in (folder.summary, folder.published_summary)}
    if page.is_file() and not is_of_this_version(page.read_text("utf-8", errors="replace")):
        yield Item(Standing.OPEN, PAGE, "Another version of the harness made it, or says so.")
    else:
        made[page] = report_html(built, record)
    for path, text in made.items():
        if path.is_file():
            same = path.read_bytes() == text.encode()
            standing = Standing.PROVED if same else Standing.CONTRADICTS
            words = "It is what its files give." if same else "It is not what its files give."
            yield Item(standing, path.name, words)


def _same_version(record: SessionRecord, built: Result) -> bool:
    """Whether the result is byte for byte what this version of the harness makes."""
    own = record.folder.result
    return own.is_file() and own.read_bytes() == result_json(built).encode()


def _held(path: Path, built: Result) -> Iterator[Item]:
    if path.read_text(encoding="utf-8", errors="replace") == result_json(built):
        yield Item(Standing.PROVED, path.name, "It is byte for byte what its files give.")
        return
    version = _version(path)
    if version not in (None, SCHEMA_VERSION):
        sentence = f"It is of version {version}, which is not read here; this is {SCHEMA_VERSION}."
        yield Item(Standing.OPEN, path.name, sentence)
        return
    try:
        against = contradictions(read_result(path), built)
    except LogError as error:
        against = [f"It {error.message.rstrip('.')}"]
    for each in against:
        yield Item(Standing.CONTRADICTS, path.name, f"{each}.")
    if not against:
        yield Item(Standing.PROVED, path.name, "Its figures and verdicts are what its files give.")


def _version(path: Path) -> str | None:
    with suppress(ValueError):
        document = decoded(path.read_bytes())
        found = document.get("schema_version") if isinstance(document, dict) else None
        return found if isinstance(found, str) else None
    return None


def stated_facts(name: str, document: dict[str, Any]) -> Iterator[Item]:
    """The facts of a record that nothing proves, one by one."""
    for section in STATED:
        for key, value in _leaves(section, document.get(section)):
            yield Item(Standing.STATED, name, f"{key} is {json.dumps(value)}")


def _leaves(place: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in NOT_LISTED:
                yield from _leaves(f"{place}.{key}", inner)
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from _leaves(f"{place}[{number}]", inner)
    else:
        yield place, value
