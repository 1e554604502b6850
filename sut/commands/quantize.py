"""`sut quantize`: a model's weights → INT8 or INT4, by the official calibration list."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sut.config.flags import FlagParser, verb_parser, whole
from sut.config.shipped import DEFAULT_ROUND, round_help
from sut.errors import ConfigError

if TYPE_CHECKING:
    from sut.config.rounds import BenchmarkRules
    from sut.config.schema import ModelConfig
    from sut.quantize.calibration import Calibration

SAMPLE = "sample"
SAMPLES = 512
EPILOG = f"""\
examples:
  python -m sut.main quantize --set-up
  python -m sut.main quantize --model llama3.1-8b --out llama-w8a8 \\
      --calibration inference/calibration/CNNDailyMail/calibration-list.txt \\
      --dataset cnn_dailymail/3.0.0
  python -m sut.main quantize --model smollm2-135m --out small-w8a8 --calibration sample

It runs llm-compressor in an environment of its own (.venv-quantize), which --set-up makes once.
The folder is a checkpoint that vLLM reads:

  python -m sut.main --set model.path=llama-w8a8 \\
      --set engine.vllm.quantization=compressed-tensors

Closed takes the samples of MLCommons' calibration list and no others. With `--calibration
{SAMPLE}` it is the articles that ship with the harness, for the small model: closed refuses these
weights.
"""


def main(arguments: Sequence[str]) -> int:
    """Make the environment, or quantise.

    Raises:
        HarnessError: bad input (2), or a step that failed (1).
    """
    options = parser().parse_args(arguments)

    from sut.quantize import environment

    folder = options.environment or environment.ROOT / environment.FOLDER
    if options.set_up:
        environment.set_up(folder, _say)
        return 0
    for name, remedy in _REMEDIES.items():
        if getattr(options, name) is None:
            raise ConfigError(f"--{name} is missing.", remedy=remedy)
    return _quantise(options, environment.interpreter(folder))


def parser() -> FlagParser:
    """The verb's flags."""
    made = verb_parser(
        "quantize",
        "Quantise a model's weights after training, with SmoothQuant and GPTQ.",
        EPILOG,
    )
    add = made.add_argument
    add("--set-up", action="store_true", help="make the environment (1.5 GB and more), and end")
    add("--environment", type=Path, metavar="DIR", help="where it is (.venv-quantize)")
    add("--model", metavar="NAME", help="a file of user_confs/models, a hub's id or a folder")
    add("--scheme", default="w8a8", choices=("w8a8", "w4a16"), help="default: w8a8")
    add("--out", type=Path, metavar="DIR", help="folder to make; it must not exist")
    add(
        "--calibration",
        metavar="LIST",
        help=f"file with an id a line, MLCommons' calibration list; or {SAMPLE}",
    )
    add("--dataset", type=Path, metavar="COPY", help="local copy of what the ids are looked up in")
    samples = whole("--samples", 1, 1_000_000, example=SAMPLES)
    add("--samples", type=samples, metavar="N", help=f"the first N of the list ({SAMPLES})")
    size = whole("--group-size", 1, 4096, example=128)
    add("--group-size", type=size, metavar="N", help="w4a16: inputs that share a scale (128)")
    add("--round", default=DEFAULT_ROUND, metavar="vX.Y", help=round_help())
    return made


def _quantise(options: argparse.Namespace, python: Path) -> int:
    from sut.config.rounds import load_round
    from sut.inputs.weights import resolve_model
    from sut.quantize.run import Request, check_out, check_source, quantize
    from sut.quantize.schemes import SCHEMES, group_size_of
    from sut.record.quantize_record import is_official

    check_out(options.out)
    model = _model(options.model)
    rules = load_round(options.round).benchmark(model.benchmark)
    scheme, folder = SCHEMES[options.scheme], resolve_model(model)
    group = group_size_of(scheme, options.group_size, check_source(folder), str(folder))
    calibration = _calibration(options, model, folder, rules)
    official = is_official(calibration.facts, rules.calibration_list)
    if not official:
        print("note: this is not MLCommons' calibration list; closed refuses these weights.")
    request = Request(model, folder, scheme, group, calibration, rules, options.out)
    facts = quantize(request, python, _say)
    print(f"{facts.quantised_modules} layers are {facts.scheme} after {facts.seconds:g} s")
    print(f"{options.out}: SHA-256 over the weights {facts.weights_sha256}")
    return 0


_REMEDIES = {
    "model": "Name the model to quantise, e.g. --model llama3.1-8b.",
    "out": "Name a folder to make, e.g. --out llama-w8a8.",
    "calibration": "Give MLCommons' list, calibration/CNNDailyMail/calibration-list.txt of "
    "mlcommons/inference, with --dataset COPY; for the small model --calibration sample.",
}


def _say(line: str) -> None:
    print(line, flush=True)  # minutes pass between two of them


def _model(name: str) -> ModelConfig:
    """The model as a run would have it."""
    import os
    import platform

    from sut.config.sources import load

    flags = [("model", name, "--model")]
    return load(flags, environment=os.environ, card=None, host_name=platform.node()).config.model


def _calibration(
    options: argparse.Namespace, model: ModelConfig, folder: Path, rules: BenchmarkRules
) -> Calibration:
    from sut.quantize.calibration import from_list, from_sample

    limit = options.samples or SAMPLES
    if options.calibration == SAMPLE:
        if options.dataset is not None:
            raise ConfigError(
                "--dataset goes with a list, and --calibration is sample.",
                remedy="Leave it out, or name the list.",
            )
        return from_sample(model, folder, limit)
    if options.dataset is None:
        form = rules.dataset_source
        known = f"{form.name}, its {form.calibration_split} split" if form else "the data set"
        raise ConfigError(
            "the calibration samples are not at hand: the list holds ids and no texts.",
            where="--calibration",
            remedy=f"Give a local copy of {known}, with --dataset COPY.",
        )
    return from_list(Path(options.calibration), options.dataset, model, folder, rules, limit)
