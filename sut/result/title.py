"""How the benchmark is called in results: as the earlier tool called it, with the round asked."""

from __future__ import annotations

from contextlib import suppress

from sut.config.rounds import load_round
from sut.config.schema import RunConfig
from sut.errors import ConfigError

DATACENTER = "datacenter"


def benchmark_title(config: RunConfig) -> str:
    """E.g. MLPerf Inference v6.1 Datacenter; Edge for a benchmark of edge systems.

    A round whose file cannot be read is named all the same: the result says so in its reasons.
    """
    system_type = DATACENTER
    with suppress(ConfigError):
        rules = load_round(config.round).benchmarks.get(config.model.benchmark)
        system_type = rules.system_type if rules else DATACENTER
    return f"MLPerf Inference {config.round} {system_type.capitalize()}"
