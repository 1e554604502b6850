"""From a model's folder to a folder of quantised weights with its record; all of it or nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sut.capacity.numbers import quantised_to
from sut.config import model_files
from sut.config.checkpoint import differences
from sut.config.official import recognise
from sut.config.rounds import BenchmarkRules
from sut.config.schema import ModelConfig
from sut.errors import ConfigError, RunError
from sut.inputs.weights import weights_sha256
from sut.machine.hardware import software
from sut.quantize.calibration import Calibration, ids_text
from sut.quantize.environment import tail
from sut.quantize.schemes import BLOCK_SIZE, DAMPENING_FRACTION, IGNORED, Scheme
from sut.record.folder import sha256_of
from sut.record.quantize_record import (
    FILE,
    IDS_FILE,
    QuantizeFacts,
    RecipeFacts,
    SourceFacts,
)
from sut.submission.calibration_text import write_up

INSIDE = Path(__file__).with_name("inside.py")
WRITE_UP = "calibration.md"
# Everything but the weights and what describes them is the source's, byte for byte: an answer is
# read with the tokenizer that the prompts were made with.
COPIED = ("*.json", "*.model", "*.jinja", "*.txt")
NOT_COPIED = ("config.json", "quantize.json", "*.index.json")


@dataclass(frozen=True)
class Request:
    """What is quantised, how, and where it goes.

    Attributes:
        model: as configured; `folder` is where its files are.
        group_size: inputs that share a scale; None for a scheme without groups.
        out: a folder that does not exist.
    """

    model: ModelConfig
    folder: Path
    scheme: Scheme
    group_size: int | None
    calibration: Calibration
    rules: BenchmarkRules
    out: Path

    @property
    def log(self) -> Path:
        """What llm-compressor prints."""
        return self.out.with_name(f"{self.out.name}.log")

    @property
    def recipe(self) -> RecipeFacts:
        """Every parameter."""
        return RecipeFacts(
            smoothing_strength=self.scheme.smoothing_strength,
            dampening_fraction=DAMPENING_FRACTION,
            block_size=BLOCK_SIZE,
            ignore=IGNORED,
            config_groups=self.scheme.groups(self.group_size),
        )


def check_source(folder: Path) -> dict[str, Any]:
    """What config.json says of weights that can be quantised.

    Raises:
        ConfigError: it cannot be read, or the weights are quantised already.
    """
    described = model_files.described(folder)
    if described is None:
        raise ConfigError("config.json cannot be read.", where=str(folder))
    if "quantization_config" in described:
        raise ConfigError(
            "these weights are quantised already.",
            where=str(folder),
            remedy="Name the folder of the weights as they were published.",
        )
    return described


def check_out(out: Path) -> None:
    """Refuse a target that is there, or that has no place to be.

    Raises:
        ConfigError: naming it.
    """
    if out.exists() or out.is_symlink():
        raise ConfigError(
            "the folder exists and is not overwritten.",
            where=str(out),
            remedy="Name another with --out, or remove this one.",
        )
    if not out.absolute().parent.is_dir():
        raise ConfigError("no such folder.", where=str(out.absolute().parent))


def check_space(folder: Path, out: Path) -> None:
    """Refuse where the checkpoint could outgrow the disk; it is never larger than its source.

    Raises:
        ConfigError: with what is free and what is needed.
    """
    needed = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    free = shutil.disk_usage(out.absolute().parent).free
    if free < needed:
        raise ConfigError(
            f"{free / 2**30:.1f} GiB are free, and up to {needed / 2**30:.1f} GiB are needed.",
            where=str(out.absolute().parent),
            remedy="Free some, or name a folder on another disk with --out.",
        )


def quantize(request: Request, python: Path, say: Callable[[str], None]) -> QuantizeFacts:
    """Quantise, hold the checkpoint against its source, and write record and write-up.

    Args:
        request: what is asked.
        python: of the environment with llm-compressor.
        say: told of each step.

    Raises:
        ConfigError: the source cannot be quantised, or the target is there.
        RunError: llm-compressor failed, or left something else than was asked.
    """
    check_out(request.out)
    check_source(request.folder)
    check_space(request.folder, request.out)
    before = weights_sha256(request.folder)
    if before is None:
        raise ConfigError("there are no whole weights.", where=str(request.folder))
    out = request.out
    with tempfile.TemporaryDirectory(dir=out.absolute().parent, prefix=f".{out.name}.") as place:
        part = Path(place) / out.name
        part.mkdir()
        say(f"quantising with {request.calibration.facts.count} samples; output in {request.log}")
        answer = _ask_inside(request, python, part)
        for path in part.iterdir():
            path.chmod(0o644)  # safetensors leaves its files to their owner alone
        _copy_the_rest(request.folder, part)
        _check_made(request, part)
        facts = _facts(request, answer, before, part)
        text = write_up(facts, request.rules.calibration_list)
        (part / IDS_FILE).write_text(ids_text(request.calibration.ids), encoding="utf-8")
        (part / FILE).write_text(facts.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (part / WRITE_UP).write_text(text, encoding="utf-8")
        check_out(out)
        part.rename(out)
    return facts


def _ask_inside(request: Request, python: Path, part: Path) -> dict[str, Any]:
    """Let the other environment do it; its answer."""
    asked = part.parent / "request.json"
    answered = part.parent / "answer.json"
    document = request.recipe.model_dump(mode="json") | {
        "source": str(request.folder.absolute()),
        "out": str(part),
        "prompts": [ids.tolist() for ids in request.calibration.prompts],
    }
    asked.write_text(json.dumps(document), encoding="utf-8")
    command = [str(python), "-I", str(INSIDE), str(asked), str(answered)]
    with request.log.open("w", encoding="utf-8") as log:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=False
        )
    if done.returncode or not answered.is_file():
        raise RunError(
            f"llm-compressor ended with exit code {done.returncode}:\n{tail(request.log)}",
            where=str(request.log),
            remedy="Give fewer samples with --samples where memory ran out; else see the log.",
        )
    answer: dict[str, Any] = json.loads(answered.read_text(encoding="utf-8"))
    return answer


def _copy_the_rest(source: Path, part: Path) -> None:
    for pattern in COPIED:
        for path in source.glob(pattern):
            if not any(path.match(each) for each in NOT_COPIED):
                shutil.copyfile(path, part / path.name)


def _check_made(request: Request, part: Path) -> None:
    """Whether the checkpoint is the source's model in the scheme that was asked for.

    Raises:
        RunError: it is not.
    """
    described = model_files.described(part) or {}
    made = quantised_to(described)
    told = differences(part, described)
    if made != request.scheme.name:
        told.append(f"config.json says {made or 'nothing'}, not {request.scheme.name}")
    if recognise(part) != recognise(request.folder):
        told.append("it is not recognised as the model that its source is")
    if told:
        raise RunError(
            f"the checkpoint is not what was asked for: {'; '.join(told)}.",
            where=str(request.log),
            remedy="Nothing was kept. Report it with the log and both config.json.",
        )


def _facts(request: Request, answer: dict[str, Any], before: str, part: Path) -> QuantizeFacts:
    model, here = request.model, software()
    by_id = model_files.local_folder(model.path) is None
    return QuantizeFacts.model_validate(
        {
            **answer,
            "made_utc": datetime.now(UTC).isoformat(timespec="seconds"),
            "harness": here["harness"],
            "harness_commit": here["harness_commit"],
            "scheme": request.scheme.name,
            "source": SourceFacts(
                model=model.name,
                origin=model.path if by_id else request.folder.name,
                revision=model.revision,
                weights_sha256=before,
                config_sha256=sha256_of(request.folder / model_files.DESCRIPTION),
            ),
            "recipe": request.recipe,
            "calibration": request.calibration.facts,
            "weights_sha256": weights_sha256(part),
        }
    )
