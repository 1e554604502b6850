"""The prompts of the reuse probe: where they are asked for, how long they are, what names them."""

from __future__ import annotations

import numpy as np
import pytest

from sut.errors import ConfigError
from sut.inputs.inputs import PROBES, RATE_PROMPTS, load_inputs
from tests.unit.config.support import loaded

SMALL = ("--system", "cpu-dummy", "--set", "dataset.synthetic_count=5")


@pytest.mark.usefixtures("dummy_model")
def test_they_are_as_long_as_the_longest_prompt_and_outside_the_data_set() -> None:
    inputs = load_inputs(loaded(*SMALL, "--set", "warmup.probe_reuse=true").config)
    longest = inputs.dataset.lengths.max
    assert [len(prompt) for prompt in inputs.probe_prompts] == [longest] * PROBES
    known = [*inputs.warmup_prompts, *(inputs.dataset.prompt(index) for index in range(5))]
    for number, prompt in enumerate(inputs.probe_prompts):
        others = [*known, *inputs.probe_prompts[:number]]
        assert not any(np.array_equal(prompt, other) for other in others)


@pytest.mark.usefixtures("dummy_model")
def test_each_has_an_index_that_loadgen_can_never_ask_for() -> None:
    inputs = load_inputs(loaded(*SMALL, "--set", "warmup.probe_reuse=true").config)
    warm, named = len(inputs.warmup_prompts), inputs.before_the_clock
    assert sorted(named) == list(range(-warm - PROBES - RATE_PROMPTS, 0))
    assert named[-1] is inputs.warmup_prompts[0]
    assert named[-1 - warm] is inputs.probe_prompts[0]
    assert named[-1 - warm - PROBES] is inputs.rate_prompts[0]


@pytest.mark.usefixtures("dummy_model")
def test_a_rate_is_measured_with_the_data_sets_lengths_and_none_of_its_samples() -> None:
    inputs = load_inputs(loaded("--system", "cpu-dummy").config)
    lengths = [len(prompt) for prompt in inputs.rate_prompts]
    mean = inputs.dataset.lengths.mean
    assert np.mean(lengths) == pytest.approx(mean, rel=0.01)
    assert np.mean(lengths[:64]) == pytest.approx(mean, rel=0.15), "any first part is alike"
    assert max(lengths) <= inputs.dataset.lengths.max
    given = ("--set", "server.target_qps=2", "--set", "offline.target_qps=2")
    assert load_inputs(loaded("--system", "cpu-dummy", *given).config).rate_prompts == []


@pytest.mark.usefixtures("dummy_model")
@pytest.mark.parametrize("flags", [(), ("--engine", "null", "--set", "warmup.probe_reuse=true")])
def test_where_nobody_asks_or_no_model_answers_there_are_none(flags: tuple[str, ...]) -> None:
    assert load_inputs(loaded(*SMALL, *flags).config).probe_prompts == []


def test_the_mlperf_profile_cannot_do_without_it() -> None:
    strict = ("--profile", "mlperf", "--dataset", "synthetic", "--system", "cpu-dummy")
    assert loaded(*strict).config.warmup.probe_reuse
    with pytest.raises(
        ConfigError, match=r"probe_reuse is false, but the mlperf profile holds it at true"
    ):
        loaded(*strict, "--set", "warmup.probe_reuse=false")
