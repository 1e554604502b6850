from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from qsl.dataset import TokenIds
from sut.accuracy.alarms import Shares, loops, sentences, shares, success_rate
from tests.unit.accuracy.answered import write_ledger

EOS = 2


def ids(*tokens: int) -> TokenIds:
    return np.array(tokens, dtype=np.int32)


def test_an_end_of_sequence_alone_is_an_empty_answer() -> None:
    found = shares([ids(), ids(EOS), ids(5, EOS), ids(EOS, 6)], [EOS])
    assert found.empty == 0.5


def test_equal_answers_count_all_but_empty_ones_do_not() -> None:
    found = shares([ids(5, 6), ids(5, 6, EOS), ids(7), ids(), ids(EOS)], [EOS])
    assert found == Shares(empty=0.4, looping=0, identical=0.4)


def test_no_answer_at_all_gives_no_share() -> None:
    assert shares([], [EOS]) == Shares(0, 0, 0)


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        (list(range(16)) + [7] * 8, True),
        (list(range(16)) + [7, 9] * 4, True),
        (list(range(27)) + [4, 5, 6, 8] * 4, True),  # 14 in the last third: three rounds and two
        (list(range(24)), False),
        (list(range(16)) + [7, 9] * 3 + [7, 8], False),
        ([*range(5), 7, 7, 7, 7, 7, 7, 7, 7] + [7] * 11, True),
        ([7] * 24, True),  # 8 tokens are enough
        ([7] * 21, False),  # 7 tokens are no tail to judge by
        ([], False),
        ([7], False),
    ],
)
def test_a_loop_is_an_n_gram_that_fills_the_last_third(tokens: list[int], expected: bool) -> None:
    assert loops(ids(*tokens)) is expected


def test_looping_answers_are_counted_without_their_end() -> None:
    looping = [*range(10, 27), *[7] * 9, EOS]
    assert shares([ids(*looping), ids(*range(10, 40))], [EOS]).looping == 0.5


def test_answers_of_a_benchmark_may_be_alike() -> None:
    """A number is the answer to more than one question."""
    assert sentences(Shares(empty=0, looping=0, identical=1.0), None) == []
    assert len(sentences(Shares(empty=0, looping=0, identical=0.02), 0.01)) == 1


def test_a_share_is_an_alarm_only_above_its_limit() -> None:
    assert sentences(Shares(empty=0.01, looping=0.10, identical=0.01), 0.01) == []
    found = sentences(Shares(empty=0.011, looping=0.101, identical=1.0), 0.01)
    assert [text.split(" of the answers are ")[0] for text in found] == ["1.1%", "10.1%", "100.0%"]
    assert "above 10%" in found[1]


def test_each_limit_is_the_documented_one() -> None:
    (said,) = sentences(Shares(empty=0.02, looping=0, identical=0), None)
    assert said == "2.0% of the answers are empty, above 1%"


def test_success_wants_an_end_with_a_reason(tmp_path: Path) -> None:
    states = ["succeeded"] * 4 + ["empty", "failed", "outstanding", "succeeded"]
    reasons = ["stop", "length", None, "abort", "stop", None, None, "stop"]
    write_ledger(tmp_path, states, reasons)
    assert success_rate(tmp_path / "ledger.parquet") == 3 / 8


def test_no_query_gives_no_success_rate(tmp_path: Path) -> None:
    write_ledger(tmp_path, [], [])
    assert success_rate(tmp_path / "ledger.parquet") is None


def test_an_answer_ends_at_its_first_end_of_sequence() -> None:
    proper = [ids(), ids(EOS), ids(5, 6), ids(5, 6, EOS)]
    assert shares(proper, [EOS]).misended == 0
    found = shares([*proper, ids(5, EOS, EOS), ids(5, EOS, 6)], [EOS, 128009])
    assert found.misended == 2
    (said,) = sentences(Shares(empty=0, looping=0, identical=0, misended=2), 0.01)
    assert said.startswith("2 answers go on after an end-of-sequence id")
    assert len(sentences(Shares(empty=0, looping=0, identical=0, misended=1), 0.01)) == 1
