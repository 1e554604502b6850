"""What may be wrong with a tree: each thing done to a good one, and what check says of it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.unit.audit.sabotage import spelled
from tests.unit.submission import support
from tests.unit.submission.official_runs import BothLogs
from tests.unit.submission.support import SUBMITTER, set_value

SYSTEM, BENCHMARK = "rehearsal-cpu", "llama3.1-8b"
RESULTS = Path(f"results/{SYSTEM}/{BENCHMARK}")
Breaker = Callable[[Path], Any]


def detail(root: Path, scenario: str, kind: str) -> Path:
    folder = "performance/run_1" if kind == "performance" else kind
    return root / RESULTS / scenario / folder / "mlperf_log_detail.txt"


def setting(
    key: str, value: object, scenario: str = "Server", kind: str = "performance"
) -> Breaker:
    """A value of both logs; a setting also as it was asked for."""
    return lambda root: both(root, scenario, kind).set(key, value)


def both(root: Path, scenario: str = "Server", kind: str = "performance") -> BothLogs:
    return BothLogs(detail(root, scenario, kind).parent)


def in_detail(key: str, value: object, scenario: str = "Server") -> Breaker:
    """A value of the detail log alone."""
    return lambda root: set_value(detail(root, scenario, "performance"), key, value)


def error_line(root: Path, scenario: str, kind: str) -> None:
    path = detail(root, scenario, kind)
    line = support.AUDIT_LINE.replace("warning_generic_message", "error_runtime")
    line = line.replace('"is_error": false', '"is_error": true').replace(
        '"is_warning": true', '"is_warning": false'
    )
    line = re.sub(r"Found Audit Config[^\"]*", "Attempted to complete a sample twice.", line)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([*lines[:-1], line, lines[-1]]), encoding="utf-8")
    counted(path, "error")


def counted(path: Path, kind: str) -> None:
    """The summary beside a detail log counts one error, or one warning, too."""
    summary = path.with_name("mlperf_log_summary.txt")
    text = re.sub(rf"(?m)^No {kind}s encountered.*$", f"1 {kind} encountered.",
                  summary.read_text(encoding="utf-8"))  # fmt: skip
    summary.write_text(text, encoding="utf-8")


def audited(path: Path) -> None:
    path.write_text(support.AUDIT_LINE + path.read_text(encoding="utf-8"), encoding="utf-8")
    counted(path, "warning")


def ends_twice(path: Path) -> None:
    entries = json.loads(path.read_text(encoding="utf-8"))
    tokens = [5, 128009, 128009]
    entries[7] |= {"data": spelled(tokens), "token_data": spelled(tokens[:1]), "token_count": 3}
    path.write_text(json.dumps(entries), encoding="utf-8")


def as_interactive(root: Path) -> None:
    """The blind spot that ran: a plain Server log in the folder Interactive."""
    (root / RESULTS / "Server").rename(root / RESULTS / "Interactive")


def text_of(root: Path, name: str, old: str, new: str) -> None:
    path = root / RESULTS / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def edit_json(path: Path, **changes: Any) -> None:
    document = json.loads(path.read_text(encoding="utf-8")) | changes
    kept = {key: value for key, value in document.items() if value is not None}
    path.write_text(json.dumps(kept), encoding="utf-8")


def system(**changes: Any) -> Breaker:
    return lambda root: edit_json(root / f"systems/{SYSTEM}.json", **changes)


def measured(**changes: Any) -> Breaker:
    return lambda root: edit_json(root / RESULTS / "Offline/measurements.json", **changes)


def write(path: Path, text: str = "x") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def dangling(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("nowhere")


def large(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(50 * 2**20 + 1)


def evaluated(old: str, new: str) -> Breaker:
    return lambda root: text_of(root, "Offline/accuracy/accuracy.txt", old, new)


def verified(old: str, new: str) -> Breaker:
    return lambda root: text_of(root, "Server/TEST06/verify_accuracy.txt", old, new)


# What is done below closed/<submitter> → the sentences that come of it, in part.
LOGS: dict[str, tuple[Breaker, list[str]]] = {
    # what the official checker leaves out (docs/rules.md)
    "an INVALID run": (
        setting("result_validity", "INVALID", "Offline"),
        ["LoadGen's verdict is INVALID"],
    ),
    "an error that LoadGen logged": (
        lambda root: error_line(root, "Server", "performance"),
        ["LoadGen logged 1 errors."],
    ),
    "an error that LoadGen counted": (setting("num_errors", 3), ["LoadGen logged 3 errors."]),
    "an error in the accuracy run": (
        lambda root: error_line(root, "Offline", "accuracy"),
        ["LoadGen logged 1 errors."],
    ),
    "a Server log in the folder Interactive": (
        as_interactive,
        ["Both runs are of Server, by their logs."],
    ),
    "a verdict that the summary does not have": (
        in_detail("result_validity", "INVALID"),
        ["mlperf_log_summary.txt and mlperf_log_detail.txt do not agree: valid (True, False)."],
    ),
    "a lower percentile": (
        setting("effective_target_latency_percentile", 0.9),
        ["effective_target_latency_percentile is 0.9; Server has 0.99."],
    ),
    "coalesced queries": (
        setting("requested_server_coalesce_queries", True),
        ["requested_server_coalesce_queries is yes, must be no."],
    ),
    "one sample again and again": (
        setting("effective_performance_issue_same", True),
        ["effective_performance_issue_same is yes, must be no."],
    ),
    "an accuracy run under an audit.config": (
        lambda root: audited(detail(root, "Server", "accuracy")),
        ["LoadGen ran under an audit.config."],
    ),
    "early stopping": (setting("early_stopping_met", False), ["Early stopping was not met."]),
    "TTFT at its limit": (
        setting("result_first_token_99.00_percentile_latency_ns", 2_000_000_000),
        ["TTFT P99 is 2000 ms; Server requires less than 2000 ms."],
    ),
    "TPOT above its limit": (
        setting("result_time_per_output_token_99.00_percentile_ns", 100_000_001),
        ["TPOT P99 is 100 ms; Server requires less than 100 ms."],
    ),
    "a short run": (
        setting("effective_min_duration_ms", 60000),
        ["effective_min_duration_ms is 60000, must be 600000 at least."],
    ),
    "few samples in the cycle": (
        setting("effective_performance_sample_count", 5000),
        ["effective_performance_sample_count is 5000; the data set has 13368."],
    ),
    "a small Offline query": (
        setting("effective_samples_per_query", 13367, "Offline"),
        ["effective_samples_per_query is 13367, must be 13368 at least."],
    ),
    # the round's LoadGen and its settings
    "another seed": (
        setting("effective_schedule_rng_seed", 1),
        ["schedule_rng_seed is 1; round v6.1 has 16159082839903944936."],
    ),
    "another seed in the accuracy run": (
        setting("effective_qsl_rng_seed", 1, "Offline", "accuracy"),
        ["qsl_rng_seed is 1; round v6.1 has 2085463073848966840."],
    ),
    "no token latencies": (
        setting("requested_use_token_latencies", False),
        ["requested_use_token_latencies is not set."],
    ),
    "no equal issue": (
        setting("effective_sample_concatenate_permutation", False),
        ["effective_sample_concatenate_permutation is not set"],
    ),
    # one process a run, no stray audit.config
    "a run under an audit.config": (
        lambda root: audited(detail(root, "Server", "performance")),
        ["LoadGen ran under an audit.config."],
    ),
    "an accuracy run as performance run": (
        setting("effective_test_mode", "AccuracyOnly"),
        ["effective_test_mode is AccuracyOnly; the folder is of PerformanceOnly."],
    ),
    "an Offline log in the folder Server": (
        setting("effective_scenario", "Offline"),
        ["effective_scenario is Offline; the folder is of Server."],
    ),
    "a log cut short": (
        lambda root: detail(root, "Server", "performance").write_bytes(
            detail(root, "Server", "performance").read_bytes()[:20000]
        ),
        ["the log breaks off in line 63"],
    ),
    "a log that is gone": (
        lambda root: detail(root, "Offline", "performance").unlink(),
        ["The file is missing or empty."],
    ),
    "a link to nowhere in place of a log": (
        lambda root: dangling(detail(root, "Server", "performance")),
        ["This is a link"],
    ),
    "no detail log of the accuracy run": (
        lambda root: detail(root, "Offline", "accuracy").unlink(),
        ["The file is missing or empty."],
    ),
    # the accuracy run
    "an accuracy run over part of the data": (
        setting("effective_accuracy_sample_count", 100, "Offline", "accuracy"),
        ["effective_accuracy_sample_count is 100; the data set has 13368."],
    ),
}
FILES: dict[str, tuple[Breaker, list[str]]] = {
    "a score below its target": (
        evaluated("'38.7792'", "'38.3914'"),
        ["ROUGE1 is 38.3914, must be 38.391408 at least."],
    ),
    "answers too long": (
        evaluated("8167644", "8984409"),
        ["GEN_LEN is 8984409, must be 8984408.4 at most."],
    ),
    "a score that is not a number": (
        evaluated("'38.7792'", "'1.2.3'"),
        ["ROUGE1 is 1.2.3, which is not a number; the checker breaks on it."],
    ),
    "gen_len as NumPy 2 prints it": (
        evaluated("8167644", "np.int64(8167644)"),
        ["GEN_LEN is not printed in the form the checker reads."],
    ),
    "no hash": (evaluated("hash=", "sha="), ["The line hash=… of the whole accuracy log"]),
    "the hash of another log": (
        lambda root: write(root / RESULTS / "Offline/accuracy/mlperf_log_accuracy.json", "[\n]\n"),
        ["The hash is not that of the accuracy log beside it."],
    ),
    "a whole accuracy log": (
        lambda root: write(
            root / RESULTS / "Offline/accuracy/mlperf_log_accuracy.json", "x" * 10241
        ),
        ["The log has 10241 bytes; at most 10240 are taken."],
    ),
    "a failed EOS check": (
        verified("EOS check pass: True", "EOS check pass: False"),
        ["No line reads 'EOS check pass: True': TEST06 did not pass."],
    ),
    "a failed first-token check": (
        verified("First token check pass: True", "First token check pass: False"),
        ["No line reads 'First token check pass: (True|Skipped)'"],
    ),
    "a first token that Server may not skip": (
        verified("First token check pass: True", "First token check pass: Skipped"),
        ["The log says 'First token check pass: True', and no line here does."],
    ),
    "an answer of TEST06 that ends twice": (
        lambda root: ends_twice(root / RESULTS / "Server/TEST06/accuracy/mlperf_log_accuracy.json"),
        ["answers that end in more than one end-of-sequence id is 1, must be == 0."],
    ),
    "a log of TEST06 that is no log": (
        lambda root: write(
            root / RESULTS / "Server/TEST06/accuracy/mlperf_log_accuracy.json", "[{"
        ),
        ["The test's log cannot be judged: "],
    ),
    "no compliance run": (
        lambda root: shutil.rmtree(root / RESULTS / "Server/TEST06"),
        ["The closed division requires TEST06; the run is missing or empty."],
    ),
    "an empty user.conf": (
        lambda root: write(root / RESULTS / "Offline/user.conf", ""),
        ["The file is missing or empty."],
    ),
    "no README": (
        lambda root: (root / RESULTS / "Offline/README.md").unlink(),
        ["The file is missing or empty."],
    ),
    "no measurements": (
        lambda root: (root / RESULTS / "Offline/measurements.json").unlink(),
        ["The file is missing or empty."],
    ),
    "a measurement that says nothing": (
        measured(weight_data_types=""),
        ["The key weight_data_types is missing or empty."],
    ),
    "no source": (
        lambda root: shutil.rmtree(root / "src"),
        ["There is no source of this benchmark."] * 2,
    ),
    "no description of the system": (
        lambda root: (root / f"systems/{SYSTEM}.json").unlink(),
        ["The file is missing or empty."],
    ),
    "a key that is missing": (system(cooling=None), ["The key cooling is missing."] * 2),
    "a key that says nothing": (system(framework=""), ["The key framework is empty."] * 2),
    "a status of our own": (system(status="soon"), ["status is soon."] * 2),
    "a number in words": (
        system(number_of_nodes="one"),
        ["number_of_nodes is 'one'; the checker breaks on it."] * 2,
    ),
    "another division": (
        system(division="open"),
        ["division is open; the folder is closed."] * 2,
    ),
    "another submitter": (
        system(submitter="Other"),
        [f"submitter is Other; the folder is {SUBMITTER}."] * 2,
    ),
    "an edge system": (
        system(system_type="edge"),
        ["system_type is edge, and llama3.1-8b is a benchmark of datacenter"] * 2,
    ),
    "an unknown type": (system(system_type="cloud"), ["system_type is cloud."] * 2),
    "a network key": (
        system(is_network="false"),
        ["is_network is stated, and the division is closed."] * 2,
    ),
}
