"""Make the model folder that costs an engine almost nothing, to measure the harness by.

The small model's config.json cut down to one layer of hidden size 64, with its tokenizer beside
it and no weights: an engine loads it with load_format "dummy" and answers with random tokens.

    python -m scripts.make_dummy_model --source models/smollm2-135m --out models/llama-tiny-dummy
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sut.errors import ConfigError, HarnessError

COPIED_FILES = (
    "chat_template.jinja",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
)
# vLLM's CPU attention takes no head narrower than 32; the vocabulary stays, so that token ids
# of the real tokenizer fit.
CUT = {
    "num_hidden_layers": 1,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 32,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Make the folder unless it is there; returns the exit code."""
    parser = argparse.ArgumentParser(
        description="Write a one-layer Llama configuration without weights.",
        epilog="example: python -m scripts.make_dummy_model --out models/llama-tiny-dummy",
    )
    parser.add_argument("--source", type=Path, default=Path("models/smollm2-135m"))
    parser.add_argument("--out", type=Path, default=Path("models/llama-tiny-dummy"))
    arguments = parser.parse_args(argv)
    try:
        made = make_dummy_model(arguments.source, arguments.out)
    except HarnessError as error:
        print(error.render(), file=sys.stderr)
        return error.exit_code
    print(f"{arguments.out}: {'made' if made else 'is there already'}")
    return 0


def make_dummy_model(source: Path, out: Path) -> bool:
    """Write the folder, whole or not at all; False if it exists already.

    Raises:
        ConfigError: `source` lacks a file, its config.json is not a Llama's, or `out` exists and
            is not a model folder.
    """
    if (out / "config.json").is_file():
        return False
    if out.exists():
        raise ConfigError(
            "the folder exists and holds no config.json.",
            where=str(out),
            remedy="Remove it or choose another --out.",
        )
    text = json.dumps(cut_config(read_config(source)), indent=2) + "\n"
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        model = scratch / "model"
        model.mkdir()
        (model / "config.json").write_text(text, encoding="utf-8")
        for name in COPIED_FILES:
            shutil.copyfile(_existing(source / name), model / name)
        model.rename(out)
    finally:
        shutil.rmtree(scratch)
    return True


def read_config(source: Path) -> dict[str, Any]:
    """The model configuration in the folder `source`.

    Raises:
        ConfigError: there is none, or it is not a JSON object.
    """
    path = _existing(source / "config.json")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError(
            f"the file is not JSON: {error}.", where=str(path), remedy="Make the small model again."
        ) from error
    if not isinstance(config, dict):
        raise ConfigError(
            f"the file holds a {type(config).__name__}, must hold an object.",
            where=str(path),
            remedy="Make the small model again.",
        )
    return config


def cut_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The same configuration with one layer of hidden size 64.

    Raises:
        ConfigError: the configuration is not a Llama's, so the sizes would not fit together.
    """
    if config.get("model_type") != "llama":
        raise ConfigError(
            f"model_type is {config.get('model_type')}, must be llama.",
            where="config.json",
            remedy="Choose a Llama model as --source.",
        )
    return {**config, **CUT}


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise ConfigError(
            "the file does not exist.",
            where=str(path),
            remedy="Run python -m scripts.make_small_model first.",
        )
    return path


if __name__ == "__main__":
    sys.exit(main())
