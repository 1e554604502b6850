"""The scorers there are: the files of `sut/accuracy/scorers`, by their names."""

from __future__ import annotations

import difflib
import pkgutil
from importlib import import_module

from sut.accuracy import scorers
from sut.accuracy.scorer import Scorer
from sut.config.round_files import round_file
from sut.config.rounds import load_round
from sut.config.schema import RunConfig
from sut.errors import ConfigError


def scorer_names() -> list[str]:
    """Every scorer there is a file for."""
    return sorted(module.name for module in pkgutil.iter_modules(scorers.__path__))


def find_scorer(name: str) -> Scorer:
    """The scorer of that name, as it is on this machine.

    Raises:
        ConfigError: there is none.
    """
    known = scorer_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        raise ConfigError(
            f"there is no scorer {name}; sut/accuracy/scorers has {', '.join(known)}.",
            remedy=f"The nearest is {near[0]}." if near else "Name one of them, or add its file.",
        )
    found: Scorer = import_module(f"{scorers.__name__}.{name}").make()
    return found


def require_scorers(config: RunConfig) -> list[Scorer]:
    """The scorers of a session's accuracy runs, so that a wrong name is refused before them.

    Raises:
        ConfigError: the round names one that is not there, or has no such benchmark.
    """
    rules, benchmark = load_round(config.round), config.model.benchmark
    wanted = dict.fromkeys(rules.scenario_rules(benchmark, s)[1].scorer for s in config.scenarios)
    try:
        return [find_scorer(name) for name in wanted]
    except ConfigError as error:
        where = round_file(config.round, "scorer")
        raise ConfigError(error.message, where=where, remedy=error.remedy) from error
