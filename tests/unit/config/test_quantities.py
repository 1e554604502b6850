"""Every quantity has a lower and an upper bound, and says so in one sentence."""

from __future__ import annotations

import math
from typing import get_args

import pytest

from sut.config.flags import above_zero, whole
from sut.config.keys import leaves
from sut.errors import ConfigError
from tests.unit.config.support import loaded


def is_quantity(annotation: object) -> bool:
    if annotation in (int, float):
        return True
    return any(is_quantity(part) for part in get_args(annotation))


QUANTITIES = sorted(key for key, field in leaves().items() if is_quantity(field.annotation))


def test_there_are_quantities_at_all():
    assert len(QUANTITIES) > 40
    assert "server.target_qps" in QUANTITIES
    assert "engine.replicas" in QUANTITIES


@pytest.mark.parametrize("key", QUANTITIES)
@pytest.mark.parametrize("value", ["1e30", "-1e30", ".nan", ".inf", "99999999999999999999999"])
def test_what_no_machine_could_mean_is_refused_in_one_sentence(key, value):
    text = f"[{value}]" if "tuple" in str(leaves()[key].annotation) else value
    # Settings of replicas are refused where there are none.
    replicas = ("--replicas", "2") if key.startswith("engine.ray.") else ()
    with pytest.raises(ConfigError) as refused:
        loaded("--set", f"{key}={text}", *replicas)
    assert refused.value.where == f"--set {key}"
    assert key in refused.value.message
    assert refused.value.message.count("\n") == 0
    assert "must be" in refused.value.message or "is a fraction" in refused.value.message


@pytest.mark.parametrize(
    ("value", "said"),
    [("0.99", "99"), ("0.999", "99.9"), ("0.9", "90"), ("1", "99"), ("0.01", "99")],
)
@pytest.mark.parametrize("section", ["server", "interactive", "single_stream"])
def test_a_percentile_as_a_fraction_is_refused_with_the_percent(section, value, said):
    with pytest.raises(ConfigError, match=f"write it in percent, e.g. {said}[.]"):
        loaded("--set", f"{section}.latency_percentile={value}")


def test_a_percentile_in_percent_is_taken():
    config = loaded("--set", "server.latency_percentile=99.9").config
    assert config.server.latency_percentile == 99.9


def test_an_end_that_the_vocabulary_lacks_is_refused():
    with pytest.raises(ConfigError, match="which a vocabulary of 49152 does not hold"):
        loaded("--set", "model.eos_token_ids=[2, 49152]")


@pytest.mark.parametrize("text", ["0", "11", "1.5", "", "1e30", "x"])
def test_a_whole_number_of_a_flag_is_bounded(text):
    with pytest.raises(ConfigError, match="is not a whole number from 1 to 10"):
        whole("--n", 1, 10, example=3)(text)


@pytest.mark.parametrize("text", ["0", "-1", "10.5", "nan", "inf", "1e300", ""])
def test_a_number_of_a_flag_is_bounded(text):
    with pytest.raises(ConfigError, match="is not a number above 0 and up to 10"):
        above_zero("--s", 10, example=3)(text)
    assert math.isclose(above_zero("--s", 10, example=3)("9.5"), 9.5)
