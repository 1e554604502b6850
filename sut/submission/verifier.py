"""The verify.py that travels in a tree: scripts/verifier in one file, with the round's figures.

Those modules hold how LoadGen's figures follow from each other. What a round asks, and how LoadGen
names things, is data: it is taken from where the harness itself has it, so that there is one place.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable
from typing import Any

from audit.bounds import of_benchmark
from sut.config.names import Scenario
from sut.config.rounds import BenchmarkRules, Round, ScenarioRules
from sut.config.shipped import CONF_ROOT
from sut.logs.figure_keys import KEYS, TIMES
from sut.logs.figures import PERCENTILE_FIELDS
from sut.logs.line_order import OF_SOME, written
from sut.logs.run_logs import PARAMETER_KEYS
from sut.logs.summary import FLAGS, RATES, TEXTS
from sut.rules.loadgen_log import PERCENTILE_KEYS
from sut.rules.log_settings import RENAMED, TAKEN_OVER
from sut.rules.rule import ACCURACY, PERFORMANCE
from sut.submission.layout import submission_rules

NAME = "verify.py"
PACKAGE = "scripts.verifier"
FOLDER = CONF_ROOT.parent / PACKAGE.replace(".", "/")
HALVES = (FOLDER / "logs.py", FOLDER / "tree.py")
START = '\nif __name__ == "__main__":\n'
# A list of the data without another in it, which is laid out on one line.
INNERMOST = re.compile(r"\[\n[^\[\]{}]*\]")
Asked = dict[str, list[list[Any]]]
"""Title → conditions: LoadGen's key, comparison, value; `==?` binds where the key is logged."""


def verifier_text(rules: Round) -> str:
    """The file as it lies in a tree of the round."""
    data = INNERMOST.sub(_on_one_line, json.dumps(verifier_data(rules), indent=1))
    logs, tree = (_Half(path.read_text(encoding="utf-8")) for path in HALVES)
    future = "from __future__ import annotations"
    imports = "\n".join(_imports([*logs.imports, *tree.imports]))
    code, _, start = tree.rest.rpartition(START)
    filled = f'DATA.update(\n    json.loads(\n        r"""{data}"""\n    )\n)'
    parts = [f"{future}\n\n{imports}\n\n{logs.rest}", f"\n{code}", f"{filled}\n{START}{start}"]
    return "\n".join([f"{tree.docstring}\n", *parts]) + "\n"


def _on_one_line(found: re.Match[str]) -> str:
    return re.sub(r"\n\s*", " ", found[0]).replace("[ ", "[").replace(" ]", "]")


class _Half:
    """A module of scripts/verifier in its parts."""

    def __init__(self, text: str) -> None:
        lines = text.splitlines()
        first, *others = ast.parse(text).body
        self.imports = [each for each in others if isinstance(each, ast.Import | ast.ImportFrom)]
        self.docstring = "\n".join(lines[: first.end_lineno])
        self.rest = "\n".join(lines[self.imports[-1].end_lineno :]).strip("\n")


def _imports(found: Iterable[ast.Import | ast.ImportFrom]) -> list[str]:
    """One line for each module of the standard library, as ruff sorts them."""
    whole: set[str] = set()
    names: dict[str, set[str]] = {}
    for each in found:
        if isinstance(each, ast.Import):
            whole |= {name.name for name in each.names}
        elif each.module not in ("__future__", f"{PACKAGE}.logs"):
            names.setdefault(str(each.module), set()).update(name.name for name in each.names)
    plain = [f"import {name}" for name in sorted(whole)]
    return plain + [f"from {m} import {', '.join(sorted(names[m]))}" for m in sorted(names)]


def verifier_data(rules: Round) -> dict[str, Any]:
    """Everything of the round, and of LoadGen's names, that the file goes by."""
    form = submission_rules(rules)
    driven = dict.fromkeys(scenario.loadgen_scenario for scenario in Scenario)
    printed = TEXTS | FLAGS | RATES | {"Result is": "valid"}
    return {
        "round": rules.name,
        "releases": rules.loadgen_versions,
        "benchmarks": {name: _benchmark(rules, name) for name in rules.benchmarks},
        "others": rules.other_benchmarks,
        "layout": form.layout.model_dump(),
        "separator": form.accuracy_log.separator,
        "kept": form.accuracy_log.kept_characters,
        "hash": form.hash_pattern,
        "answers": form.answers_pattern,
        "lines": form.compliance_lines,
        "printed": {label: KEYS[figure] for label, figure in printed.items()} | PARAMETER_KEYS,
        "times": TIMES,
        "percentiles": list(PERCENTILE_FIELDS),
        "lines_of": {
            kind: {each: written(each, accuracy=kind == ACCURACY) for each in driven}
            for kind in (PERFORMANCE, ACCURACY)
        },
        "lines_of_some": sorted(OF_SOME),
        "taken_over": {
            each: [[name, name] for name in TAKEN_OVER] + list(map(list, RENAMED[each].items()))
            for each in driven
        },
    }


def _benchmark(rules: Round, name: str) -> dict[str, Any]:
    found = rules.benchmarks[name]
    patterns = submission_rules(rules).accuracy_patterns
    return {
        "names": [name, *found.aliases],
        "dataset_count": found.dataset_count,
        "max_tokens": found.max_tokens,
        "eos": sorted(of_benchmark(name).eos_token_ids),
        "tests": found.compliance_tests,
        "required": found.required,
        "one_of": found.one_of,
        "scores": {
            metric: [
                patterns[metric],
                least,
                found.accuracy_max.get(metric),
                found.accuracy_possible.get(metric),
            ]
            for metric, least in found.accuracy_min.items()
        },
        "scenarios": {
            scenario.value: {
                "driven": scenario.loadgen_scenario,
                "min_duration_ms": each.min_duration_ms,
                "min_query_count": each.min_query_count,
                PERFORMANCE: _of_performance(rules, found, scenario, each),
                ACCURACY: _of_every_run(rules, found, scenario, each, ACCURACY),
            }
            for scenario, each in found.scenarios.items()
        },
    }


def _of_every_run(
    rules: Round, benchmark: BenchmarkRules, scenario: Scenario, ours: ScenarioRules, kind: str
) -> Asked:
    """What a run's log must say, key by key."""
    mode = "AccuracyOnly" if kind == ACCURACY else "PerformanceOnly"
    count, logged = benchmark.dataset_count, "==?" if kind == ACCURACY else "=="
    plain = [
        ["requested_use_token_latencies", "==", True],
        ["effective_performance_issue_unique", "==", False],
        ["effective_performance_issue_same", "==", False],
    ]
    if scenario.loadgen_scenario == "Server":
        plain.append(["requested_server_coalesce_queries", "==", False])
        limits = {"ttft": ours.ttft_limit_ms, "tpot": ours.tpot_limit_ms}
        plain += [
            [f"requested_server_{kind}_latency", "==", int(limit_ms * 1e6)]
            for kind, limit_ms in limits.items()
            if limit_ms is not None
        ]
    plain += [[key, "==?", value] for key, value in rules.fixed_settings.items()]
    return {
        "the run is of this scenario and kind": [
            ["effective_scenario", "==", scenario.loadgen_scenario],
            ["effective_test_mode", "==", mode],
        ],
        "the seeds are the round's": [
            [f"effective_{name}", "==", seed] for name, seed in rules.seeds.model_dump().items()
        ],
        "LoadGen draws from the whole data set": [
            ["qsl_reported_total_count", "==", count],
            [f"effective_{kind}_sample_count", logged, count],
        ],
        "the settings are the round's": plain,
    }


def _of_performance(
    rules: Round, benchmark: BenchmarkRules, scenario: Scenario, ours: ScenarioRules
) -> Asked:
    """The same, with durations, percentile, limits and LoadGen's own verdict."""
    asked = _of_every_run(rules, benchmark, scenario, ours, PERFORMANCE)
    plain = asked["the settings are the round's"]
    plain.append(["effective_sample_concatenate_permutation", "==", True])
    plain.append(["effective_min_duration_ms", ">=", ours.min_duration_ms])
    flags = ["result_min_duration_met", "result_min_queries_met", "early_stopping_met"]
    if scenario is Scenario.OFFLINE:
        plain.append(["effective_samples_per_query", ">=", ours.min_query_count])
    else:
        key = "effective_target_latency_percentile"
        plain.append([key, "==", ours.latency_percentile / 100])
    if scenario.loadgen_scenario == "Server":
        flags.append("result_perf_constraints_met")
        printed = f"{ours.latency_percentile:.2f}"
        limits = {"TTFT": ours.ttft_limit_ms, "TPOT": ours.tpot_limit_ms}
        asked["TTFT and TPOT are below their limits"] = [
            [PERCENTILE_KEYS[kind].format(printed), "<", int(limit_ms * 1e6)]
            for kind, limit_ms in limits.items()
            if limit_ms is not None
        ]
    verdict: list[list[Any]] = [
        ["result_validity", "==", "VALID"],
        *([flag, "==", True] for flag in flags),
    ]
    return asked | {"LoadGen calls the run VALID": verdict}
