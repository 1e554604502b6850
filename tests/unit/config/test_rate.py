"""`target_qps: auto` from each source, and the number that takes it back."""

from __future__ import annotations

import pytest

from sut.config.names import Scenario
from sut.errors import ConfigError
from sut.plan.rate import probed, with_probe_for, with_rates
from tests.unit.config.support import BARE, loaded, written

BOTH = (Scenario.OFFLINE, Scenario.SERVER)


@pytest.mark.parametrize("system", ["cpu", "cpu-dummy", "a30-bf16"])
def test_the_quick_profile_measures_the_rates_that_nobody_gave(system: str) -> None:
    found = loaded("--system", system)
    assert probed(found.config, found.origins) == BOTH


def test_a_number_of_the_users_holds_whatever_lies_below_it() -> None:
    found = loaded("--set", "server.target_qps=3", environment={"OFFLINE_TARGET_QPS": "7"})
    assert (found.config.server.target_qps, found.config.offline.target_qps) == (3, 7)
    assert probed(found.config, found.origins) == ()


def test_a_user_conf_and_a_system_of_the_users_give_numbers_too(tmp_path) -> None:
    conf = written(tmp_path, "*.Server.target_qps = 5\n", "user.conf")
    own = written(tmp_path, BARE + "offline:\n  target_qps: 4\n", "own-system.yaml")
    found = loaded("--system", own, "--user-conf", conf)
    assert probed(found.config, found.origins) == ()


def test_auto_leaves_the_number_below_it_for_the_plan() -> None:
    found = loaded("--set", "server.target_qps=auto", environment={"SERVER_TARGET_QPS": "7"})
    assert found.config.server.target_qps == 7
    assert found.config.server.probe_rate is True
    assert found.origins["server.probe_rate"] == "--set server.target_qps"


def test_another_word_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"server\.target_qps is fast, must be a valid number"):
        loaded("--set", "server.target_qps=fast")


def test_mlperf_measures_only_what_the_user_says() -> None:
    mlperf = ("--profile", "mlperf", "--dataset", "synthetic", "--scenario", "Server")
    for flags, wanted in (
        ((), ()),
        (("--set", "server.target_qps=auto"), (Scenario.SERVER,)),
    ):
        found = loaded(*mlperf, *flags)
        assert probed(found.config, found.origins) == wanted


def test_an_engine_without_a_model_is_measured_only_where_the_user_asks() -> None:
    found = loaded("--engine", "null")
    assert probed(found.config, found.origins) == ()
    found = loaded("--engine", "null", "--set", "server.target_qps=auto")
    assert probed(found.config, found.origins) == (Scenario.SERVER,)


def test_what_no_rate_sizes_is_not_measured() -> None:
    found = loaded("--mode", "accuracy")
    assert probed(found.config, found.origins) == ()
    found = loaded("--set", "offline.min_duration_s=0")
    assert probed(found.config, found.origins) == (Scenario.SERVER,)
    found = loaded("--scenario", "SingleStream", "--set", "model.benchmark=llama3.1-8b-edge")
    assert probed(found.config, found.origins) == ()


def test_peak_measures_its_first_rate_unless_a_user_gave_one() -> None:
    mlperf = ("--profile", "mlperf", "--dataset", "synthetic", "--scenario", "Server")
    found = with_probe_for(loaded(*mlperf), Scenario.SERVER, "peak")
    assert probed(found.config, found.origins) == (Scenario.SERVER,)
    assert found.origins["server.probe_rate"] == "peak"
    given = loaded(*mlperf, "--set", "server.target_qps=21")
    assert with_probe_for(given, Scenario.SERVER, "peak") is given


def test_a_measured_rate_is_in_the_configuration_with_its_origin() -> None:
    found = with_rates(loaded(), {Scenario.SERVER: (2.5, "measured: by hand")})
    assert found.config.server.target_qps == 2.5
    assert found.origins["server.target_qps"] == "measured: by hand"
    assert found.config.offline == loaded().config.offline
