"""In the mlperf profile a variable that changes the engine is declared, or nothing starts."""

from __future__ import annotations

import pytest

from sut.config.schema import RunConfig
from sut.errors import ConfigError
from sut.inputs.variables import by_whom, planned_variables, require_declared
from sut.machine.variables import Variable
from tests.unit.config.support import loaded

STRICT = ("--profile", "mlperf", "--dataset", "synthetic", "--system", "cpu-dummy")


def strict(*flags: str) -> RunConfig:
    return loaded(*STRICT, *flags).config


def test_one_that_is_not_declared_is_refused_with_its_name_and_the_way_out() -> None:
    with pytest.raises(ConfigError) as error:
        require_declared(strict(), {"VLLM_USE_SOMETHING": "1", "HOME": "/"})
    assert error.value.message == (
        "the environment variable VLLM_USE_SOMETHING can change the engine and is not declared."
    )
    assert "--set engine.environment=[VLLM_USE_SOMETHING]" in str(error.value.remedy)


def test_several_are_named_together_beside_those_declared_already() -> None:
    config = strict("--set", "engine.environment=OMP_X")
    with pytest.raises(ConfigError, match="variables KMP_Y, LD_PRELOAD can") as error:
        require_declared(config, {"LD_PRELOAD": "x.so", "KMP_Y": "1", "OMP_X": "1"})
    assert "[OMP_X,KMP_Y,LD_PRELOAD]" in str(error.value.remedy)


def test_what_is_declared_or_harmless_or_replaced_by_ours_is_let_through() -> None:
    given = {"OMP_X": "1", "HF_HOME": "/x", "VLLM_CPU_KVCACHE_SPACE": "99"}
    require_declared(strict("--set", "engine.environment=[OMP_X]"), given)
    found = {each.name: each for each in planned_variables(strict(), given)}
    assert found["VLLM_CPU_KVCACHE_SPACE"].given_by == "harness"
    assert found["VLLM_CPU_KVCACHE_SPACE"].value == "2"


def test_the_quick_profile_and_an_engine_without_a_model_only_record_it() -> None:
    given = {"VLLM_USE_SOMETHING": "1"}
    quick = loaded("--system", "cpu-dummy").config
    require_declared(quick, given)
    assert "VLLM_USE_SOMETHING" in {each.name for each in planned_variables(quick, given)}
    require_declared(strict("--engine", "null"), given)


def test_what_was_placed_by_whoever_started_the_process_is_not_the_users() -> None:
    found = [Variable("OMP_NUM_THREADS", "1", "user", False)]
    assert by_whom(found, {"OMP_NUM_THREADS": "1"})[0].given_by == "harness"
    assert by_whom(found, {"OMP_NUM_THREADS": "2"}) == found
    require_declared(strict(), {"OMP_X": "1"}, {"OMP_X": "1"})


@pytest.mark.parametrize("name", ["A B", "", "X=1", "1A"])
def test_only_a_name_can_be_declared(name: str) -> None:
    with pytest.raises(ConfigError):
        loaded("--set", f"engine.environment=[{name!r}]")
