"""What is kept of a detail log, how it is quoted, and where reading it stops."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sut.errors import LogError
from sut.logs import detail
from sut.logs.detail import DETAIL_NAME, MessageGroup, cut, quoted, read_detail


def line(key: str, value: Any, **metadata: Any) -> str:
    entry = {"key": key, "value": value, "time_ms": 1.5, "metadata": metadata}
    return f":::MLLOG {json.dumps(entry)}\n"


END = line("num_errors", 0)


def write(folder: Path, *lines: str) -> Path:
    path = folder / DETAIL_NAME
    path.write_text("".join(lines), encoding="utf-8")
    return path


def test_a_text_is_quoted_on_one_line_of_160_characters() -> None:
    assert cut(" a\n\tb ") == "a b"
    assert cut("x" * 160) == "x" * 160
    assert cut("x" * 161) == "x" * 157 + "..."
    assert quoted(line("a", "b").encode()) == ':::MLLOG {"key": "a", "value": "b", ...'
    assert quoted(b"no stamp") == "no stamp"
    long = quoted(line("a", "b" * 1000).encode())
    assert (len(long), long[-4:]) == (160, "b...")


def test_the_index_tells_where_a_key_stands_first_and_who_wrote(tmp_path: Path) -> None:
    log = read_detail(
        write(
            tmp_path,
            line("loadgen_version", "6.0.17", pid=7),
            line("a", 1, pid=7),
            line("a", 2, pid=8),
            line("loadgen_version", "6.0.17", pid="9"),
            END,
        )
    )
    assert log.index.starts == 2
    assert log.index.process_ids == {7, 8}
    assert log.index.first["a"] == (2, ':::MLLOG {"key": "a", "value": 1, ...')
    assert (log.lines, log.values["a"], log.incomplete) == (5, 1, None)


def test_a_message_is_known_by_its_key_or_its_mark_and_grouped_by_its_text(tmp_path: Path) -> None:
    log = read_detail(
        write(
            tmp_path,
            line("error_runtime", "broken"),
            line("note", "told", is_error=True),
            line("error_runtime", "broken"),
            line("warning_generic_message", ["a", 1]),
            line("note", "hint", is_warning=True),
            END,
        )
    )
    first = ':::MLLOG {"key": "error_runtime", "value": "broken", ...'
    assert log.errors == (
        MessageGroup("error_runtime", "broken", 2, 1, first),
        MessageGroup("note", "told", 1, 2, ':::MLLOG {"key": "note", "value": "told", ...'),
    )
    assert [(each.text, each.first_line) for each in log.warnings] == [('["a", 1]', 4), ("hint", 5)]
    figures = log.figures()
    assert (figures.errors, figures.warnings) == (3, 2)


def test_lists_and_what_nobody_needs_are_not_kept(tmp_path: Path) -> None:
    log = read_detail(
        write(
            tmp_path,
            line("loaded_qsl_set", 1),
            line("loadgen_git_log_message", "x"),
            line("loadgen_file_sha1", "x"),
            line("list", [1]),
            line("nothing", None),
            END,
        )
    )
    assert log.values == {"nothing": None, "num_errors": 0}


def test_the_last_key_that_fits_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detail, "MAX_KEYS", 3)
    lines = [line("a", 1), line("b", 2), END]
    log = read_detail(write(tmp_path, *lines, line("a", 3)))
    assert log.values == {"a": 1, "b": 2, "num_errors": 0}
    assert set(log.index.first) == {"a", "b", "num_errors"}
    with pytest.raises(LogError, match="more than 3 different keys") as caught:
        read_detail(write(tmp_path, *lines, line("c", 3)))
    assert caught.value.where == f"{tmp_path / DETAIL_NAME}:4"


def test_a_line_of_the_greatest_length_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = line("a", "x" * 100)
    monkeypatch.setattr(detail, "MAX_LINE_BYTES", len(long) + 1)
    assert read_detail(write(tmp_path, long, END)).lines == 2
    monkeypatch.setattr(detail, "MAX_LINE_BYTES", len(long))
    with pytest.raises(LogError, match="is longer than") as caught:
        read_detail(write(tmp_path, END, long))
    assert caught.value.where == f"{tmp_path / DETAIL_NAME}:2"


def test_a_text_takes_so_many_lines_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = ':::MLLOG {"key": "sut_name", "value": "a\nb", "time_ms": 1.5, "metadata": {}}\n'
    path = write(tmp_path, two, END)
    monkeypatch.setattr(detail, "MAX_TEXTS", len(two))
    log = read_detail(path)
    assert (log.values["sut_name"], log.lines) == ("a\nb", 3)
    monkeypatch.setattr(detail, "MAX_TEXTS", len(two) - 1)
    with pytest.raises(LogError, match="is not a LoadGen entry"):
        read_detail(path)


@pytest.mark.parametrize("value", ["nan", "-nan", "inf", "-nan(ind)", "1e999"])
def test_what_is_no_number_is_nothing(tmp_path: Path, value: str) -> None:
    odd = f':::MLLOG {{"key": "a", "value": {value}, "time_ms": 1.5, "metadata": {{}}}}\n'
    assert read_detail(write(tmp_path, odd, END)).values["a"] is None


def test_figures_are_of_the_type_that_loadgen_prints(tmp_path: Path) -> None:
    figures = read_detail(
        write(
            tmp_path,
            line("result_samples_per_second", 3),
            line("result_tokens_per_second", True),
            line("result_token_throughput", 2e-9),
            line("result_completed_samples_per_sec", 10**400),
            line("result_min_duration_met", 1),
            line("result_min_queries_met", False),
            line("sut_name", 5),
            line("effective_scenario", "Server"),
            line("result_min_latency_ns", 7.0),
            line("result_max_latency_ns", True),
            line("result_99.90_percentile_latency_ns", 9),
            line("result_time_to_output_token_mean", 4),
            END,
        )
    ).figures()
    assert (figures.samples_per_second, figures.tokens_per_second) == (3.0, None)
    assert figures.tokens_per_second_without_overhead == 2e-9 * 1e9
    assert figures.completed_samples_per_second is None
    assert (figures.min_duration_met, figures.min_queries_met) == (None, False)
    assert (figures.sut_name, figures.scenario, figures.valid) == (None, "Server", None)
    assert (figures.latency.min_ns, figures.latency.max_ns) == (7, None)
    assert (figures.latency.p99_9_ns, figures.tpot.mean_ns) == (9, 4)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ((), "the log is empty"),
        ((line("a", 1),), "the log ends after line 1 without num_errors"),
        ((line("requested_test_mode", "AccuracyOnly"), END),
         "the log ends after line 2 without power_end"),
        ((line("requested_test_mode", "AccuracyOnly"),
          line("effective_test_mode", "PerformanceOnly"), END), None),
        ((line("effective_test_mode", "AccuracyOnly"), line("power_end", "x")), None),
        ((END, ':::MLLOG {"key": "a'), "the log breaks off in line 2, which begins "
         "':::MLLOG {\"key\": \"a'"),
    ],
)  # fmt: skip
def test_where_a_log_breaks_off(tmp_path: Path, lines: tuple[str, ...], why: str | None) -> None:
    assert read_detail(write(tmp_path, *lines), allow_incomplete=True).incomplete == why


def test_values_are_picked_by_the_beginning_of_their_key(tmp_path: Path) -> None:
    log = read_detail(write(tmp_path, line("effective_a", 1), line("requested_a", 2), END))
    assert log.group("effective_") == {"effective_a": 1}


def test_a_log_that_breaks_off_is_refused_unless_it_may(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="without num_errors") as caught:
        read_detail(write(tmp_path, line("a", 1)))
    assert caught.value.where == f"{tmp_path / DETAIL_NAME}:2"


@pytest.mark.parametrize("metadata", ["[1]", '"x"', "7", "null"])
def test_metadata_that_is_no_object_says_nothing(tmp_path: Path, metadata: str) -> None:
    odd = f':::MLLOG {{"key": "a", "value": 1, "metadata": {metadata}}}\n'
    log = read_detail(write(tmp_path, odd, END))
    assert (log.values["a"], log.errors, log.warnings) == (1, (), ())
