"""Which variables are looked at, who gave them, and which are nobody's to declare."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.machine.variables import GROUND, Variable, Watch, undeclared, variables

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    "name",
    [
        "LD_PRELOAD", "LD_LIBRARY_PATH", "PYTHONPATH", "OMP_NUM_THREADS", "KMP_BLOCKTIME",
        "MKL_NUM_THREADS", "CUDA_LAUNCH_BLOCKING", "NCCL_ALGO", "TORCH_COMPILE_DISABLE",
        "TORCHINDUCTOR_MAX_AUTOTUNE", "PYTORCH_CUDA_ALLOC_CONF", "TRITON_INTERPRET", "HF_NEVER",
    ],
)  # fmt: skip
def test_a_variable_that_can_change_an_engine_is_looked_at(name: str) -> None:
    assert GROUND.sees(name)
    assert not GROUND.is_harmless(name, "1")


@pytest.mark.parametrize("name", ["HOME", "PATH", "LANG", "MY_LD_PRELOAD", "PYTHONUNBUFFERED"])
def test_others_are_not(name: str) -> None:
    assert not GROUND.sees(name)


@pytest.mark.parametrize("name", ["CUDA_VISIBLE_DEVICES", "HF_HOME", "NCCL_DEBUG", "HF_TOKEN"])
def test_what_changes_nothing_is_on_record_all_the_same(name: str) -> None:
    assert GROUND.sees(name)
    assert GROUND.is_harmless(name, "x")


def test_every_harmless_pattern_is_of_a_variable_that_is_looked_at() -> None:
    for pattern in GROUND.harmless:
        assert GROUND.sees(pattern.replace("*", "X")), pattern


def test_a_search_path_of_our_own_folder_changes_nothing() -> None:
    assert GROUND.is_harmless("PYTHONPATH", str(ROOT))
    assert GROUND.is_harmless("PYTHONPATH", f"{ROOT}/:{ROOT}")
    assert not GROUND.is_harmless("PYTHONPATH", f"{ROOT}:/elsewhere")
    assert not GROUND.is_harmless("LD_LIBRARY_PATH", str(ROOT))


def test_each_is_told_with_who_gave_it() -> None:
    in_force = {
        "OMP_NUM_THREADS": "2",
        "LD_PRELOAD": "a:b",
        "KMP_X": "5",
        "HOME": "/",
        "OWN_A": "1",
    }
    given = {"LD_PRELOAD": "b", "OMP_NUM_THREADS": "8", "OWN_A": "1"}
    ours = {"OMP_NUM_THREADS": "2", "LD_PRELOAD": "a"}
    watch = Watch(("OWN_*",), ("OWN_A",))
    assert variables(watch, in_force, given=given, ours=ours) == [
        Variable("KMP_X", "5", "engine", False),
        Variable("LD_PRELOAD", "a:b", "user", False),
        Variable("OMP_NUM_THREADS", "2", "harness", False),
        Variable("OWN_A", "1", "user", True),
    ]


@pytest.mark.parametrize(
    "name",
    ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "NCCL_SECRET_X", "TORCH_PASSWORD", "HF_API_KEY"],
)
def test_a_secret_is_told_by_its_name_alone(name: str) -> None:
    (found,) = variables(Watch(), {name: "hush"}, given={name: "hush"}, ours={})
    assert (found.name, found.value) == (name, None)


def test_a_user_in_an_address_is_left_out() -> None:
    (found,) = variables(Watch(), {"HF_ENDPOINT": "https://me:hush@host/x"}, given={}, ours={})
    assert found.value == "https://…@host/x"
    (other,) = variables(Watch(), {"TOKENIZERS_PARALLELISM": "false"}, given={}, ours={})
    assert other.value == "false", "tokenizers are no token"


def test_undeclared_is_what_the_user_gave_and_nobody_named() -> None:
    found = [
        Variable("A", "1", "user", False),
        Variable("B", "1", "user", False),
        Variable("C", "1", "user", True),
        Variable("D", "1", "harness", False),
        Variable("E", "1", "engine", False),
    ]
    assert undeclared(found, ["B"]) == ["A"]
