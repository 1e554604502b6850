"""What Ray puts into a replica's environment, and what those of all replicas hold together."""

from __future__ import annotations

import pytest

from sut.engines.ray.environment import all_variables, placed_by_ray
from sut.machine.variables import Variable
from tests.unit.config.support import loaded


@pytest.mark.parametrize(("cores", "threads"), [("1", "1"), ("0.5", "1"), ("2.5", "2")])
def test_ray_gives_an_actor_as_many_threads_as_it_has_cores(cores: str, threads: str) -> None:
    config = loaded("--replicas", "2", "--set", f"engine.ray.cpus_per_replica={cores}").config
    assert placed_by_ray(config) == {"OMP_NUM_THREADS": threads}


def test_a_variable_that_replicas_have_alike_is_told_once() -> None:
    def told(value: str | None) -> dict[str, object]:
        return {"name": "OMP_X", "value": value, "given_by": "user", "harmless": False}

    found = all_variables(
        [{"variables": [told("2"), told(None)]}, {"variables": [told("2"), told("1")]}]
    )
    assert [each.value for each in found] == [None, "1", "2"]
    assert isinstance(found[0], Variable)
