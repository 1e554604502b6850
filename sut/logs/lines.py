"""What the lines of a detail log say besides their values: when each was written, and how often.

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
        twice: keys that stand twice with different values; of messages LoadGen writes many.
        ended_ms: LoadGen's clock, from the begin of its log, when it wrote the stamps of the run.
        loaded: the samples that were loaded, in order; None: the log does not say.
    """

    twice: set[str] = field(default_factory=set)
    ended_ms: float | None = None
    loaded: list[int] | None = None
    _values: dict[str, Any] = field(default_factory=dict)

    def take(self, entry: dict[str, Any]) -> None:
        """Note one line."""
        key, value = entry["key"], entry.get("value")
        if key == LOADED:
            self._load(value)
            return
        at = entry.get("time_ms")
        if key == ENDED and self.ended_ms is None and isinstance(at, int | float):
            self.ended_ms = float(at)
        if not key.startswith(MESSAGES) and len(self._values) < MOST_KEYS:
            first = self._values.setdefault(key, value)
            if (type(first), first) != (type(value), value):
                self.twice.add(key)

    def _load(self, value: Any) -> None:
        if isinstance(value, list) and len(self.loaded or ()) + len(value) <= MOST_SAMPLES:
            whole = [each for each in value if isinstance(each, int)]
            self.loaded = [*(self.loaded or ()), *whole]
