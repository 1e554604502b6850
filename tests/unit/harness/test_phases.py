"""Each phase has a name and a deadline; what it waits for makes no difference."""

from __future__ import annotations

import signal
import threading
from typing import NoReturn

import pytest

from sut.harness.phases import BEGIN, Overdue, Phases

AT_ONCE_S = 0.01
# No test comes near it.
LONG_S = 3600.0


def never(said: str) -> NoReturn:
    raise AssertionError(said)


def test_each_phase_is_told_as_it_begins() -> None:
    told: list[str] = []
    with Phases(never) as phases:
        assert phases.name == BEGIN
        with phases.phase("reading", LONG_S):
            pass
        phases.tell(told.append)
        with phases.phase("writing", LONG_S):
            assert phases.name == "writing"
        phases.begin("running")
        assert phases.name == "running"
    assert told == ["writing", "running"]


def test_a_wait_without_an_end_ends_at_the_deadline() -> None:
    with Phases(never) as phases:
        with (
            pytest.raises(Overdue, match=r"waiting took longer than 0\.01 s"),
            phases.phase("waiting", AT_ONCE_S),
        ):
            threading.Event().wait()
        assert phases.name == "waiting"


def test_a_deadline_that_is_over_as_it_begins_is_no_hang() -> None:
    said: list[str] = []
    with (
        Phases(said.append, grace_s=LONG_S) as phases,
        pytest.raises(Overdue),
        phases.phase("beginning", 0.0),
    ):
        threading.Event().wait()
    for thread in threading.enumerate():
        if thread.name == "deadline":
            thread.join()
    assert said == []


def test_a_phase_that_is_over_raises_nothing_later() -> None:
    with Phases(never) as phases:
        with phases.phase("reading", LONG_S):
            pass
        signal.raise_signal(signal.SIGALRM)


def test_the_alarm_is_the_callers_again() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with Phases(never):
        assert signal.getsignal(signal.SIGALRM) != before
    assert signal.getsignal(signal.SIGALRM) is before


def test_the_last_resort_follows_where_the_main_thread_cannot_be_reached() -> None:
    said: list[str] = []
    resorted = threading.Event()

    def resort(text: str) -> None:
        said.append(text)
        resorted.set()

    with Phases(resort, grace_s=AT_ONCE_S) as phases:
        # As inside a system call that no signal interrupts.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
        try:
            with pytest.raises(Overdue), phases.phase("reading", AT_ONCE_S):  # noqa: PT012
                resorted.wait()
                signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    assert said == ["reading took longer than 0.01 s, and nothing can interrupt it"]
