"""`ending.json`: a session that did not come to its end, and why. It can never be VALID."""

from __future__ import annotations

from pydantic import Field

from sut.record.frozen import Facts

HEAD = "the session ended before its time"


class EndingFacts(Facts):
    """How it ended."""

    phase: str = Field(description="what it was doing, e.g. starting the engine")
    cause: str = Field(description="in one sentence, without its full stop")
    stopped_by: str | None = Field(None, description="Ctrl-C or a signal's name; null: nobody")
    log: str | None = Field(None, description="the file below the session's folder that says more")
    last_lines: list[str] = Field([], description="of that file")

    @property
    def sentence(self) -> str:
        """For the reasons of a result."""
        told = f", and {self.log} ends: {' / '.join(self.last_lines)}" if self.last_lines else ""
        return f"{HEAD}, while {self.phase}: {self.cause}{told}"
