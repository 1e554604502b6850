"""Commands of several sessions, `campaign`, `peak` and `tune`: hit, crowded, and on bad folders."""

from __future__ import annotations

import errno
import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from scripts.provoke.catalogue.disks import refusing
from scripts.provoke.catalogue.sessions import RUNNING, WARMING, Make
from scripts.provoke.catalogue.shapes import BYTES, JSON, KINDS, Shape
from scripts.provoke.fault import (
    ANSWERS,
    AT_START,
    EITHER,
    ENDED,
    KILLED,
    NO_RUN,
    NOTHING,
    RECOVERED,
    STOPPED_EARLY,
    Call,
    Fault,
    Outcomes,
)
from scripts.provoke.under import GIVEN, RESULTS, Under, send

S = signal.Signals
ASKING = (S.SIGINT, S.SIGTERM, S.SIGHUP, S.SIGQUIT)
LONG, SHORT = 600, 1
SPACE = ("--space", "engine.null.ttft_ms=1,2")
SHAPES = {**KINDS, **BYTES, **JSON}
STAGE, TRIAL = "stages/cpu.base.Offline-performance.json", "trials/001/trial.json"
# Fields of a record that are of another type, or past all bounds.
FIELDS: Mapping[str, tuple[str, object]] = {
    "null": ("null", None),
    "text": ("text", "x"),
    "list": ("a list", [1]),
    "minus": ("-1", -1),
    "digits": ("a number of 400 digits", 10**400),
    "nan": ("NaN", float("nan")),
}


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _asked()
    yield from _killed()
    yield from _crowded()
    yield from _refused()
    yield from _records()
    yield from _fields()


def _words(verb: str, out: Path, seconds: int) -> tuple[str, ...]:
    """A command line; the plan of a campaign is beside the folder."""
    if verb == "campaign":
        plan = out.parent / "plan.yaml"
        plan.write_text(_plan(seconds), encoding="utf-8")
        return ("campaign", str(plan), "--out", str(out))
    rate, length = "server.target_qps=50", f"server.min_duration_s={seconds}"
    few = ("--set", "warmup.queries=1", "--set", rate, "--set", length)
    flags = ("--engine", "null", "--dataset", "synthetic", *few, "--trial-seconds", str(seconds))
    own = (*SPACE, "--budget", "1m") if verb == "tune" else ("--trials", "2")
    return (verb, "--scenario", "Server", *flags, *own, "--out", str(out))


def _plan(seconds: int) -> str:
    return json.dumps({
        "scenarios": ["Offline", "Server"],
        "systems": ["cpu"],
        "common": {
            "engine.kind": "null", "dataset": "synthetic", "warmup.queries": 1,
            "offline.min_duration_s": 0, "offline.min_query_count": 48,
            "server.min_duration_s": seconds, "server.target_qps": 50,
        },
    })  # fmt: skip


VERBS = ("campaign", "peak", "tune")


def hit(
    verb: str, at: str, blow: Callable[[Under], None] | None, seconds: int = LONG, before: str = ""
) -> Make:
    """One of the verbs, hit at a moment."""

    def make(folder: Path) -> Call:
        words = _words(verb, folder / RESULTS, seconds)
        return Call(words, at=at, blow=blow, before=before.replace("{folder}", str(folder)))

    return make


def _asked() -> Iterator[Fault]:
    """Signals that ask for the end: in a run, while the first modules load, twice."""
    for verb in VERBS:
        for number in ASKING:
            make = hit(verb, ANSWERS, send(number))
            how = f"`{verb}`: {number.name} in a run"
            ends = (*ENDED, *EITHER, RECOVERED)
            yield Fault(f"search/{verb}-{number.name}", how, make, ends, (130,))
            make = _early(verb, number)
            how = f"`{verb}`: {number.name} 2 s after the command was given"
            codes = (130, -number)
            ends = (*STOPPED_EARLY, *EITHER)
            yield Fault(f"search/{verb}-{number.name}-early", how, make, ends, codes)
        make = hit(verb, ANSWERS, _twice)
        how = f"`{verb}`: Ctrl-C, and again a second later"
        # A campaign has stages that are VALID already.
        yield Fault(f"search/{verb}-twice", how, make, (*EITHER, RECOVERED), (130,))


def _early(verb: str, number: signal.Signals) -> Make:
    def make(folder: Path) -> Call:
        words = _words(verb, folder / RESULTS, LONG)
        return Call(words, at=AT_START, later_s=2.0, blow=send(number))

    return make


def _twice(under: Under) -> None:
    under.process.send_signal(S.SIGINT)
    time.sleep(1.0)
    under.process.send_signal(S.SIGINT)


def _killed() -> Iterator[Fault]:
    for verb in VERBS:
        ends: Outcomes = (*KILLED, *ENDED) if verb == "tune" else KILLED
        make = hit(verb, ANSWERS, send(S.SIGKILL))
        yield Fault(f"search/{verb}-SIGKILL", f"`{verb}`: SIGKILL in a run", make, ends, (-9,))
    make = hit("campaign", WARMING, send(S.SIGKILL))
    how = "`campaign`: SIGKILL while warming up"
    yield Fault("search/campaign-SIGKILL-warm-up", how, make, (NO_RUN, *EITHER, RECOVERED), (-9,))
    make = hit("tune", RUNNING, lambda under: under.child("sut.tune.child").kill())
    how = "`tune`: the process of a trial is killed"
    yield Fault("search/tune-child", how, make, (RECOVERED, *EITHER), (0, 1))


def _crowded() -> Iterator[Fault]:
    """The folder is taken by another command, for as long as the test takes."""
    taken = "mkdir -p {folder}/results; exec 9< {folder}/results; flock -n 9"
    for verb in VERBS:
        make = hit(verb, AT_START, None, before=taken)
        how = f"`{verb}`: another command works in its folder"
        yield Fault(f"search/{verb}-crowded", how, make, (NOTHING,), (2,))


def _refused() -> Iterator[Fault]:
    """The disk is full from a moment on."""
    anything = (*EITHER, RECOVERED, NO_RUN, NOTHING)
    for verb in VERBS:
        for name, at in (("start", AT_START), ("run", ANSWERS)):
            make = _full(verb, at)
            how = (
                f"`{verb}`: ENOSPC on write and mkdir, {'in a run' if at == ANSWERS else 'always'}"
            )
            yield Fault(f"search/{verb}-full-{name}", how, make, anything, (0, 1, 2))


def _full(verb: str, at: str) -> Make:
    def make(folder: Path) -> Call:
        variables, trigger = refusing(folder, "write mkdir allocate", errno.ENOSPC)
        if at == AT_START:
            trigger.touch()
        blow = None if at == AT_START else lambda _: trigger.touch()
        return Call(_words(verb, folder / RESULTS, SHORT), variables, at=at, blow=blow)

    return make


def _records() -> Iterator[Fault]:
    for name, (how, shape) in SHAPES.items():
        for verb, record in (("campaign", STAGE), ("tune", TRIAL)):
            if verb == "tune" and name in ("dangling", "loop"):
                continue  # a link to nothing is no trial, and the search goes on
            make = _lying(verb, record, shape)
            said = f"`{verb}`: {Path(record).name} is {how}"
            yield Fault(f"search/{verb}-record-{name}", said, make, (NOTHING,), (0, 1, 2))


def _lying(verb: str, record: str, shape: Shape) -> Make:
    """Something that lies where an earlier call would have left its record."""

    def make(folder: Path) -> Call:
        out = folder / GIVEN / "out"
        path = out / record
        path.parent.mkdir(parents=True)
        shape(path, b"{}")
        words = _words(verb, out, SHORT)
        return Call((*words, "--dry-run") if verb == "campaign" else words)

    return make


def _fields() -> Iterator[Fault]:
    stage = {"inputs_sha256": "0" * 64, "left": "sessions/x", "took_s": 1.0}
    trial = {"number": 1, "purpose": "given", "settings": {}, "value": 1.0, "failed": None,
             "cost_s": 1.0}  # fmt: skip
    for verb, record, honest in (("campaign", STAGE, stage), ("tune", TRIAL, trial)):
        for field in honest:
            for name, (how, value) in FIELDS.items():
                text = json.dumps({**honest, field: value}).encode()
                make = _lying(verb, record, lambda path, _, text=text: path.write_bytes(text))  # type: ignore[misc]
                said = f"`{verb}`: {field} of {Path(record).name} is {how}"
                yield Fault(f"search/{verb}-{field}-{name}", said, make, (NOTHING,), (0, 2))
