"""One suite for every engine: what `sut.engines.base` promises, each engine keeps."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import psutil
import pytest

from sut.config.schema import EngineConfig, GenerationConfig, ModelConfig, NullConfig, SystemConfig
from sut.config.vllm_options import VllmConfig
from sut.engines.base import Engine, EngineRequest, Event, Failed, Finished, FirstToken, RunSpec
from sut.engines.factory import make_engine
from sut.engines.null import NullEngine
from sut.engines.vllm.engine import VllmEngine
from sut.harness.host import EngineHost
from sut.inputs.inputs import load_inputs
from tests.unit.config.support import loaded

# vLLM and torch are imported into this process; their own deprecations are not ours to fail on.
pytestmark = pytest.mark.filterwarnings("ignore")

T = TypeVar("T")
PACED = Path(__file__).resolve().parents[1] / "data" / "paced-engine"
WAIT_S = 120.0
PROMPTS = {
    index: np.random.default_rng(index).integers(100, 4000, 20 + index, dtype=np.int32)
    for index in range(12)
}


class Started:
    """An engine on its loop, with what it said."""

    def __init__(self, host: EngineHost, engine: Engine):
        self.host = host
        self.engine = engine
        self.events: list[Event] = []
        self.runs = 0

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        return self.host.call(work, WAIT_S)

    def answer(self, indices: list[int], *, first_token: bool, max_tokens: int = 8) -> list[Event]:
        self.runs += 1
        events: list[Event] = []
        spec = RunSpec(self.runs, max_tokens, 1, first_token, not first_token)

        async def run() -> None:
            self.engine.begin_run(spec, events.extend)
            self.engine.submit(0, indices)
            assert await self.engine.drain(WAIT_S) == 0
            await asyncio.sleep(0)

        self.call(run())
        return events


def null_engine(tmp_path: Path, model: Path) -> Engine:
    return NullEngine(NullConfig(tokens=8, ttft_ms=1, tpot_ms=0.1), [2])


def vllm_engine(tmp_path: Path, model: Path) -> Engine:
    config = EngineConfig(vllm=VllmConfig(load_format="dummy", max_num_seqs=16))
    described = ModelConfig(
        name="dummy",
        path=str(model),
        context_tokens=512,
        vocab_size=49152,
        eos_token_ids=(2,),
        benchmark="llama3.1-8b",
        prompt_format="llama3.1-8b-cnn",
    )
    return VllmEngine(
        config,
        described,
        SystemConfig(name="cpu"),
        generation=GenerationConfig(max_tokens=8),
        model_path=str(model),
        max_model_len=256,
        log=tmp_path / "engine.log",
    )


def other_engine(tmp_path: Path, model: Path) -> Engine:
    """The engine of another package; it takes four at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PACED))
        config = loaded("--engine", "paced", "--set", "engine.options.at_once=4").config
        return make_engine(
            EngineRequest(
                config=config,
                model_path=model,
                context_tokens=256,
                log=tmp_path / "engine.log",
                dataset_sha256="",
            )
        )


def ray_engine(tmp_path: Path, model: Path) -> Engine:
    """Two replicas of the dummy model, each on a core of its own."""
    flags = ("--system", "cpu-dummy", "--replicas", "2", "--dataset", "synthetic")
    small = ("engine.vllm.max_num_seqs=16", "engine.vllm.cpu_kvcache_gib=1")
    config = loaded(*flags, *(word for each in small for word in ("--set", each))).config
    inputs = load_inputs(config)
    return make_engine(
        EngineRequest(
            config=config,
            model_path=model,
            context_tokens=inputs.longest_prompt + config.generation.max_tokens,
            log=tmp_path / "engine.log",
            dataset_sha256=inputs.dataset.sha256,
        )
    )


@pytest.fixture(
    scope="module",
    params=[
        null_engine,
        other_engine,
        # Before vLLM's: that imports Ray into this process, which reads its variables only once.
        pytest.param(ray_engine, marks=pytest.mark.integration),
        pytest.param(vllm_engine, marks=pytest.mark.integration),
    ],
    ids=["null", "other", "ray", "vllm"],
)
def started(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, dummy_model: Path
) -> Iterator[Started]:
    engine: Engine = request.param(tmp_path_factory.mktemp("engine"), dummy_model)
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    with EngineHost() as host:
        host.call(engine.start())
        host.call(engine.load_samples(PROMPTS))
        yield Started(host, engine)
        host.call(engine.close(), WAIT_S)
        host.call(engine.close(), WAIT_S)
    assert [
        child for child in psutil.Process().children(recursive=True) if left(child, before)
    ] == []


def left(child: psutil.Process, before: set[int]) -> bool:
    """Whether an engine left it running; one that has ended may wait for its parent's look."""
    return (
        child.pid not in before
        and child.status() != psutil.STATUS_ZOMBIE
        and "resource_tracker" not in " ".join(child.cmdline())
    )


def test_each_sample_ends_once_and_first_tokens_lead(started: Started):
    events = started.answer(list(PROMPTS), first_token=True)
    ended: dict[int, Finished] = {}
    first: dict[int, int] = {}
    for event in events:
        if isinstance(event, FirstToken):
            assert event.seq not in first
            assert event.seq not in ended
            first[event.seq] = event.token
        else:
            assert isinstance(event, Finished)
            assert event.seq not in ended
            ended[event.seq] = event
    assert set(first) == set(ended) == set(range(len(PROMPTS)))
    for seq, event in ended.items():
        answer = np.frombuffer(event.tokens, np.int32)
        assert answer[0] == first[seq]
        assert 1 <= len(answer) <= 8
        assert event.finish_reason == ("length" if len(answer) == 8 else "stop")


def test_a_query_costs_two_outputs_and_offline_one(started: Started):
    assert len(started.answer([0, 1, 2], first_token=True)) == 6
    assert len(started.answer([0, 1, 2], first_token=False)) == 3


def test_the_same_prompt_gives_the_same_answer_in_every_scenario(started: Started):
    with_first = started.answer([4], first_token=True)[-1]
    offline = started.answer([4], first_token=False)[-1]
    assert isinstance(with_first, Finished)
    assert isinstance(offline, Finished)
    assert with_first.tokens == offline.tokens


def test_the_harness_still_learns_how_a_child_of_its_own_ends(started: Started):
    ended = subprocess.run([sys.executable, "-c", "raise SystemExit(7)"], check=False)
    assert ended.returncode == 7


def test_cancel_silences_a_run(started: Started):
    heard: list[Event] = []

    async def run() -> int:
        started.engine.begin_run(RunSpec(1000, 200, 200, True, False), heard.extend)
        started.engine.submit(0, list(PROMPTS))
        await started.engine.cancel()
        before = len(heard)
        assert await started.engine.drain(WAIT_S) == 0
        await asyncio.sleep(0.01)
        return len(heard) - before

    assert started.call(run()) == 0
    assert len(started.answer([0], first_token=True)) == 2, "a later run is not disturbed"


def test_a_run_without_incident_reports_none(started: Started):
    started.answer([0, 1, 2], first_token=True)
    assert started.host.run(started.engine.report).incidents == []


def test_a_healthy_engine_says_so_and_counts(started: Started):
    started.call(started.engine.health())
    before = started.call(started.engine.stats())["requests_finished"]
    started.answer([0, 1], first_token=False)
    assert started.call(started.engine.stats())["requests_finished"] == before + 2


def test_a_failed_sample_is_reported_as_failed(started: Started):
    if isinstance(started.engine, NullEngine):
        pytest.skip("the null engine answers whatever it is asked")
    events = started.answer([0, 999], first_token=True)
    failed = [event for event in events if isinstance(event, Failed)]
    assert [event.seq for event in failed] == [1]
    assert failed[0].reason
