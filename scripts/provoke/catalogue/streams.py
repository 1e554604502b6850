"""Standard input, output and error: closed, full, without a reader, with one that reads nothing."""

from __future__ import annotations

import signal
from collections.abc import Iterator

from scripts.provoke.catalogue.sessions import ENDLESS, SHORT, SMALL, session, verb
from scripts.provoke.fault import (
    ANSWERS,
    ENDED,
    HONEST,
    NOTHING,
    Fault,
)
from scripts.provoke.under import send

JSON, EVENTS = (*SMALL, "--json"), (*SMALL, "--events")
STREAMS: tuple[tuple[str, str, str], ...] = (
    ("closed-all", "0, 1 and 2 closed", "<&- >&- 2>&-"),
    ("closed-in", "0 closed", "<&-"),
    ("closed-out", "1 closed", ">&-"),
    ("closed-err", "2 closed", "2>&-"),
    ("closed-many", "0 to 9 closed", "<&- >&- 2>&- 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-"),
    ("full-out", "1 is /dev/full", "> /dev/full"),
    ("full-err", "2 is /dev/full", "2> /dev/full"),
    ("full-both", "1 and 2 are /dev/full", "> /dev/full 2>&1"),
    ("no-reader", "1 and 2 are a pipe whose reader has gone", "> >(exec true) 2>&1"),
    ("no-reader-err", "2 is a pipe whose reader has gone", "2> >(exec true)"),
    ("read-only", "1 and 2 are open for reading alone", "1< /dev/null 2< /dev/null"),
    ("swapped", "1 and 2 are one file that is also 0", "0<> {folder}/one 1>&0 2>&0"),
)
# Where neither takes a word, nobody can be told anything.
UNHEARD = ("full-both", "no-reader", "read-only")
# What fills a stream before it becomes the command, which holds the other end and never reads it.
# `ours` and `theirs` are its ends.
FILLED = """
os.set_blocking(theirs, False)
try:
    while True: os.write(theirs, b" " * 4096)
except BlockingIOError:
    pass
os.set_blocking(theirs, {blocking})
for each in {descriptors}: os.dup2(theirs, each)
os.set_inheritable(ours, True)
"""
FULL_PIPE = f"ours, theirs = os.pipe(){FILLED}"
FULL_TERMINAL = f"import pty\nours, theirs = pty.openpty(){FILLED}"
BOTH, ERRORS = "(1, 2)", "(2,)"


def faults() -> Iterator[Fault]:
    """All of them."""
    for name, how, streams in STREAMS:
        yield Fault(f"stream/{name}", how, session(SMALL, streams=streams), HONEST)
        of_json = (0, 1, 141)
        make = session(JSON, streams=streams)
        said = f"{how}; --json"
        heard = name not in UNHEARD
        yield Fault(f"stream/{name}-json", said, make, HONEST, of_json, heard=heard)
    yield from _events()
    yield from _unread()
    yield from _verbs()


def _events() -> Iterator[Fault]:
    for name, how, streams in STREAMS[:9]:
        make = session(EVENTS, streams=streams)
        yield Fault(f"stream/{name}-events", f"{how}; --events", make, HONEST)
    make = session((*SHORT, "--events"), streams="> >(head -3 > /dev/null)")
    how = "the reader of --events goes in a run"
    yield Fault("stream/events-reader-gone", how, make, HONEST)


def _unread() -> Iterator[Fault]:
    for name, how, arguments in (
        ("plain", "a run of 6 s", SHORT),
        ("events", "a run of 6 s with --events", (*SHORT, "--events")),
        ("json", "a short run with --json", JSON),
    ):
        wrap = FULL_PIPE.format(blocking=False, descriptors=BOTH)
        said = f"1 and 2 are a full pipe that refuses at once (O_NONBLOCK); {how}"
        make = session(arguments, wrap=wrap)
        yield Fault(f"stream/nonblocking-{name}", said, make, HONEST, (0, 1, 141))
    unread = FULL_PIPE.format(blocking=True, descriptors=ERRORS)
    for name, what, wrap in (
        ("pipe", "a full pipe that nobody reads", unread),
        (
            "terminal",
            "a terminal that takes nothing, as after Ctrl-S",
            FULL_TERMINAL.format(blocking=True, descriptors=ERRORS),
        ),
    ):
        make = session(SHORT, wrap=wrap)
        yield Fault(f"stream/unread-{name}", f"2 is {what}; a run of 6 s", make, HONEST)
        make = session(ENDLESS, wrap=wrap, at=ANSWERS, blow=send(signal.SIGTERM))
        said = f"2 is {what}; SIGTERM in a run"
        yield Fault(f"stream/unread-{name}-SIGTERM", said, make, ENDED, (130,))


def _verbs() -> Iterator[Fault]:
    """Verbs that only print."""
    for words in (("--version",), ("doctor", "--help"), (*SMALL, "--dry-run")):
        for name, how, streams in STREAMS[2:10]:
            make = verb(*words, streams=streams)
            id_ = f"stream/{name}-{words[-1].strip('-')}"
            said = f"{how}; {' '.join(words[-2:])}"
            yield Fault(id_, said, make, (NOTHING,), heard=name not in UNHEARD)
    for name, how, streams in STREAMS[2:10]:
        make = verb("report", "/nonexistent", streams=streams)
        said = f"{how}; report of a folder that there is not"
        heard = name not in UNHEARD and "err" not in name and name != "closed-many"
        yield Fault(f"stream/{name}-refused", said, make, (NOTHING,), (2,), heard=heard)
