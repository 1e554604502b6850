"""What is asked and with which weights it is answered: found and checked before anything starts.

A replica on another node calls this too: it loads weights and data set where it runs.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from qsl.dataset import Dataset
from qsl.library import probe_prompts, rate_prompts
from qsl.load import load_warmup
from sut.config.between_fields import check_dataset_count
from sut.config.engine_kinds import builds_for
from sut.config.official import require_recognised
from sut.config.rounds import load_round
from sut.config.schema import RunConfig
from sut.inputs.dataset import dataset_of
from sut.inputs.weights import resolve_model
from sut.machine.devices import BUILT_PACKAGE, cards, check_driver, driver_version
from sut.machine.hardware import package_version
from sut.plan.rate import asks_for_probe

TokenIds = npt.NDArray[np.int32]
PROBES = 5  # one that is not measured, and four that are
RATE_PROMPTS = 256


@dataclass(frozen=True)
class Inputs:
    """What is asked, and with which weights it is answered."""

    dataset: Dataset
    warmup_prompts: list[TokenIds]
    model_path: Path
    probe_prompts: list[TokenIds] = field(default_factory=list)
    rate_prompts: list[TokenIds] = field(default_factory=list)
    """What a rate is measured with; none where none is to be."""

    @property
    def before_the_clock(self) -> dict[int, TokenIds]:
        """Prompts outside the data set, by sample indices that LoadGen can never ask for."""
        prompts = [*self.warmup_prompts, *self.probe_prompts, *self.rate_prompts]
        return {-1 - place: prompt for place, prompt in enumerate(prompts)}

    @property
    def longest_prompt(self) -> int:
        """Tokens of the longest prompt, warm-up included."""
        return max([self.dataset.lengths.max, *(len(prompt) for prompt in self.warmup_prompts)])


def needs_driver(config: RunConfig) -> bool:
    """Whether the rule on the driver holds: it is that of one package's build for cards."""
    on_cards = config.system.platform == "cuda"
    return on_cards and BUILT_PACKAGE in builds_for(config.engine.kind, config.system.platform)


def check_cards(config: RunConfig) -> str | None:
    """Refuse a driver that the engine cannot run on; what is worth a note is returned.

    Raises:
        ConfigError: with the version that is here and the one needed.
    """
    if not needs_driver(config):
        return None
    return check_driver(driver_version(cards()), torch_build=package_version("torch"))


def load_inputs(config: RunConfig, *, weights: bool = True) -> Inputs:
    """Find the model's files, load and check the data set; everything is tokenised here.

    Args:
        config: of the run.
        weights: False where no engine reads them: a hub's weights are then not fetched.

    Raises:
        ConfigError, DatasetError: before anything was started.
    """
    model = config.model
    if weights:
        check_cards(config)  # before weights are fetched
    model_path = resolve_model(model, weights=weights)
    require_recognised(model_path, model)
    dataset = dataset_of(config, model_path)
    for scenario in config.scenarios:
        check_dataset_count(config, scenario, dataset.count, load_round(config.round))
    prompts = load_warmup(
        dataset=dataset,
        count=config.warmup.queries,
        model_path=model_path,
        prompt_format=model.prompt_format,
        vocab_size=model.vocab_size,
        eos_token_ids=model.eos_token_ids,
    )
    probes = (
        probe_prompts(dataset, PROBES, model.vocab_size, model.eos_token_ids)
        if config.warmup.probe_reuse and config.engine.planned().has_model
        else []
    )
    rates = (
        rate_prompts(dataset, RATE_PROMPTS, model.vocab_size, model.eos_token_ids)
        if any(asks_for_probe(config, scenario) for scenario in config.scenarios)
        else []
    )
    return Inputs(dataset, prompts, model_path, probes, rates)
