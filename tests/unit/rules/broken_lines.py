"""Rows of breakages.py on the lines of LoadGen's detail log, whatever their values make."""

from __future__ import annotations

from tests.unit.rules.changes import Change, again, detail_value, line_value

BROKEN_LINES: list[tuple[str, str, Change, tuple[str, ...]]] = [
    ("said-once", "server", again("result_validity", '"INVALID"'), ()),
    ("said-once", "accuracy", again("effective_min_duration_ms", "7"), ()),
    ("said-once", "offline", line_value("power_end", '"pid": ', "1"), ()),
    ("samples-loaded", "server", detail_value("loaded_qsl_set", "[0, 1, 2]"), ()),
    ("samples-loaded", "accuracy", detail_value("loaded_qsl_set", str([*range(47), 46])), ()),
    ("samples-loaded", "offline", detail_value("loaded_qsl_set", str([*range(1, 49)])), ()),
    ("log-clock", "server", line_value("power_end", '"time_ms": ', "700.5"), ()),
    ("log-clock", "offline", line_value("power_end", '"time_ms": ', "70000.5"), ()),
]
