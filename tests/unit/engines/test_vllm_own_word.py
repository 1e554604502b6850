"""What vLLM's core, its workers and its sampling parameters are asked for; without vLLM."""

from __future__ import annotations

import pickle
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from sut.engines.vllm.luggage import Luggage
from sut.engines.vllm.orphans import Leash
from sut.engines.vllm.own_word import (
    CORE_MODULE,
    METHOD,
    word_of_config,
    word_of_core,
    word_of_sampling,
    word_of_worker,
)


class Tensor:
    """A tensor as far as it is asked about itself."""

    def __init__(self, dtype: str, elements: int, size: int):
        self.dtype = f"torch.{dtype}"
        self._elements, self._size = elements, size

    def numel(self) -> int:
        return self._elements

    def element_size(self) -> int:
        return self._size


class Sampling(SimpleNamespace):
    """vLLM's SamplingParams as far as they are read."""

    @property
    def __struct_fields__(self) -> tuple[str, ...]:
        return tuple(vars(self))


def worker(**more: Any) -> SimpleNamespace:
    parameters = [Tensor("bfloat16", 10, 2), Tensor("int8", 10, 1), Tensor("bfloat16", 5, 2)]
    model = SimpleNamespace(parameters=lambda: iter(parameters))
    caches = [Tensor("bfloat16", 1, 2), [Tensor("bfloat16", 1, 2), (Tensor("uint8", 1, 1),)]]
    runner = SimpleNamespace(get_model=lambda: model, kv_caches=caches, **more)
    return SimpleNamespace(model_runner=runner)


def config(**load: Any) -> SimpleNamespace:
    return SimpleNamespace(
        model_config=SimpleNamespace(
            model="m", architectures=["A", "B"], dtype="torch.bfloat16", quantization=None,
            max_model_len=300,
        ),
        load_config=SimpleNamespace(load_format=load.get("load_format", "dummy")),
        cache_config=SimpleNamespace(
            cache_dtype="auto", block_size=16, num_gpu_blocks=9, enable_prefix_caching=True
        ),
        scheduler_config=SimpleNamespace(
            max_num_seqs=4, max_num_batched_tokens=64, enable_chunked_prefill=True,
            async_scheduling=False,
        ),
        speculative_config=None,
        kv_transfer_config=object(),
    )  # fmt: skip


def core(**scheduler: Any) -> SimpleNamespace:
    own: dict[str, Any] = {
        "kv_cache_manager": SimpleNamespace(enable_caching=True), "connector": Tensor("x", 0, 0),
        "num_spec_tokens": 3, "max_model_len": 200, "max_num_running_reqs": 2,
        "max_num_scheduled_tokens": 32,
    }  # fmt: skip
    executor = SimpleNamespace(collective_rpc=lambda ask: [ask(worker()), ask(worker())])
    return SimpleNamespace(
        scheduler=SimpleNamespace(**own | scheduler), vllm_config=config(), model_executor=executor
    )


def test_the_core_tells_what_its_scheduler_and_its_workers_hold():
    found = word_of_core(core())
    assert found["scheduler"] == {
        "prefix_caching": True, "kv_connector": "Tensor", "guessed_tokens": 3,
        "max_model_len": 200, "max_num_seqs": 2, "max_num_batched_tokens": 32,
    }  # fmt: skip
    assert found["config"] == word_of_config(config())
    assert [each["guesser"] for each in found["workers"]] == [None, None]
    assert word_of_core(core(connector=None))["scheduler"]["kv_connector"] is None


def test_a_worker_tells_the_types_of_its_tensors():
    assert word_of_worker(worker()) == {
        "parameter_bytes": {"bfloat16": 30, "int8": 10},
        "kv_cache_dtypes": ["bfloat16", "uint8"],
        "guesser": None,
    }


@pytest.mark.parametrize("name", ["speculator", "drafter"])
def test_a_worker_tells_what_guesses_ahead(name: str):
    assert word_of_worker(worker(**{name: Tensor("x", 0, 0)}))["guesser"] == "Tensor"


def test_a_configuration_is_told_in_plain_values():
    found = word_of_config(config())
    assert (found["architecture"], found["dtype"]) == ("A,B", "bfloat16")
    assert (found["load_format"], found["prefix_caching"], found["kv_transfer"]) == (
        "dummy", True, True,
    )  # fmt: skip
    as_enum = config(load_format=SimpleNamespace(value="safetensors"))
    assert word_of_config(as_enum)["load_format"] == "safetensors"


def test_of_the_sampling_only_what_was_asked_and_what_changes_answers_is_told():
    held = Sampling(
        temperature=0.0, max_tokens=8, top_p=1.0, top_k=-1, n=1, repetition_penalty=1.0,
        bad_words=None, logprobs=5, stop=[], min_p=0.0, _all_stop_token_ids={1},
    )  # fmt: skip
    asked = {"temperature": 0.0, "max_tokens": 9}
    assert word_of_sampling(held, asked) == {"temperature": 0.0, "max_tokens": 8}


@pytest.mark.parametrize(
    ("name", "value"),
    [("top_p", 0.9), ("n", 2), ("bad_words", ["x"]), ("ignore_eos", True), ("top_k", 1)],
)
def test_a_default_that_changes_answers_is_told(name: str, value: object):
    assert word_of_sampling(Sampling(**{name: value}), {}) == {name: value}


def test_what_goes_along_gives_the_core_a_method_where_there_is_a_core(
    monkeypatch: pytest.MonkeyPatch,
):
    leash = Leash.held_here()
    packed = pickle.dumps(Luggage(leash))
    assert isinstance(pickle.loads(packed), Luggage), "no core here: nothing to teach"
    module = ModuleType(CORE_MODULE)
    module.EngineCore = type("EngineCore", (), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, CORE_MODULE, module)
    copy = pickle.loads(packed)
    assert getattr(module.EngineCore, METHOD) is word_of_core
    assert copy.leash.terms == leash.terms
    assert isinstance(copy.compute_hash(), str)
    leash.let_go()
