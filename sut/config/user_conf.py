"""A user.conf that the user brings, in LoadGen's format → settings of ours.

Its lines are looked up in LoadGen's own order, and what LoadGen would ignore is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sut.config.names import Scenario
from sut.config.rounds import Round
from sut.config.yaml_tree import read_text
from sut.errors import ConfigError

_ALL = frozenset(Scenario)
_LATENCY = frozenset((Scenario.SERVER, Scenario.INTERACTIVE))


@dataclass(frozen=True)
class _Known:
    """Where a user.conf key goes; `field` of the scenario's section, or a whole key."""

    field: str
    scenarios: frozenset[Scenario] = _ALL
    whole: bool = True
    divisor: int = 1


_KEYS = {
    "target_qps": _Known("target_qps", _LATENCY | {Scenario.OFFLINE}, whole=False),
    "target_latency": _Known("target_latency_ms", frozenset((Scenario.SINGLE_STREAM,))),
    "min_duration": _Known("min_duration_s", divisor=1000),
    "min_query_count": _Known("min_query_count"),
    "target_latency_percentile": _Known(
        "latency_percentile", _LATENCY | {Scenario.SINGLE_STREAM}, whole=False
    ),
    "ttft_latency": _Known("ttft_limit_ms", _LATENCY),
    "tpot_latency": _Known("tpot_limit_ms", _LATENCY),
    "performance_sample_count_override": _Known("loadgen.performance_sample_count"),
}


@dataclass(frozen=True)
class _Line:
    model: str
    scenario: str
    key: str
    value: int | float
    number: int


def readers_of(rules: Round, benchmark: str) -> dict[Scenario, str]:
    """Scenario → the model name LoadGen reads a user.conf with, for those the round has."""
    readers = {}
    for scenario in Scenario:
        try:
            readers[scenario] = rules.scenario_rules(benchmark, scenario)[2].loadgen_model
        except ConfigError:
            continue
    return readers


def parse_user_conf(
    path: Path, readers: Mapping[Scenario, str]
) -> list[tuple[str, int | float, int]]:
    """A user.conf as (configuration key, value, line), by LoadGen's own order of lookup.

    Args:
        path: the file.
        readers: what `readers_of` gives for the round and the benchmark.

    Raises:
        ConfigError: a line that LoadGen would refuse, ignore or never look up.
    """
    models = sorted(set(readers.values()))
    lines = []
    for number, text in enumerate(read_text(path).splitlines(), start=1):
        words = text.split()
        if words and not words[0].startswith("#"):
            lines.append(_parse_line(words, models, f"{path}:{number}", number))
    found: dict[str, tuple[str, int | float, int]] = {}
    for scenario, model in readers.items():
        for name, known in _KEYS.items():
            line = _look_up(lines, model, scenario.loadgen_scenario, name)
            if line is not None and scenario in known.scenarios:
                key = known.field if "." in known.field else f"{scenario.section}.{known.field}"
                value = line.value / known.divisor if known.divisor != 1 else line.value
                found.setdefault(key, (key, value, line.number))
    return sorted(found.values(), key=lambda item: item[2])


def _look_up(lines: Iterable[_Line], model: str, scenario: str, key: str) -> _Line | None:
    """The line LoadGen takes: the most specific, and of equals the last."""
    by_place = {(line.model, line.scenario): line for line in lines if line.key == key}
    for place in ((model, scenario), ("*", scenario), (model, "*"), ("*", "*")):
        if place in by_place:
            return by_place[place]
    return None


def _parse_line(words: list[str], models: list[str], where: str, number: int) -> _Line:
    if "=" in words[0]:
        name, _, value = words[0].partition("=")
        raise ConfigError(
            f'{words[0]} has no blanks around "=", so LoadGen would ignore it without a word.',
            where=where,
            remedy=f"Write: {name} = {value or '<value>'}",
        )
    if len(words) != 3 or words[1] != "=":
        raise ConfigError(
            f"{' '.join(words)} is not of the form key = value.",
            where=where,
            remedy="Put a comment on a line of its own." if "#" in words else None,
        )
    parts = words[0].rsplit(".", 2)
    if len(parts) != 3:
        raise ConfigError(f"{words[0]} is not of the form model.scenario.key.", where=where)
    model, scenario, key = parts
    _check_parts(parts, models, where)
    return _Line(model, scenario, key, _number(words[2], words[0], _KEYS[key].whole, where), number)


def _check_parts(parts: list[str], models: list[str], where: str) -> None:
    model, scenario, key = parts
    if key not in _KEYS:
        raise ConfigError(
            f"{key} is not a key that is taken from a user.conf.",
            where=where,
            remedy=f"These are: {', '.join(_KEYS)}.",
        )
    if model not in {*models, "*"}:
        raise ConfigError(
            f"{model} is not a model name LoadGen reads for this benchmark.",
            where=where,
            remedy=f"Write * or one of {', '.join(models)}.",
        )
    known = {item.loadgen_scenario for item in _KEYS[key].scenarios}
    if scenario not in known | {"*"}:
        raise ConfigError(
            f"{key} is not looked up for scenario {scenario}.",
            where=where,
            remedy=f"It is for {', '.join(sorted(known))}; Interactive is written Server.",
        )


def _number(text: str, name: str, whole: bool, where: str) -> int | float:
    try:
        return int(text) if whole else float(text)
    except ValueError as error:
        wanted = "a whole number" if whole else "a number"
        raise ConfigError(f"{name} is {text}, must be {wanted}.", where=where) from error
