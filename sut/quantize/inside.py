"""What runs in the environment of llm-compressor: one request in JSON, one answer in JSON.

    python -I inside.py REQUEST.json ANSWER.json

llm-compressor's pins do not fit beside vLLM's, so nothing of this project can be imported here and
this file imports nothing of it. The request has

    source, out            folders: a model, and an empty one for the checkpoint
    config_groups          what is quantised and to what, in compressed-tensors' words
    ignore                 modules that stay as they are
    smoothing_strength     SmoothQuant's, 0 to 1; null: no SmoothQuant
    dampening_fraction, block_size     GPTQ's
    prompts                token ids, a list for each calibration sample

and the answer has versions, device, seconds and quantised_modules.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("llmcompressor", "compressed-tensors", "torch", "transformers")


def main(request_file: str, answer_file: str) -> None:
    """Read the request, quantise, save, write the answer."""
    request = json.loads(Path(request_file).read_text(encoding="utf-8"))
    # Set before the hub's client is imported: nothing here may ask a hub.
    os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    started = time.monotonic()
    device, modules = _quantise(request)
    answer = {
        "versions": {
            "python": ".".join(map(str, sys.version_info[:3])),
            **{name: version(name) for name in PACKAGES},
        },
        "device": device,
        "seconds": round(time.monotonic() - started, 1),
        "quantised_modules": modules,
    }
    Path(answer_file).write_text(json.dumps(answer), encoding="utf-8")


def _quantise(request: dict[str, Any]) -> tuple[str, int]:
    """The checkpoint is in the folder `out`; returns the device and how many modules it took."""
    import torch
    from datasets import Dataset
    from llmcompressor import oneshot
    from transformers import AutoConfig, AutoModelForCausalLM

    on_card = torch.cuda.is_available()
    published = AutoConfig.from_pretrained(request["source"]).dtype or torch.float32
    # Where a processor has no instructions for bfloat16, float32 is several times as fast.
    dtype = published if on_card else torch.float32
    model = AutoModelForCausalLM.from_pretrained(request["source"], dtype=dtype)
    samples = [{"input_ids": ids, "attention_mask": [1] * len(ids)} for ids in request["prompts"]]
    oneshot(
        model=model,
        dataset=Dataset.from_list(samples),
        recipe=_recipe(request),
        num_calibration_samples=len(samples),
        shuffle_calibration_samples=False,
        max_seq_length=max(map(len, request["prompts"])),
    )
    modules = _as_published(model, published)
    model.save_pretrained(request["out"], save_compressed=True)
    return (torch.cuda.get_device_name(0) if on_card else "cpu"), modules


def _recipe(request: dict[str, Any]) -> list[Any]:
    from llmcompressor.modifiers.quantization import GPTQModifier
    from llmcompressor.modifiers.transform.smoothquant import SmoothQuantModifier

    strength = request["smoothing_strength"]
    gptq = GPTQModifier(
        config_groups=request["config_groups"],
        ignore=request["ignore"],
        dampening_frac=request["dampening_fraction"],
        block_size=request["block_size"],
    )
    smooth = [] if strength is None else [SmoothQuantModifier(smoothing_strength=strength)]
    return [*smooth, gptq]


def _as_published(model: Any, dtype: Any) -> int:
    """What is not quantised gets the type that it was published in; returns how much is."""
    modules = 0
    for module in model.modules():
        if hasattr(module, "quantization_scheme"):
            modules += 1
            continue
        for parameter in module.parameters(recurse=False):
            parameter.data = parameter.data.to(dtype)
    model.config.dtype = dtype
    return modules


if __name__ == "__main__":
    main(*sys.argv[1:])
