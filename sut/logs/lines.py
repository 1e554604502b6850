"""What the lines of a detail log say besides their values: when each was written, in which order.

No figure is made of it, so that whoever changes a figure leaves it as it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

LOADED = "loaded_qsl_set"
"""The samples that LoadGen had loaded; of a data set in parts a line for each."""
ENDED = "power_end"
MESSAGES = ("error_", "warning_", "generic_message")
MOST_KEYS = 10_000
MOST_SAMPLES = 10_000_000


@dataclass
class Lines:
    """Of one detail log.

    Attributes:
        order: every key but those of messages, at its first place; LoadGen writes each once.
        twice: keys that stand there again; of messages LoadGen writes many.
        back: lines, messages aside, whose clock is behind that of a line above them.
        ended_ms: LoadGen's clock, from the begin of its log, when it wrote the stamps of the run.
        loaded: the samples that were loaded, in order; None: the log does not say.
    """

    order: dict[str, None] = field(default_factory=dict)
    twice: set[str] = field(default_factory=set)
    back: int = 0
    ended_ms: float | None = None
    loaded: list[int] | None = None
    _latest_ms: float = 0.0

    def take(self, entry: dict[str, Any]) -> None:
        """Note one line."""
        key, value, at = entry["key"], entry.get("value"), entry.get("time_ms")
        if key.startswith(MESSAGES):
            return
        if key == LOADED:
            self._load(value)
        elif key in self.order:
            self.twice.add(key)
        if len(self.order) < MOST_KEYS:
            self.order[key] = None
        if isinstance(at, int | float):
            self.back += at < self._latest_ms
            self._latest_ms = max(self._latest_ms, at)
            if key == ENDED and self.ended_ms is None:
                self.ended_ms = float(at)

    def _load(self, value: Any) -> None:
        if isinstance(value, list) and len(self.loaded or ()) + len(value) <= MOST_SAMPLES:
            whole = [each for each in value if isinstance(each, int)]
            self.loaded = [*(self.loaded or ()), *whole]
