"""Rows of breakages.py on the lines of LoadGen's detail log, whatever their values make."""

from __future__ import annotations

from tests.unit.rules.changes import (
    Change,
    again,
    detail_value,
    line_on_top,
    line_value,
    without_line,
)

ORDER = "lines-in-order"

BROKEN_LINES: list[tuple[str, str, Change, tuple[str, ...]]] = [
    ("said-once", "server", again("result_validity", '"INVALID"'), ()),
    ("said-once", "accuracy", again("effective_min_duration_ms", "7"), ()),
    ("said-once", "offline", line_value("power_end", '"pid": ', "1"), ()),
    ("said-once", "server", again("effective_min_query_count", "270"), ()),
    ("lines-in-order", "server", without_line("requested_schedule_rng_seed"), ()),
    ("lines-in-order", "offline", without_line("logger_tls_total_log_cas_fail_count"), ()),
    ("lines-in-order", "accuracy", without_line("effective_target_duration_ms"), ()),
    ("lines-in-order", "server", without_line("early_stopping_ttft_result"), ()),
    ("lines-in-order", "offline", line_on_top("effective_target_qps"), ()),
    ("lines-in-order", "server", line_value("num_errors", '"time_ms": ', "0.001"), ()),
    ("samples-loaded", "server", detail_value("loaded_qsl_set", "[0, 1, 2]"), ()),
    ("samples-loaded", "accuracy", detail_value("loaded_qsl_set", str([*range(47), 46])), ()),
    ("samples-loaded", "offline", detail_value("loaded_qsl_set", str([*range(1, 49)])), ()),
    ("log-clock", "server", line_value("power_end", '"time_ms": ', "700.5"), (ORDER,)),
    ("log-clock", "offline", line_value("power_end", '"time_ms": ', "70000.5"), (ORDER,)),
]
