"""The lines of one LoadGen log against its figures: witnesses that no figure is made of.

Each line has LoadGen's clock and its process, and one lists the samples that were loaded. A figure
that was changed, a line that was put in, moved or taken out contradicts them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import pairwise

from sut.logs.line_order import OF_SOME, written
from sut.logs.lines import LOADED
from sut.rules.case import LogCase
from sut.rules.check import Check, check, number
from sut.rules.log_figures import NEAR_STAMPS, STAMPS, between, spent_s
from sut.rules.rule import ACCURACY, Book, Ground

WRITTEN = "loadgen/logging.cc"
SOURCES = "loadgen/version.cc, test_settings_internal.cc, loadgen.cc, results.cc"
ACCURACY_ONLY = "AccuracyOnly"
MOST_NAMED = 5
LOADS = "loadgen/loadgen.cc, LoadSamplesToRam"
SETUP_S = 60.0
"""What may pass from the begin of the log to the first query: LoadGen has the samples loaded."""
DRIFT = 1e-4
MS_PER_S = 1000.0

LINES: Book[LogCase] = Book(Ground.LOADGEN)


@LINES.rule("said-once", "No line stands there twice, and one process wrote the log", WRITTEN)
def said_once(case: LogCase) -> Iterable[Check]:
    """LoadGen writes each setting and each figure once."""
    index = case.logs.detail.index if case.logs else None
    twice = index.lines.twice if index else None
    yield _none("keys that stand twice", twice)
    processes = len(index.process_ids) if index else None
    yield check("processes that wrote it", processes, "==", 1, WRITTEN)


@LINES.rule("lines-in-order", "Every line is there, in the order in which LoadGen writes", SOURCES)
def lines_in_order(case: LogCase) -> Iterable[Check]:
    """Not asked of a log that breaks off, nor of one of another scenario or kind of run."""
    if case.logs is None or case.logs.detail.incomplete or case.scenario is None:
        return  # a log of another kind is told of by loadgen-mode
    accuracy = case.logged("effective_test_mode") == ACCURACY_ONLY
    scenario = case.scenario.loadgen_scenario
    if accuracy != (case.mode == ACCURACY) or case.logged("effective_scenario") != scenario:
        return
    wanted = written(scenario, accuracy=accuracy)
    lines = case.logs.detail.index.lines
    place = {key: at for at, key in enumerate(wanted)}
    known = [key for key in lines.order if key in place]
    moved = [key for before, key in pairwise(known) if place[key] < place[before]]
    yield _none("lines that stand below what follows them", moved)
    if case.logged("requested_use_token_latencies") is True:
        yield _none("lines that are not there", set(wanted) - OF_SOME - set(lines.order))
    yield check("lines whose clock goes back", lines.back, "==", 0, WRITTEN)


def _none(name: str, keys: Collection[str] | None) -> Check:
    """That no key is concerned; None: there is no log."""
    named = tuple(sorted(keys or ())[:MOST_NAMED])
    more = f" and {len(keys) - MOST_NAMED} more" if keys and len(keys) > MOST_NAMED else ""
    said = None if keys is None else (", ".join(named) or "none") + more
    return check(name, said, "==", "none", WRITTEN, keys=named)


@LINES.rule("samples-loaded", "LoadGen had every sample loaded, each once", LOADS)
def samples_loaded(case: LogCase) -> Iterable[Check]:
    """A performance run loads as many as it draws from, an accuracy run all that there are."""
    loaded = case.logs.detail.index.lines.loaded if case.logs else None
    total, most = (
        number(case.logged(key))
        for key in ("qsl_reported_total_count", "effective_performance_sample_count")
    )
    wanted = total
    if case.mode != ACCURACY:
        wanted = None if total is None or most is None else min(total, most)
    different = None if loaded is None else len(set(loaded))
    yield check("different samples loaded", different, "==", wanted, LOADS, keys=(LOADED,))
    if loaded is None or different is None or total is None:
        return
    again = len(loaded) - different
    yield check("samples loaded again", again, "==", 0, LOADS, keys=(LOADED,))
    beyond = sum(not 0 <= each < total for each in loaded)
    yield check("samples loaded that there are not", beyond, "==", 0, LOADS, keys=(LOADED,))


@LINES.rule("log-clock", "The clock of the log's lines ran as long as its stamps say", WRITTEN)
def log_clock(case: LogCase) -> Iterable[Check]:
    """From the begin of the log: longer than the run by what it took to load the samples."""
    ended_ms = case.logs.detail.index.lines.ended_ms if case.logs else None
    spent = spent_s(case)
    least = None if spent is None else spent * (1 - DRIFT) - NEAR_STAMPS
    most = None if spent is None else spent * (1 + DRIFT) + SETUP_S
    ended = None if ended_ms is None else ended_ms / MS_PER_S
    yield between("seconds by the clock of the lines", ended, least, most, STAMPS)
