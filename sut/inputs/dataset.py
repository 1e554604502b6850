"""The data set that a configuration names, as its benchmark and its model have it."""

from __future__ import annotations

from pathlib import Path

from qsl.dataset import Dataset
from qsl.load import load_dataset
from qsl.synthetic import Drawn, Lengths
from sut.config.rounds import load_round
from sut.config.schema import RunConfig


def dataset_of(config: RunConfig, model_path: Path | str, path: Path | None = None) -> Dataset:
    """Load, tokenise where the file has no ids, and check.

    Args:
        config: of the run.
        model_path: folder (or Hugging Face id) of the model.
        path: the file, where it is not the configuration's; None: what that says.

    Raises:
        DatasetError: whatever is wrong with it.
        ConfigError: the round does not have the benchmark, whose lengths a synthetic one has.
    """
    model, data = config.model, config.dataset
    source = "file" if path else data.source
    return load_dataset(
        source=source,
        path=path or data.path,
        model_path=model_path,
        prompt_format=model.prompt_format,
        vocab_size=model.vocab_size,
        eos_token_ids=model.eos_token_ids,
        context_tokens=config.engine.planned().context_tokens or model.context_tokens,
        max_tokens=config.generation.max_tokens,
        synthetic=_drawn(config) if source == "synthetic" else None,
        max_samples=data.max_samples,
        allow_pickle=data.allow_pickle,
    )


def _drawn(config: RunConfig) -> Drawn | None:
    """As long as those of the first scenario's benchmark, which `synthetic_count` is of, too."""
    rules = load_round(config.round)
    _, benchmark, _ = rules.scenario_rules(config.model.benchmark, config.scenarios[0])
    known, data = benchmark.dataset_lengths, config.dataset
    if known is None:
        return None
    return Drawn(data.synthetic_count, data.synthetic_seed, Lengths(**known.model_dump()))
