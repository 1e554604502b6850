"""Every sample ends exactly once, and a failure is never an answer."""

from array import array
from dataclasses import replace
from typing import Any
from zlib import crc32

import pytest

from sut.engines.base import Event, Failed, Finished, FirstToken
from sut.harness.ledger import LONGEST_REASON, Ledger, NotAnEventError, State
from sut.loadgen.link import FAILED
from sut.record.answer import FEW, GOES_ON, AnswerBounds

EOS = 2
BOUNDS = AnswerBounds(max_tokens=4, min_tokens=1, end_ids=frozenset({EOS, 258}))


def tokens(*ids: int) -> bytes:
    return array("i", ids).tobytes()


CONTRADICTIONS = [
    ([5, 6, 7], "length", "finish reason length at 3 of 4 tokens"),
    ([5, 6], "stop", "it stopped without an end-of-sequence id"),
    ([5, 6, 7, 8, 9], "length", "the answer has 5 tokens, 4 are allowed"),
    ([5, 6, 7, 8, EOS], "stop", "the answer has 5 tokens, 4 are allowed"),
    ([5, EOS], "abort", "finish reason abort, which is neither stop nor length"),
    ([5, EOS, EOS], "stop", GOES_ON),
    ([EOS, 5, 6, 7], "length", GOES_ON),
    ([5, 258, EOS], "stop", GOES_ON),
    ([5, 258, 6, 7], "length", GOES_ON),
]
SOUND = [
    ([5, 6, 7, 8], "length"),
    ([5, 6, 7, EOS], "length"),
    ([5, 6, 7, EOS], "stop"),
    ([5, 258], "stop"),
    ([512, 131072, 33685504, EOS], "stop"),  # bytes of 2 and of 258 that are no such token
    ([16842752, 513, 258], "stop"),
]


@pytest.fixture
def ledger() -> Ledger:
    book = Ledger(reports_first_token=True, bounds=BOUNDS)
    book.issue(0, [7, 8, 9], issued_ns=100)
    return book


def test_an_answered_sample(ledger: Ledger):
    first = ledger.apply([FirstToken(1, 5)], now_ns=110)
    assert (list(first.first_seqs), list(first.first_tokens)) == ([1], [5])
    assert not first.done_seqs
    done = ledger.apply([Finished(1, tokens(5, 6, EOS), "stop")], now_ns=120)
    assert (list(done.done_seqs), list(done.done_lengths)) == ([1], [3])
    assert done.answers == [tokens(5, 6, EOS)]
    assert ledger.state[1] == State.SUCCEEDED
    assert (ledger.first_token_ns[1], ledger.done_ns[1], ledger.tokens_out[1]) == (110, 120, 3)
    assert ledger.outstanding == 2


def test_nothing_but_an_end_of_sequence_is_empty_and_not_a_success(ledger: Ledger):
    ledger.apply([FirstToken(0, EOS), Finished(0, tokens(EOS), "stop")], now_ns=110)
    assert ledger.state[0] == State.EMPTY
    assert ledger.count[State.SUCCEEDED] == 0


def test_one_token_that_is_no_end_of_sequence_is_an_answer():
    book = Ledger(reports_first_token=True, bounds=replace(BOUNDS, max_tokens=1))
    book.issue(0, [7], issued_ns=100)
    book.apply([FirstToken(0, 5), Finished(0, tokens(5), "length")], now_ns=110)
    assert book.state[0] == State.SUCCEEDED


def test_a_failure_is_reported_to_loadgen_without_a_token(ledger: Ledger):
    batch = ledger.apply([Failed(2, "out of memory")], now_ns=110)
    assert list(batch.done_lengths) == [FAILED]
    assert batch.answers == []
    assert (list(batch.first_seqs), list(batch.first_tokens)) == ([2], [FAILED])
    assert ledger.failure == {2: "out of memory"}
    assert ledger.tokens_out_total == 0


def test_a_failure_after_the_first_token_reports_no_second_one(ledger: Ledger):
    ledger.apply([FirstToken(2, 5)], now_ns=110)
    assert not ledger.apply([Failed(2, "died")], now_ns=120).first_seqs


def test_an_answer_without_tokens_is_a_failure(ledger: Ledger):
    ledger.apply([Finished(0, b"", "stop")], now_ns=110)
    assert ledger.state[0] == State.FAILED
    assert "no token" in ledger.failure[0]


def test_an_answer_that_does_not_begin_with_its_first_token_is_a_failure(ledger: Ledger):
    ledger.apply([FirstToken(0, 5), Finished(0, tokens(6, EOS), "stop")], now_ns=110)
    assert ledger.state[0] == State.FAILED
    assert "first token" in ledger.failure[0]


def test_a_missing_first_token_is_made_up_for_before_the_answer(ledger: Ledger):
    batch = ledger.apply([Finished(0, tokens(5, EOS), "stop")], now_ns=110)
    assert list(batch.first_tokens) == [5]
    assert ledger.first_token_ns[0] == 110


def test_offline_is_owed_no_first_token():
    book = Ledger(reports_first_token=False, bounds=BOUNDS)
    book.issue(0, [1, 2], issued_ns=0)
    batch = book.apply([Finished(0, tokens(5, EOS), "stop"), Failed(1, "x")], now_ns=5)
    assert not batch.first_seqs
    assert list(batch.done_lengths) == [2, FAILED]


@pytest.mark.parametrize(
    "late", [Finished(0, tokens(5, EOS), "stop"), Failed(0, "x"), FirstToken(0, 5)]
)
def test_an_ended_sample_is_never_told_twice(ledger: Ledger, late: Event):
    ledger.apply([Finished(0, tokens(5, EOS), "stop")], now_ns=110)
    assert not ledger.apply([late], now_ns=120)
    assert ledger.late_events == 1
    assert ledger.state[0] == State.SUCCEEDED


def test_a_second_first_token_is_dropped(ledger: Ledger):
    ledger.apply([FirstToken(0, 5)], now_ns=110)
    assert not ledger.apply([FirstToken(0, 5)], now_ns=111)
    assert (ledger.first_token_ns[0], ledger.late_events) == (110, 1)


def test_an_event_for_a_sample_never_issued_is_dropped(ledger: Ledger):
    assert not ledger.apply([Finished(3, tokens(5), "stop")], now_ns=110)
    assert ledger.late_events == 1


def test_failing_what_is_outstanding_leaves_the_rest_alone(ledger: Ledger):
    ledger.apply([Finished(1, tokens(5, EOS), "stop")], now_ns=110)
    batch = ledger.fail_outstanding("the engine died", now_ns=130)
    assert list(batch.done_seqs) == [0, 2]
    assert ledger.outstanding == 0
    assert not ledger.fail_outstanding("again", now_ns=140)


def test_a_gap_in_the_sequence_is_a_bug(ledger: Ledger):
    with pytest.raises(ValueError, match="sample 5"):
        ledger.issue(5, [1], issued_ns=0)


@pytest.mark.parametrize("others", [0, FEW, 700])
@pytest.mark.parametrize(("answer", "reason", "words"), CONTRADICTIONS)
def test_an_answer_that_contradicts_itself_fails_at_once_and_alone(
    answer: list[int], reason: str, words: str, others: int
):
    book = Ledger(reports_first_token=False, bounds=BOUNDS)
    book.issue(0, range(others + 1), issued_ns=0)
    events: list[Event] = [Finished(n, tokens(5, EOS), "stop") for n in range(others)]
    events.insert(others // 2, Finished(others, tokens(*answer), reason, 3))
    batch = book.apply(events, now_ns=5)
    assert book.failure == {others: words}
    assert book.replica[others] == 3
    assert sorted(batch.done_lengths) == [FAILED] + [2] * others
    assert book.count[State.SUCCEEDED] == others


@pytest.mark.parametrize("others", [0, FEW])
@pytest.mark.parametrize(("answer", "reason"), SOUND)
def test_an_answer_in_order_is_recorded_with_its_last_token_and_its_checksum(
    answer: list[int], reason: str, others: int
):
    book = Ledger(reports_first_token=False, bounds=BOUNDS)
    book.issue(0, range(others + 1), issued_ns=0)
    book.apply([Finished(n, tokens(5, EOS), "stop") for n in range(others)], now_ns=5)
    book.apply([Finished(others, tokens(*answer), reason)], now_ns=5)
    assert book.failure == {}
    assert book.last_token[others] == answer[-1]
    assert book.answer_crc[others] == crc32(tokens(*answer))


def test_an_answer_below_the_least_length_is_a_failure():
    book = Ledger(reports_first_token=False, bounds=replace(BOUNDS, min_tokens=3))
    book.issue(0, [1, 2], issued_ns=0)
    book.apply(
        [Finished(0, tokens(5, EOS), "stop"), Finished(1, tokens(5, 6, EOS), "stop")], now_ns=5
    )
    assert book.failure == {0: "the answer has 2 tokens, at least 3 are asked for"}


@pytest.mark.parametrize("others", [0, FEW])
def test_an_answer_that_is_not_whole_is_a_failure_and_no_other_is(others: int):
    book = Ledger(reports_first_token=False, bounds=BOUNDS)
    book.issue(0, range(others + 1), issued_ns=0)
    cut: list[Event] = [Finished(others, tokens(5, EOS) + b"\2", "stop")]
    book.apply(cut + [Finished(n, tokens(5, EOS), "stop") for n in range(others)], now_ns=5)
    assert list(book.failure) == [others]


WHOLE = tokens(5, 6, EOS)
NO_EVENTS: list[Any] = [
    Finished(1, [5, 6, 7, EOS], "stop"),  # type: ignore[arg-type]
    Finished(1, "5" * 8, "stop"),  # type: ignore[arg-type]
    Finished(1, None, "stop"),  # type: ignore[arg-type]
    Finished("1", WHOLE, "stop"),  # type: ignore[arg-type]
    Finished(1.0, WHOLE, "stop"),  # type: ignore[arg-type]
    Finished(1, WHOLE, "stop", replica=10**6),
    Finished(1, WHOLE, "stop", replica=None),  # type: ignore[arg-type]
    Failed(1, "why", replica=10**6),
    FirstToken(1, 2**40),
    FirstToken(1, "5"),  # type: ignore[arg-type]
    object(),
]


@pytest.mark.parametrize("none", NO_EVENTS)
def test_what_is_no_event_enters_nothing_and_costs_none_before_it(ledger: Ledger, none: Any):
    batches = [ledger.apply([FirstToken(1, 5)], now_ns=105)] if type(none) is Finished else []
    with pytest.raises(NotAnEventError) as raised:
        ledger.apply([FirstToken(0, 5), none], now_ns=110)
    batches += [raised.value.told, ledger.fail_outstanding("the engine is out of order", 120)]
    # LoadGen is owed each first token and each end once, whatever came between.
    assert sorted(seq for batch in batches for seq in batch.first_seqs) == [0, 1, 2]
    assert sorted(seq for batch in batches for seq in batch.done_seqs) == [0, 1, 2]
    assert ledger.outstanding == 0
    assert set(ledger.failure.values()) == {"the engine is out of order"}


def test_a_sample_before_the_first_is_none(ledger: Ledger):
    assert not ledger.apply([Finished(-1, WHOLE, "stop")], now_ns=110)
    assert (ledger.late_events, ledger.outstanding) == (1, 3)


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        (7, "7"),
        (None, "None"),
        ("a\udcff\ud800", "a\\udcff\\ud800"),
        ("x" * 5000, "x" * LONGEST_REASON + " …"),
    ],
)
def test_a_reason_is_text_that_a_file_can_hold(ledger: Ledger, reason: Any, kept: str):
    ledger.apply([Failed(0, reason)], now_ns=110)
    assert ledger.failure == {0: kept}
