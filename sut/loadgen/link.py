"""The wire between LoadGen's process and ours: length-prefixed frames on a Unix socket.

LoadGen runs in a short-lived child (sut.loadgen.child), the engine and the ledger in the parent
(sut.harness.system). Integers are little-endian; arrays are raw bytes, so that a batch costs one
frame whatever its size.

    frame      u32 payload length, u8 kind, payload
    ISSUE      child → parent   u32 first_seq, i64 issued_ns, u32[] sample indices
    LOAD       child → parent   u32[] sample indices; answered by READY
    UNLOAD     child → parent   u32[] sample indices
    FLUSH      child → parent   LoadGen has issued its last query
    DONE       child → parent   LoadGen's StartTest has returned
    ERROR      child → parent   UTF-8 text: why the child gives up
    PULSE      child → parent   the child lives; one each second, whatever LoadGen waits for
    READY      parent → child   the samples asked for are loaded
    EVENTS     parent → child   u32 n_first, u32 n_done,
                                u32[n_first] seq, i32[n_first] token (-1: failed before any),
                                u32[n_done] seq, i32[n_done] token count (-1: failed),
                                i32[] tokens of the answers, one after the other
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

HEADER = struct.Struct("<IB")
ISSUE_HEAD = struct.Struct("<Iq")
EVENTS_HEAD = struct.Struct("<II")
FAILED = -1


class Kind(IntEnum):
    """Frame kinds; see the module's table."""

    ISSUE = 1
    LOAD = 2
    UNLOAD = 3
    FLUSH = 4
    DONE = 5
    ERROR = 6
    READY = 7
    EVENTS = 8
    PULSE = 9


def frame(kind: Kind, payload: bytes = b"") -> bytes:
    """One whole frame."""
    return HEADER.pack(len(payload), kind) + payload


def issue_frame(first_seq: int, issued_ns: int, indices: Sequence[int]) -> bytes:
    """Queries first_seq, first_seq+1, … were issued at issued_ns (monotonic clock)."""
    payload = ISSUE_HEAD.pack(first_seq, issued_ns) + array("I", indices).tobytes()
    return HEADER.pack(len(payload), Kind.ISSUE) + payload


def parse_issue(payload: bytes) -> tuple[int, int, array[int]]:
    """First seq, issued_ns and the sample indices of an ISSUE frame."""
    first_seq, issued_ns = ISSUE_HEAD.unpack_from(payload)
    return first_seq, issued_ns, parse_indices(payload[ISSUE_HEAD.size :])


def parse_indices(payload: bytes) -> array[int]:
    """Sample indices of a LOAD or UNLOAD frame."""
    indices = array("I")
    indices.frombytes(payload)
    return indices


@dataclass(slots=True)
class EventBatch:
    """What LoadGen is to be told: first tokens, then answers; column by column."""

    first_seqs: array[int] = field(default_factory=lambda: array("I"))
    first_tokens: array[int] = field(default_factory=lambda: array("i"))
    done_seqs: array[int] = field(default_factory=lambda: array("I"))
    done_lengths: array[int] = field(default_factory=lambda: array("i"))
    answers: list[bytes] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.first_seqs or self.done_seqs)

    def frame(self) -> bytes:
        """The EVENTS frame of this batch."""
        payload = b"".join(
            (
                EVENTS_HEAD.pack(len(self.first_seqs), len(self.done_seqs)),
                self.first_seqs.tobytes(),
                self.first_tokens.tobytes(),
                self.done_seqs.tobytes(),
                self.done_lengths.tobytes(),
                *self.answers,
            )
        )
        return HEADER.pack(len(payload), Kind.EVENTS) + payload


class FrameReader:
    """Cuts a byte stream into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Kind, bytes]]:
        """Yield each frame that `data` completes."""
        buffer = self._buffer
        buffer += data
        start = 0
        try:
            while len(buffer) - start >= HEADER.size:
                length, kind = HEADER.unpack_from(buffer, start)
                end = start + HEADER.size + length
                if len(buffer) < end:
                    break
                payload = bytes(buffer[start + HEADER.size : end])
                start = end
                yield Kind(kind), payload
        finally:
            del buffer[:start]
