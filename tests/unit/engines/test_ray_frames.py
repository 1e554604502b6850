from __future__ import annotations

from array import array

import msgspec
import pytest

from sut.engines.base import Failed, Finished, FirstToken
from sut.engines.ray.frames import FrameBuilder, open_frame


def tokens(*ids: int) -> bytes:
    return array("i", ids).tobytes()


def test_events_arrive_as_they_were_sent() -> None:
    builder = FrameBuilder()
    assert not builder
    builder.first(FirstToken(3, 11), 5_000_000_000)
    builder.finished(Finished(3, tokens(11, 12, 2), "stop"), 7)
    builder.finished(Finished(1, tokens(4), "length"), 9)
    builder.failed(Failed(2, "out of memory"))
    assert builder
    frame = open_frame(builder.take())
    assert (list(frame.first_seqs), list(frame.first_tokens)) == ([3], [11])
    assert list(frame.first_after_ns) == [5_000_000_000]
    assert list(frame.done_seqs) == [3, 1]
    assert list(frame.done_after_ns) == [7, 9]
    assert frame.answers == [tokens(11, 12, 2), tokens(4)]
    assert frame.finish_reasons == ["stop", "length"]
    assert [tuple(each) for each in frame.failures] == [(2, "out of memory")]


def test_what_was_taken_is_not_taken_again() -> None:
    builder = FrameBuilder()
    builder.first(FirstToken(0, 1), 1)
    builder.take()
    assert not builder
    assert not open_frame(builder.take()).first_seqs


def test_an_answer_without_tokens_keeps_its_place() -> None:
    builder = FrameBuilder()
    builder.finished(Finished(0, b"", "stop"), 1)
    builder.finished(Finished(1, tokens(5), "stop"), 1)
    assert open_frame(builder.take()).answers == [b"", tokens(5)]


def test_anything_else_is_no_frame() -> None:
    with pytest.raises(msgspec.MsgspecError):
        open_frame(b"\x00")
