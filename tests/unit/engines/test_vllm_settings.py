"""Configuration → vLLM's arguments, and its failures → one line; without vLLM."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sut.config.schema import SystemConfig
from sut.config.vllm_options import VllmConfig
from sut.engines.vllm.args import engine_arguments, sampling_arguments
from sut.engines.vllm.failures import root_cause, start_failures
from sut.engines.vllm.launch import Launch, environment, environment_set, in_one_process
from sut.errors import EngineStartError
from sut.machine.devices import VISIBLE
from tests.unit.nvidia import nvidia_smi

CPU = SystemConfig(name="cpu", platform="cpu")
CUDA = SystemConfig(name="a30", platform="cuda")


def test_no_key_or_value_survives_a_query():
    arguments = engine_arguments(VllmConfig(), model_path="m", max_model_len=300)
    assert arguments["enable_prefix_caching"] is False
    assert "speculative_config" not in arguments


@pytest.mark.parametrize("name", ["max_num_seqs", "max_num_batched_tokens", "max_model_len"])
def test_what_vllm_would_choose_by_how_it_is_embedded_is_explicit(name: str):
    arguments = engine_arguments(VllmConfig(), model_path="m", max_model_len=300)
    assert isinstance(arguments[name], int)


@pytest.mark.parametrize("first_token", [True, False])
def test_decoding_is_greedy_and_without_text(first_token: bool):
    sampling = sampling_arguments(
        max_tokens=8, min_tokens=1, eos_token_ids=(2, 3), first_token=first_token
    )
    assert sampling["temperature"] == 0
    assert sampling["detokenize"] is False
    assert sampling["stop_token_ids"] == [2, 3]
    assert (sampling.get("stream_interval", 0) > 8) is first_token


def test_two_cores_share_one_process_and_many_do_not():
    assert in_one_process(VllmConfig(), CPU, [0, 1])
    assert not in_one_process(VllmConfig(), CPU, list(range(16)))
    assert not in_one_process(VllmConfig(tensor_parallel_size=2), CPU, [0, 1])
    assert not in_one_process(VllmConfig(), CUDA, [0, 1])


def test_cores_are_those_this_process_may_use():
    variables = environment(VllmConfig(), CPU, [2, 5], [], given={})
    assert variables["VLLM_CPU_OMP_THREADS_BIND"] == "2,5"
    assert variables["OMP_NUM_THREADS"] == "2"
    assert environment(VllmConfig(), CPU, list(range(16)), [], given={})[
        "VLLM_CPU_OMP_THREADS_BIND"
    ] == ("auto")


def test_a_gpu_gets_no_cpu_settings():
    assert not any(
        "CPU" in name or "OMP" in name
        for name in environment(VllmConfig(), CUDA, [0], [], given={})
    )


def test_a_gpu_is_not_asked_to_compile_a_sampler_that_greedy_decoding_never_calls():
    name = "VLLM_USE_FLASHINFER_SAMPLER"
    assert environment(VllmConfig(), CUDA, [0], [], given={})[name] == "0"
    assert name not in environment(VllmConfig(), CPU, [0], [], given={})
    chosen = environment(VllmConfig(), CUDA, [0], [], given={name: "1"})
    assert chosen[name] == "1", "the user's word holds"


def test_what_the_user_preloads_is_loaded_after_ours():
    assert (
        environment(VllmConfig(), CPU, [0], [Path("/a.so")], given={"LD_PRELOAD": "/b.so"})[
            "LD_PRELOAD"
        ]
        == "/a.so:/b.so"
    )


def test_the_environment_is_as_before_afterwards(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SUT_TEST_SET", "before")
    monkeypatch.delenv("SUT_TEST_UNSET", raising=False)
    with environment_set({"SUT_TEST_SET": "within", "SUT_TEST_UNSET": "within"}):
        assert os.environ["SUT_TEST_SET"] == os.environ["SUT_TEST_UNSET"] == "within"
        os.environ["SUT_TEST_OF_AN_IMPORT"] = "1"
    assert "SUT_TEST_OF_AN_IMPORT" not in os.environ, "vLLM sets some of its own"
    assert os.environ["SUT_TEST_SET"] == "before"
    assert "SUT_TEST_UNSET" not in os.environ


def test_the_first_error_in_the_log_is_the_cause(tmp_path: Path):
    log = tmp_path / "engine.log"
    log.write_text(
        "(EngineCore pid=7) INFO all is well\n"
        "(EngineCore pid=7) ERROR 11-23 [core.py:1] ValueError: no weights found in m\n"
        "RuntimeError: Engine core initialization failed. See root cause above.\n"
    )
    assert root_cause(log) == "ValueError: no weights found in m"
    with pytest.raises(EngineStartError, match="no weights found") as caught, start_failures(log):
        raise RuntimeError("Engine core initialization failed")
    assert str(log) in caught.value.render()


def test_without_a_log_the_exception_speaks_for_itself(tmp_path: Path):
    log = tmp_path / "absent.log"
    with pytest.raises(EngineStartError, match="ValueError: bad dtype"), start_failures(log):
        raise ValueError("bad dtype\nand more")


def test_help_loads_nothing_heavy():
    code = (
        "import sys, contextlib\n"
        "from sut.main import main\n"
        "with contextlib.suppress(SystemExit): main(['--help'])\n"
        "heavy = {'vllm', 'torch', 'ray', 'pydantic', 'numpy', 'mlperf_loadgen'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert printed.splitlines()[-1] == "[]"


TWO_CARDS = "NVIDIA A30, GPU-1, 24576, 580.65.06\nNVIDIA L4, GPU-2, 23034, 580.65.06\n"


def test_the_engine_is_given_its_cards_by_uuid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    nvidia_smi(tmp_path, monkeypatch, TWO_CARDS)
    monkeypatch.delenv(VISIBLE, raising=False)
    launch = Launch.from_here(VllmConfig(), CUDA)
    assert (launch.cards, launch.sets[VISIBLE]) == (["GPU-1"], "GPU-1")
    assert Launch.from_here(VllmConfig(tensor_parallel_size=2), CUDA).sets[VISIBLE] == "GPU-1,GPU-2"
    assert VISIBLE not in Launch.from_here(VllmConfig(), CPU).sets
    # By the bus, as nvidia-smi counts, whatever CUDA would make of the number.
    monkeypatch.setenv(VISIBLE, "1")
    assert Launch.from_here(VllmConfig(), CUDA).sets[VISIBLE] == "GPU-2"


def test_more_cards_than_there_are_cannot_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    nvidia_smi(tmp_path, monkeypatch, TWO_CARDS)
    monkeypatch.delenv(VISIBLE, raising=False)
    with pytest.raises(EngineStartError, match="over 3 cards, and this process may use 2"):
        Launch.from_here(VllmConfig(tensor_parallel_size=3), CUDA)
