"""Sessions and trees for the tests, made of the recorded LoadGen logs.

The recordings have 48 samples, so sessions are judged by a round whose counts are theirs;
`official_runs.make_official` gives a finished tree the real round's counts and times.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from audit.verify import verify_folder, write_facts
from sut.accuracy.text import official_text
from sut.config.held import held_values, load_profile
from sut.config.keys import Setting
from sut.config.names import Scenario
from sut.config.official import of_benchmark, officials
from sut.config.rounds import Round, load_round
from sut.config.schema import RunConfig
from sut.logs.line_order import written
from sut.record.facts import AccuracyFacts
from sut.record.folder import RunDir
from sut.record.session import RunRecord
from sut.submission.request import SubmissionPlan
from sut.submission.statement import SystemStatement, example_statement
from tests.unit.audit.sabotage import AUDITED
from tests.unit.result.at_times import moved
from tests.unit.result.obey import obey, plan_of
from tests.unit.result.sessions import (
    NAMES,
    RECORDED,
    dump,
    edit,
    end_answers_with,
    log_answers,
    make_accuracy,
    make_config,
    make_run,
    make_session_facts,
    seal,
)

ROUNDS = ("v5.1", "v6.0", "v6.1")
SUBMITTER = "Example"
RECORDED_RELEASE, RECORDED_ROUND = "6.0.17", "v6.1"
SCORES = {
    "ROUGE1": 38.7792, "ROUGE2": 15.9075, "ROUGEL": 24.4957, "ROUGELSUM": 35.793,
    "GEN_LEN": 8167644,
}  # fmt: skip
A_DAY_NS = 86_400 * 10**9
EOS = (128001, 128008, 128009)
AUDIT_LINE = (
    ':::MLLOG {"key": "warning_generic_message", "value": "Found Audit Config file '
    '(audit.config). Overriding TestSettings from audit.config file.", "time_ms": 0.0, '
    '"namespace": "mlperf::logging", "event_type": "POINT_IN_TIME", "metadata": {"is_error": '
    'false, "is_warning": true, "file": "x.cc", "line_no": 1, "pid": 7, "tid": 1}}\n'
)


@cache
def small_round(name: str) -> Round:
    """The round with the recordings' counts in place of its own."""
    rules = load_round(name)
    benchmarks = {
        key: each.model_copy(
            update={
                "dataset_count": 48,
                "max_tokens": 64,
                "scenarios": {
                    scenario: found.model_copy(update={"min_duration_ms": 1, "min_query_count": 1})
                    for scenario, found in each.scenarios.items()
                },
            }
        )
        for key, each in rules.benchmarks.items()
    }
    return rules.model_copy(update={"benchmarks": benchmarks})


def session(
    parent: Path,
    *kinds: str,
    name: str = "node_20261124T000000Z",
    round_: str = "v6.1",
    **config: Any,
) -> Path:
    """A session that closed could take; `kinds`: recordings, `+accuracy` or `+TEST06` appended.

    "server" is the performance run of the recording, "server+accuracy" its accuracy run.
    """
    root = parent / name
    root.mkdir(parents=True)
    recordings = tuple(dict.fromkeys(kind.partition("+")[0] for kind in kinds))
    made = make_config(recordings, **{"profile": "mlperf", "round": round_, "mode": "all"} | config)
    document = made.model_dump(mode="json")
    document["model"]["official"] = True
    document["compliance"] = {"tests": ["TEST06"], "audit_config": None}
    for key, setting in _held(made, round_).items():
        section, _, name = key.partition(".")
        document[section][name] = setting.value
    dump(root / "config.json", {"config": document, "origins": {}})
    facts = make_session_facts()
    facts["engine"] |= _engine_of(document)
    facts["software"]["loadgen"] = release_of(round_)
    dump(root / "session.json", facts)
    for kind in kinds:
        recording, _, other = kind.partition("+")
        _add_run(root, recording, other or "performance", round_)
    _match_mode(root, kinds)
    seal(root)
    return root


def _engine_of(document: dict[str, Any]) -> dict[str, Any]:
    """What an engine with the official weights tells of itself, by the configuration."""
    return {
        "model_sha256": officials()[0].weights_sha256[0],
        "model_recognised": "llama3.1-8b",
        "model_config_sha256": "3" * 64,
        "sampling": {
            "temperature": 0.0,
            **{name: document["generation"][name] for name in ("max_tokens", "min_tokens")},
            "stop_token_ids": document["model"]["eos_token_ids"],
        },
    }


def _held(config: RunConfig, round_: str) -> dict[str, Setting]:
    """What the mlperf profile holds, by the recordings' round."""
    benchmark, first = config.model.benchmark, config.scenarios[0]
    (weights,) = of_benchmark(benchmark)
    profile = load_profile("mlperf")
    return held_values(profile, small_round(round_), benchmark, first) | dict(weights.held)


def _match_mode(root: Path, kinds: tuple[str, ...]) -> None:
    """The configuration asks for what was run, so that nothing is missing from the session."""
    document = json.loads((root / "config.json").read_text(encoding="utf-8"))
    others = {kind.partition("+")[2] or "performance" for kind in kinds}
    if others == {"performance", "accuracy"}:
        document["config"]["mode"] = "both"
    elif len(others) == 1:
        only = others.pop()
        document["config"]["mode"] = "compliance" if only == "TEST06" else only
    dump(root / "config.json", document)


TARGETS = ("target_qps", "target_latency_ns", "target_latency_percentile")


def _with_lines_of(scenario: str, text: str, recording: str) -> str:
    """What LoadGen asks for and takes over in a scenario, in an accuracy run too, in its place."""
    theirs = _by_key((RECORDED / recording / "mlperf_log_detail.txt").read_text(encoding="utf-8"))
    own = _by_key(text)
    for name in TARGETS:
        own[f"effective_{name}"] = theirs[f"effective_{name}"]
    lines, at = [], '"time_ms": 0'
    for key in written(scenario, accuracy=True):
        line = own.pop(key, None) or theirs[key]
        taken = line in theirs.values()
        at = at if taken else re.findall(TIME, line)[0]
        lines.append(re.sub(TIME, at, line) if taken else line)
    own.pop("requested_offline_expected_qps")
    return "".join([*lines, *own.values()])


TIME = r'"time_ms": [\d.]+'


def _by_key(log: str) -> dict[str, str]:
    """The lines of a detail log, each key once."""
    return {line.split('"')[3]: line for line in log.splitlines(keepends=True)}


def _as_accuracy_of(scenario: str, recording: str, text: str) -> str:
    """The detail log of Offline's accuracy run as another scenario's."""
    text = text.replace('"value": "Offline"', f'"value": "{_loadgen_scenario(scenario)}"')
    # No two runs begin and end at one time: each scenario has a month of its own, of next year.
    month = list(Scenario).index(Scenario(scenario)) + 1
    stamp = r'("power_(?:begin|end)", "value": ")\d\d(-\d\d-)\d{4}'
    text = re.sub(stamp, rf"\g<1>{month:02d}\g<2>2027", text)
    ours = _loadgen_scenario(scenario)
    return text if ours == "Offline" else _with_lines_of(ours, text, recording)


def _on_a_day_of_its_own(log: str, number: int) -> str:
    """No two runs of a session began at the same time; recordings that are used twice did."""
    day = date(2026, 11, 24) + timedelta(days=number)
    log = re.sub(r"\b11-2\d-2026\b", day.strftime("%m-%d-%Y"), log)
    return re.sub(r"\b2026-11-2\dT", day.strftime("%Y-%m-%dT"), log)


def _one_warning(summary: Path) -> None:
    """The summary counts LoadGen's word that it read an audit.config."""
    changed = re.sub(
        r"(?m)^(No|\d+) warnings? encountered.*$",
        "1 warning encountered. See detailed log.",
        summary.read_text(encoding="utf-8"),
    )
    summary.write_text(changed, encoding="utf-8")


def _add_run(root: Path, recording: str, kind: str, round_: str) -> None:
    scenario = NAMES[recording][0]
    folder = root / scenario / kind
    source = "accuracy" if kind == "accuracy" else recording
    shutil.copytree(RECORDED / source, folder)
    in_server = kind == "accuracy" and scenario != "Offline"
    # Two scenarios whose answers are made of one recording must not have the same log.
    end_id = EOS[1] if scenario == "Interactive" else EOS[0]
    end_answers_with(folder, end_id, first_tokens=in_server)
    number = len(list(root.glob("*/*/run.json")))
    moved(folder, number * A_DAY_NS)
    mode = "compliance" if kind == "TEST06" else kind
    detail, summary = folder / "mlperf_log_detail.txt", folder / "mlperf_log_summary.txt"
    summary.write_text(as_round(summary.read_text(encoding="utf-8"), round_), encoding="utf-8")
    text = as_round(detail.read_text(encoding="utf-8"), round_)
    if kind == "accuracy":
        text = _as_accuracy_of(scenario, recording, text)
    if kind == "TEST06":
        text = AUDIT_LINE + text
        _one_warning(summary)
        audited_log(folder)
    text = re.sub(r'("pid": )\d+', rf"\g<1>{1000 + number}", text)  # of one process each
    detail.write_text(_on_a_day_of_its_own(text, number), encoding="utf-8")
    if _loadgen_scenario(scenario) == "Server":  # recorded at P95 in quick
        at_p99(detail)
    if kind == "TEST06":
        for key, value in AUDITED.items():
            if key != "effective_scenario":
                set_value(detail, key, value)
                set_parameter(summary, key.removeprefix("effective_"), value)
    run = make_run(folder, scenario, mode) | {"loadgen_package": release_of(round_)}
    if kind == "TEST06":
        run |= {"test": "TEST06"}
        write_verification(folder)
    dump(folder / "run.json", run)
    obey(folder, plan_of(root, scenario, kind, small_round(round_)))
    if kind == "accuracy":
        write_evaluation(folder)


def write_evaluation(folder: Path, scores: Mapping[str, float] = SCORES) -> None:
    """accuracy.json and accuracy.txt of a run with these scores, by default the reference's."""
    bounds = {"target": None, "upper_limit": None, "passed": None}
    metrics = [{"name": name, "value": value} | bounds for name, value in scores.items()]
    facts = make_accuracy(folder, metrics=metrics, characters=scores["GEN_LEN"])
    dump(folder / "accuracy.json", facts)
    SCORED[folder.resolve()] = AccuracyFacts.model_validate(facts)
    text = official_text(SCORED[folder.resolve()])
    (folder / "accuracy.txt").write_text(text, encoding="utf-8")


SCORED: dict[Path, AccuracyFacts] = {}
"""What the log of an accuracy run says, by the run's folder."""


def scored(run: RunRecord, *_: object) -> AccuracyFacts:
    """In place of a real evaluation: what `write_evaluation` was given."""
    return SCORED[run.folder.root.resolve()]


def audited_log(folder: Path) -> None:
    """LoadGen's accuracy log of a TEST06 run: the first 100 answers that the ledger has."""
    log_answers(folder, range(100))


def write_verification(folder: Path) -> None:
    """verification.json and the official text, as the harness writes them after the run."""
    for name in ("verification.json", "verify_accuracy.txt"):
        (folder / name).unlink(missing_ok=True)
    scenario = folder.parent.name
    facts = verify_folder(folder, "TEST06", scenario, EOS, max_tokens=64)
    assert facts.passed
    write_facts(folder, facts, Scenario(scenario))


def _loadgen_scenario(scenario: str) -> str:
    return "Server" if scenario == "Interactive" else scenario


def as_round(text: str, name: str) -> str:
    """A recorded log with the seeds and the LoadGen release of another round."""
    rules, recorded = load_round(name), load_round(RECORDED_ROUND)
    for key, seed in recorded.seeds.model_dump().items():
        text = text.replace(str(seed), str(rules.seeds.model_dump()[key]))
    if name != RECORDED_ROUND:
        text = text.replace(f'"{RECORDED_RELEASE} @', f'"{rules.loadgen_install} @')
    return text


def closed_session(parent: Path, round_: str = "v6.1", **changes: Any) -> Path:
    """Everything closed asks for, Offline and Server, in one session."""
    kinds = [f"{r}{k}" for r in ("offline", "server") for k in ("", "+accuracy", "+TEST06")]
    return session(parent, *kinds, round_=round_, **changes)


def statement(tmp_path: Path | None = None) -> SystemStatement:
    """The shipped example, with a bandwidth document where a folder for it is given."""
    found = example_statement()
    if tmp_path is None:
        return found
    document = tmp_path / "bandwidth.md"
    document.write_text("One 100 Gbit/s port.\n", encoding="utf-8")
    documents = found.documents.model_copy(update={"bandwidth": document})
    return found.model_copy(update={"documents": documents})


def plan(out: Path, *sessions: Path, **changes: Any) -> SubmissionPlan:
    """A closed plan for v6.1."""
    values: dict[str, Any] = {
        "round": "v6.1",
        "division": "closed",
        "submitter": SUBMITTER,
        "system": statement(sessions[0].parent if sessions else None),
        "out": out,
        "sessions": sessions,
    }
    return SubmissionPlan(**(values | changes))


def rewrite(run: Path, name: str, change: Callable[[str], str]) -> None:
    """Change a file of a run as the run might have left it: the recorded hash follows."""
    path = run / name
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    edit(run / "run.json", log_sha256=RunDir(run).hashes())


def edit_config(root: Path, **sections: Any) -> None:
    """Change sections of a session's configuration; its runs were made under that."""
    document = json.loads((root / "config.json").read_text(encoding="utf-8"))
    for key, value in sections.items():
        found = document["config"][key]
        document["config"][key] = found | value if isinstance(found, dict) else value
    (root / "config.json").write_text(json.dumps(document), encoding="utf-8")
    for path in root.glob("*/*/run.json"):
        rules = small_round(document["config"]["round"])
        obey(path.parent, plan_of(root, path.parts[-3], path.parts[-2], rules))
    seal(root)


def release_of(round_: str) -> str:
    """LoadGen's release in the logs of a round, by `as_round`."""
    return RECORDED_RELEASE if round_ == RECORDED_ROUND else load_round(round_).loadgen_install


def at_p99(detail: Path) -> None:
    """A Server log of quick's percentile as one of the round's."""
    for key in ("effective_target_latency", "requested_server_target_latency"):
        if f'"{key}_percentile"' in detail.read_text(encoding="utf-8"):
            set_value(detail, f"{key}_percentile", 0.99)
    conf = detail.with_name("user.conf")
    text = conf.read_text(encoding="utf-8")
    conf.write_text(text.replace("percentile = 95", "percentile = 99"), encoding="utf-8")


def set_value(path: Path, key: str, value: Any) -> None:
    """Set the value of a key in a detail log."""
    text = path.read_text(encoding="utf-8")
    pattern = rf'("key": "{re.escape(key)}", "value": )("[^"]*"|[^,]+)'
    changed, count = re.subn(pattern, lambda m: m[1] + json.dumps(value), text)
    assert count, f"{path.name} has no {key}"
    path.write_text(changed, encoding="utf-8")


def set_parameter(path: Path, name: str, value: Any) -> None:
    """Set one of the parameters that a summary lists, if it lists it."""
    text = path.read_text(encoding="utf-8")
    shown = str(int(value)) if isinstance(value, bool) else str(value)
    changed = re.sub(rf"(?m)^({re.escape(name)} ?: ).*$", lambda m: m[1] + shown, text)
    path.write_text(changed, encoding="utf-8")
