"""A LoadGen run with nothing behind it: each query is answered in the call that issues it.

    python -m scripts.bare_loadgen RUN OUT

`RUN` is the folder of a run on the null engine: its user.conf, its scenario and its numbers of
samples are taken. `OUT` gets LoadGen's logs. What `RUN` has on top of these is our code's: the
socket, the ledger and the engine's side of both.
"""

from __future__ import annotations

import gc
import os
import socket
import sys
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sut.config.names import Scenario
from sut.json_text import decoded
from sut.loadgen.child import GIL_SWITCH_INTERVAL_S, LoadGenRun, LoadGenSpec

TOKENS = 2
"""In each answer, of four bytes: the least for which LoadGen has a time per token."""


class BareRun(LoadGenRun):
    """LoadGen, its binding, and a list of responses."""

    def __init__(self, spec: LoadGenSpec):
        ours, self._kept = socket.socketpair()
        super().__init__(ours, spec)
        self._answer = array("i", range(TOKENS))
        self._place = self._answer.buffer_info()[0]

    def _issue(self, ids: list[int], _indices: list[int]) -> None:
        response = self._lg.QuerySampleResponse
        if self._needs_first_token:
            self._lg.FirstTokenComplete([response(each, self._place, 4, 1) for each in ids])
        answers = [response(each, self._place, 4 * TOKENS, TOKENS) for each in ids]
        self._lg.QuerySamplesComplete(answers)

    def _load(self, _indices: list[int]) -> None:
        """There are no samples."""

    def _pulse(self) -> None:
        """Nobody listens."""

    def _send(self, _data: bytes) -> None:
        """Nobody listens."""


def spec_of(run: Path, out: Path) -> LoadGenSpec:
    """What LoadGen was told in a run of ours, with another folder for its logs."""
    facts: dict[str, Any] = decoded((run / "run.json").read_text(encoding="utf-8"))
    asked = facts["expected_settings"]
    return LoadGenSpec(
        user_conf=str((run / "user.conf").resolve()),
        loadgen_model=facts["loadgen_model"],
        loadgen_scenario=Scenario(facts["scenario"]).loadgen_scenario,
        mode="performance",
        total_count=asked["qsl_reported_total_count"],
        performance_count=asked["effective_performance_sample_count"],
        log_dir=str(out),
        audit_config=str(out / "no-audit.config"),
        enable_trace=False,
    )


def main(arguments: Sequence[str]) -> None:
    """Make the run; the process ends with it, as LoadGen's own process in a run of ours does."""
    run, out = (Path(each) for each in arguments)
    out.mkdir(parents=True)
    sys.setswitchinterval(GIL_SWITCH_INTERVAL_S)
    gc.disable()
    BareRun(spec_of(run, out)).start()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
