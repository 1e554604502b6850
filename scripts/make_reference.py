"""Make the reference that an accuracy run of the small model is held to, without vLLM.

transformers decodes the shipped sample greedily in float32, one prompt at a time: nothing but
the weights, the prompts and the tokenizer is shared with the engine that is judged by it.

    python -m scripts.make_reference --out user_confs/references/smollm2-135m.json
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from qsl.dataset import TokenIds
from qsl.tokenizer import open_tokenizer
from sut.accuracy.reference import (
    REFERENCES,
    Reference,
    ReferenceScores,
    outputs_sha256,
)
from sut.accuracy.registry import require_scorers
from sut.accuracy.scores import measure
from sut.config.schema import RunConfig
from sut.config.sources import load
from sut.errors import ConfigError, HarnessError
from sut.inputs.dataset import dataset_of
from sut.inputs.weights import resolve_model, weights_sha256
from sut.record.folder import write_atomic

DTYPE = "float32"
PACKAGES = ("transformers", "torch", "tokenizers", "rouge-score", "nltk")


def main(argv: Sequence[str] | None = None) -> int:
    """Make the file unless it is there; returns the exit code."""
    parser = argparse.ArgumentParser(
        description="Decode the shipped sample with transformers and store answers and scores.",
        epilog="example: python -m scripts.make_reference --model smollm2-135m",
    )
    parser.add_argument("--model", default="smollm2-135m", help="a file of user_confs/models")
    parser.add_argument("--system", default="cpu", help="whose quick profile gives max_tokens")
    parser.add_argument("--out", type=Path, help="user_confs/references/MODEL.json")
    parser.add_argument("--check", action="store_true", help="make it again and compare")
    arguments = parser.parse_args(argv)
    out = arguments.out or REFERENCES / f"{arguments.model}.json"
    try:
        config = reference_config(arguments.model, arguments.system)
        if arguments.check:
            return _check(out, make_reference(config))
        if out.exists():
            print(f"{out}: is there already; remove it to make it again, or use --check")
            return 0
        write_atomic(out, as_text(make_reference(config)))
    except HarnessError as error:
        print(error.render(), file=sys.stderr)
        return error.exit_code
    print(f"{out}: made")
    return 0


def reference_config(model: str, system: str) -> RunConfig:
    """The run that the reference stands for: quick profile, shipped sample, float32.

    Raises:
        ConfigError: unknown model or system.
    """
    flags = [
        ("model", model, "--model"),
        ("system", system, "--system"),
        ("dataset", "sample", "scripts.make_reference"),
        ("engine.vllm.dtype", DTYPE, "scripts.make_reference"),
    ]
    return load(flags, environment={}, card=None, host_name="any").config


def make_reference(config: RunConfig) -> Reference:
    """Decode every sample and score the answers."""
    folder = resolve_model(config.model)
    dataset = dataset_of(config, folder)
    outputs = decode_greedily(folder, list(dataset.prompts), config)
    (scorer,) = require_scorers(config)
    answers = [np.array(ids, dtype=np.int32) for ids in outputs]
    scores = measure(answers, dataset.references, open_tokenizer(folder), scorer)
    if scores.characters is None or scores.tokens_per_sample is None:
        raise ConfigError("there is nothing to score.", where=str(folder))
    return Reference(
        model=config.model.name,
        model_sha256=weights_sha256(folder),
        dataset=dataset.name,
        dataset_sha256=dataset.sha256,
        prompt_format=config.model.prompt_format,
        max_tokens=config.generation.max_tokens,
        min_tokens=config.generation.min_tokens,
        dtype=DTYPE,
        made_by="python -m scripts.make_reference (greedy, one prompt at a time, on the CPU)",
        made_with=_versions(),
        scores=ReferenceScores(
            metrics=dict(scores.values),
            gen_num=scores.gen_num,
            tokens_per_sample=scores.tokens_per_sample,
            tool=scorer.tool,
        ),
        outputs_sha256=outputs_sha256(outputs),
        outputs=outputs,
    )


def decode_greedily(
    folder: Path, prompts: Sequence[TokenIds], config: RunConfig
) -> list[list[int]]:
    """Let transformers answer, one prompt at a time: no padding, so no influence of neighbours.

    Returns:
        Token ids of each answer, an end-of-sequence id included.
    """
    # Set before transformers is imported: nothing here may ask a hub.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TQDM_DISABLE"] = "1"
    import torch
    from transformers import AutoModelForCausalLM, GenerationConfig

    model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=getattr(torch, DTYPE))
    model.eval()
    ends = list(config.model.eos_token_ids)
    settings = GenerationConfig(
        do_sample=False,
        max_new_tokens=config.generation.max_tokens,
        min_new_tokens=config.generation.min_tokens,
        eos_token_id=ends,
        pad_token_id=ends[0],
    )
    answers = []
    for number, prompt in enumerate(prompts):
        ids = torch.tensor([prompt.tolist()])
        with torch.inference_mode():
            made: Any = model.generate(
                ids, attention_mask=torch.ones_like(ids), generation_config=settings
            )
        answers.append([int(token) for token in made[0, len(prompt) :]])
        print(f"\r{number + 1} of {len(prompts)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return answers


def as_text(reference: Reference) -> str:
    """JSON with one answer a line, so that a change shows where it is."""
    document: Mapping[str, Any] = reference.model_dump(mode="json")
    outputs = ",\n".join(f"    {json.dumps(ids)}" for ids in document["outputs"])
    head = {key: value for key, value in document.items() if key != "outputs"}
    return json.dumps(head, indent=2)[:-2] + f',\n  "outputs": [\n{outputs}\n  ]\n}}\n'


def _versions() -> dict[str, str]:
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _check(path: Path, made: Reference) -> int:
    """Compare with the file; 1 if an answer differs."""
    try:
        stored = Reference.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise ConfigError(
            f"the reference cannot be read: {first}.", where=str(path), remedy="Make it first."
        ) from error
    pairs = list(zip(stored.outputs, made.outputs, strict=False))
    same = sum(ours == theirs for ours, theirs in pairs)
    print(f"{path}: {same} of {len(made.outputs)} answers are the same")
    return 0 if stored.outputs == made.outputs else 1


if __name__ == "__main__":
    sys.exit(main())
