from __future__ import annotations

from array import array

import msgspec
import pytest

from sut.engines.base import Failed, Finished, FirstToken
from sut.engines.ray.frames import (
    BYTES_IN_A_FRAME,
    QUERIES_IN_A_FRAME,
    EventFrame,
    FrameBuilder,
    Opened,
    open_frame,
    open_queries,
    pack_queries,
)
from sut.engines.ray.seal import LONGEST, BrokenStreamError


def tokens(*ids: int) -> bytes:
    return array("i", ids).tobytes()


def only(builder: FrameBuilder) -> Opened:
    (frame,) = builder.take()
    return open_frame(frame)


def test_events_arrive_as_they_were_sent() -> None:
    builder = FrameBuilder(7)
    assert builder.take() == []
    builder.first(FirstToken(3, 11), 5_000_000_000)
    builder.finished(Finished(3, tokens(11, 12, 2), "stop"), 7)
    builder.finished(Finished(1, tokens(4), "length"), 9)
    builder.failed(Failed(2, "out of memory"))
    frame = only(builder)
    assert frame.run == 7
    assert (list(frame.first_seqs), list(frame.first_tokens)) == ([3], [11])
    assert list(frame.first_after_ns) == [5_000_000_000]
    assert list(frame.done_seqs) == [3, 1]
    assert list(frame.done_after_ns) == [7, 9]
    assert frame.answers == [tokens(11, 12, 2), tokens(4)]
    assert frame.finish_reasons == ["stop", "length"]
    assert [tuple(each) for each in frame.failures] == [(2, "out of memory")]


def test_what_was_taken_is_not_taken_again() -> None:
    builder = FrameBuilder(1)
    builder.first(FirstToken(0, 1), 1)
    assert len(builder.take()) == 1
    assert builder.take() == []


def test_an_answer_without_tokens_keeps_its_place() -> None:
    builder = FrameBuilder(1)
    builder.finished(Finished(0, b"", "stop"), 1)
    builder.finished(Finished(1, tokens(5), "stop"), 1)
    assert only(builder).answers == [b"", tokens(5)]


def test_no_frame_grows_past_what_an_answer_adds() -> None:
    builder, answer = FrameBuilder(1), bytes(300_000)
    for seq in range(10):
        builder.finished(Finished(seq, answer, "stop"), 1)
    frames = builder.take()
    assert max(map(len, frames)) < BYTES_IN_A_FRAME + len(answer) < LONGEST
    assert [seq for frame in frames for seq in open_frame(frame).done_seqs] == list(range(10))


def test_many_failures_are_many_frames_too() -> None:
    builder, reason = FrameBuilder(1), "r" * 1000
    for seq in range(2000):
        builder.failed(Failed(seq, reason))
    frames = builder.take()
    assert max(map(len, frames)) < 2 * BYTES_IN_A_FRAME
    assert [seq for frame in frames for seq, _ in open_frame(frame).failures] == list(range(2000))


def test_queries_arrive_in_order_in_frames_of_a_bounded_size() -> None:
    indices = list(range(2 * QUERIES_IN_A_FRAME + 1))
    opened = [open_queries(frame) for frame in pack_queries(-1, indices)]
    assert [run for run, _ in opened] == [-1, -1, -1]
    assert [index for _, part in opened for index in part] == indices
    assert list(pack_queries(1, [])) == []


NOTHING = EventFrame(1, b"", b"", b"", b"", b"", b"", b"", [], [])
ONE, TWO = tokens(1), tokens(1, 2)


@pytest.mark.parametrize(
    "changes",
    [
        {"first_seqs": ONE},
        {"first_seqs": ONE, "first_tokens": ONE},
        {"first_seqs": b"123"},
        {"done_seqs": ONE, "done_lengths": tokens(0), "done_after_ns": bytes(8)},
        {"done_lengths": ONE, "finish_reasons": ["stop"]},
        {"done_seqs": ONE, "done_lengths": TWO, "done_after_ns": bytes(8), "answers": bytes(12)},
        {"done_lengths": tokens(-1), "finish_reasons": ["stop"]},
    ],
    ids=lambda changes: "+".join(changes),
)
def test_columns_that_do_not_belong_together_are_no_events(changes: dict[str, object]) -> None:
    frame = msgspec.msgpack.encode(msgspec.structs.replace(NOTHING, **changes))
    with pytest.raises(BrokenStreamError, match="events that are none"):
        open_frame(frame)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff" * 50, msgspec.msgpack.encode([1, 2])])
def test_anything_else_is_no_frame(data: bytes) -> None:
    with pytest.raises(BrokenStreamError, match="events that are none"):
        open_frame(data)


@pytest.mark.parametrize("seq", [-1, 2])
@pytest.mark.parametrize("event", ["first", "finished", "failed"])
def test_only_queries_that_were_sent_have_events(event: str, seq: int) -> None:
    def frame_of(seq: int) -> Opened:
        builder = FrameBuilder(1)
        if event == "first":
            builder.first(FirstToken(seq, 5), 1)
        elif event == "finished":
            builder.finished(Finished(seq, ONE, "stop"), 1)
        else:
            builder.failed(Failed(seq, "why"))
        return only(builder)

    frame_of(1).require_among(2)
    with pytest.raises(BrokenStreamError, match="never sent"):
        frame_of(seq).require_among(2)
