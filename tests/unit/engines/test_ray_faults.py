from __future__ import annotations

import pytest

from sut.engines.ray.faults import in_one_line
from sut.errors import EngineStartError

DIED = """The actor died unexpectedly before finishing this task.
\tclass_name: Replica
\tpid: 32490
\tip: 192.0.2.2
The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR \
Worker exit detail: Worker unexpectedly exits with a connection error code 2. End of file. \
Some common causes include: (1) the process was killed by the OOM killer."""
CUT_OFF = """The actor died unexpectedly before finishing this task.
\tclass_name: NodeRun
The actor died because its node has died. Node Id: 5f0c
\tthe actor's node was terminated unexpectedly: health check failed."""


class RayActorError(Exception):
    """Ray's has this name."""


class ActorDiedError(RayActorError):
    """Ray's, too."""


class TaskError(Exception):
    def __init__(self, cause: Exception):
        super().__init__("ray::Replica.start()\n  File")
        self.cause = cause


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            ActorDiedError(DIED),
            "its process died (Worker unexpectedly exits with a connection error code 2. "
            "End of file)",
        ),
        (ActorDiedError(CUT_OFF), "its node died"),
        (RayActorError(""), "its process died (Ray gives no cause)"),
        (TaskError(EngineStartError("no weights.", remedy="Copy them.")), "no weights."),
        (TaskError(ValueError("the cause.\nmore")), "the cause"),
        (KeyError(), "KeyError"),
        (OSError("no space left\non the device"), "no space left"),
    ],
)
def test_one_line_says_what_is_gone_and_why(error: Exception, line: str) -> None:
    assert in_one_line(error) == line
