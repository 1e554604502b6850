"""The environment of replicas: what Ray puts into it, and what all of theirs hold together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor
from typing import Any

from sut.config.schema import RunConfig
from sut.machine.variables import Variable


def placed_by_ray(config: RunConfig) -> dict[str, str]:
    """What Ray gives the process of an actor where the user gave nothing.

    Source: `set_omp_num_threads_if_unset` of ray/_private/utils.py, Ray 2.60.
    """
    return {"OMP_NUM_THREADS": str(max(1, floor(config.engine.ray.cpus_per_replica)))}


def all_variables(started: Sequence[Mapping[str, Any]]) -> list[Variable]:
    """Every variable that any replica told of, by name; one that differs is there for each value.

    Args:
        started: what each replica answered to its start.
    """
    found = {Variable(**each) for answer in started for each in answer["variables"]}
    return sorted(found, key=lambda each: (each.name, each.value or "", each.given_by))
