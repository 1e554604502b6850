"""What Ray raises when something of a cluster is gone → one line for a person."""

from __future__ import annotations

from collections.abc import Sequence

from sut.errors import HarnessError

LONGEST = 200
ACTOR_ERROR = "RayActorError"
# Ray's long message has the reason in the line that begins so, and in it, for a process, a
# detail between the one mark and the other.
REASON = "The actor "
NODE_DIED = "node has died"
DETAIL, ADVICE = "Worker exit detail:", "Some common causes"


def in_one_line(error: BaseException) -> str:
    """Our own error's message; of Ray's, what died and why; of any other its first line."""
    cause = getattr(error, "cause", None) or error
    if isinstance(cause, HarnessError):
        return cause.message
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # By name: Ray reads its variables when it is imported, which is the connection's to do.
    if any(kind.__name__ == ACTOR_ERROR for kind in type(error).__mro__):
        return _death(lines)
    if isinstance(cause, Exception) and cause is not error:
        lines = [line.strip() for line in str(cause).splitlines() if line.strip()]
    return lines[0][:LONGEST].rstrip(".") if lines else type(cause).__name__


def _death(lines: Sequence[str]) -> str:
    """An actor's: of its process, or of the whole node."""
    reasons = [line for line in lines[1:] if line.startswith(REASON)]
    why = reasons[-1] if reasons else (lines[-1] if lines else "Ray gives no cause")
    if NODE_DIED in why:
        return "its node died"  # Ray adds its id alone
    if DETAIL in why:
        why = why.partition(DETAIL)[2].partition(ADVICE)[0]
    return f"its process died ({why.strip()[:LONGEST].rstrip('.')})"
