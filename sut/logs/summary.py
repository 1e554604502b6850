"""Reads mlperf_log_summary.txt: the figures LoadGen prints for people.

Both wordings of the token time are known: "Time to Output Token" (LoadGen before October
2025) and "Time per Output Token".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sut.errors import LogError
from sut.given_file import given_bytes
from sut.logs.figures import PERCENTILE_FIELDS, Figures, Quantiles, a_figure

SUMMARY_NAME = "mlperf_log_summary.txt"
MAX_BYTES = 4 * 1024 * 1024
MAX_DIGITS = 400

TEXTS = {"SUT name": "sut_name", "Scenario": "scenario", "Mode": "mode"}
FLAGS = {
    "Performance constraints satisfied": "performance_constraints_met",
    "Min duration satisfied": "min_duration_met",
    "Min queries satisfied": "min_queries_met",
    "Early stopping satisfied": "early_stopping_met",
}
RATES = {
    "Samples per second": "samples_per_second",
    "Tokens per second": "tokens_per_second",
    "Completed samples per second": "completed_samples_per_second",
    "Completed tokens per second": "completed_tokens_per_second",
    "Scheduled samples per second": "scheduled_samples_per_second",
    "QPS w/ loadgen overhead": "samples_per_second_with_overhead",
    "QPS w/o loadgen overhead": "samples_per_second_without_overhead",
    "TPS w/ loadgen overhead": "tokens_per_second_with_overhead",
    "TPS w/o loadgen overhead": "tokens_per_second_without_overhead",
}
VERDICT = "Result is"
KNOWN = frozenset({VERDICT, *TEXTS, *FLAGS, *RATES})
TIME = re.compile(
    r"(?P<what>Min|Max|Mean|\d+\.\d\d percentile)\s+"
    r"(?P<kind>latency|first token latency|time (?:to|per) output token) \(ns\)$",
    re.IGNORECASE,
)
KINDS = {"latency": "latency", "first token latency": "ttft"}
# A SUT's name is anybody's text: it may hold a colon or the end of a line.
SUT_NAME = re.compile(r"^SUT name *:(?P<name>.*?)\n(?=Scenario *:)", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?(?:e[-+]?[0-9]+)?", re.IGNORECASE)
# C++ prints these for what a division by 0 gives; Microsoft's prints -nan(ind).
NO_NUMBER = re.compile(r"[-+]?(?:nan|inf)(?:\([a-z]+\))?", re.IGNORECASE)
COUNTED = re.compile(r"(No|\d+) (warning|error)s? encountered", re.IGNORECASE)
PARAMETERS = "Test Parameters Used"


@dataclass(frozen=True)
class SummaryLog:
    """What the summary says."""

    figures: Figures
    printed: dict[str, str]
    """Rates as they were printed, by the field of `figures`: the digits matter."""
    parameters: dict[str, str]
    """The lines under "Test Parameters Used", as printed."""


def read_summary(path: Path) -> SummaryLog:
    """Read one summary.

    Raises:
        LogError: missing, empty, or none of LoadGen's.
    """
    try:
        text = given_bytes(path, MAX_BYTES).decode("utf-8-sig", "replace")
    except OSError as error:
        raise LogError(
            f"the summary cannot be read: {error.strerror}.",
            where=str(path),
            remedy="Point at the folder that holds LoadGen's logs.",
        ) from error
    if not text.strip():
        raise LogError("the summary is empty.", where=str(path), remedy="Run again.")
    return parse_summary(text, path)


def parse_summary(text: str, path: Path) -> SummaryLog:
    """Read the text of one summary.

    Raises:
        LogError: nothing in it is LoadGen's, or a figure is not a number.
    """
    found = _Found(path)
    if named := SUT_NAME.search(text):
        found.figures["sut_name"] = named["name"].strip()
        blank = "\n" * named[0].count("\n")  # the lines keep their numbers
        text = text[: named.start()] + blank + text[named.end() :]
    in_parameters = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip() == PARAMETERS:
            in_parameters = True
        elif match := COUNTED.match(line.strip()):
            found.count(number, match)
        elif ":" in line:
            name, _, value = (part.strip() for part in line.partition(":"))
            # LoadGen prints no figure among the parameters: one there must be that of above.
            if not in_parameters or _is_figure(name):
                found.take(number, name, value)
            elif not name.startswith("WARNING"):
                found.parameter(number, name, value)
    if not found.figures:
        raise LogError(
            "no line of it is LoadGen's.", where=str(path), remedy="Point at LoadGen's own logs."
        )
    for kind, values in found.times.items():
        found.figures[kind] = Quantiles(**values)
    return SummaryLog(Figures(**found.figures), found.printed, found.parameters)


def _is_figure(name: str) -> bool:
    """Whether LoadGen prints a result under this name."""
    return name in KNOWN or TIME.match(name) is not None


class _Found:
    """Collects what the lines say."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Any: the fields of Figures have several types; Figures(**…) is where they meet.
        self.figures: dict[str, Any] = {}
        self.times: dict[str, dict[str, int | None]] = {}
        self.printed: dict[str, str] = {}
        self.parameters: dict[str, str] = {}
        self.said: dict[str, str] = {}

    def count(self, number: int, match: re.Match[str]) -> None:
        counted = 0 if match[1].lower() == "no" else int(match[1])
        name = "errors" if match[2].lower() == "error" else "warnings"
        self.once(number, f"{name} encountered", str(counted))
        self.figures[name] = counted

    def parameter(self, number: int, name: str, value: str) -> None:
        self.once(number, name, value)
        self.parameters[name] = value

    def take(self, number: int, name: str, value: str) -> None:
        if _is_figure(name):
            self.once(number, name, value)
        if name in TEXTS:
            self.figures[TEXTS[name]] = value
        elif name == VERDICT:
            self.figures["valid"] = value == "VALID"
        elif name in FLAGS:
            self.figures[FLAGS[name]] = value == "Yes"
        elif name in RATES:
            self.figures[RATES[name]] = self.number(number, name, value)
            self.printed[RATES[name]] = value
        elif match := TIME.match(name):
            kind = KINDS.get(match["kind"].lower(), "tpot")
            what = match["what"].split()[0]
            key = PERCENTILE_FIELDS.get(what, f"{what.lower()}_ns")
            time_ns = self.number(number, name, value)
            self.times.setdefault(kind, {})[key] = None if time_ns is None else int(time_ns)

    def once(self, number: int, name: str, value: str) -> None:
        if self.said.setdefault(name, value) != value:
            raise LogError(
                f"two lines say {name!r}: {self.said[name][:40]!r} and {value[:40]!r}.",
                where=f"{self.path}:{number}",
                remedy="Restore the log from LoadGen's output; do not edit it.",
            )

    def number(self, number: int, name: str, value: str) -> float | None:
        if NUMBER.fullmatch(value) or NO_NUMBER.fullmatch(value):
            return printed_number(value)
        raise LogError(
            f"{name} is {value[:40]!r}, which is not a number.",
            where=f"{self.path}:{number}",
            remedy="Restore the log from LoadGen's output; do not edit it.",
        )


def printed_number(text: str) -> float | None:
    """A number as LoadGen prints it, whole where it is; None for any other text, inf and nan."""
    if not NUMBER.fullmatch(text) or len(text) > MAX_DIGITS:
        return None
    value = float(text)
    if not a_figure(value):
        return None
    return value if set(text) & set(".eE") else int(text)
