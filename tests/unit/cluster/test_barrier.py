"""The barrier over nodes that are played: who is let go when, and how each failure ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future

import pytest

from sut.cluster import barrier as coordinate
from sut.cluster.barrier import Limits, Together, run_together
from sut.cluster.node_run import Ended, Ready, Sign
from tests.unit.cluster.played import PlayedNode, done, failed

LIMITS = Limits(start_s=20.0, heartbeat_s=0.005, heartbeat_timeout_s=0.1)
OFFLINE, SERVER = "Offline performance", "Server performance"


@pytest.fixture(autouse=True)
def _short_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("END_S", "END_SILENT_S", "MARGIN_S", "FETCH_S", "HEADLESS_S"):
        monkeypatch.setattr(coordinate, name, 0.05)


def run(
    *nodes: PlayedNode,
    labels: tuple[str, ...] = (OFFLINE,),
    limits: Limits = LIMITS,
    say: Callable[[str], None] = lambda _line: None,
    head_gone: Callable[[float], str | None] = lambda _timeout_s: None,
) -> Together:
    documents = {node.name: f"for {node.name}" for node in nodes}
    return run_together(nodes, documents, labels, limits, say, head_gone)


def whole(name: str, events: list[tuple[str, str]], code: int = 0) -> PlayedNode:
    return PlayedNode(name, Ready(OFFLINE), Ready(SERVER), Ended(code, None), events=events)


def test_every_loadgen_run_begins_on_all_nodes() -> None:
    events: list[tuple[str, str]] = []
    a, b = whole("a", events), whole("b", events)
    together = run(a, b, labels=(OFFLINE, SERVER))
    assert together.failures == []
    assert together.begun
    assert not together.interrupted
    assert [each for each in events if each[1] == "go"] == [("a", "go"), ("b", "go")] * 2
    assert (a.document, b.document) == ("for a", "for b")
    for outcome in together.outcomes:
        assert outcome.code == 0
        assert outcome.archive == b"session"
        assert set(outcome.offsets) == {OFFLINE, SERVER}


def test_none_is_let_go_before_the_last_is_ready() -> None:
    events: list[tuple[str, str]] = []
    a = PlayedNode("a", Ready(OFFLINE), Ended(0, None), events=events)
    b = PlayedNode("b", events=events)
    gone_early: list[bool] = []

    def at_the_first_heartbeat() -> Future[Sign]:
        if b.open is not None and not b.open.done():
            gone_early.append(("a", "go") in events)
            b.lines = [Ended(0, None)]
            b.open.set_result(Ready(OFFLINE))
        return done(Sign(time.monotonic_ns(), 0.0))

    b.signs = at_the_first_heartbeat
    assert run(a, b).failures == []
    assert gone_early == [False]


@pytest.mark.parametrize("code", [0, 1])
def test_a_measured_run_is_whole_valid_or_not(code: int) -> None:
    together = run(PlayedNode("a", Ready(OFFLINE), Ended(code, None)))
    assert together.failures == []
    assert [each.code for each in together.outcomes] == [code]


def test_a_run_that_ends_before_the_barrier_is_named_with_its_last_line() -> None:
    a = PlayedNode("a", Ready(OFFLINE))
    b = PlayedNode("b", Ended(3, "the engine did not start"))
    together = run(a, b)
    (failure,) = together.failures
    assert failure == (
        "node b (host of b): its run ended with exit code 3: the engine did not start "
        "(before Offline performance)"
    )
    assert not together.begun
    assert ("a", "stop") in a.events
    assert ("a", "go") not in a.events


@pytest.mark.parametrize(
    ("code", "words"), [(-9, "signal SIGKILL"), (130, "exit code 130"), (2, "exit code 2")]
)
def test_a_run_that_dies_ends_the_others_and_keeps_their_sessions(code: int, words: str) -> None:
    a = PlayedNode("a", Ready(OFFLINE))  # at work until it is stopped
    b = PlayedNode("b", Ready(OFFLINE), Ended(code, None))
    together = run(a, b)
    (failure,) = together.failures
    assert failure.startswith("node b (host of b)")
    assert words in failure
    assert together.begun
    assert ("a", "stop") in a.events
    assert together.outcomes[0].archive == b"session"


def test_a_node_that_asks_for_another_run_is_refused() -> None:
    together = run(PlayedNode("a", Ready(SERVER)))
    assert "ready for Server performance, not for Offline" in together.failures[0]
    together = run(PlayedNode("a", Ready(OFFLINE), Ready(SERVER)))
    assert "one run too many" in together.failures[0]


def test_a_node_without_a_sign_of_life_is_lost() -> None:
    cut = PlayedNode("cut", Ready(OFFLINE))
    alive = cut.signs
    cut.signs = lambda: Future() if ("cut", "go") in cut.events else alive()
    cut.stops = Future
    together = run(PlayedNode("a", Ready(OFFLINE)), cut)
    assert together.failures == ["node cut (host of cut): the node gave no sign of life for 0.1 s"]
    assert together.begun


def test_a_node_that_is_cut_at_the_barrier_is_lost() -> None:
    cut = PlayedNode("cut", Ready(OFFLINE))
    cut.signs = Future
    together = run(cut)
    assert "no sign of life" in together.failures[0]
    assert not together.begun


def test_a_run_that_hangs_on_a_living_node_is_lost() -> None:
    hung = PlayedNode("hung", Ready(OFFLINE))
    hung.signs = lambda: done(Sign(time.monotonic_ns(), 99.0))
    together = run(hung)
    assert together.failures == ["node hung (host of hung): its run gave no sign of life for 0.1 s"]


def test_an_engine_that_starts_may_be_silent_until_the_deadline() -> None:
    busy = PlayedNode("busy")
    busy.signs = lambda: done(Sign(time.monotonic_ns(), 99.0))
    together = run(busy, limits=Limits(0.05, 0.005, 0.01))
    assert together.failures == [
        "node busy (host of busy): nothing was heard of its run for 0.05 s"
    ]


def test_a_remote_error_is_told_as_the_node_tells_it() -> None:
    broken = PlayedNode("broken")
    broken.start = lambda document, patience_s: failed(OSError("no space left\non the device"))  # type: ignore[method-assign]
    assert run(broken).failures == ["node broken (host of broken): no space left"]


def test_a_head_that_is_gone_ends_the_run_and_is_named_before_any_node() -> None:
    gone = "the cluster's head at 10.0.0.1:6379 is gone (Connection refused)"
    a, cut = PlayedNode("a", Ready(OFFLINE)), PlayedNode("cut", Ready(OFFLINE))
    alive, asked, said = cut.signs, list[float](), list[str]()

    def lost() -> bool:
        return ("cut", "go") in cut.events

    def head_gone(timeout_s: float) -> str | None:
        asked.append(timeout_s)
        if not lost():
            return None
        time.sleep(LIMITS.heartbeat_timeout_s)  # the node is silent for too long by then, too
        return gone

    cut.signs = lambda: Future() if lost() else alive()
    together = run(a, cut, head_gone=head_gone, say=said.append)
    assert together.failures == [gone]
    assert together.head_lost == gone
    assert together.begun
    assert set(asked) == {LIMITS.heartbeat_timeout_s}
    assert f"{gone}; the nodes' runs are ended." in said
    assert {("a", "stop"), ("cut", "stop")} <= {*a.events, *cut.events}
    assert [each.archive for each in together.outcomes] == [b"session", b"session"]


def test_a_node_that_goes_with_the_head_is_not_named_alone() -> None:
    b = PlayedNode("b", Ready(OFFLINE), Ended(-9, None))
    together = run(b, head_gone=lambda _timeout_s: "gone" if ("b", "go") in b.events else None)
    assert together.failures[0] == "gone"
    assert "signal SIGKILL" in together.failures[1]


def test_what_a_headless_cluster_holds_is_saved_within_the_minute_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("END_S", "FETCH_S"):
        monkeypatch.setattr(coordinate, name, 1e6)  # the test would end by its time limit
    stuck = PlayedNode("stuck", Ready(OFFLINE))
    stuck.stops = Future
    mute = PlayedNode("mute", Ready(OFFLINE))
    mute.session = Future  # type: ignore[method-assign]
    together = run(stuck, mute, head_gone=lambda _timeout_s: "gone")
    assert together.failures == [
        "gone",
        "node stuck (host of stuck): its run could not be ended",
        "node mute (host of mute): its session did not come back",
    ]


def test_an_interruption_ends_all_and_keeps_what_they_wrote() -> None:
    a, b = PlayedNode("a", Ready(OFFLINE)), PlayedNode("b", Ready(OFFLINE))

    def say(line: str) -> None:
        if "begun" in line:
            raise KeyboardInterrupt

    together = run(a, b, say=say)
    assert together.interrupted
    assert together.failures == []
    assert ("a", "stop") in a.events
    assert ("b", "stop") in b.events
    assert [each.archive for each in together.outcomes] == [b"session", b"session"]


def test_a_run_that_cannot_be_ended_costs_a_bounded_time_and_is_told() -> None:
    stuck = PlayedNode("stuck", Ready(OFFLINE), Ended(0, None))
    stuck.stops = Future
    assert run(stuck).failures == ["node stuck (host of stuck): its run could not be ended"]


def test_a_session_that_does_not_come_back_is_a_failure() -> None:
    lost = PlayedNode("lost", Ready(OFFLINE), Ended(0, None))
    lost.session = Future  # type: ignore[method-assign]
    assert run(lost).failures == ["node lost (host of lost): its session did not come back"]


def test_the_clocks_are_compared_at_the_barrier() -> None:
    ahead_ns = 5_000_000_000
    ahead = PlayedNode("ahead", Ready(OFFLINE), Ended(0, None))
    ahead.signs = lambda: done(Sign(time.monotonic_ns() + ahead_ns, 0.0))
    offset = run(ahead).outcomes[0].offsets[OFFLINE]
    assert abs(offset.ns - ahead_ns) <= offset.error_ns + 1
