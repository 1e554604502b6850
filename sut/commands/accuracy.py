"""`sut accuracy RUN`: the figures of an accuracy log, held to their targets."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sut.config.flags import FlagParser, add_token_type, verb_parser
from sut.errors import ConfigError, LogError
from sut.machine.places import not_a_folder

if TYPE_CHECKING:
    from sut.record.facts import AccuracyFacts

EPILOG = """\
examples:
  python -m sut.main accuracy results/mlperf_datacenter/NODE_TIMESTAMP
  python -m sut.main accuracy LOG_FOLDER --dataset cnn_eval.json --model MODEL_FOLDER --round v6.1

It says which tokenizer and data set it scored with, and whether they are the run's own by their
SHA-256. Figures of another tokenizer are not official, and nothing judges them.

accuracy.json and accuracy.txt are written beside the log. Files that are there already stay, and
each difference from them is named. --replace renames them and writes new ones.

exit codes:
  0  every run passed
  1  a run did not pass, could not be judged, differs from its files, or shows a broken engine
  2  bad input
"""


def main(arguments: Sequence[str]) -> int:
    """Evaluate, write what is absent, print.

    Returns:
        0 if every accuracy run passed, without signs of a broken engine where they count, and
        agrees with what was written before; else 1.

    Raises:
        LogError, DatasetError, ConfigError: there is no accuracy run, or its material is broken.
    """
    options = parser().parse_args(arguments)
    code = 0
    documents = {}
    for folder, session in _runs(options.directory):
        facts = _evaluate(folder, session, options)
        differs = _keep(folder, facts, options.replace)
        judged = _alarms_judged(session)
        documents[str(folder)] = {
            **facts.model_dump(mode="json"),
            "differs_from_written": differs,
            "alarms_fail": judged,
            "tokenizer_given": options.model and str(options.model),
            "dataset_given": options.dataset and str(options.dataset),
        }
        if not options.json:
            _show(folder, facts, differs, judged)
        if differs or not facts.passed or (judged and facts.problems):
            code = 1
    if options.json:
        print(json.dumps({"runs": documents}, indent=2, allow_nan=False))
    return code


def parser() -> FlagParser:
    """The verb's flags."""
    made = verb_parser(
        "accuracy",
        "Score an accuracy run: value, target, margin and verdict of each metric.",
        EPILOG,
    )
    add = made.add_argument
    add(
        "directory",
        type=Path,
        metavar="RUN",
        help="folder of a session, of an accuracy run, or any with mlperf_log_accuracy.json",
    )
    add("--dataset", type=Path, metavar="FILE", help="file of the data set (the run's own)")
    add("--model", type=Path, metavar="DIR", help="folder with the tokenizer (the run's own)")
    add("--round", metavar="vX.Y", help="round of the targets, for a log that is not ours")
    add_token_type(add)
    add("--replace", action="store_true", help="rename earlier files and write new ones")
    add("--json", action="store_true", help="print JSON")
    return made


def _runs(directory: Path) -> list[tuple[Path, Path | None]]:
    """The folders to evaluate, each with its session; None for a log from elsewhere."""
    if (directory / "session.json").is_file():
        found = sorted(path.parent for path in directory.glob("*/accuracy/run.json"))
        if not found:
            raise LogError(
                "there is no accuracy run in this session.",
                where=str(directory),
                remedy="Run with --mode accuracy, or name another folder.",
            )
        return [(folder, directory) for folder in found]
    session = directory.resolve().parent.parent
    if (directory / "run.json").is_file() and (session / "session.json").is_file():
        if directory.resolve().name != "accuracy":
            raise LogError(
                f"this is the folder of a {directory.resolve().name} run.",
                where=str(directory),
                remedy="Name the session or its accuracy run.",
            )
        return [(directory, session)]
    if (directory / "mlperf_log_accuracy.json").is_file():
        return [(directory, None)]
    raise LogError(
        not_a_folder(directory)
        or "there is neither a session nor an mlperf_log_accuracy.json here.",
        where=str(directory),
        remedy="Name a run's directory, one below results/mlperf_datacenter.",
    )


def _evaluate(folder: Path, session: Path | None, options: argparse.Namespace) -> AccuracyFacts:
    if session is not None:
        _refuse_for_ours(options)
        from sut.accuracy.evaluate import Sources, evaluate_run

        return evaluate_run(folder, session, Sources(options.dataset, options.model))
    if options.dataset is None or options.model is None:
        raise ConfigError(
            "a log without its session needs --dataset and --model.",
            where=str(folder),
            remedy="Name the data set's file and a folder with the model's tokenizer.",
        )
    from sut.accuracy.foreign import evaluate_log

    return evaluate_log(folder, options.dataset, options.model, options.round, options.token_type)


def _alarms_judged(session: Path | None) -> bool:
    """Whether signs of a broken engine count; in a log from elsewhere a model answered."""
    if session is None:
        return True
    from sut.accuracy.evaluate import alarms_fail_run

    return alarms_fail_run(session)


def _refuse_for_ours(options: argparse.Namespace) -> None:
    """Refuse what only a log from elsewhere does not say itself."""
    for flag, given, why in (
        ("--round", options.round, "the run has a round of its own"),
        ("--token-type", options.token_type, "the harness logs int32"),
    ):
        if given is not None:
            raise ConfigError(
                f"{flag} is {given}, but {why}.", where="command line", remedy="Leave it out."
            )


def _keep(folder: Path, facts: AccuracyFacts, replace: bool) -> list[str]:
    """Write the files if there are none or they are to be replaced; name the fields that differ."""
    from sut.accuracy.evaluate import FACTS_NAME, TEXT_NAME, read_facts, unwritable, write_files

    if replace or not (folder / FACTS_NAME).exists():
        try:
            for name in (FACTS_NAME, TEXT_NAME):
                _set_aside(folder / name)
        except OSError as error:
            raise unwritable(folder, error) from error
        write_files(folder, facts)
        return []
    before = read_facts(folder)
    fields = type(facts).model_fields
    return [name for name in fields if getattr(before, name) != getattr(facts, name)]


def _set_aside(path: Path) -> None:
    """Rename a file to the first free `NAME.old1`, `NAME.old2`, …; nothing is deleted."""
    number = 1
    while path.exists():
        kept = path.with_name(f"{path.name}.old{number}")
        if not kept.exists():
            path.rename(kept)
        number += 1


def _show(folder: Path, facts: AccuracyFacts, differs: list[str], alarms_fail: bool) -> None:
    from sut.accuracy.text import table

    print(f"{folder}\n\n{table(facts, alarms_fail=alarms_fail)}")
    if differs:
        print(
            f"differs from the accuracy.json written before in {', '.join(differs)}; that file "
            "was left as it is (--replace writes a new one)\n"
        )
