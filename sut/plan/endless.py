"""Runs that cannot be made: refused before memory or weeks are spent on them."""

from __future__ import annotations

from collections.abc import Mapping

from sut.config.names import Mode, Scenario
from sut.config.quantities import MAX_DURATION_S, MAX_QUERIES
from sut.errors import ConfigError
from sut.plan.settings import Effective

_S_PER_DAY = 24 * 3600


def refuse_endless(will: Effective, origins: Mapping[str, str]) -> None:
    """Refuse a run of more queries or more days than can be planned.

    Args:
        will: what LoadGen will make of the configuration.
        origins: key → where its value is from, as far as that is known.

    Raises:
        ConfigError: with the key that asks for them, and its value.
    """
    queries = _queries(will)
    run = f"the {will.scenario} {will.mode} run"
    if queries > MAX_QUERIES:
        key, value, remedy = _key_of_too_many(will)
        raise ConfigError(
            f"{key} is {value}, so {run} would ask about {queries:.3g} queries, more than "
            f"{MAX_QUERIES}.",
            where=origins.get(key),
            remedy=remedy,
        )
    duration_s = max(queries / will.target_qps, _least_s(will))
    if duration_s > MAX_DURATION_S:
        key, value, remedy = _rate(will, "Raise it.", "Lower it.")
        raise ConfigError(
            f"{key} is {value}, so {run} would take about {duration_s / _S_PER_DAY:.3g} days, "
            f"more than {MAX_DURATION_S // _S_PER_DAY}.",
            where=origins.get(key),
            remedy=remedy,
        )


def _least_s(will: Effective) -> float:
    return 0.0 if will.mode is Mode.ACCURACY else will.min_duration_ms / 1000


def _queries(will: Effective) -> float:
    """About as many as LoadGen will issue; samples in Offline."""
    if will.mode is Mode.ACCURACY:
        return will.dataset_count
    if will.scenario is Scenario.OFFLINE:
        return will.samples_per_query
    return max(will.min_queries, _least_s(will) * will.target_qps)


def _key_of_too_many(will: Effective) -> tuple[str, str, str]:
    section = will.scenario.section
    if will.mode is Mode.ACCURACY:
        return "dataset.max_samples", "null", "Set it."
    if will.requested_min_queries > MAX_QUERIES:
        return f"{section}.min_query_count", f"{will.requested_min_queries}", "Lower it."
    return _rate(will, "Lower it.", "Raise it.")


def _rate(will: Effective, of_rate: str, of_latency: str) -> tuple[str, str, str]:
    """The key that sets the pace: a rate, or SingleStream's hint of a latency."""
    section = will.scenario.section
    if will.scenario is Scenario.SINGLE_STREAM:
        return f"{section}.target_latency_ms", f"{1000 / will.target_qps:g}", of_latency
    return f"{section}.target_qps", f"{will.target_qps:g}", of_rate
