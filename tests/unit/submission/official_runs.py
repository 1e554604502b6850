"""The recorded runs, of seconds, as runs of a real round: its counts, its times.

Each figure follows from others as LoadGen's results.cc computes it, in both logs.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sut.config.rounds import load_round
from sut.record.folder import sha256_of
from sut.rules.log_settings import RENAMED, TAKEN_OVER
from sut.submission.verifier import NAME as VERIFIER
from sut.submission.verifier import verifier_text

DETAIL, SUMMARY = "mlperf_log_detail.txt", "mlperf_log_summary.txt"
SPAN_S = 700.0
TARGET_QPS = 20.0
SCENARIOS = ("Offline", "Server", "Interactive", "SingleStream")
STAMP = "%m-%d-%Y %H:%M:%S.%f"
TIMES = ("latency", "first token latency", "time (?:per|to) output token")
LABELS = {
    "sut_name": "SUT name",
    "effective_scenario": "Scenario",
    "effective_test_mode": "Mode",
    "result_validity": "Result is",
    "result_perf_constraints_met": "Performance constraints satisfied",
    "result_min_duration_met": "Min duration satisfied",
    "result_min_queries_met": "Min queries satisfied",
    "early_stopping_met": "Early stopping satisfied",
    "result_samples_per_second": "Samples per second",
    "result_tokens_per_second": "Tokens per second",
    "result_completed_samples_per_sec": "Completed samples per second",
    "result_completed_tokens_per_second": "Completed tokens per second",
    "result_scheduled_samples_per_sec": "Scheduled samples per second",
    "result_qps_with_loadgen_overhead": "QPS w/ loadgen overhead",
    "result_qps_without_loadgen_overhead": "QPS w/o loadgen overhead",
    "result_token_throughput_with_loadgen_overhead": "TPS w/ loadgen overhead",
    "requested_server_ttft_latency": "ttft_latency (ns)",
    "requested_server_tpot_latency": "tpot_latency (ns)",
}
"""A key of the detail log → how the summary names it; settings have a name made of the key."""


class BothLogs:
    """Detail log and summary of one run, changed together."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.detail, self.summary = folder, folder / DETAIL, folder / SUMMARY

    def value(self, key: str) -> Any:
        """The value of a key; None where the log lacks it."""
        text = self.detail.read_text(encoding="utf-8")
        found = re.search(rf'"key": "{re.escape(key)}", "value": ("[^"]*"|[^,]+)', text)
        return json.loads(found[1]) if found else None

    def set(self, key: str, value: Any) -> BothLogs:
        """A key in either log; a setting also as it was asked for."""
        for name in {key, *self._asked(key)}:
            self._detail(name, value)
        self.summarise(self._labels(key), value)
        return self

    def scale(self, key: str, factor: float) -> BothLogs:
        """A figure times a factor."""
        old = self.value(key)
        return self.set(key, type(old)(old * factor) if isinstance(old, int) else old * factor)

    def keys(self, pattern: str) -> list[str]:
        """The keys that match."""
        text = self.detail.read_text(encoding="utf-8")
        return list(dict.fromkeys(re.findall(rf'"key": "({pattern})"', text)))

    def _asked(self, key: str) -> list[str]:
        name = key.removeprefix("effective_")
        if name == key:
            return []
        wanted = [name] if name in TAKEN_OVER else []
        wanted += [asked for pairs in RENAMED.values() for asked, t in pairs.items() if t == name]
        return [
            f"requested_{each}" for each in wanted if self.value(f"requested_{each}") is not None
        ]

    def _detail(self, key: str, value: Any) -> None:
        text = self.detail.read_text(encoding="utf-8")
        shown = f"{value:.6g}" if isinstance(value, float) else json.dumps(value)
        pattern = rf'("key": "{re.escape(key)}", "value": )("[^"]*"|[^,]+)'
        changed, count = re.subn(pattern, lambda m: m[1] + shown, text)
        assert count, f"{self.detail} has no {key}"
        self.detail.write_text(changed, encoding="utf-8")

    def rewrite(self, pattern: str, new: str) -> None:
        """Whatever of the detail log matches."""
        changed, count = re.subn(pattern, new, self.detail.read_text(encoding="utf-8"))
        assert count, f"{self.detail} has no {pattern}"
        self.detail.write_text(changed, encoding="utf-8")

    def _labels(self, key: str) -> list[str]:
        if key in LABELS:
            return [re.escape(LABELS[key])]
        name = key.removeprefix("effective_")
        if name != key:
            return [re.escape(name), re.escape(f"{name.removesuffix('_ms')} (ms)")]
        return _time_label(key)

    def summarise(self, labels: list[str], value: Any) -> None:
        """The lines of the summary that have one of these labels, each a pattern."""
        if not self.summary.is_file() or not labels:
            return
        text = self.summary.read_text(encoding="utf-8")
        yes = {"Yes": True, "No": False}
        for label in labels:
            for line in re.findall(rf"(?mi)^ *{label} *: .*$", text):
                head, _, old = line.rpartition(": ")
                shown = f"{value:.6f}" if isinstance(value, float) else str(value)
                if isinstance(value, bool):
                    shown = next(k for k, v in yes.items() if v is value)
                    shown = shown if old.strip() in yes else str(int(value))
                text = text.replace(line, f"{head}: {shown}")
        self.summary.write_text(text, encoding="utf-8")


def _time_label(key: str) -> list[str]:
    """The summary's name of a time, e.g. `99.00 percentile first token latency (ns)`."""
    which = re.match(r"result_(first_token_|time_(?:per|to)_output_token_)?([a-z]+|[\d.]+)", key)
    if which is None or not re.match(r"min|max|mean|\d", which[2]):
        return []
    kind = TIMES[0] if not which[1] else TIMES[1 if which[1].startswith("first") else 2]
    name = f"{which[2]} percentile" if which[2][0].isdigit() else which[2]
    return [rf"{re.escape(name)} {kind} \(ns\)"]


def make_official(tree: Path, count: int = 13368) -> Path:
    """Give every run of a tree a round's counts and times; the READMEs' hashes follow."""
    renamed: dict[str, str] = {}
    for number, detail in enumerate(sorted(tree.rglob(DETAIL))):
        logs = BothLogs(detail.parent)
        files = [path for path in (logs.detail, logs.summary) if path.is_file()]
        before = [sha256_of(path) for path in files]
        _settings(logs, count)
        scenario, mode = logs.value("effective_scenario"), logs.value("effective_test_mode")
        if mode == "AccuracyOnly":
            _accuracy(logs, count)
        else:
            {"Offline": _offline, "Server": _server, "SingleStream": _single_stream}[scenario](
                logs, count
            )
            _rate_in_user_conf(logs)
        _stamps(logs, number, SPAN_S if mode == "AccuracyOnly" else _span_s(logs))
        renamed |= dict(zip(before, (sha256_of(path) for path in files), strict=True))
    for text in tree.rglob("accuracy.txt"):
        whole = text.read_text(encoding="utf-8")
        # One recording stands for the accuracy run of every scenario; no two logs are the same.
        scenario = next(each for each in SCENARIOS if each in text.parts)
        own = hashlib.sha256(f"{scenario} {whole}".encode()).hexdigest()
        whole = re.sub(r"(?m)^hash=\w+$", f"hash={own}", whole)
        text.write_text(re.sub(r"('gen_num': )\d+", rf"\g<1>{count}", whole), encoding="utf-8")
    for log in tree.rglob("TEST06/accuracy/mlperf_log_accuracy.json"):
        answers = json.loads(log.read_text(encoding="utf-8"))
        spread = [each | {"qsl_idx": each["seq_id"] * 131 % count} for each in answers]
        log.write_text(json.dumps(spread), encoding="utf-8")
    for path in tree.rglob(VERIFIER):  # the tree was made by a round of smaller counts
        found = re.search(r'"round": "(v[\d.]+)"', path.read_text(encoding="utf-8"))
        assert found is not None
        path.write_text(verifier_text(load_round(found[1])), encoding="utf-8")
    for path in tree.rglob("README.md"):
        whole = path.read_text(encoding="utf-8")
        for old, new in renamed.items():
            whole = whole.replace(old, new)
        path.write_text(whole, encoding="utf-8")
    return tree


def _settings(logs: BothLogs, count: int) -> None:
    values = {
        "effective_performance_sample_count": count,
        "requested_performance_sample_count_override": count,
        "effective_accuracy_sample_count": count,
        "effective_min_duration_ms": 600000,
        "qsl_reported_total_count": count,
        "qsl_reported_performance_count": count,
        "effective_target_qps": TARGET_QPS,
    }
    for key, value in values.items():
        if logs.value(key) is not None:
            logs.set(key, value)
    logs.rewrite(r'("loaded_qsl_set", "value": )\[[^]]*\]', rf"\g<1>{[*range(count)]}")
    logs.rewrite(r'("pid": )\d+', r"\g<1>7")


def _accuracy(logs: BothLogs, count: int) -> None:
    offline = logs.value("effective_scenario") == "Offline"
    logs.set("generated_query_count", 1 if offline else count)
    logs.set("generated_samples_per_query", count if offline else 1)


def _tokens(logs: BothLogs) -> float:
    """Tokens of a recorded answer."""
    if logs.value("effective_scenario") == "Offline":
        return float(
            logs.value("result_tokens_per_second") / logs.value("result_samples_per_second")
        )
    return float(logs.value("result_token_throughput") * logs.value("result_mean_latency_ns"))


def _times(logs: BothLogs, factor: float) -> None:
    for key in logs.keys(r"result_[\w.]*(?:latency_ns|percentile_ns|output_token_m\w+)"):
        logs.scale(key, factor)


def _offline(logs: BothLogs, count: int) -> None:
    tokens = _tokens(logs)
    for key in ("effective_samples_per_query", "effective_min_sample_count",
                "generated_samples_per_query"):  # fmt: skip
        logs.set(key, count)
    _times(logs, SPAN_S * 1e9 / logs.value("result_max_latency_ns"))
    rate = count / (logs.value("result_max_latency_ns") / 1e9)
    logs.set("result_samples_per_second", rate)
    logs.set("result_tokens_per_second", rate * tokens)


def _server(logs: BothLogs, count: int) -> None:
    tokens, scheduled = _tokens(logs), count / TARGET_QPS
    done = scheduled + logs.value("result_50.00_percentile_latency_ns") / 1e9
    for key in ("generated_query_count", "result_query_count", "result_overlatency_query_count"):
        logs.set(key, count)
    logs.set("generated_query_duration", int((scheduled + 0.02) * 1e9))
    logs.set("result_scheduled_samples_per_sec", (count - 1) / scheduled)
    logs.set("result_completed_samples_per_sec", (count - 1) / done)
    logs.set("result_completed_tokens_per_second", count * tokens / done)
    logs.set("result_token_throughput_with_loadgen_overhead", count * tokens / scheduled)


def _single_stream(logs: BothLogs, count: int) -> None:
    tokens, queries = _tokens(logs), 2 * count
    for key in ("generated_query_count", "result_query_count", "effective_min_query_count",
                "effective_min_sample_count"):  # fmt: skip
        logs.set(key, queries)
    _times(logs, SPAN_S * 1e9 / queries / logs.value("result_mean_latency_ns"))
    mean = logs.value("result_mean_latency_ns") / 1e9
    issued = queries * mean
    logs.set("result_qps_with_loadgen_overhead", (queries - 1) / issued)
    logs.set("result_qps_without_loadgen_overhead", 1 / mean)
    logs.set("result_token_throughput_with_loadgen_overhead", queries * tokens / issued)
    logs.set("result_token_throughput", tokens / mean / 1e9)
    logs.summarise([re.escape("TPS w/o loadgen overhead")], tokens / mean)
    logs.set("result_completed_tokens_per_second", queries * tokens / (issued + mean))


def _span_s(logs: BothLogs) -> float:
    scenario = logs.value("effective_scenario")
    if scenario == "Server":
        count, rate = logs.value("result_query_count"), "result_completed_samples_per_sec"
        return float((count - 1) / logs.value(rate) + 0.01)
    return SPAN_S + 0.1


def _stamps(logs: BothLogs, number: int, span_s: float) -> None:
    """Each run at an hour of its own."""
    begin = datetime(2026, 11, 24, 1) + timedelta(hours=number)  # noqa: DTZ001
    for key, at in {"power_begin": begin, "power_end": begin + timedelta(seconds=span_s)}.items():
        logs.set(key, at.strftime(STAMP)[:-3])
    logs.set("test_datetime", begin.strftime("%Y-%m-%dT%H:%M:%SZ"))
    clock = rf"\g<1>{span_s * 1000 + 12.5:.6f}"
    last = "power_|result_|early_stopping_|num_errors"
    logs.rewrite(rf'("key": "(?:{last}).*?"time_ms": )[\d.]+', clock)


def _rate_in_user_conf(logs: BothLogs) -> None:
    """The tree's user.conf asks for what the log says."""
    scenario = logs.folder.parents[1]
    places = [scenario, Path(str(scenario).replace("/results/", "/measurements/"))]
    for conf in (place / "user.conf" for place in places):
        if conf.is_file():
            text = conf.read_text(encoding="utf-8")
            text = re.sub(r"(target_qps = )\S+", rf"\g<1>{TARGET_QPS:g}", text)
            text = re.sub(r"(min_duration = )\S+", r"\g<1>600000", text)
            text = re.sub(r"(target_latency_percentile = )95", r"\g<1>99", text)
            override = logs.value("requested_performance_sample_count_override")
            text = re.sub(r"(sample_count_override = )\S+", rf"\g<1>{override}", text)
            least = logs.value("requested_min_query_count")
            text = re.sub(r"(min_query_count = )\S+", rf"\g<1>{least}", text)
            conf.write_text(text, encoding="utf-8")
