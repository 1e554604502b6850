"""A session's settings against those that somebody asks for."""

from __future__ import annotations

from typing import Any

from sut.config.absolute import with_absolute_paths
from sut.config.keys import values_of
from sut.config.sources import Loaded
from sut.plan.rate import FITTED, MEASURED
from sut.record.session import SessionRecord


def made_with(asked: Loaded, record: SessionRecord, free: frozenset[str] = frozenset()) -> bool:
    """Whether a session's settings are those asked for, but for what it measured or fitted.

    Args:
        asked: the configuration.
        record: the session.
        free: keys in which it may differ.
    """
    return not unlike(asked, record).keys() - free


def unlike(asked: Loaded, record: SessionRecord) -> dict[str, tuple[Any, Any]]:
    """What a session was asked otherwise, but for what it measured or fitted.

    Returns:
        By dotted key, what is asked for and what the session had. Where its files lie is no
        setting.
    """
    wanted, had = (
        values_of(with_absolute_paths(config)) for config in (asked.config, record.config)
    )
    found = {key for key in {*wanted, *had} if wanted.get(key) != had.get(key)} - {"results_dir"}
    return {
        key: (wanted.get(key), had.get(key))
        for key in sorted(found)
        if not record.origins.get(key, "").startswith((MEASURED, FITTED))
    }
