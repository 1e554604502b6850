"""Each formula against figures worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from sut import metrics
from sut.errors import LogError
from sut.logs.figures import Figures, Quantiles
from sut.logs.run_logs import read_logs
from sut.record.ledger_file import count_states, read_ledger
from tests.unit.result.ledgers import ledger

FOUR = ledger(
    (0, 10, 101, 8, "succeeded"),
    (5, 25, 105, 1, "empty"),
    (7, None, 400, None, "failed"),
    (9, 12, 1_000_000_009, 2, "succeeded"),
)


def test_intervals_are_exact_and_leave_out_what_did_not_succeed() -> None:
    assert metrics.latency_ns(FOUR).tolist() == [101, 1_000_000_000]
    assert metrics.ttft_ns(FOUR).tolist() == [10, 3]
    assert metrics.tpot_ns(FOUR).tolist() == [13, 999_999_997]


def test_a_time_per_token_and_a_mean_are_rounded_down_to_whole_nanoseconds() -> None:
    assert metrics.tpot_ns(ledger((0, 10, 105, 8, "succeeded"))).tolist() == [13]  # 95 / 7
    made = metrics.distribution_of(np.array([1, 2, 2], dtype=np.int64))
    assert made is not None
    assert (made.mean_ns, made.count) == (1, 3)


def test_tokens_count_as_loadgen_counts_them() -> None:
    assert metrics.counted_tokens(FOUR) == 10
    assert metrics.mean_output_tokens(10, 4) == 2.5
    assert metrics.mean_output_tokens(0, 0) is None


def test_ledger_rates() -> None:
    rates = metrics.ledger_rates(FOUR)
    assert rates.samples.per_second == pytest.approx(2 / 1.000000009)
    assert rates.tokens.per_second == pytest.approx(10 / 1.000000009)
    assert (rates.samples.source, rates.tokens.source) == ("ledger", "ledger")


def test_nothing_measured_is_none() -> None:
    none = ledger((0, None, None, None, "outstanding"))
    assert metrics.ledger_rates(none).samples.per_second is None
    assert metrics.ledger_span_s(none) is None
    assert metrics.distribution_of(metrics.latency_ns(none)) is None
    assert metrics.loadgen_distribution(Quantiles(), 5) is None
    assert metrics.loadgen_rates("Server", Figures()).tokens == metrics.NOT_MEASURED
    assert metrics.judged_duration_s("Offline", Figures(), None) is None
    assert metrics.judged_duration_s("Server", Figures(), 7) is None


def test_percentile_is_loadgens_index() -> None:
    values = np.arange(100, dtype=np.int64)
    assert [metrics.percentile_ns(values, p) for p in (50, 90, 99, 99.9)] == [50, 90, 99, 99]
    made = metrics.distribution_of(values[::-1])
    assert made is not None
    assert (made.min_ns, made.max_ns, made.mean_ns, made.count) == (0, 99, 49, 100)
    assert made.source == "ledger"


def test_all_n() -> None:
    assert metrics.all_n(9.0, 10) == 10.0
    assert metrics.all_n(9.0, 1) is None


@pytest.mark.parametrize(
    ("scenario", "name", "n"),
    [("Server", "server", 240), ("SingleStream", "singlestream", 192), ("Offline", "offline", 192)],
)
def test_judged_duration_is_near_the_ledgers_span(
    recorded: Path, scenario: str, name: str, n: int
) -> None:
    judged = metrics.judged_duration_s(scenario, read_logs(recorded / name).figures, n)
    spanned = metrics.ledger_span_s(read_ledger(recorded / name / "ledger.parquet"))
    assert judged is not None
    assert judged == pytest.approx(spanned, rel=0.02)


def test_ledger_and_loadgen_tell_of_the_same_run(recorded: Path) -> None:
    table = read_ledger(recorded / "interactive" / "ledger.parquet")
    figures = read_logs(recorded / "interactive").figures
    ours, theirs = metrics.distribution_of(metrics.latency_ns(table)), figures.latency
    assert ours is not None
    # LoadGen counts from the schedule, so its figure is the longer one, by the delay.
    assert theirs.p50_ns is not None
    assert ours.p50_ns is not None
    assert 0 < theirs.p50_ns - ours.p50_ns < 1_000_000
    assert metrics.ledger_rates(table).tokens.per_second == pytest.approx(
        figures.completed_tokens_per_second, rel=0.01
    )


def test_states_are_counted(recorded: Path) -> None:
    table = read_ledger(recorded / "server_with_errors" / "ledger.parquet")
    assert count_states(table) == {"succeeded": 477, "empty": 1, "failed": 2, "outstanding": 0}


@pytest.mark.parametrize("content", [None, b"", b"PAR1 and nothing more"])
def test_unreadable_ledger(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ledger.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(LogError, match="cannot be read"):
        read_ledger(path)


def test_of_a_long_error_the_first_line_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: object) -> None:
        raise OSError("no footer\nand a page of it")

    monkeypatch.setattr(pq, "ParquetFile", broken)
    (tmp_path / "ledger.parquet").touch()
    with pytest.raises(LogError) as caught:
        read_ledger(tmp_path / "ledger.parquet")
    assert caught.value.message == "the ledger cannot be read: no footer."


def test_ledger_without_a_column(tmp_path: Path) -> None:
    pq.write_table(FOUR, tmp_path / "ledger.parquet")
    with pytest.raises(LogError, match="no column seq, sample_index"):
        read_ledger(tmp_path / "ledger.parquet")
