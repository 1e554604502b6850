"""What the streams between driver and replicas carry: batches, each with few big fields.

Sequence numbers in a frame are the replica's own (0, 1, 2, … in the order it was given
queries); the driver knows which query each of them is. Times are durations in ns from the
moment the replica had the query, so the clocks of two hosts are never compared. Integers are
little-endian.

    QUERIES    i32 run, i32[] sample indices
    EVENTS     `EventFrame`, in msgpack
    SIGN       nothing
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

import msgspec

from sut.engines.base import Failed, Finished, FirstToken
from sut.engines.ray.seal import BrokenStreamError

TOKEN_BYTES = 4
# A frame is cut off once it holds so much; it is taken whole, and nobody waits long for its end.
QUERIES_IN_A_FRAME = 1 << 16
BYTES_IN_A_FRAME = 1 << 20


def pack_queries(run: int, indices: Sequence[int]) -> Iterator[bytes]:
    """The frames that take these queries to a replica, in order."""
    for start in range(0, len(indices), QUERIES_IN_A_FRAME):
        yield array("i", [run, *indices[start : start + QUERIES_IN_A_FRAME]]).tobytes()


def open_queries(data: bytes) -> tuple[int, list[int]]:
    """What `pack_queries` made: the run and the sample indices.

    Raises:
        ValueError: it did not.
    """
    run, *indices = array("i", data)
    return run, indices


class EventFrame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Events of one or more loop turns; bytes fields are arrays."""

    run: int
    first_seqs: bytes  # int32
    first_tokens: bytes  # int32
    first_after_ns: bytes  # int64
    done_seqs: bytes  # int32
    done_lengths: bytes  # int32, tokens of each answer
    done_after_ns: bytes  # int64
    answers: bytes  # int32, concatenated
    finish_reasons: list[str]  # one per answer
    failures: list[tuple[int, str]]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(EventFrame)


class FrameBuilder:
    """Collects a run's events until they can be sent.

    Args:
        run: whose events they are.
    """

    def __init__(self, run: int) -> None:
        self._run = run
        self._full: list[bytes] = []
        self._clear()

    def _clear(self) -> None:
        self._first_seqs, self._first_tokens = array("i"), array("i")
        self._first_after, self._done_after = array("q"), array("q")
        self._done_seqs, self._done_lengths = array("i"), array("i")
        self._answers: list[bytes] = []
        self._reasons: list[str] = []
        self._failures: list[tuple[int, str]] = []
        self._bytes = 0

    def first(self, event: FirstToken, after_ns: int) -> None:
        """A first token, so long after the query came."""
        self._first_seqs.append(event.seq)
        self._first_tokens.append(event.token)
        self._first_after.append(after_ns)
        self._grown(0)

    def finished(self, event: Finished, after_ns: int) -> None:
        """An answer."""
        self._done_seqs.append(event.seq)
        self._done_lengths.append(len(event.tokens) // TOKEN_BYTES)
        self._done_after.append(after_ns)
        self._answers.append(event.tokens)
        self._reasons.append(event.finish_reason)
        self._grown(len(event.tokens))

    def failed(self, event: Failed) -> None:
        """No answer."""
        self._failures.append((event.seq, event.reason))
        self._grown(len(event.reason))

    def _grown(self, by: int) -> None:
        self._bytes += by + 16  # numbers and a time
        if self._bytes >= BYTES_IN_A_FRAME:
            self._full.append(self._encoded())

    def take(self) -> list[bytes]:
        """The frames of everything since the last call, in order."""
        frames, self._full = self._full, []
        if self._bytes:
            frames.append(self._encoded())
        return frames

    def _encoded(self) -> bytes:
        frame = EventFrame(
            self._run,
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
        return _ENCODER.encode(frame)


class Opened(msgspec.Struct, frozen=True, gc=False):
    """A frame's contents as the driver uses them; columns of one kind are equally long."""

    run: int
    first_seqs: array[int]
    first_tokens: array[int]
    first_after_ns: array[int]
    done_seqs: array[int]
    done_after_ns: array[int]
    answers: list[bytes]
    finish_reasons: list[str]
    failures: list[tuple[int, str]]

    def require_among(self, given: int) -> None:
        """Every sequence number is one of so many queries.

        Raises:
            BrokenStreamError: one is not.
        """
        for seqs in (self.first_seqs, self.done_seqs, [seq for seq, _ in self.failures]):
            if seqs and not (min(seqs) >= 0 and max(seqs) < given):
                raise BrokenStreamError("it carried events of a query that was never sent")


def open_frame(data: bytes) -> Opened:
    """Decode what `FrameBuilder.take` made.

    Raises:
        BrokenStreamError: it did not.
    """
    try:
        return _opened(_DECODER.decode(data))
    except (msgspec.MsgspecError, ValueError) as error:
        raise BrokenStreamError(f"it carried events that are none ({error})") from None


def _opened(frame: EventFrame) -> Opened:
    answers, place = [], 0
    for length in array("i", frame.done_lengths):
        end = place + length * TOKEN_BYTES
        if length < 0 or end > len(frame.answers):
            raise ValueError(f"an answer of {length} tokens")
        answers.append(frame.answers[place:end])
        place = end
    opened = Opened(
        frame.run,
        array("i", frame.first_seqs),
        array("i", frame.first_tokens),
        array("q", frame.first_after_ns),
        array("i", frame.done_seqs),
        array("q", frame.done_after_ns),
        answers,
        frame.finish_reasons,
        frame.failures,
    )
    firsts = {len(opened.first_seqs), len(opened.first_tokens), len(opened.first_after_ns)}
    done = {len(opened.done_seqs), len(opened.done_after_ns), len(answers)}
    if len(firsts) > 1 or len(done | {len(opened.finish_reasons)}) > 1:
        raise ValueError("columns of different lengths")
    return opened
