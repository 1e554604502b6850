"""Many replicas behind the one Engine protocol: Ray places them, this feeds and watches them.

Queries go and events come by a stream for each replica (`stream`), in the loop's turn in which
they are known. Ray's calls are for the rest: samples, the beginning and the end of a run, and signs
of life with words of load, for which each replica has a task.
"""

from __future__ import annotations

import asyncio
import time
from array import array
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

import numpy as np

from sut.engines.base import (
    NO_REPLICA,
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
from sut.engines.ray.dispatch import Dispatch, longest_first, policy_of
from sut.engines.ray.faults import in_one_line
from sut.engines.ray.frames import Opened, open_frame
from sut.engines.ray.member import Member
from sut.engines.ray.members import Members
from sut.engines.ray.seal import BrokenStreamError, Kind
from sut.engines.ray.times import Times
from sut.errors import RunError
from sut.record.engine_load import PREEMPTIONS, together

CLOSE_S = 10.0


class RayEngine:
    """`engine.replicas` replicas of the configured engine on a Ray cluster."""

    def __init__(self, request: EngineRequest):
        self._config = request.config
        self._members = Members(request)
        self._spec: RunSpec | None = None
        self._sink: EventSink | None = None
        self._dispatch: Dispatch | None = None
        self._prompt_tokens = np.zeros(0, np.int64)
        self._lengths: list[int] = []
        self._submitted_ns = array("q")
        self._first_told = bytearray()
        self._open = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._incidents: list[str] = []
        self._times = Times()
        self._cpu_before_s = 0.0

    async def start(self) -> EngineInfo:
        """Place, start and check every replica."""
        info = await self._members.start()
        for member in self._members.alive():
            self._listen(member)
            self._spawn(self._watch(member))
        self._spawn(self._watch_head())
        return info

    def _listen(self, member: Member) -> None:
        assert member.stream is not None, "a replica is not ready before it has a stream"
        member.stream.attach(
            lambda kind, payload: self._hear(member, kind, payload),
            lambda: self._spawn(self._examine(member)),
            lambda: self._feed(member),
        )

    # -- samples ----------------------------------------------------------------------------

    async def load_samples(self, samples: Mapping[int, TokenIds]) -> None:
        """Tell every replica which of its own samples are wanted; no prompt is sent."""
        wanted = [index for index in samples if index >= 0]
        if wanted:
            size = max(max(wanted) + 1, len(self._prompt_tokens))
            grown = np.zeros(size, np.int64)
            grown[: len(self._prompt_tokens)] = self._prompt_tokens
            grown[wanted] = [len(samples[index]) for index in wanted]
            self._prompt_tokens = grown
            # A list beside the array: looking up one item of an array costs several times more.
            self._lengths = grown.tolist()
        await self._everywhere("load", np.array(wanted, np.int32).tobytes())

    async def unload_samples(self, indices: Sequence[int]) -> None:
        """Tell every replica."""
        await self._everywhere("unload", np.array(indices, np.int32).tobytes())

    async def _everywhere(self, method: str, argument: object) -> None:
        calls = [self._call(member, method, argument) for member in self._members.alive()]
        await asyncio.gather(*calls)

    async def _call(self, member: Member, method: str, *arguments: object) -> Any:
        """One call to one replica; one that fails is lost, and there is no answer."""
        try:
            return await member.call(method, *arguments)
        except asyncio.CancelledError:
            if member.lost is None:
                raise  # it is the caller that was cancelled
            return None
        except Exception as error:  # noqa: BLE001 - whatever Ray raises, the replica is gone
            self._lose(member, in_one_line(error))
            return None

    # -- one run ----------------------------------------------------------------------------

    def begin_run(self, spec: RunSpec, sink: EventSink) -> None:
        """Start feeding and listening anew for this run."""
        self._spec, self._sink = spec, sink
        self._submitted_ns = array("q")
        self._first_told = bytearray()
        self._times = Times()
        self._cpu_before_s = time.process_time()
        self._open = 0
        self._idle.set()
        self._dispatch = self._policy(spec)
        for member in self._members.everyone:
            member.begin()
            if member.lost is not None:
                self._dispatch.lost(member.number)
                continue
            self._spawn(self._begin(member, spec))

    async def _begin(self, member: Member, spec: RunSpec) -> None:
        await self._call(member, "begin_run", spec)
        if self._current(spec.run):
            member.takes = True
            self._feed(member)

    def _policy(self, spec: RunSpec) -> Dispatch:
        count, config = len(self._members.everyone), self._config.engine
        return policy_of(
            spec.dispatch or config.ray.dispatch,
            throughput_first=spec.throughput_first,
            replicas=count,
            window=config.planned().max_batch_sequences,
            work=self._work,
        )

    def _work(self, index: int) -> int:
        """Tokens a sample may cost: its prompt's and the longest answer's.

        One that was never loaded (a warm-up's index is negative) counts for its answer alone.
        """
        longest = self._spec.max_tokens if self._spec is not None else 0
        return (self._lengths[index] if 0 <= index < len(self._lengths) else 0) + longest

    def submit(self, first_seq: int, indices: Sequence[int]) -> None:
        """Queue with the policy, and hand over what it gives to each."""
        spec, dispatch = self._spec, self._dispatch
        assert spec is not None, "submit before begin_run"
        assert dispatch is not None, "submit before begin_run"
        now_ns = time.monotonic_ns()
        self._submitted_ns.extend([now_ns] * len(indices))
        self._first_told.extend(bytes(len(indices)))
        self._open += len(indices)
        self._idle.clear()
        queries = list(enumerate(indices, first_seq))
        if spec.throughput_first and spec.block and min(indices) >= 0:
            queries = longest_first(queries, self._prompt_tokens, spec.block)
        if not self._members.alive():
            self._deliver([Failed(seq, "no replica is left", NO_REPLICA) for seq, _ in queries])
            return
        dispatch.offer(queries)
        self._feed_all()

    def _feed_all(self) -> None:
        for member in self._members.everyone:
            self._feed(member)

    def _feed(self, member: Member) -> None:
        """Hand over what the policy has for this replica, if its stream has room."""
        if self._spec is None or self._sink is None or self._dispatch is None:
            return  # no run, or one that was given up
        if member.lost is None and member.has_room:
            queries = self._dispatch.take(member.number)
            if queries:
                member.give(self._spec.run, queries)

    def _hear(self, member: Member, kind: Kind, payload: bytes) -> None:
        """A frame came.

        Raises:
            BrokenStreamError: it is none that a replica may send.
        """
        if kind is not Kind.EVENTS:
            raise BrokenStreamError(f"it carried {kind.name} this way")
        frame = open_frame(payload)
        # A replica that was given up may still wake: its work is others' by then.
        if member.lost is None and self._current(frame.run):
            frame.require_among(len(member.seqs))
            self._take(member, frame)

    def _current(self, run: int) -> bool:
        return self._spec is not None and self._spec.run == run and self._sink is not None

    def _take(self, member: Member, frame: Opened) -> None:
        events: list[Event] = []
        now_ns, number = time.monotonic_ns(), member.number
        times, submitted_ns = self._times, self._submitted_ns
        if self._dispatch is not None:
            self._dispatch.first(number, [member.seqs[local] for local in frame.first_seqs])
        for local, token, after_ns in zip(
            frame.first_seqs, frame.first_tokens, frame.first_after_ns, strict=True
        ):
            seq = member.seqs[local]
            if self._first_told[seq]:
                continue  # told by a replica that was lost since
            self._first_told[seq] = 1
            times.first(after_ns, now_ns - submitted_ns[seq])
            events.append(FirstToken(seq, token))
        ended = []
        for local, answer, reason, after_ns in zip(
            frame.done_seqs, frame.answers, frame.finish_reasons, frame.done_after_ns, strict=True
        ):
            seq = member.seqs[local]
            ended.append(local)
            times.answer(after_ns, now_ns - submitted_ns[seq])
            events.append(Finished(seq, answer, reason, number))
        self._ended(member, ended, events)
        if frame.failures:
            assert self._spec is not None, "an event of no run"
            self._spawn(self._judge(member, self._spec.run, frame.failures))

    def _ended(self, member: Member, local_seqs: Sequence[int], events: Sequence[Event]) -> None:
        if local_seqs and self._dispatch is not None:
            held = [member.finish(local) for local in local_seqs]
            self._dispatch.ended(member.number, [each for each in held if each is not None])
        self._deliver(events)
        self._feed(member)

    async def _judge(self, member: Member, run: int, failures: Sequence[tuple[int, str]]) -> None:
        """Failed queries may be the first word of an engine's death.

        They stay the replica's until its health is known: with a replica that is lost they are
        lost or others' like the rest of its work, and no new work goes to it for failing fast.
        """
        await self._examine(member)
        if member.lost is None and self._current(run):
            events = [Failed(member.seqs[local], why, member.number) for local, why in failures]
            self._ended(member, [local for local, _ in failures], events)

    def _deliver(self, events: Sequence[Event]) -> None:
        self._open -= sum(1 for event in events if type(event) is not FirstToken)
        if not self._open:
            self._idle.set()
        if self._sink is not None and events:
            self._sink(events)

    # -- failures ---------------------------------------------------------------------------

    async def _watch(self, member: Member) -> None:
        """Ask for a sign of life again and again; silence is a loss."""
        while member.lost is None:
            # Beside each other: one that never tells of its load must not hide its silence.
            await asyncio.gather(self._examine(member), self._hear_load(member))
            await asyncio.sleep(self._config.engine.ray.heartbeat_s)

    async def _hear_load(self, member: Member) -> None:
        """Ask how busy it was, of a run that began; a loss ends the asking."""
        if self._spec is None:
            return
        try:
            await member.hear_load(self._spec.run)
        except asyncio.CancelledError:
            if member.lost is None:
                raise  # it is the caller that was cancelled

    async def _examine(self, member: Member) -> None:
        """Whether it is well; one that is not is lost, by the cause that says most."""
        wrong = await member.wrong(self._config.engine.ray.heartbeat_timeout_s)
        if wrong:
            self._lose(member, wrong)

    async def _watch_head(self) -> None:
        """Without Ray's head no replica lasts: all are lost at once, and that is the cause."""
        ray = self._config.engine.ray
        gone: str | None = None
        while gone is None:
            await asyncio.sleep(ray.heartbeat_s)
            gone = await self._members.head_gone(ray.heartbeat_timeout_s)
        for member in self._members.alive():
            self._lose(member, gone)

    def _lose(self, member: Member, cause: str) -> None:
        """Take a replica out: its work fails, or goes to the others."""
        if member.lost is not None:
            return
        member.lost = f"{member.name} was lost: {cause}"
        member.give_up()
        self._incidents.append(member.lost)
        held = member.take_held()
        if self._dispatch is not None:
            held += self._dispatch.lost(member.number)
        goes_on = self._config.engine.ray.on_replica_loss == "continue" and self._members.alive()
        if goes_on and self._dispatch is not None:
            self._dispatch.offer(held)
            self._feed_all()
        else:
            self._deliver([Failed(seq, member.lost, member.number) for seq, _ in held])

    async def health(self) -> None:
        """Raise once a replica is lost, unless the run may go on without it."""
        lost = [member.lost for member in self._members.everyone if member.lost is not None]
        may_go_on = self._config.engine.ray.on_replica_loss == "continue" and self._members.alive()
        if lost and not may_go_on:
            raise RunError("; ".join(lost))

    # -- the rest of the protocol -----------------------------------------------------------

    async def cancel(self) -> None:
        """Abandon everything; a replica that cannot be told is lost already.

        It is the end of a run too: what the replicas have yet to tell of it is heard.
        """
        self._sink = None
        for member in self._members.everyone:
            member.take_held()
        calls = [asyncio.wait_for(self._call(m, "cancel"), CLOSE_S) for m in self._members.alive()]
        last = [asyncio.wait_for(self._hear_load(m), CLOSE_S) for m in self._members.answering()]
        await asyncio.gather(*calls, *last, return_exceptions=True)
        self._open = 0
        self._idle.set()

    async def drain(self, deadline_s: float) -> int:
        """Wait until nothing is open."""
        try:
            await asyncio.wait_for(self._idle.wait(), deadline_s)
        except TimeoutError:
            return self._open
        return 0

    async def stats(self) -> dict[str, float]:
        """The replicas' counters, summed; those of a lost one are gone."""
        calls = [self._call(member, "stats") for member in self._members.alive()]
        total: dict[str, float] = {}
        for counters in await asyncio.gather(*calls):
            for name, value in (counters or {}).items():
                total[name] = total.get(name, 0.0) + value
        return total

    def report(self) -> RunReport:
        """Lost replicas; times at the replicas, at the driver, between them; how busy each was."""
        figures: dict[str, float] = {}
        if self._submitted_ns:
            # Before the percentiles are computed: their cost is no query's.
            cpu_s = time.process_time() - self._cpu_before_s
            figures["driver_cpu_per_query_us"] = cpu_s * 1e6 / len(self._submitted_ns)
        heard = {each.number: each.heard for each in self._members.everyone}
        replicas = {number: dict(each.figures) for number, each in heard.items() if each.figures}
        load = [sample for each in heard.values() for sample in each.samples]
        return RunReport(
            incidents=list(self._incidents),
            figures=figures | self._times.figures() | together(replicas.values()),
            load=sorted(load, key=lambda each: each.monotonic_ns),
            replicas=replicas,
        )

    def preempted_on(self) -> Mapping[int, float]:
        """By the last word of each: a word is replaced as a whole, so any thread may read it."""
        said = [(each.number, each.heard.figures) for each in self._members.everyone]
        return {number: told[PREEMPTIONS] for number, told in said if PREEMPTIONS in told}

    async def close(self) -> None:
        """Stop every replica, give the placement back, leave or end the cluster."""
        self._sink = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._members.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
