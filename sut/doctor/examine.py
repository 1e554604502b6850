"""Everything that `doctor` looks at, for one configuration."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from functools import partial

from sut.config.schema import RunConfig
from sut.doctor import card, machine, software
from sut.doctor.row import Look, Row, ok, rows_of


def examine(config: RunConfig) -> list[Row]:
    """Look at all of it; nothing is started, fetched or left behind."""
    looks: list[tuple[str, Look]] = [
        ("Python", _python),
        ("packages", partial(software.packages, config)),
        ("cards", partial(card.driver, config)),
        ("compiler", partial(card.compiler, config)),
        ("card's state", partial(card.state, config)),
        ("model", partial(software.model, config)),
        ("data set", partial(software.dataset, config)),
        ("scoring", partial(software.scoring, config)),
        ("disk", partial(machine.disk, config.results_dir)),
        ("memory", machine.memory),
        ("limits", machine.limits),
        ("processor", machine.processor),
        ("clocks", machine.clocks),
        ("other load", machine.load),
        ("leftovers", partial(software.leftovers, config)),
    ]
    return rows_of(looks)


def _python() -> Iterable[Row]:
    yield ok("Python", platform.python_version())
