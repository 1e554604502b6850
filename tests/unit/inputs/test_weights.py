"""Which of a hub's files are fetched where, and what their checksum says of a part of them."""

from __future__ import annotations

import asyncio
import json
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from sut.accuracy import evaluate
from sut.cluster.describe import describe
from sut.commands.run import dry_run
from sut.config.schema import ModelConfig, RunConfig
from sut.config.sources import Loaded
from sut.engines.ray.members import _of_one_replica
from sut.engines.ray.replica import Replica
from sut.errors import ConfigError, EngineStartError
from sut.harness.session import run_benchmark
from sut.inputs.weights import fetch_limit_s, resolve_model, start_limit_s, weights_sha256
from tests.unit.config.support import loaded, weights

SHARDS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")
HUB = {"config.json", "tokenizer.json", "model.safetensors.index.json", *SHARDS}
REPLICAS = ("--replicas", "2", "--address", "10.0.0.1:6379", "--system", "cpu")


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> set[str]:
    """The names that were asked of a hub which then ends whatever wanted them."""
    names: set[str] = set()

    def snapshot_download(repo_id: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        names.update(n for n in HUB if any(fnmatch(n, pattern) for pattern in allow_patterns))
        raise OSError("the hub is closed")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    return names


def from_hub(*flags: str) -> Loaded:
    return loaded(*flags, "--dataset", "synthetic", "--set", "model.path=somebody/a-model")


def run(found: Loaded) -> None:
    with pytest.raises(ConfigError, match="the hub is closed"):
        run_benchmark(found, Console(quiet=True))


def test_a_run_whose_engine_is_here_fetches_everything(fetched: set[str]) -> None:
    run(from_hub())
    assert fetched == HUB


def test_replicas_on_this_machine_find_the_weights_fetched(fetched: set[str]) -> None:
    run(from_hub("--replicas", "2"))
    assert fetched == HUB


def test_a_driver_whose_replicas_are_elsewhere_fetches_no_weights(fetched: set[str]) -> None:
    run(from_hub(*REPLICAS))
    assert fetched == HUB - set(SHARDS)


def test_a_replica_fetches_everything_whatever_its_driver_did(fetched: set[str]) -> None:
    config = _of_one_replica(from_hub(*REPLICAS).config)

    async def start() -> None:
        await Replica(config.model_dump_json(), 0).start(128, "0" * 64)

    with pytest.raises(EngineStartError, match="the hub is closed"):
        asyncio.run(start())
    assert fetched == HUB


@pytest.mark.parametrize("runs_engine", [True, False])
def test_a_check_fetches_weights_only_where_an_engine_will_be(
    runs_engine: bool, fetched: set[str]
) -> None:
    describe(from_hub().config.model_dump_json(), runs_engine=runs_engine)
    assert bool(fetched & set(SHARDS)) is runs_engine
    assert "tokenizer.json" in fetched


def test_neither_a_dry_run_nor_an_evaluation_fetches_weights(
    fetched: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = from_hub()
    with pytest.raises(ConfigError, match="the hub is closed"):
        dry_run(found, as_json=False)
    assert fetched == HUB - set(SHARDS)
    fetched.clear()
    facts: Any = SimpleNamespace(engine=None)
    with pytest.raises(ConfigError, match="the hub is closed"):
        evaluate._model_folder(found.config, facts)
    assert fetched == HUB - set(SHARDS)


def test_what_the_hub_gave_is_looked_at_before_the_engine_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The benchmark's own id, under which another model lies."""
    folder = weights(tmp_path / "snapshot", num_hidden_layers=16)
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *_, **__: folder)
    monkeypatch.setattr(
        "sut.harness.ready_engine.make_engine", lambda _: pytest.fail("an engine was made")
    )
    found = loaded("--system", "a30-bf16", "--dataset", "synthetic", "--model", "llama3.1-8b")
    with pytest.raises(ConfigError, match="num_hidden_layers is 16, not 32") as refused:
        run_benchmark(found, Console(quiet=True))
    assert "set model.official=false" in str(refused.value.remedy)
    node = describe(found.config.model_dump_json(), runs_engine=True)
    assert "num_hidden_layers is 16, not 32" in node["weights_problem"]


# -- the checksum ---------------------------------------------------------------------------------


def folder_with(tmp_path: Path, *names: str) -> Path:
    (tmp_path / "config.json").write_text("{}")
    index = {"weight_map": {"a": SHARDS[0], "b": SHARDS[1]}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def test_without_weights_there_is_no_checksum(tmp_path: Path) -> None:
    assert weights_sha256(folder_with(tmp_path)) is None


def test_a_part_of_the_weights_has_no_checksum_that_could_differ_from_the_replicas(
    tmp_path: Path,
) -> None:
    assert weights_sha256(folder_with(tmp_path, SHARDS[0])) is None
    assert weights_sha256(folder_with(tmp_path, *SHARDS)) is not None


@pytest.mark.parametrize(
    "text",
    ['{"weight_map": {"a": "pytorch_model.bin"}}', "{}", "[]", "no JSON", '{"weight_map": 1}'],
)
def test_an_index_of_what_nobody_fetched_is_no_part(tmp_path: Path, text: str) -> None:
    folder = folder_with(tmp_path, *SHARDS)
    whole = weights_sha256(folder)
    (folder / "pytorch_model.bin.index.json").write_text(text)
    assert weights_sha256(folder) == whole is not None


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    model = ModelConfig.model_validate(
        from_hub().config.model.model_dump() | {"path": str(folder_with(tmp_path))}
    )
    assert resolve_model(model, weights=False) == resolve_model(model) == tmp_path.resolve()


def test_only_replicas_on_a_cluster_that_is_there_are_elsewhere() -> None:
    config: RunConfig = loaded(*REPLICAS).config
    assert config.engine.elsewhere
    assert not loaded("--replicas", "2").config.engine.elsewhere
    # As a coordinated run has it: each node's engine is its own.
    alone = config.engine.model_copy(update={"replicas": None})
    assert not alone.elsewhere


def test_nodes_have_time_to_fetch_before_the_start_counts(tmp_path: Path) -> None:
    hub = ("--set", "model.path=owner/name", "--set", "engine.ray.fetch_timeout_s=100")
    config = loaded(*REPLICAS, *hub).config
    assert start_limit_s(config) == config.engine.start_timeout_s + 100
    here = loaded("--system", "cpu", *hub[:2]).config
    assert start_limit_s(here) == here.engine.start_timeout_s
    folder = loaded(*REPLICAS, "--set", f"model.path={weights(tmp_path)}").config
    assert start_limit_s(folder) == folder.engine.start_timeout_s
    assert fetch_limit_s(folder) == 0
