"""A system's other values for a processor that multiplies bfloat16 one number at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.errors import ConfigError
from tests.unit.config.support import loaded, written

ASKED = ("--dataset", "synthetic", "--system")
DTYPE = "engine.vllm.dtype"
OWN = "like: cpu\nsystem:\n  name: own\n"


@pytest.mark.parametrize("system", ["cpu", "cpu-dummy"])
def test_a_cpu_takes_the_type_that_it_multiplies(system: str) -> None:
    assert loaded(*ASKED, system).config.engine.vllm.dtype == "bfloat16"
    slow = loaded(*ASKED, system, avx512=False)
    assert slow.config.engine.vllm.dtype == "float32"
    assert slow.origins[DTYPE].startswith(f"user_confs/systems/{system}.yaml:")


def test_what_a_user_asks_for_stays() -> None:
    asked = loaded(*ASKED, "cpu", "--set", f"{DTYPE}=bfloat16", avx512=False)
    assert asked.config.engine.vllm.dtype == "bfloat16"


def test_a_system_with_a_card_is_the_same_beside_any_processor() -> None:
    asked = (*ASKED, "a30-bf16")
    assert loaded(*asked, avx512=False).config == loaded(*asked).config


def test_a_system_that_is_like_another_has_its_values_and_its_own_above_them(
    tmp_path: Path,
) -> None:
    like = loaded(*ASKED, written(tmp_path, OWN), avx512=False)
    assert like.config.engine.vllm.dtype == "float32"
    own = OWN + "without_avx512: {engine: {vllm: {dtype: float16}}}\n"
    assert loaded(*ASKED, written(tmp_path, own), avx512=False).config.engine.vllm.dtype == (
        "float16"
    )


def test_a_word_that_is_not_a_key_is_refused_there_too(tmp_path: Path) -> None:
    wrong = OWN + "without_avx512: {engine: {vllm: {dtypo: float32}}}\n"
    with pytest.raises(ConfigError, match="dtypo"):
        loaded(*ASKED, written(tmp_path, wrong))
