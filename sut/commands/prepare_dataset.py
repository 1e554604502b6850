"""`sut prepare-dataset`: the MLCommons data set from a local CNN/DailyMail copy."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from sut.config.flags import FlagParser


def main(arguments: Sequence[str]) -> int:
    """Write the file and print its count and checksum.

    Raises:
        DatasetError: the copy is not there or not of a known form, or the target exists.
    """
    parser = FlagParser(
        prog="python -m sut.main prepare-dataset",
        description="Build cnn_eval.json from a local copy of CNN/DailyMail 3.0.0.",
        epilog="example:\n  python -m sut.main prepare-dataset cnn_dailymail/3.0.0 cnn_eval.json "
        "--tokenizer Llama-3.1-8B-Instruct",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("source", type=Path, help="parquet or csv file, or the hub's folder")
    parser.add_argument("out", type=Path, help="file to write; it must not exist")
    parser.add_argument(
        "--tokenizer", type=Path, required=True, metavar="DIR", help="folder of the model"
    )
    parser.add_argument(
        "--prompt-format",
        default="llama3.1-8b-cnn",
        metavar="NAME",
        help="form of the prompts (llama3.1-8b-cnn)",
    )
    parser.add_argument("--limit", type=int, metavar="N", help="take only the first N articles")
    options = parser.parse_args(arguments)

    from qsl.prepare import prepare_dataset

    prepared = prepare_dataset(
        options.source, options.out, options.tokenizer, options.prompt_format, options.limit
    )
    print(f"{prepared.count} samples in {prepared.path}")
    print(f"SHA-256 {prepared.sha256}")
    return 0
