"""What fits and what is the most: held against what vLLM reported on a card, and against sense."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sut.capacity.cards import Card, card_named, cards
from sut.capacity.memory import GIB, Settings, plan_memory
from sut.capacity.model_shape import ModelShape
from sut.capacity.numbers import Numbers, numbers_of, quantised_to
from sut.capacity.published import PUBLISHED_FILE, standing
from sut.capacity.roofline import Roofline, roofline
from sut.capacity.workload import Workload
from sut.errors import ConfigError

LLAMA = ModelShape(
    layers=32, hidden=4096, intermediate=14336, heads=32, kv_heads=8, head_dim=128,
    vocabulary=128256, tied=False,
)  # fmt: skip
FULL_SET = Workload(prompt_tokens=870, output_tokens=128)
A30 = "NVIDIA A30"


def stored(weights: str | None = None) -> Numbers:
    found = numbers_of("bfloat16", "auto", weights)
    assert found is not None
    return found


def card(name: str) -> Card:
    found = card_named(name)
    assert found is not None
    return found


def most(name: str, numbers: Numbers, batch: int) -> Roofline:
    found = roofline(LLAMA, numbers, card(name), FULL_SET, batch)
    assert found is not None
    return found


def test_the_model_is_counted_as_its_name_says() -> None:
    assert LLAMA.parameters == pytest.approx(8.03e9, rel=1e-3)
    assert LLAMA.kv_bytes_per_token(2) == 128 * 1024
    assert replace(LLAMA, tied=True).parameters == LLAMA.parameters - LLAMA.head_parameters


def test_a_shape_is_read_from_what_describes_the_model() -> None:
    described = {
        "architectures": ["LlamaForCausalLM"], "hidden_size": 4096, "intermediate_size": 14336,
        "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8,
        "vocab_size": 128256,
    }  # fmt: skip
    assert ModelShape.of_config(described) == LLAMA
    assert ModelShape.of_config(described | {"architectures": ["Other"]}) is None
    assert ModelShape.of_config(described | {"hidden_size": None}) is None
    assert ModelShape.of_config(described | {"num_attention_heads": 0}) is None


@pytest.mark.parametrize(
    ("share", "sequences", "step", "reported"),
    [(0.9, 256, 8192, 888_188), (0.285, 40, 2048, 192_032)],
)
def test_the_plan_meets_what_vllm_reported_on_an_h200(share, sequences, step, reported) -> None:
    plan = plan_memory(LLAMA, stored(), FULL_SET, 139.8 * GIB, Settings(share, sequences, step))
    assert plan.kv_tokens == pytest.approx(reported, rel=0.01)


def test_what_does_not_fit_leaves_nothing() -> None:
    plan = plan_memory(LLAMA, stored(), FULL_SET, 12 * GIB, Settings(0.9, 40, 2048))
    assert plan.kv_cache < 0
    assert (plan.kv_tokens, plan.queries) == (0, 0)


@pytest.mark.parametrize(
    ("weights", "batch", "least", "at_most"),
    [(None, 40, 6.9, 7.1), ("w8a8", 88, 14.8, 15.3), ("w4a16", 88, 10.0, 10.4)],
)
def test_an_a30_can_do_no_more(weights, batch, least, at_most) -> None:
    """Worked out by another hand before: 7.0, 15 and 10.3 samples/s over the full set."""
    found = most(A30, stored(weights), batch)
    assert least <= found.series_qps <= at_most
    assert found.binding == "prefill by compute"


def test_a_card_without_a_unit_for_the_type_has_no_roofline() -> None:
    assert roofline(LLAMA, stored("fp8"), card(A30), FULL_SET, 40) is None
    bare = card(A30).model_copy(update={"bandwidth_gbs": None})
    assert roofline(LLAMA, stored(), bare, FULL_SET, 40) is None
    assert roofline(LLAMA, stored(), card(A30), FULL_SET, 0) is None


@given(batch=st.integers(1, 4096), more=st.integers(1, 4096))
def test_a_larger_batch_is_never_slower(batch: int, more: int) -> None:
    small, large = most(A30, stored(), batch), most(A30, stored(), batch + more)
    assert large.series_qps >= small.series_qps
    assert large.step_s(large.batch) >= small.step_s(small.batch)
    assert small.series_qps <= small.overlapped_qps <= 2 * small.series_qps * (1 + 1e-9)


@given(rate=st.floats(0.01, 1))
def test_no_rate_below_the_roofline_uses_more_than_the_card(rate: float) -> None:
    found = most(A30, stored(), 40)
    assert 0 < found.mfu(rate * found.series_qps) < 1.01  # decoding multiplies, too
    assert 0 < found.mbu(rate * found.series_qps) < 1


def test_types_that_are_not_known_are_not_guessed() -> None:
    assert numbers_of("odd", "auto") is None
    assert numbers_of("bfloat16", "odd") is None
    assert numbers_of("bfloat16", "auto", "w2a2") is None
    assert numbers_of(None, "auto") is None


def test_a_checkpoint_says_what_it_holds() -> None:
    def group(**parts: object) -> dict[str, object]:
        return {"quantization_config": {"config_groups": {"group_0": parts}}}

    eight = {"num_bits": 8, "type": "int"}
    assert quantised_to(group(weights=eight, input_activations=eight)) == "w8a8"
    assert quantised_to(group(weights=eight | {"num_bits": 4}, input_activations=None)) == "w4a16"
    float8 = {"num_bits": 8, "type": "float"}
    assert quantised_to(group(weights=float8, input_activations=float8)) == "fp8"
    assert quantised_to(group(weights={"num_bits": 2, "type": "int"})) is None
    assert quantised_to({"quantization_config": {"quant_method": "fp8"}}) == "fp8"
    assert quantised_to({"quantization_config": "odd"}) is None
    assert quantised_to({}) is None


def test_each_card_has_its_name_once_and_its_source() -> None:
    names = [each.name.lower() for each in cards()]
    assert len(names) == len(set(names)) >= 28
    assert all(each.source for each in cards())
    assert card_named("nvidia a30") is card_named(A30)
    assert card_named("NVIDIA A30 MIG 1g.6gb") is None


def test_a_file_that_is_no_list_of_cards_is_refused(tmp_path) -> None:
    file = tmp_path / "cards.yaml"
    for text in ("- name: [", "- name: A\n", "4\n"):
        file.write_text(text)
        with pytest.raises(ConfigError):
            cards.__wrapped__(file)


def test_a_figure_stands_among_the_published_ones_of_its_scenario() -> None:
    h200 = card("NVIDIA H200")
    low, high = (standing("llama3.1-8b", "Offline", each, h200) for each in (0.0, 1e9))
    assert low is not None
    assert high is not None
    assert (low.below, high.below) == (0, high.among)
    assert low.among > 40
    names = {each.accelerator for each in low.same_card}
    assert names == {"NVIDIA H200-SXM-141GB"}
    figures = [each.per_accelerator for each in low.same_card]
    assert figures == sorted(figures)
    assert figures[0] == pytest.approx(56917.3 / 8, rel=0.2)
    assert standing("another", "Offline", 1.0, h200) is None
    nothing = standing("llama3.1-8b", "Offline", 1.0, card(A30))
    assert nothing is not None
    assert nothing.same_card == ()


def test_each_card_is_published_under_names_that_the_file_has() -> None:
    with PUBLISHED_FILE.open(encoding="utf-8", newline="") as stream:
        known = {row["accelerator"] for row in csv.DictReader(stream)}
    own = {name for each in cards() for name in each.published_as}
    assert own
    assert own <= known
