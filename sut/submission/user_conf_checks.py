"""A tree's user.conf: LoadGen takes it, and the performance log was made with it."""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping
from pathlib import Path

from sut.config.loadgen_numbers import as_fraction, as_whole, taken
from sut.errors import LogError
from sut.given_file import given_bytes
from sut.logs.detail import DETAIL_NAME, read_detail
from sut.rules.check import Value, same_setting
from sut.submission.files import says_nothing
from sut.submission.findings import Finding
from sut.submission.walk import TreeEntry

NAME = "user.conf"
KEY = re.compile(r"(?P<model>\S+)\.(?P<scenario>\w+|\*)\.(?P<key>\w+)")
NS_PER_MS = 1_000_000
# What LoadGen takes where no user.conf says (test_settings.h).
RATE, DEFAULT_RATE = "target_qps", 1
RIGHT = "Hand in the user.conf that the run was made with."

# A key of user.conf → LoadGen's key for what was asked, by LoadGen's scenario; and how the value
# of the one becomes that of the other (test_settings_internal.cc, FromConfig).
COMMON: dict[str, tuple[str, float]] = {
    "min_duration": ("requested_min_duration_ms", 1),
    "max_duration": ("requested_max_duration_ms", 1),
    "min_query_count": ("requested_min_query_count", 1),
    "max_query_count": ("requested_max_query_count", 1),
    "performance_sample_count_override": ("requested_performance_sample_count_override", 1),
    "accuracy_sample_count_override": ("requested_accuracy_sample_count_override", 1),
    "performance_issue_same_index": ("requested_performance_issue_same_index", 1),
    "accuracy_log_rng_seed": ("requested_accuracy_log_rng_seed", 1),
}
# LoadGen reads these as fractions, in SingleStream the latency, too; all others as whole numbers.
FRACTIONS = ("target_qps", "target_latency_percentile", "target_latency")
OF_SCENARIO: dict[str, dict[str, tuple[str, float]]] = {
    "Offline": {"target_qps": ("requested_offline_expected_qps", 1)},
    "Server": {
        "target_qps": ("requested_server_target_qps", 1),
        "target_latency_percentile": ("requested_server_target_latency_percentile", 0.01),
        "ttft_latency": ("requested_server_ttft_latency", NS_PER_MS),
        "tpot_latency": ("requested_server_tpot_latency", NS_PER_MS),
    },
    "SingleStream": {
        "target_latency": ("requested_single_stream_expected_latency_ns", NS_PER_MS),
        "target_latency_percentile": ("requested_single_stream_target_latency_percentile", 0.01),
    },
}


Settings = Mapping[tuple[str, str, str], str]
"""Model, scenario and key as user.conf names them → the value."""


def user_conf(entry: TreeEntry) -> Iterable[Finding]:
    """Lines that LoadGen reads, and nothing that the round fixes otherwise."""
    path = entry.place.measurements / NAME
    if says_nothing(entry.root / path):
        return  # said by file_checks.py
    try:
        read = _read(entry.root / path)
    except ValueError as error:
        sentence = f"LoadGen does not take the line {str(error)!r}."
        yield entry.finding(path, sentence, "Write: model.scenario.key = number.")
        return
    if not read:
        yield entry.finding(path, "It sets nothing.", RIGHT)
    elif entry.closed and (fixed := _fixed(entry, read)):
        sentence = f"It sets what no closed submission may: {', '.join(fixed)}."
        yield entry.finding(path, sentence, "Leave it out and run again.")


def user_conf_of_run(entry: TreeEntry) -> Iterable[Finding]:
    """What the file sets is what the log has; a log of another scenario is told of elsewhere."""
    path = entry.place.measurements / NAME
    if says_nothing(entry.root / path) or entry.rules is None or entry.scenario is None:
        return
    try:
        read = _read(entry.root / path)
        log = read_detail(entry.root / entry.place.performance / DETAIL_NAME).values
    except (LogError, ValueError):
        return
    scenario, model = entry.scenario.loadgen_scenario, entry.rules.loadgen_model
    if not read or log.get("requested_scenario") != scenario:
        return
    problem = _other_scenario(read, log, scenario) or _differing(read, log, scenario, model)
    if problem:
        yield entry.finding(path, problem, RIGHT)


def _read(path: Path) -> Settings:
    """Every setting that LoadGen may look up, word by word as FromConfig reads.

    Raises:
        ValueError: a line that it refuses; its text.
    """
    found: dict[tuple[str, str, str], str] = {}
    for line in given_bytes(path).removeprefix(BOM_UTF8).split(b"\n"):
        # Bytes are split where C's isspace is true, and nowhere else.
        words = [each.decode("utf-8", "replace") for each in line.split()]
        if "#" in words[:2]:
            words = words[: words.index("#")]
        if len(words) > 1 and (words[1] != "=" or not all(map(taken, words[2:]))):
            raise ValueError(line.decode("utf-8", "replace").strip())
        # A name alone is passed over without a word; of several values the last one counts.
        if len(words) > 2 and (key := KEY.fullmatch(words[0])):
            found[key["model"], key["scenario"], key["key"]] = words[-1]
    return found


def _fixed(entry: TreeEntry, read: Settings) -> list[str]:
    """Settings other than the one value that the round leaves to a submitter."""
    if entry.rules is None or entry.scenario is None:
        return []
    scenario, model = entry.scenario.loadgen_scenario, entry.rules.loadgen_model
    wrong = []
    for key, value in entry.round.user_conf_fixed.items():
        text = _find(read, model, scenario, key)
        if text is not None and _value(key, text) != value:
            wrong.append(f"{key} = {text}")
    return wrong


def _value(key: str, text: str) -> float:
    """A value as LoadGen reads it."""
    return as_fraction(text) if key in FRACTIONS else float(as_whole(text))


def _find(read: Settings, model: str, scenario: str, key: str) -> str | None:
    """The value that LoadGen finds, in its order."""
    for place in ((model, scenario), ("*", scenario), (model, "*"), ("*", "*")):
        if (*place, key) in read:
            return read[(*place, key)]
    return None


def _other_scenario(read: Settings, log: Mapping[str, Value], scenario: str) -> str | None:
    """A file that names scenarios, and not the one whose rate the log has."""
    named = {each for _, each, _ in read} - {"*"}
    rate = OF_SCENARIO.get(scenario, {}).get(RATE)
    if not named or scenario in named or rate is None or log.get(rate[0]) == DEFAULT_RATE:
        return None
    return f"It is of {', '.join(sorted(named))} and sets nothing for {scenario}."


def _differing(read: Settings, log: Mapping[str, Value], scenario: str, model: str) -> str | None:
    differing = []
    for key, (logged_as, factor) in (COMMON | OF_SCENARIO.get(scenario, {})).items():
        text, logged = _find(read, model, scenario, key), log.get(logged_as)
        if (
            text is not None
            and logged is not None
            and not _same(_value(key, text) * factor, logged)
        ):
            differing.append(f"{key} = {text}, where LoadGen was asked for {logged}")
    return f"It is not of this run: {'; '.join(differing)}." if differing else None


def _same(asked: float, logged: Value) -> bool:
    number = isinstance(logged, int | float) and not isinstance(logged, bool)
    return number and (asked == logged or same_setting(asked, logged))
