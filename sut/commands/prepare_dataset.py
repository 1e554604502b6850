"""`sut prepare-dataset`: MLCommons' data set of a benchmark from a local copy of its source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sut.config.flags import FlagParser, verb_parser, whole
from sut.config.shipped import DEFAULT_ROUND, round_help
from sut.errors import ConfigError

if TYPE_CHECKING:
    from qsl.prepare import SourceForm
    from sut.config.rounds import Round


def main(arguments: Sequence[str]) -> int:
    """Write the file and print its count and checksum.

    Raises:
        DatasetError: the copy is not there or not of a known form, or the target exists.
        ConfigError: the round has no such benchmark, or does not say what it is made of.
    """
    options = parser().parse_args(arguments)

    from qsl.prepare import prepare_dataset
    from sut.config.official import own_model
    from sut.config.rounds import load_round

    rules = load_round(options.round)
    benchmark = options.benchmark or rules.default_benchmark
    form = _form(rules, benchmark)
    prompt_format = options.prompt_format
    if prompt_format is None:
        own = own_model(benchmark, "--benchmark", "Give --prompt-format.")
        prompt_format = str(own.held["model.prompt_format"].value)
    prepared = prepare_dataset(
        options.source, options.out, options.tokenizer, prompt_format, form, options.limit
    )
    print(f"{prepared.count} samples in {prepared.path}")
    print(f"SHA-256 {prepared.sha256}")
    return 0


def parser() -> FlagParser:
    """The verb's flags."""
    made = verb_parser(
        "prepare-dataset",
        "Build a benchmark's data set, in MLCommons' form, from a local copy of what "
        "it is made of.",
        "example:\n  python -m sut.main prepare-dataset cnn_dailymail/3.0.0 cnn_eval.json "
        "--tokenizer MODEL_FOLDER",
    )
    add = made.add_argument
    add("source", type=Path, help="parquet or csv file, or the hub's folder")
    add("out", type=Path, help="file to write; it must not exist")
    add("--tokenizer", type=Path, required=True, metavar="DIR", help="folder of the model")
    add("--benchmark", metavar="NAME", help="whose data set it is (the round's default)")
    add("--round", default=DEFAULT_ROUND, metavar="vX.Y", help=round_help())
    add(
        "--prompt-format",
        metavar="NAME",
        help="form of the prompts, a file of user_confs/prompts (the benchmark's own)",
    )
    limit = whole("--limit", 1, 50_000_000, example=5000)
    add("--limit", type=limit, metavar="N", help="take only the first N samples")
    return made


def _form(rules: Round, benchmark: str) -> SourceForm:
    from qsl.prepare import SourceForm

    known = rules.benchmark(benchmark).dataset_source
    if known is None:
        raise ConfigError(
            f"round {rules.name} does not say what the data set of {benchmark} is made of.",
            where="--benchmark",
            remedy="Fetch MLCommons' own file, or give dataset_source in the round's file.",
        )
    return SourceForm(**known.model_dump())
