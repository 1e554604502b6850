"""The verifier's first half: one folder of LoadGen's logs, every figure worked out anew.

Standard library alone. sut.submission.verifier joins the halves into the verify.py of a tree, and
fills in what the round asks.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

# What the round asks and how LoadGen names things: the end of verify.py fills it in.
DATA: dict[str, Any] = {}

DETAIL, SUMMARY = "mlperf_log_detail.txt", "mlperf_log_summary.txt"
PROVED, STATED, CONTRADICTS = "PROVED", "STATED", "CONTRADICTS"
# Two factors of 6 digits, with head room; a Poisson schedule is within so many sqrt(n).
NEAR, SIGMAS = 1e-4, 6.0
# Scenario of LoadGen → its official rates of samples and tokens, and the seconds in their unit.
RATES = {
    "Offline": ("result_samples_per_second", "result_tokens_per_second", 1.0),
    "Server": ("result_completed_samples_per_sec", "result_completed_tokens_per_second", 1.0),
    "SingleStream": ("result_qps_without_loadgen_overhead", "result_token_throughput", 1e9),
}
OVERHEAD = "result_qps_with_loadgen_overhead", "result_token_throughput_with_loadgen_overhead"
MESSAGES = ("error_", "warning_", "generic_message")
# Seconds that may pass from the begin of a log to the first query: the samples are loaded.
SETUP_S = 60
MOST = 1e30
TIME_LINE = re.compile(
    r"(min|max|mean|[\d.]+) (?:percentile )?(latency|first|time).*\(ns\)$", re.IGNORECASE
)
TIME_KINDS = {"latency": "latency", "first": "ttft", "time": "tpot"}
Condition = tuple[str, bool]


class Report(list[tuple[str, str, str]]):
    """What was found: standing, place and sentence of each statement."""

    def say(self, standing: str, place: object, sentence: str) -> None:
        """Note one statement."""
        self.append((standing, str(place), sentence))

    def hold(self, place: object, title: str, conditions: Iterable[Condition]) -> None:
        """Prove a title by all its conditions, or name each that does not hold."""
        made = list(conditions)
        wrong = [words for words, good in made if not good]
        for words in wrong:
            self.say(CONTRADICTS, place, f"{title}: {words}")
        if made and not wrong:
            self.say(PROVED, place, title)


@dataclass
class Run:
    """One folder of LoadGen's logs: of a scenario, and performance or accuracy."""

    folder: Path
    scenario: str
    kind: str
    benchmark: dict[str, Any]
    values: dict[str, Any] = field(default_factory=dict)
    errors: int = 0
    audited: bool = False
    twice: set[str] = field(default_factory=set)
    clocks: list[float] = field(default_factory=list)
    processes: set[Any] = field(default_factory=set)
    loaded: list[Any] = field(default_factory=list)
    ended_ms: float = math.nan

    @property
    def rules(self) -> Any:
        """What the round asks of the scenario."""
        return self.benchmark["scenarios"][self.scenario]

    def number(self, key: str) -> float:
        """A figure of the detail log; NaN, which no comparison passes, where there is none."""
        value = self.values.get(key)
        return float(value) if type(value) in (int, float) else math.nan  # type: ignore[arg-type]

    def time(self, kind: str, which: str) -> float:
        """A time in ns: min, max, mean, or a percentile such as 99.00."""
        return self.number(DATA["times"][kind][which in DATA["percentiles"]].format(which))

    @property
    def samples(self) -> float:
        """Samples that LoadGen counted."""
        return self.number("result_query_count") * self.number("generated_samples_per_query")

    def read(self) -> None:
        """Take in the detail log; the first value of a key holds. ValueError: it is not whole."""
        for entry in entries((self.folder / DETAIL).read_text("utf-8", "replace")):
            key, value, about = entry["key"], entry.get("value"), entry.get("metadata")
            marked = isinstance(about, dict) and bool(about.get("is_error"))
            self.errors += marked or key.startswith("error_")
            self.audited |= "Found Audit Config file" in str(value)
            if isinstance(about, dict) and "pid" in about:
                self.processes.add(str(about["pid"]))
            if key.startswith(MESSAGES):
                continue
            self.clocks.append(at if isinstance(at := entry.get("time_ms"), (int, float)) else 0)
            if key == "loaded_qsl_set":  # of a data set in parts a line for each
                self.loaded += value if isinstance(value, list) else []
            elif key in self.values:
                self.twice.add(key)
            self.values.setdefault(key, value)
            self.ended_ms = self.clocks[-1] if key == "power_end" else self.ended_ms
        last = "power_end" if self.kind == "accuracy" else "num_errors"
        if last not in self.values:
            raise ValueError(f"the log ends without {last}")


def parsed(text: str, **more: Any) -> Any:
    """A JSON value; ValueError where it is none, or is nested too deeply to be read."""
    try:
        return json.loads(text, **more)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def figure(value: Any) -> Any:
    """A number; None for one that LoadGen, whose numbers have 64 bits, cannot have written."""
    return value if -MOST < value < MOST else None


def as_double(text: str) -> Any:
    """A fraction, in the same bounds."""
    return figure(float(text))


def entries(text: str) -> Iterator[dict[str, Any]]:
    """Every entry of a detail log; a text with an end of line takes several lines."""
    for number, chunk in enumerate(re.split(r"(?m)^:::MLLOG ", text)):
        if number or chunk.strip():
            finite = re.sub(r'("value": )[-+]?(?:nan|inf)\b', r"\1null", chunk)
            try:
                bounds = {"parse_int": lambda text: figure(int(text)), "parse_float": as_double}
                entry = parsed(finite, strict=False, **bounds)
            except ValueError:
                entry = None
            known = isinstance(entry, dict) and isinstance(entry.get("key"), str)
            if not number or not known:
                raise ValueError(f"a line is not a LoadGen entry (it begins {chunk[:40]!r})")
            yield entry


def same(wanted: Any, found: Any) -> bool:
    """Whether two values are one; LoadGen's doubles have 6 digits, and 1 is not true."""
    kinds = {type(wanted), type(found)}
    if kinds <= {int, float} and float in kinds:
        return math.isclose(wanted, found, rel_tol=5.1e-6)
    return len(kinds) == 1 and bool(wanted == found)


def must(name: str, found: Any, comparison: str, wanted: Any) -> Condition:
    """A condition in words, and whether it holds; what is missing fails."""
    if comparison.startswith("=="):
        good = same(wanted, found)
    else:
        number = type(found) in (int, float)
        good = number and bool(found < wanted if comparison == "<" else found >= wanted)
    shown = "not there" if found is None else found
    return f"{name} is {shown}, must be {comparison[:2]} {wanted}", good


def between(name: str, found: float, least: float, most: float) -> Condition:
    """A figure within what others leave it."""
    return f"{name}: {found:.6g}, must be {least:.6g} to {most:.6g}", least <= found <= most


def near(name: str, found: float, wanted: float) -> Condition:
    """A figure that follows from others, to the digits that LoadGen prints."""
    return between(name, found, wanted * (1 - NEAR), wanted * (1 + NEAR))


def over(count: float, divisor: float) -> float:
    """A quotient; NaN where it has none."""
    return count / divisor if divisor else math.nan


def plain(run: Run) -> Iterator[Condition]:
    """LoadGen's release, no audit.config, no ERROR line."""
    words, span = str(run.values.get("loadgen_version")).split(), DATA["releases"]
    known = bool(words) and re.fullmatch(r"\d{1,9}(\.\d{1,9})+", words[0])
    parts = [tuple(map(int, each.split("."))) for each in (span[0], words[0], span[1]) if known]
    yield f"LoadGen is {words}, must be {' to '.join(span)}", bool(known) and parts == sorted(parts)
    yield "LoadGen read an audit.config", not run.audited
    yield must("ERROR lines", run.errors, "==", 0)
    yield f"num_errors is {run.values.get('num_errors')}", run.values.get("num_errors", 0) == 0


def written(run: Run) -> Iterator[Condition]:
    """What no figure is made of: one process, no line against another, what was loaded."""
    yield f"keys stand twice: {', '.join(sorted(run.twice))}", not run.twice
    lines = DATA["lines_of"][run.kind][run.rules["driven"]]
    known = [key for key in run.values if key in lines]
    places = list(map(lines.index, known))
    moved = [key for at, key in enumerate(known) if at and places[at] < places[at - 1]]
    yield f"lines stand below what follows them: {', '.join(moved[:5])}", not moved
    missing = [key for key in lines if key not in run.values and key not in DATA["lines_of_some"]]
    yield f"lines are not there: {', '.join(missing[:5])}", not missing
    yield "the clock of the lines goes back", run.clocks == sorted(run.clocks)
    yield must("processes that wrote it", len(run.processes), "==", 1)
    count = int(run.benchmark["dataset_count"])
    good = sorted(map(str, run.loaded)) == sorted(map(str, range(count)))
    yield f"{len(run.loaded)} samples were loaded, must be each of {count} once", good
    spent = spent_s(run)
    least, most = spent * (1 - NEAR) - 0.005, spent * (1 + NEAR) + SETUP_S
    yield between("seconds by the clock of its lines", run.ended_ms / 1000, least, most)


def spent_s(run: Run) -> float:
    """From LoadGen's stamp of the begin to that of the end; NaN where one is none."""
    stamps = [f"{run.values.get(key)} +0000" for key in ("power_begin", "power_end")]
    try:
        begin, end = (datetime.strptime(each, "%m-%d-%Y %H:%M:%S.%f %z") for each in stamps)
    except ValueError:
        return math.nan
    return (end - begin).total_seconds()


def taken_over(run: Run) -> Iterator[Condition]:
    """Settings that LoadGen logs as requested and as effective."""
    for asked, taken in DATA["taken_over"][run.rules["driven"]]:
        wanted, found = run.values.get(f"requested_{asked}"), run.values.get(f"effective_{taken}")
        if None not in (wanted, found):
            yield f"effective_{taken} is {found}, asked for {wanted}", same(wanted, found)


def summary(run: Run) -> Iterator[Condition]:
    """Every line that both logs print; the summary's numbers have other digits."""
    text = (run.folder / SUMMARY).read_text("utf-8", "replace")
    known = 0
    for line in text.splitlines():
        label, _, shown = (part.strip() for part in line.rpartition(":"))
        key = DATA["printed"].get(label, f"effective_{label}")
        if match := TIME_LINE.match(label):
            extreme, percentile = DATA["times"][TIME_KINDS[match[2].lower()]]
            key = (percentile if match[1][0].isdigit() else extreme).format(match[1].lower())
        value = run.values.get(key)
        if key == RATES["SingleStream"][1]:  # by the nanosecond, as LoadGen logs it
            value = run.number(key) * RATES["SingleStream"][2]
        if value is not None:
            known += 1
            yield f"{label} is {shown}, and {value} in the detail log", alike(shown, value)
    yield "no line of it is LoadGen's", bool(known) or run.kind == "accuracy"
    yield "it counts its errors twice", len(re.findall("(?m)^.+ errors? encountered", text)) < 2


def alike(shown: str, value: Any) -> bool:
    """Whether a line of the summary says a value of the detail log."""
    if isinstance(value, bool):
        return shown in (("Yes", "1") if value else ("No", "0"))
    if isinstance(value, str):
        return shown.split() == value.split()
    try:
        digits = 10.0 ** -len(shown.partition("e")[0].partition(".")[2])
        return math.isclose(float(shown), value, rel_tol=1.1e-5, abs_tol=digits)
    except ValueError:
        return False


def counts(run: Run) -> Iterator[Condition]:
    """The queries that LoadGen generated are those that it counted, and enough."""
    generated, each = run.number("generated_query_count"), "generated_samples_per_query"
    if run.kind == "accuracy":
        count = float(run.benchmark["dataset_count"])
        yield must("samples generated", generated * run.number(each), "==", count)
        return
    counted = run.number("result_query_count")
    yield must("queries counted", counted, "==", generated)
    yield must("queries counted", counted, ">=", run.number("effective_min_query_count"))
    yield must("samples", run.samples, ">=", run.rules["min_query_count"])
    if run.rules["driven"] == "Offline":
        yield must(each, run.number(each), ">=", run.number("effective_samples_per_query"))


def times(run: Run) -> Iterator[Condition]:
    """No percentile is above a higher one; TTFT is within the latency."""
    every = ("min", *DATA["percentiles"], "max")
    kinds = list(DATA["times"]) if run.rules["driven"] != "Offline" else ["latency"]
    for kind in kinds:
        order, mean = [run.time(kind, which) for which in every], run.time(kind, "mean")
        yield f"{kind} is not in order", all(a <= b for a, b in pairwise(order))
        yield f"mean {kind} is not between min and max", order[0] <= mean <= order[-1]
    for which in (*every, "mean") if len(kinds) > 1 else ():
        good = run.time("ttft", which) <= run.time("latency", which)
        yield f"ttft {which} is above the latency's", good


def seconds(run: Run) -> tuple[float, float]:
    """What the rates are taken over, and what LoadGen holds against its least duration."""
    if run.rules["driven"] == "Offline":
        return (run.time("latency", "max") / 1e9,) * 2
    if run.rules["driven"] == "SingleStream":
        return (over(run.samples - 1, run.number(OVERHEAD[0])),) * 2
    keys = RATES["Server"][0], "result_scheduled_samples_per_sec"
    done, scheduled = (over(run.samples - 1, run.number(key)) for key in keys)
    return done, scheduled


def tokens_each(run: Run) -> float:
    """Tokens of an answer: tokens/s over samples/s, which but for Offline is of n - 1."""
    driven = run.rules["driven"]
    samples, tokens = OVERHEAD if driven == "SingleStream" else RATES[driven][:2]
    found = over(run.number(tokens), run.number(samples))
    return found if driven == "Offline" else found * over(run.samples - 1, run.samples)


def rates(run: Run) -> Iterator[Condition]:
    """Rates are counts over times, as LoadGen's results.cc computes them from n samples."""
    n, driven, mean = run.samples, run.rules["driven"], run.time("latency", "mean")
    rate = run.number(RATES[driven][0])
    if driven == "Offline":
        yield near("samples/s", rate, over(n, seconds(run)[0]))
        return
    by_latency = run.number("result_token_throughput") * mean
    yield near("tokens of an answer by its latency", by_latency, tokens_each(run))
    if driven == "SingleStream":
        yield near("queries/s", rate, over(1e9, mean))
        most = rate * over(n, n - 1)
        yield between("queries/s with overhead", run.number(OVERHEAD[0]), rate * 0.99, most)
        return
    (done, scheduled), planned = seconds(run), run.number("generated_query_duration") / 1e9
    first, last = (run.time("latency", which) / 1e9 for which in ("min", "max"))
    slack, expected = NEAR / 10 * done, run.number("effective_target_qps") * planned
    name = "seconds from the last query to its answer"
    yield between(name, done - scheduled, first - slack, last + slack)
    yield between("seconds until the last query", scheduled, 0, planned * (1 + NEAR))
    spread = SIGMAS * math.sqrt(n) if n > 0 else 0
    yield between("queries at the target rate", n, expected - spread, expected + spread)


def lasted(run: Run) -> Iterator[Condition]:
    """The run lasted long enough, and as long as LoadGen's stamps of begin and end say."""
    took, judged = seconds(run)
    yield must("seconds", judged * (1 + 1e-5), ">=", run.rules["min_duration_ms"] / 1000)
    longest = 0.0 if run.rules["driven"] == "Offline" else run.time("latency", "max") / 1e9
    least, most = took * (1 - NEAR) - 0.005, (took + longest) * 1.01 + 10
    yield between("seconds from power_begin to power_end", spent_s(run), least, most)


def lengths(run: Run) -> Iterator[Condition]:
    """An answer has as many tokens as the round allows; one more where its end is counted."""
    most, step = run.benchmark["max_tokens"] + 1, run.time("tpot", "mean")
    yield between("output tokens of an answer", tokens_each(run), 1, most * (1 + NEAR))
    if run.rules["driven"] != "Offline":
        rest, longest = run.time("latency", "mean") - run.time("ttft", "mean"), (step + 1) * most
        yield between("ns from first to last token", rest, step * (1 - NEAR), longest)


def judge(report: Report, run: Run, place: str) -> None:
    """Everything about one folder of logs; a performance run's figures where all of it holds."""
    try:
        run.read()
    except (OSError, ValueError) as error:
        report.say(CONTRADICTS, place, f"LoadGen's detail log cannot be read: {error}")
        return
    before = len(report)
    for title, asked in run.rules[run.kind].items():
        bound = [each for each in asked if each[1] != "==?" or each[0] in run.values]
        found = [must(key, run.values.get(key), how, wanted) for key, how, wanted in bound]
        report.hold(place, title, found)
    report.hold(place, "LoadGen is a release of the round, without errors", plain(run))
    report.hold(place, "its lines are those of one run", written(run))
    report.hold(place, "the settings in force are those asked for", taken_over(run))
    report.hold(place, "the summary says what the detail log says", summary(run))
    report.hold(place, "the queries are all counted, and enough", counts(run))
    if run.kind == "performance":
        report.hold(place, "percentiles and means are in order", times(run))
        report.hold(place, "rates are counts over times", rates(run))
        report.hold(place, "the run lasted long enough, by two clocks", lasted(run))
        report.hold(place, "answers have the round's lengths", lengths(run))
        if all(standing == PROVED for standing, _, _ in report[before:]):
            report.say(PROVED, place, figures(run))


def figures(run: Run) -> str:
    """The official rates, and each P99."""
    samples, tokens, unit = RATES[run.rules["driven"]]
    words = f"{run.number(samples):.6g} samples/s, {run.number(tokens) * unit:.6g} tokens/s"
    for kind, name in (("latency", "latency"), ("ttft", "TTFT"), ("tpot", "TPOT")):
        if not math.isnan(run.time(kind, "99.00")):
            words += f", {name} P99 {run.time(kind, '99.00') / 1e6:.6g} ms"
    return words
