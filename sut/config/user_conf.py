"""A user.conf that the user brings, in LoadGen's format → settings of ours.

Its lines are looked up in LoadGen's own order (TestSettings::FromConfig in
loadgen/test_settings_internal.cc). What LoadGen would ignore is noted, and refused where it is
more likely a slip: a name that is nearly right, a line without blanks, a number read otherwise.
Submitters share one file among models and write out what holds anyway; both are taken.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sut.config.loadgen_numbers import NotAsLoadGen, fraction, whole
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


_OVERRIDE = "performance_sample_count_override"
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
    _OVERRIDE: _Known("loadgen.performance_sample_count"),
}


# What a run here has in any case, for keys that LoadGen would take from a user.conf.
_IN_FORCE = {
    "accuracy_log_rng_seed": 0,
    "accuracy_log_sampling_target": 0,
    "accuracy_sample_count_override": 0,
    "coalesce_queries": 0,
    "infer_token_latencies": 0,
    "max_async_queries": 0,
    "max_duration": 0,
    "max_query_count": 0,
    "performance_issue_same": 0,
    "performance_issue_same_index": 0,
    "performance_issue_unique": 0,
    "print_timestamps": 0,
    "sample_concatenate_permutation": 1,
    "use_token_latencies": 1,
}

# LoadGen has them in its own files and takes them from no user.conf, or has no use for them.
_NOT_FROM_USERS = frozenset(
    {
        *("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed"),
        *("accuracy_log_probability", "test05", "token_latency_scaling_factor"),
        *("test05_qsl_rng_seed", "test05_sample_index_rng_seed", "test05_schedule_rng_seed"),
    }
)
_LOADGEN_SCENARIOS = ("SingleStream", "MultiStream", "Server", "Offline")
_NEAR = 0.88


@dataclass(frozen=True)
class UserConf:
    """What a user.conf sets, and what of it has no effect.

    Attributes:
        settings: configuration key, value, line.
        notes: sentences without their end, for a reader.
    """

    settings: tuple[tuple[str, int | float, int], ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Line:
    model: str
    scenario: str
    key: str
    value: int | float
    number: int


class _Idle(Exception):
    """A line that LoadGen passes over, and why."""


def readers_of(rules: Round, benchmark: str) -> dict[Scenario, str]:
    """Scenario → the model name LoadGen reads a user.conf with, for those the round has."""
    readers = {}
    for scenario in Scenario:
        try:
            readers[scenario] = rules.scenario_rules(benchmark, scenario)[2].loadgen_model
        except ConfigError:
            continue
    return readers


def parse_user_conf(path: Path, readers: Mapping[Scenario, str]) -> UserConf:
    """A user.conf as settings, by LoadGen's own order of lookup.

    Args:
        path: the file.
        readers: what `readers_of` gives for the round and the benchmark.

    Raises:
        ConfigError: a line that LoadGen would refuse or read otherwise, one that is likely a
            slip, one that would make another run than can be made here, or no line in force.
    """
    models = sorted(set(readers.values()))
    lines: list[_Line] = []
    idle: dict[str, list[int]] = {}
    for number, text in enumerate(read_text(path, lenient=True).split("\n"), start=1):
        words = text.split()
        if words and not words[0].startswith("#"):
            try:
                lines += _parse_line(words, models, f"{path}:{number}", number)
            except _Idle as why:
                idle.setdefault(str(why), []).append(number)
    if idle and not lines:
        raise ConfigError(
            f"none of its lines is for this benchmark: {next(iter(idle))}.",
            where=str(path),
            remedy=f"Write * or one of {', '.join(models)} as the model.",
        )
    notes = [f"{path}: {_numbered(numbers)} no effect: {why}" for why, numbers in idle.items()]
    return UserConf(_settings(lines, readers), (*notes, *_replaced(lines, path)))


def _settings(
    lines: Iterable[_Line], readers: Mapping[Scenario, str]
) -> tuple[tuple[str, int | float, int], ...]:
    found: dict[str, tuple[str, int | float, int]] = {}
    for scenario, model in readers.items():
        for name, known in _KEYS.items():
            line = _look_up(lines, model, scenario.loadgen_scenario, name)
            if line is not None and scenario in known.scenarios:
                key = known.field if "." in known.field else f"{scenario.section}.{known.field}"
                value = line.value / known.divisor if known.divisor != 1 else line.value
                found.setdefault(key, (key, value, line.number))
    return tuple(sorted(found.values(), key=lambda item: item[2]))


def _numbered(numbers: list[int]) -> str:
    listed = ", ".join(map(str, numbers))
    return f"line {listed} has" if len(numbers) == 1 else f"lines {listed} have"


def _replaced(lines: Iterable[_Line], path: Path) -> Iterable[str]:
    """Of two lines with one name LoadGen takes the later, without a word."""
    first: dict[tuple[str, str, str], _Line] = {}
    for line in lines:
        name = (line.model, line.scenario, line.key)
        earlier = first.get(name)
        if earlier is not None and earlier.value != line.value:
            yield (
                f"{path}: line {earlier.number} has no effect: line {line.number} gives "
                f"{'.'.join(name)} again"
            )
        first[name] = line


def _look_up(lines: Iterable[_Line], model: str, scenario: str, key: str) -> _Line | None:
    """The line LoadGen takes: the most specific, and of equals the last."""
    by_place = {(line.model, line.scenario): line for line in lines if line.key == key}
    for place in ((model, scenario), ("*", scenario), (model, "*"), ("*", "*")):
        if place in by_place:
            return by_place[place]
    return None


def _parse_line(words: list[str], models: list[str], where: str, number: int) -> list[_Line]:
    """The line as a list; empty where it says what holds anyway."""
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
    _check_model(model, models, where)
    _check_scenario(scenario, key, where)
    known = _KEYS.get(key)
    if known is not None and _looked_up(known, scenario):
        if key == _OVERRIDE and words[2] == "0":
            return []  # LoadGen's word for the whole data set
        return [_Line(model, scenario, key, _number(words[2], words[0], known, where), number)]
    _check_other(key, scenario, words[0], words[2], where)
    return []


def _check_model(model: str, models: list[str], where: str) -> None:
    if model in {*models, "*"}:
        return
    if _plain(model) in map(_plain, models):
        raise ConfigError(
            f"{model} is not a model name LoadGen reads for this benchmark.",
            where=where,
            remedy=f"Write * or one of {', '.join(models)}.",
        )
    raise _Idle(f"LoadGen reads nothing of {model} for this benchmark")


def _check_scenario(scenario: str, key: str, where: str) -> None:
    if scenario not in {*_LOADGEN_SCENARIOS, "*"}:
        raise ConfigError(
            f"{key} is not looked up for scenario {scenario}.",
            where=where,
            remedy=f"LoadGen has {', '.join(_LOADGEN_SCENARIOS)}; Interactive is written Server.",
        )
    if scenario == "MultiStream":
        raise _Idle("the benchmark has no scenario MultiStream")


def _check_other(key: str, scenario: str, name: str, text: str, where: str) -> None:
    """A line that sets nothing of ours: passed over, or what holds in any case."""
    in_force = _IN_FORCE.get(key)
    if key == "target_latency" and scenario == "Server":
        raise _Idle("with token latencies LoadGen holds Server to no target_latency")
    if key in _KEYS:
        raise _Idle(f"LoadGen does not look up {key} for {scenario}")
    if key == "mode":
        raise _Idle("--mode says what is run")
    if key in _NOT_FROM_USERS:
        raise _Idle(f"LoadGen's {key} is not taken from a user.conf")
    if in_force is None:
        _refuse_slip(key, where)
        raise _Idle(f"LoadGen has no key {key}")
    if _number(text, name, _Known(""), where) != in_force:
        raise ConfigError(
            f"{name} is {text}, but every run here has {in_force}.",
            where=where,
            remedy="Leave the line out.",
        )


def _refuse_slip(key: str, where: str) -> None:
    near = difflib.get_close_matches(key, [*_KEYS, *_IN_FORCE], n=1, cutoff=_NEAR)
    if near:
        raise ConfigError(
            f"{key} is not a key that is taken from a user.conf.",
            where=where,
            remedy=f"The nearest is {near[0]}.",
        )


def _looked_up(known: _Known, scenario: str) -> bool:
    return scenario in {"*", *(item.loadgen_scenario for item in known.scenarios)}


def _plain(model: str) -> str:
    return "".join(letter for letter in model.casefold() if letter.isalnum())


def _number(text: str, name: str, known: _Known, where: str) -> int | float:
    try:
        return whole(text) if known.whole else fraction(text)
    except NotAsLoadGen as error:
        raise ConfigError(f"{name} is {text}, {error}.", where=where) from error
