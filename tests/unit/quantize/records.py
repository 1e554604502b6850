"""The record of weights that were quantised with this list or that."""

from __future__ import annotations

from sut.config.rounds import load_round
from sut.quantize.schemes import SCHEMES
from sut.record.quantize_record import QuantizeFacts

LIST = load_round("v6.1").benchmarks["llama3.1-8b"].calibration_list
OFFICIAL = LIST.sha256 if LIST else ""
OTHER = "f" * 64


def record(list_sha256: str | None, scheme: str = "w8a8") -> QuantizeFacts:
    recipe = {
        "smoothing_strength": SCHEMES[scheme].smoothing_strength, "dampening_fraction": 0.01,
        "block_size": 128, "ignore": ["lm_head"], "config_groups": SCHEMES[scheme].groups(128),
    }  # fmt: skip
    calibration = {
        "source": "list" if list_sha256 else "sample",
        "dataset": "CNN/DailyMail 3.0.0, train" if list_sha256 else "the articles that ship",
        "list_sha256": list_sha256, "listed": 1000 if list_sha256 else None, "count": 512,
        "ids_sha256": "1" * 64, "texts_sha256": "2" * 64, "prompt_format": "llama3.1-8b-cnn",
        "prompts_sha256": "3" * 64, "prompt_tokens": 440000, "prompt_tokens_max": 2500,
    }  # fmt: skip
    source = {
        "model": "llama3.1-8b", "origin": "meta-llama/Llama-3.1-8B-Instruct", "revision": "abc",
        "weights_sha256": "4" * 64, "config_sha256": "5" * 64,
    }  # fmt: skip
    return QuantizeFacts.model_validate(
        {
            "made_utc": "2026-11-27T00:00:00+00:00", "harness": "0.1.0", "harness_commit": "c0ffee",
            "scheme": scheme, "source": source, "recipe": recipe, "calibration": calibration,
            "quantised_modules": 224, "versions": {"llmcompressor": "0.14.0.1"},
            "device": "NVIDIA H100", "seconds": 1800.0, "weights_sha256": "1" * 64,
        }
    )  # fmt: skip
