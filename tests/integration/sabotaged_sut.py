"""`python sabotaged_sut.py KIND …`: the command line, on a null engine that cheats.

A script and not a fixture: the harness runs in a process of its own, as users run it.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Sequence

from sut.config.engine_kinds import EngineKind
from sut.config.schema import NullConfig
from sut.engines import null
from sut.engines.base import EventSink, Finished, FirstToken, RunSpec
from sut.engines.null import TOKEN, NullEngine
from sut.main import main

EOS = 2
ANSWERS = {
    "honest": [TOKEN] * 6 + [EOS],
    "two_eos": [TOKEN] * 5 + [EOS] * 2,
    "eos_only": [EOS] * 2,
    "eos_inside": [TOKEN] * 3 + [EOS] + [TOKEN] * 3,
    "one_token": [TOKEN],
    "too_long": [TOKEN] * 40,
    "another_first_token": [TOKEN + 1] * 3 + [EOS],
    "nothing": [],
}


class CheatingEngine(NullEngine):
    """Gives LoadGen's queries the answer of its kind; the first token it reports is TOKEN."""

    def __init__(self, config: NullConfig, kind: str):
        super().__init__(config, [EOS])
        self._tokens = ANSWERS[kind]
        self._reports_first = kind == "another_first_token"

    def begin_run(self, spec: RunSpec, sink: EventSink) -> None:
        super().begin_run(spec, sink)
        if spec.is_warmup:  # of which no test is made
            return
        self._answer = array("i", self._tokens).tobytes()
        self._finish_reason = "stop"

    def submit(self, first_seq: int, indices: Sequence[int]) -> None:
        spec = self._spec
        for seq in range(first_seq, first_seq + len(indices)):
            if self._reports_first and spec is not None and spec.reports_first_token:
                self._deliver([FirstToken(seq, TOKEN)])
            self._deliver([Finished(seq, self._answer, self._finish_reason)])


if __name__ == "__main__":
    cheat = sys.argv[1]
    null.KIND = EngineKind(
        NullConfig, lambda request: CheatingEngine(request.config.engine.null, cheat)
    )
    main(sys.argv[2:])
