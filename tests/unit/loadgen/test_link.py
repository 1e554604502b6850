"""The wire format between LoadGen's process and ours."""

import struct
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sut.loadgen.link import (
    EVENTS_HEAD,
    FAILED,
    EventBatch,
    FrameReader,
    Kind,
    frame,
    issue_frame,
    parse_indices,
    parse_issue,
)

FRAMES = st.lists(st.tuples(st.sampled_from(list(Kind)), st.binary(max_size=40)), max_size=8)


@given(FRAMES, st.lists(st.integers(1, 7), min_size=1, max_size=60))
def test_frames_survive_any_cut_of_the_stream(frames: list[tuple[Kind, bytes]], cuts: list[int]):
    stream = b"".join(frame(kind, payload) for kind, payload in frames)
    reader = FrameReader()
    seen: list[tuple[Kind, bytes]] = []
    for step in cuts:
        seen += reader.feed(stream[:step])
        stream = stream[step:]
    seen += reader.feed(stream)
    assert seen == frames


def test_frames_already_cut_are_not_seen_again_when_the_reader_is_left_early():
    reader = FrameReader()
    stream = frame(Kind.FLUSH) + frame(Kind.DONE)
    assert next(iter(reader.feed(stream)))[0] is Kind.FLUSH
    assert [kind for kind, _ in reader.feed(b"")] == [Kind.DONE]


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**62), st.lists(st.integers(0, 2**32 - 1)))
def test_issue_frame_round_trip(first_seq: int, issued_ns: int, indices: list[int]):
    ((kind, payload),) = FrameReader().feed(issue_frame(first_seq, issued_ns, indices))
    assert kind is Kind.ISSUE
    seq, stamp, read = parse_issue(payload)
    assert (seq, stamp, list(read)) == (first_seq, issued_ns, indices)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="99"):
        list(FrameReader().feed(struct.pack("<IB", 0, 99)))


def test_indices_round_trip():
    assert list(parse_indices(array("I", [3, 1, 2]).tobytes())) == [3, 1, 2]


def test_events_frame_holds_columns_then_answers():
    batch = EventBatch()
    batch.first_seqs.append(4)
    batch.first_tokens.append(11)
    batch.done_seqs.extend([4, 9])
    batch.done_lengths.extend([2, -1])
    batch.answers.append(array("i", [11, 12]).tobytes())
    ((kind, payload),) = FrameReader().feed(batch.frame())
    assert kind is Kind.EVENTS
    assert EVENTS_HEAD.unpack_from(payload) == (1, 2)
    words = struct.unpack(
        f"<{(len(payload) - EVENTS_HEAD.size) // 4}i", payload[EVENTS_HEAD.size :]
    )
    assert words == (4, 11, 4, 9, 2, -1, 11, 12)


def test_an_empty_batch_is_falsy():
    assert not EventBatch()


def test_the_kinds_are_numbered_as_the_table_lists_them():
    assert [(kind.name, kind.value) for kind in Kind.__members__.values()] == [
        ("ISSUE", 1),
        ("LOAD", 2),
        ("UNLOAD", 3),
        ("FLUSH", 4),
        ("DONE", 5),
        ("ERROR", 6),
        ("READY", 7),
        ("EVENTS", 8),
        ("PULSE", 9),
    ]


def test_a_failure_is_told_by_the_number_that_the_table_names():
    assert FAILED == -1
