"""The barrier: the same run on several nodes, each LoadGen run begun by all at once.

Knows nothing of Ray: a node is anything that keeps the `Node` protocol. Nothing here waits
without a deadline or a heartbeat, and when one node fails the others are ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any, Protocol

from sut.cluster.node_run import Ended, Message, Ready, Sign
from sut.machine.signals import first_ends_the_run

# 0 VALID, 1 measured and found wanting: both are whole sessions.
WHOLE_SESSION = (0, 1)
CLOCK_READINGS = 5
# An interrupted run stops its engine (60 s at most) and writes its result.
END_S = 90.0
END_SILENT_S = 5.0
MARGIN_S = 10.0
# A run ends by itself when it was not asked after for so many heartbeat limits.
PATIENCE = 3
FETCH_S = 300.0
# Without its head Ray ends nodes and driver after a minute: what is to be saved is so before.
HEADLESS_S = 10.0


class Node(Protocol):
    """One node that can do runs; every call is a future, which fails when the node is gone."""

    @property
    def name(self) -> str:
        """Names its result files; no two nodes share one."""
        ...

    @property
    def place(self) -> str:
        """Where it is, for a person."""
        ...

    def start(self, document: str, patience_s: float) -> Future[Any]:
        """Start a run with this configuration; it ends when nobody asks after it for so long."""
        ...

    def next_message(self) -> Future[Message]:
        """What the run says next; stays open until it says something."""
        ...

    def go(self) -> Future[Any]:
        """Let the run begin what it said it was ready for."""
        ...

    def sign(self) -> Future[Sign]:
        """A sign of life."""
        ...

    def stop(self, grace_s: float) -> Future[Any]:
        """End the run, by force after `grace_s`."""
        ...

    def session(self) -> Future[bytes | None]:
        """The session folder of the run that ended, as a tar file."""
        ...

    def forget(self) -> Future[Any]:
        """That session is safe here; the node may delete its own."""
        ...

    def why(self, error: BaseException) -> str:
        """What a failed future says, in one line."""
        ...


@dataclass(frozen=True)
class Limits:
    """How long is waited for what, seconds."""

    start_s: float
    heartbeat_s: float
    heartbeat_timeout_s: float


@dataclass(frozen=True)
class Offset:
    """A node's monotonic clock minus ours, with half the round trip as its error."""

    ns: int
    error_ns: int


@dataclass
class NodeOutcome:
    """What became of one node's run."""

    node: Node
    failure: str | None = None
    """Why it is not whole; None for a run that ended by itself or was ended by us."""
    code: int | None = None
    offsets: dict[str, Offset] = field(default_factory=dict)
    """By LoadGen run, taken just before it was let go."""
    archive: bytes | None = None


@dataclass(frozen=True)
class Together:
    """One run on all nodes."""

    outcomes: list[NodeOutcome]
    interrupted: bool
    begun: bool
    """Whether any LoadGen run was let go."""
    head_lost: str | None = None
    """What became of the cluster's head, in one line, where that ended the run."""

    @property
    def whole(self) -> bool:
        """Whether every node's run ended by itself and its session is here."""
        return all(
            each.failure is None and each.code in WHOLE_SESSION and each.archive is not None
            for each in self.outcomes
        )

    @property
    def failures(self) -> list[str]:
        """The head's loss, then each failed node with its cause."""
        head = [] if self.head_lost is None else [self.head_lost]
        return head + [
            f"node {each.node.name} ({each.node.place}): {each.failure}"
            for each in self.outcomes
            if each.failure is not None
        ]


class _Lost(Exception):
    """A node failed; the others are to be ended."""

    def __init__(self, node: Node, why: str):
        super().__init__(why)
        self.node, self.why = node, why


class _HeadLost(Exception):
    """The cluster lost its head, and so will soon lose every node."""


def run_together(
    nodes: Sequence[Node],
    documents: Mapping[str, str],
    labels: Sequence[str],
    limits: Limits,
    say: Callable[[str], None],
    head_gone: Callable[[float], str | None],
) -> Together:
    """Run every LoadGen run on all nodes, each behind a barrier.

    A signal ends the nodes' runs; their sessions are fetched where the caller holds it back.

    Args:
        nodes: one or more, idle.
        documents: each node's configuration, by node name.
        labels: the LoadGen runs in their order, see `gate.label_of`.
        limits: deadlines.
        say: takes lines for the user.
        head_gone: what is wrong with the cluster's head, asked with a limit in s; None: nothing.
    """
    barrier = _Barrier(nodes, limits, say, head_gone)
    interrupted = False
    try:
        with first_ends_the_run():
            barrier.start(documents)
            for label in labels:
                barrier.pass_together(label)
            barrier.finish()
    except _Lost as lost:
        barrier.outcomes[lost.node.name].failure = lost.why
        say(f"node {lost.node.name}: {lost.why}; the others are ended.")
        # It may have gone with the head, whose loss we had no time to see.
        barrier.head_lost = head_gone(limits.heartbeat_timeout_s)
    except _HeadLost as lost:
        barrier.head_lost = str(lost)
        say(f"{lost}; the nodes' runs are ended.")
    except KeyboardInterrupt:
        interrupted = True
        say("interrupted: the nodes' runs are ended.")
    return barrier.closed(interrupted)


class _Barrier:
    def __init__(
        self,
        nodes: Sequence[Node],
        limits: Limits,
        say: Callable[[str], None],
        head_gone: Callable[[float], str | None],
    ):
        self._nodes, self._limits, self._say = nodes, limits, say
        self._head_gone, self._head_asked = head_gone, time.monotonic()
        self._signs: dict[str, tuple[Future[Sign], float]] = {}
        self.outcomes = {node.name: NodeOutcome(node) for node in nodes}
        self.begun = False
        self.head_lost: str | None = None

    def closed(self, interrupted: bool) -> Together:
        """End what still runs, fetch the sessions, and tell what came of it."""
        self.end()
        self.fetch()
        return Together(list(self.outcomes.values()), interrupted, self.begun, self.head_lost)

    def start(self, documents: Mapping[str, str]) -> None:
        patience_s = self._limits.heartbeat_timeout_s * PATIENCE
        started = {node.start(documents[node.name], patience_s): node for node in self._nodes}
        self._each(started, lambda _node, _pid: None, self._limits.start_s)

    def pass_together(self, label: str) -> None:
        """Wait until all are ready for this LoadGen run, then let all go."""

        def ready(node: Node, message: Message) -> None:
            if isinstance(message, Ended):
                raise _Lost(node, f"{message.reason} (before {label})")
            if message.label != label:
                raise _Lost(node, f"it is ready for {message.label}, not for {label}")
            self._say(f"node {node.name}: ready for {label}.")

        waited = {node.next_message(): node for node in self._nodes}
        self._each(waited, ready, None if self.begun else self._limits.start_s)
        for node in self._nodes:
            self.outcomes[node.name].offsets[label] = self._offset(node)
        if not self.begun:
            # Signs from the start may tell of a silence that was no fault then.
            self._signs.clear()
        gone = {node.go(): node for node in self._nodes}
        self.begun = True
        self._each(gone, lambda _node, _none: None, self._limits.heartbeat_timeout_s)
        self._say(f"{label}: begun on {len(self._nodes)} nodes.")

    def finish(self) -> None:
        """Wait until every run has ended by itself."""

        def ended(node: Node, message: Message) -> None:
            if isinstance(message, Ready):
                raise _Lost(node, f"it asks for {message.label}, which is one run too many")
            if message.code not in WHOLE_SESSION:
                raise _Lost(node, message.reason)
            self.outcomes[node.name].code = message.code
            self._say(f"node {node.name}: ended with exit code {message.code}.")

        self._each({node.next_message(): node for node in self._nodes}, ended)

    def _each(
        self,
        pending: dict[Future[Any], Node],
        judge: Callable[[Node, Any], None],
        deadline_s: float | None = None,
    ) -> None:
        """Judge each node's answer as it comes; a node that is lost meanwhile ends the wait."""
        until = None if deadline_s is None else time.monotonic() + deadline_s
        while pending:
            done, _ = wait(pending, timeout=self._pause_s(until), return_when=FIRST_COMPLETED)
            for future in done:
                node = pending.pop(future)
                judge(node, _answer(node, future))
            # Before the nodes: where both are silent, the head is the cause.
            self._watch_head()
            # Of all, those too that wait for the others: nothing may die unnoticed.
            for node in self._nodes:
                self._heartbeat(node)
            if pending and until is not None and time.monotonic() > until:
                late = next(iter(pending.values()))
                raise _Lost(late, f"nothing was heard of its run for {deadline_s:g} s")

    def _pause_s(self, until: float | None) -> float:
        beat_s = self._limits.heartbeat_s
        return beat_s if until is None else max(0.0, min(beat_s, until - time.monotonic()))

    def _watch_head(self) -> None:
        """Ask for it as often as for a node's sign of life; one that is silent holds us up.

        Nothing is lost by that: a silent head ends the run.
        """
        if time.monotonic() - self._head_asked < self._limits.heartbeat_s:
            return
        wrong = self._head_gone(self._limits.heartbeat_timeout_s)
        if wrong is not None:
            raise _HeadLost(wrong)
        self._head_asked = time.monotonic()

    def _heartbeat(self, node: Node) -> None:
        """Ask for a sign of life, and hold the last one asked for against its limit."""
        limit_s = self._limits.heartbeat_timeout_s
        sign, asked = self._signs.get(node.name, (None, 0.0))
        now = time.monotonic()
        if sign is not None and not sign.done():
            if now - asked > limit_s:
                raise _Lost(node, f"the node gave no sign of life for {limit_s:g} s")
            return
        # An engine that starts may keep its process busy for long; a deadline holds there.
        if sign is not None and _answer(node, sign).silent_s > limit_s and self.begun:
            raise _Lost(node, f"its run gave no sign of life for {limit_s:g} s")
        if sign is None or now - asked >= self._limits.heartbeat_s:
            self._signs[node.name] = (node.sign(), now)

    def _offset(self, node: Node) -> Offset:
        """The node's clock against ours, by the reading with the shortest round trip."""
        found = []
        for _ in range(CLOCK_READINGS):
            before_ns = time.monotonic_ns()
            future = node.sign()
            wait([future], timeout=self._limits.heartbeat_timeout_s)
            after_ns = time.monotonic_ns()
            if not future.done():
                limit_s = self._limits.heartbeat_timeout_s
                raise _Lost(node, f"the node gave no sign of life for {limit_s:g} s")
            middle_ns = (before_ns + after_ns) // 2
            remote_ns = _answer(node, future).monotonic_ns
            found.append(Offset(remote_ns - middle_ns, (after_ns - before_ns) // 2))
        return min(found, key=lambda offset: offset.error_ns)

    def end(self) -> None:
        """End what still runs; a node that failed has little time, the others enough to write."""
        end_s = END_S if self.head_lost is None else HEADLESS_S
        graces = {
            name: end_s if outcome.failure is None else END_SILENT_S
            for name, outcome in self.outcomes.items()
        }
        stopped = [node.stop(graces[node.name]) for node in self._nodes]
        healthy = [
            future
            for node, future in zip(self._nodes, stopped, strict=True)
            if self.outcomes[node.name].failure is None
        ]
        wait(healthy, timeout=end_s + MARGIN_S)
        wait([each for each in stopped if each not in healthy], timeout=END_SILENT_S + MARGIN_S)
        for node, future in zip(self._nodes, stopped, strict=True):
            outcome = self.outcomes[node.name]
            if not future.done():
                outcome.failure = outcome.failure or "its run could not be ended"
            elif error := future.exception():
                outcome.failure = outcome.failure or outcome.node.why(error)

    def fetch(self) -> None:
        """Have the sessions brought here.

        A failed node may still have its logs, or may never answer: it gets a moment.
        """
        asked = {node.name: node.session() for node in self._nodes}
        reachable = [f for name, f in asked.items() if self.outcomes[name].failure is None]
        wait(reachable, timeout=FETCH_S if self.head_lost is None else HEADLESS_S)
        wait(list(asked.values()), timeout=END_SILENT_S)
        for name, future in asked.items():
            outcome = self.outcomes[name]
            if not future.done():
                outcome.failure = outcome.failure or "its session did not come back"
            elif error := future.exception():
                outcome.failure = outcome.failure or outcome.node.why(error)
            else:
                outcome.archive = future.result()


def _answer(node: Node, future: Future[Any]) -> Any:
    error = future.exception()
    if error is not None:
        raise _Lost(node, node.why(error))
    return future.result()
