"""Which settings to try next: Optuna's TPE sampler, asked anew from the trials on disk.

Nothing of Optuna's is stored. What it is told are the trials, and its seed is that of the search
plus their number: so the same trials always lead to the same next one, after a kill too.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from sut.errors import ConfigError
from sut.tune.measured import Measured, same, values_at
from sut.tune.space import Settings, Space, every_setting

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

STARTUP = 6
"""So many trials are drawn evenly before the sampler goes by what they showed."""
ASKED_AGAIN = 20
"""The sampler may name what was tried already; then it is told so and asked again."""
FAILED = 0.0
"""What the sampler is told of settings that failed: as bad as can be."""


def propose(space: Space, measured: Sequence[Measured], seed: int) -> Settings | None:
    """Settings that were not tried yet; None where all were.

    Args:
        space: what is searched.
        measured: every trial so far.
        seed: of the search.

    Raises:
        ConfigError: Optuna is not installed.
    """
    require_optuna()
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    known: list[Settings] = []
    sampler = optuna.samplers.TPESampler(seed=seed + len(measured), n_startup_trials=STARTUP)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    distributions = _distributions(space, optuna)
    for each in measured:
        params = _as_places(space, each.settings)
        if params is None:
            continue
        known.append(each.settings)
        value = FAILED if each.value is None else each.value
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=distributions, value=value)
        )
    for _ in range(ASKED_AGAIN):
        trial = study.ask(distributions)
        settings = {each.key: each.values[trial.params[each.key]] for each in space}
        if not any(same(settings, one) for one in known):
            return settings
        told = values_at(measured, settings)
        study.tell(trial, sum(told) / len(told) if told else FAILED)
    left = [each for each in every_setting(space) if not any(same(each, one) for one in known)]
    return random.Random(seed + len(measured)).choice(left) if left else None


def _distributions(space: Space, optuna: Any) -> dict[str, BaseDistribution]:
    """Each value by its place in its parameter: of numbers the sampler knows the order."""
    found: dict[str, BaseDistribution] = {}
    for each in space:
        places = len(each.values)
        found[each.key] = (
            optuna.distributions.IntDistribution(0, places - 1)
            if each.ordered
            else optuna.distributions.CategoricalDistribution(tuple(range(places)))
        )
    return found


def _as_places(space: Space, settings: Settings) -> dict[str, int] | None:
    """Settings by their places; None where one is of no value of the space."""
    found = {}
    for each in space:
        places = [n for n, value in enumerate(each.values) if value == settings.get(each.key)]
        if not places:
            return None
        found[each.key] = places[0]
    return found


def require_optuna() -> None:
    """Say that Optuna is missing before anything is measured.

    Raises:
        ConfigError: it is not installed.
    """
    if find_spec("optuna") is None:
        raise ConfigError(
            "Optuna, which searches, is not installed.",
            where="tune",
            remedy='Run: make setup; or: python -m pip install -e ".[tune]".',
        )
