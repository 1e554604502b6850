"""The first signal ends the run; later ones cannot spoil the end."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import psutil
import pytest

from sut.machine import signals
from sut.machine.signals import (
    SIGNALS,
    Stopped,
    Stops,
    as_by_ctrl_c,
    first_ends_the_run,
    held_back,
    ignore_further,
    kept,
    stopped_by,
)


@pytest.fixture(autouse=True)
def nothing_ignored() -> Iterator[None]:
    """Whoever runs the tests may ignore a signal, as nohup does."""
    before = {each: signal.signal(each, signal.default_int_handler) for each in SIGNALS}
    yield
    for each, earlier in before.items():
        signal.signal(each, earlier)


@pytest.mark.parametrize("first", SIGNALS)
def test_the_first_interrupts_and_the_rest_are_ignored(first: signal.Signals):
    with first_ends_the_run():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(first)
        for each in SIGNALS:
            signal.raise_signal(each)


@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM")]
)
def test_who_asked_is_named(number: signal.Signals, name: str, capfd: pytest.CaptureFixture[str]):
    with pytest.raises(KeyboardInterrupt) as raised, first_ends_the_run() as stops:
        signal.raise_signal(number)
    assert (stopped_by(raised.value), stops.by) == (name, name)
    assert capfd.readouterr().err.strip() == f"{name}: the run ends, and what was measured is kept."
    assert stopped_by(KeyboardInterrupt()) == "Ctrl-C"


def stopped_at(*seconds: float) -> tuple[Stops, list[str]]:
    """Signals are told to have come at these seconds."""
    ended: list[str] = []
    return Stops(ended.append, clock_s=iter(seconds).__next__), ended


def test_a_second_one_ends_everything_at_once():
    stops, ended = stopped_at(1.0, 2.0)
    with pytest.raises(Stopped):
        stops.handle(signal.SIGTERM, None)
    stops.handle(signal.SIGINT, None)
    assert ended == ["Ctrl-C"]


def test_two_of_which_the_handler_sees_one_are_no_sign_of_hanging(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(signals, "NOTICE_S", 0.0)
    stops, ended = stopped_at(1.0, 1.1, 1.2, 9.0)
    with pytest.raises(Stopped):
        stops.handle(signal.SIGTERM, None)
    stops.hear(signal.SIGTERM)
    stops.hear(signal.SIGTERM)
    assert not ended
    stops.hear(signal.SIGTERM)
    assert ended == ["SIGTERM"]


def test_two_that_come_together_are_one_and_a_terminal_closes_once():
    stops, ended = stopped_at(1.0, 1.1, 9.0)
    with pytest.raises(Stopped):
        stops.handle(signal.SIGTERM, None)
    stops.handle(signal.SIGTERM, None)
    stops.handle(signal.SIGHUP, None)
    assert not ended


def test_at_the_end_the_first_is_only_noted():
    stops, ended = stopped_at(1.0, 2.0)
    stops.hold()
    stops.handle(signal.SIGQUIT, None)
    assert (stops.by, ended) == ("SIGQUIT", [])
    stops.handle(signal.SIGQUIT, None)
    assert ended == ["SIGQUIT"]


def test_what_was_in_force_is_so_again_afterwards():
    before = [signal.getsignal(each) for each in SIGNALS]
    with first_ends_the_run():
        ignore_further()
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_a_signal_ignored_from_the_start_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with first_ends_the_run():
            signal.raise_signal(signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("first", SIGNALS)
def test_what_must_not_be_cut_short_holds_a_signal_back_and_says_so(first: signal.Signals):
    with first_ends_the_run():
        with held_back() as held:
            before = held.came
            signal.raise_signal(first)
            assert (before, held.came) == (False, True)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(first)


def test_within_it_a_run_can_still_be_ended():
    with held_back() as held:
        with pytest.raises(KeyboardInterrupt), first_ends_the_run():
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        assert held.came


def theirs(_signal: int, _frame: object) -> None:
    """A library's handler."""


def test_a_signal_that_a_library_took_for_itself_is_ours_again():
    with first_ends_the_run():
        with kept():
            signal.signal(signal.SIGTERM, theirs)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


def test_what_came_while_a_library_was_at_work_still_has_the_rest_ignored():
    def work() -> None:
        with kept():
            signal.raise_signal(signal.SIGINT)

    with first_ends_the_run():
        with pytest.raises(KeyboardInterrupt):
            work()
        for each in SIGNALS:
            signal.raise_signal(each)


def test_what_a_library_does_with_a_signal_that_we_leave_to_the_system_stays():
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with kept():
        signal.signal(signal.SIGTERM, theirs)
    assert signal.getsignal(signal.SIGTERM) is theirs


HANGING = """
import ctypes, os, signal, sys
from sut.machine import signals
signals.NOTICE_S = 0.05

def end(who):
    os.write(1, who.encode())
    os._exit(7)

with signals.first_ends_the_run(end):
    mutex = ctypes.create_string_buffer(64)
    lock = ctypes.CDLL(None).pthread_mutex_lock
    lock(mutex)
    os.write(1, b"hangs\\n")
    lock(mutex)  # no signal interrupts that
"""


def test_twice_ends_a_process_whose_main_thread_hangs():
    with subprocess.Popen([sys.executable, "-c", HANGING], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        while psutil.Process(process.pid).status() != psutil.STATUS_SLEEPING:
            pass
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 7
        assert process.stdout.read() in (b"Ctrl-C", b"SIGTERM")


@pytest.mark.parametrize("number", SIGNALS)
def test_between_runs_each_is_as_ctrl_c(number: signal.Signals):
    before = signal.getsignal(number)
    with pytest.raises(Stopped) as told, as_by_ctrl_c():
        signal.raise_signal(number)
    assert stopped_by(told.value) == signals.name_of(number)
    assert signal.getsignal(number) is before


def test_outside_the_main_thread_the_signals_stay_what_they_are():
    found = []

    def look() -> None:
        with as_by_ctrl_c():
            found.append(signal.getsignal(signal.SIGTERM))

    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [before]
