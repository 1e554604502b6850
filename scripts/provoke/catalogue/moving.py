"""Folders that are moved under a search, and engines of other packages that break a promise."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from scripts.provoke.catalogue.disks import made_a_loop, move
from scripts.provoke.catalogue.searches import VERBS, hit
from scripts.provoke.catalogue.sessions import Make, session
from scripts.provoke.drive import ROOT
from scripts.provoke.fault import ANSWERS, EITHER, ENDED, RECOVERED, VALID, Fault, Outcomes
from scripts.provoke.under import Under
from tests.integration.conftest import settings

HOSTILE = ROOT / "tests" / "data" / "hostile-engine"
RUN_S, STALL_S = 3, 5
# What an engine may do, or what costs no answer.
HARMLESS = ("stats", "close", "figures")


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _moved()
    for name, how in hostile().items():
        ends: Outcomes = (VALID,) if name in HARMLESS else ENDED
        yield Fault(f"hostile/{name}", f"an engine of another package {how}", _hostile(name), ends,
                    (0,) if name in HARMLESS else (1,), float(STALL_S))  # fmt: skip


def _moved() -> Iterator[Fault]:
    folders: tuple[tuple[str, str, Callable[[Under], Path]], ...] = (
        ("out", "its folder", lambda under: under.results),
        ("session", "the folder of the session that it makes", _session),
    )
    acts: tuple[tuple[str, str, Callable[[Path], object]], ...] = (
        ("moved", "is moved away", move),
        ("loop", "is a link to itself all of a sudden", made_a_loop),
    )
    for verb in VERBS:
        for name, what, which in folders:
            for does, said, act in acts:
                blow = lambda under, which=which, act=act: act(which(under))  # noqa: E731
                make = hit(verb, ANSWERS, blow, RUN_S)
                ends = (*EITHER, RECOVERED)
                yield Fault(f"moved/{verb}-{name}-{does}", f"`{verb}`: {what} {said}, in a run",
                            make, ends, (1, 2))  # fmt: skip


def _session(under: Under) -> Path:
    return next(iter(sorted(under.results.rglob(".running.json")))).parent


def hostile() -> Mapping[str, str]:
    """What the hostile engine can do, in words."""
    sys.path.insert(0, str(HOSTILE))
    try:
        import hostile_engine as engine
    finally:
        sys.path.remove(str(HOSTILE))
    events: Mapping[str, tuple[str, Any]] = engine.EVENTS
    gives = {name: f"gives {how}" for name, (how, _) in events.items()}
    return {**gives, **engine.CALLS}


def _hostile(name: str) -> Make:
    rate = settings(server__min_duration_s=1, server__target_qps=50, warmup__queries=2)
    own = settings(engine__options__how=name, engine__stall_timeout_s=STALL_S)
    words = ("--scenario", "Server", "--engine", "hostile", "--dataset", "synthetic", *rate, *own)
    return session(words, variables={"PYTHONPATH": os.pathsep.join([str(HOSTILE), str(ROOT)])})
