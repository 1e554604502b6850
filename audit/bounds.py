"""Which end-of-sequence ids and which longest answer somebody else's logs are judged by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sut.config import official
from sut.config.keys import Setting
from sut.config.rounds import load_round
from sut.config.selection import model_settings
from sut.config.shipped import DEFAULT_ROUND
from sut.errors import ConfigError
from sut.json_text import decoded


@dataclass(frozen=True)
class Yardstick:
    """What a model's answers are held to.

    Attributes:
        max_tokens: longest answer; None: not known, so not judged.
        benchmark: checker's id of the benchmark; None: not known.
        origin: where the ids are from, for the reader.
    """

    eos_token_ids: tuple[int, ...]
    max_tokens: int | None
    benchmark: str | None
    origin: str

    def __str__(self) -> str:
        return f"{', '.join(map(str, self.eos_token_ids))} ({self.origin})"


def from_text(text: str) -> Yardstick:
    """The ids of --eos, e.g. 2,32000.

    Raises:
        ConfigError: not whole numbers, or none.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or not all(word.isascii() and word.isdigit() for word in words):
        raise ConfigError(
            f'"{text}" is not a list of token ids.', where="--eos", remedy="Write them as 2,32000."
        )
    return Yardstick(tuple(int(word) for word in words), None, None, "--eos")


def of_model(name: str, origin: str, round_name: str | None = None) -> Yardstick:
    """Ids of a model that the harness knows, length limit of its benchmark.

    Raises:
        ConfigError: no such model or round.
    """
    choice = Setting("model", name, origin)
    settings = {each.key: each.value for each in model_settings(choice, choice)}
    eos, benchmark = settings.get("model.eos_token_ids"), settings.get("model.benchmark")
    if not isinstance(eos, list | tuple) or not eos:
        raise ConfigError(
            f"model {name} has no eos_token_ids.", where=origin, remedy="Give them by --eos."
        )
    rules = load_round(round_name or DEFAULT_ROUND)
    known = rules.benchmarks.get(str(benchmark))
    return Yardstick(
        eos_token_ids=tuple(int(each) for each in eos),
        max_tokens=known.max_tokens if known else None,
        benchmark=str(benchmark) if benchmark else None,
        origin=f"model {name}",
    )


def of_benchmark(benchmark: str, round_name: str | None = None) -> Yardstick:
    """Ids of the benchmark's own model.

    Raises:
        ConfigError: no file of user_confs/models says whose weights the benchmark's are.
    """
    own = official.own_model(benchmark, "default", "Give --model or --eos.")
    return of_model(own.name, "default", round_name)


def of_session(run_dir: Path) -> Yardstick | None:
    """What our own session was configured with; None if the folder is not a run of ours."""
    path = run_dir.resolve().parent.parent / "config.json"  # `/` is its own parent
    if not (run_dir / "run.json").is_file() or not path.is_file():
        return None
    try:
        config: dict[str, Any] = decoded(path.read_text(encoding="utf-8"))["config"]
        return Yardstick(
            eos_token_ids=tuple(config["model"]["eos_token_ids"]),
            max_tokens=config["generation"]["max_tokens"],
            benchmark=config["model"]["benchmark"],
            origin="config.json of the session",
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            "the session's configuration cannot be read.",
            where=str(path),
            remedy="Give --eos or --model.",
        ) from error


def yardstick(
    run_dir: Path, eos: str | None, model: str | None, round_name: str | None
) -> Yardstick:
    """--eos, else --model, else the session's own, else the model of the round's benchmark.

    Raises:
        ConfigError: one of them cannot be understood.
    """
    if eos is not None:
        return from_text(eos)
    if model is not None:
        return of_model(model, "--model", round_name)
    ours = of_session(run_dir)
    default = load_round(round_name or DEFAULT_ROUND).default_benchmark
    return ours if ours is not None else of_benchmark(default, round_name)
