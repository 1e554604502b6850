"""What crosses between driver and replicas: batches, each one object with few big fields.

Sequence numbers in a frame are the replica's own (0, 1, 2, … in the order it was given
queries); the driver knows which query each of them is. Times are durations in ns from the
moment the replica had the query, so the clocks of two hosts are never compared.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import msgspec

from sut.engines.base import Failed, Finished, FirstToken

TOKEN_BYTES = 4


def pack_queries(run: int, indices: Sequence[int] = ()) -> bytes:
    """Queries on their way to a replica: the run, then sample indices, int32.

    One object of bytes, which Ray passes on as it is; anything else it pickles for every call.
    """
    return array("i", [run, *indices]).tobytes()


def open_queries(data: bytes) -> tuple[int, list[int]]:
    """What `pack_queries` made: the run and the sample indices."""
    run, *indices = array("i", data)
    return run, indices


class EventFrame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Events of one or more loop turns; bytes fields are little-endian arrays."""

    first_seqs: bytes  # int32
    first_tokens: bytes  # int32
    first_after_ns: bytes  # int64
    done_seqs: bytes  # int32
    done_lengths: bytes  # int32, tokens of each answer
    done_after_ns: bytes  # int64
    answers: bytes  # int32, concatenated
    finish_reasons: list[str]  # one per answer
    failures: list[tuple[int, str]]


class FrameBuilder:
    """Collects events until the driver asks for them."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._first_seqs, self._first_tokens = array("i"), array("i")
        self._first_after, self._done_after = array("q"), array("q")
        self._done_seqs, self._done_lengths = array("i"), array("i")
        self._answers: list[bytes] = []
        self._reasons: list[str] = []
        self._failures: list[tuple[int, str]] = []

    def __bool__(self) -> bool:
        return bool(self._first_seqs or self._done_seqs or self._failures)

    def first(self, event: FirstToken, after_ns: int) -> None:
        """A first token, so long after the query came."""
        self._first_seqs.append(event.seq)
        self._first_tokens.append(event.token)
        self._first_after.append(after_ns)

    def finished(self, event: Finished, after_ns: int) -> None:
        """An answer."""
        self._done_seqs.append(event.seq)
        self._done_lengths.append(len(event.tokens) // TOKEN_BYTES)
        self._done_after.append(after_ns)
        self._answers.append(event.tokens)
        self._reasons.append(event.finish_reason)

    def failed(self, event: Failed) -> None:
        """No answer."""
        self._failures.append((event.seq, event.reason))

    def take(self) -> bytes:
        """Everything since the last call, encoded."""
        frame = EventFrame(
            self._first_seqs.tobytes(),
            self._first_tokens.tobytes(),
            self._first_after.tobytes(),
            self._done_seqs.tobytes(),
            self._done_lengths.tobytes(),
            self._done_after.tobytes(),
            b"".join(self._answers),
            self._reasons,
            self._failures,
        )
        self._clear()
        return msgspec.msgpack.encode(frame)


class Opened(msgspec.Struct, frozen=True, gc=False):
    """A frame's contents as the driver uses them."""

    first_seqs: array[int]
    first_tokens: array[int]
    first_after_ns: array[int]
    done_seqs: array[int]
    done_after_ns: array[int]
    answers: list[bytes]
    finish_reasons: list[str]
    failures: list[tuple[int, str]]


def open_frame(data: bytes) -> Opened:
    """Decode what `FrameBuilder.take` made.

    Raises:
        msgspec.DecodeError: it did not.
    """
    frame = msgspec.msgpack.decode(data, type=EventFrame)
    answers, place = [], 0
    for length in array("i", frame.done_lengths):
        end = place + length * TOKEN_BYTES
        answers.append(frame.answers[place:end])
        place = end
    return Opened(
        array("i", frame.first_seqs),
        array("i", frame.first_tokens),
        array("q", frame.first_after_ns),
        array("i", frame.done_seqs),
        array("q", frame.done_after_ns),
        answers,
        frame.finish_reasons,
        frame.failures,
    )
