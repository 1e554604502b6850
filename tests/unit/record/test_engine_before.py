"""Records of before engines told their traits: what vLLM was started with says the same."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from sut.record.engine_before import places_of
from sut.record.facts import EngineFacts

ARGUMENTS = {
    "dtype": "bfloat16", "quantization": None, "kv_cache_dtype": "auto", "load_format": "auto",
    "enable_prefix_caching": False, "max_model_len": 300, "max_num_seqs": 64,
    "max_num_batched_tokens": 4096,
}  # fmt: skip
SAMPLING = {
    "temperature": 0.0, "max_tokens": 8, "min_tokens": 1, "stop_token_ids": [0],
    "detokenize": False,
}  # fmt: skip
DETAILS = {"prefix_caching": False, "speculative_decoding": False}


def engine(**changes: Any) -> dict[str, Any]:
    """The engine of a session.json of before."""
    told = {
        "kind": "vllm", "replicas": 1, "start_s": 1.0, "model_path": "m", "model_sha256": None,
        "arguments": ARGUMENTS, "sampling": SAMPLING, "details": DETAILS,
    }  # fmt: skip
    return {
        name: value | changes[name] if name in changes and isinstance(value, dict) else value
        for name, value in (told | {"kind": changes.get("kind", "vllm")}).items()
    }


def test_the_traits_of_a_record_of_before():
    traits = EngineFacts.model_validate(engine()).traits
    assert (traits.weights, traits.dtype, traits.quantization) == ("real", "bfloat16", "none")
    assert (traits.prefix_caching, traits.speculative_decoding) == (False, False)
    assert (traits.greedy, traits.max_tokens, traits.min_tokens) == (True, 8, 1)
    assert (traits.end_token_ids, traits.other_sampling) == ((0,), ())
    assert (traits.context_tokens, traits.max_batch_sequences) == (300, 64)


@pytest.mark.parametrize(
    ("trait", "value", "changes"),
    [
        ("weights", "none", {"kind": "null"}),
        ("weights", "random", {"arguments": {"load_format": "dummy"}}),
        ("weights", None, {"arguments": {"load_format": None}}),
        ("quantization", "fp8", {"details": {"quantization": "fp8"}}),
        ("prefix_caching", True, {"arguments": {"enable_prefix_caching": True}}),
        ("prefix_caching", True, {"details": {"prefix_caching": True}}),
        ("prefix_caching", None, {"details": {"prefix_caching": None}}),
        ("speculative_decoding", True, {"arguments": {"speculative_config": {"method": "ngram"}}}),
        ("speculative_decoding", None, {"details": {"speculative_decoding": None}}),
        ("greedy", False, {"sampling": {"temperature": 0.1}}),
        ("greedy", False, {"sampling": {"top_k": 40}}),
        ("greedy", None, {"sampling": {"temperature": None}}),
        ("other_sampling", ("ignore_eos",), {"sampling": {"ignore_eos": True, "top_p": 1.0}}),
    ],
)
def test_a_trait_follows_the_name_it_had(trait: str, value: object, changes: dict[str, Any]):
    assert getattr(EngineFacts.model_validate(engine(**changes)).traits, trait) == value


def test_what_an_engine_told_is_left_as_it_is():
    told = engine() | {"traits": {"weights": "random"}}
    traits = EngineFacts.model_validate(told).traits
    assert (traits.weights, traits.dtype) == ("random", None)


def test_a_trait_is_found_where_the_record_has_it():
    assert places_of(engine(), "weights") == (("arguments", "load_format"),)
    assert places_of(engine() | {"traits": {}}, "weights") == (("traits", "weights"),)
    odd = engine(sampling={"ignore_eos": True})
    assert places_of(odd, "other_sampling") == (("sampling", "ignore_eos"),)
    speculative = engine(arguments={"speculative_config": {"method": "ngram"}})
    assert places_of(speculative, "speculative_decoding") == (
        ("arguments", "speculative_config"),
        ("details", "speculative_decoding"),
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"sampling": {"stop_token_ids": 7}}, "its stop_token_ids are no list"),
        ({"sampling": [1]}, "its sampling are no object"),
        ({"arguments": "x"}, "its arguments are no object"),
        ({"details": 7}, "its details are no object"),
    ],
)
def test_what_no_harness_wrote_is_a_complaint_and_no_traceback(
    change: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        EngineFacts.model_validate(engine() | change)
