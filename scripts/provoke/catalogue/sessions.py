"""The sessions that are hit: all with the engine without a model, and real LoadGen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from scripts.provoke.fault import ANSWERS, AT_START, Call
from scripts.provoke.under import RESULTS, Under
from tests.integration.conftest import settings

NULL = ("--engine", "null", "--dataset", "synthetic")
SERVER = ("--scenario", "Server", *NULL)
OFFLINE = ("--scenario", "Offline", *NULL)
ENDLESS = (*SERVER, *settings(server__min_duration_s=600, server__target_qps=50))
# Long enough to be hit in, and over soon.
SHORT = (*SERVER, *settings(server__min_duration_s=6, server__target_qps=50))
SMALL = (
    *OFFLINE,
    *settings(offline__min_duration_s=0, offline__min_query_count=5, warmup__queries=0),
)
SLOW_WARMUP = (*ENDLESS, *settings(engine__null__ttft_ms=8000, server__e2e_p99_limit_ms=60000))

Make = Callable[[Path], Call]
WARMING, WRITING, RUNNING = "warming up", "writing the result", "running"


def session(
    arguments: tuple[str, ...],
    *more: str,
    at: str = AT_START,
    later_s: float = 0.0,
    blow: Callable[[Under], None] | None = None,
    before: str = "",
    streams: str = "",
    wrap: str = "",
    variables: Mapping[str, str] | None = None,
) -> Make:
    """A session in an empty folder, hit at a moment; `{folder}` is the fault's folder."""

    def make(folder: Path) -> Call:
        return Call(
            ("--results-dir", str(folder / RESULTS), *arguments, *more),
            {name: _in(folder, value) for name, value in (variables or {}).items()},
            before=_in(folder, before),
            streams=_in(folder, streams),
            wrap=wrap,
            at=at,
            later_s=later_s,
            blow=blow,
        )

    return make


def verb(*words: str, streams: str = "", **variables: str) -> Make:
    """A verb that starts nothing; `{folder}` is the fault's folder."""

    def make(folder: Path) -> Call:
        return Call(
            tuple(_in(folder, word) for word in words),
            {name: _in(folder, value) for name, value in variables.items()},
            streams=_in(folder, streams),
        )

    return make


def _in(folder: Path, text: str) -> str:
    return text.replace("{folder}", str(folder))


def run_hit(blow: Callable[[Under], None], arguments: tuple[str, ...] = ENDLESS) -> Make:
    """A session that is hit in the middle of its run."""
    return session(arguments, at=ANSWERS, blow=blow)
