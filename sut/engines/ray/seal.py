"""What makes a stream the driver's and one replica's alone: a greeting, and a seal on each frame.

Ray hands the session's secret to the replicas. Each end proves that it has it, over two
nonces, before either acts on a frame. From then on every frame carries a seal that a key of its
direction and its place in the stream enter, so that none can be made up, changed, left out or
sent again. Nothing is encrypted; on the wire are sample indices and token ids.

    driver  → replica   32 bytes the driver's nonce
    replica → driver    u32 which replica, 32 bytes its nonce, 32 bytes proof
    driver  → replica   32 bytes proof
    then, both ways     u32 payload length, u8 kind, 16 bytes seal, payload
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2b

NONCE = PROOF = 32
SEAL = 16
REPLICA = struct.Struct("<I")
CLAIM = REPLICA.size + NONCE + PROOF
HEAD = struct.Struct("<IB")
SEALED_HEAD = struct.Struct("<QIB")
# Senders cut far below it (`frames`); a head that says more was not sent by one of them.
LONGEST = 64 << 20


class BrokenStreamError(Exception):
    """A stream is of no use any more; its text says why, as the end of a sentence."""


class Kind(IntEnum):
    """What a frame is; see `frames`."""

    QUERIES = 1  # driver → replica
    EVENTS = 2  # replica → driver
    SIGN = 3  # an empty one asks for a sign of life, and one is the answer


@dataclass(frozen=True, repr=False)
class Secret:
    """A session's; it is never shown."""

    value: bytes

    def _of(self, purpose: bytes, *parts: bytes) -> bytes:
        return hmac.digest(self.value, purpose + b"".join(parts), "sha256")

    def claim(self, replica: int, drivers: bytes, own: bytes) -> bytes:
        """What a replica answers to the driver's nonce."""
        who = REPLICA.pack(replica)
        return who + own + self._of(b"replica", who, drivers, own)

    def claimed(self, claim: bytes, drivers: bytes) -> tuple[int, bytes]:
        """The replica that a claim proves, and its nonce.

        Raises:
            BrokenStreamError: it proves nothing.
        """
        replica: int = REPLICA.unpack_from(claim)[0]
        own = claim[REPLICA.size : REPLICA.size + NONCE]
        if not hmac.compare_digest(claim, self.claim(replica, drivers, own)):
            raise BrokenStreamError("who called does not have the session's secret")
        return replica, own

    def proof(self, drivers: bytes, own: bytes) -> bytes:
        """The driver's."""
        return self._of(b"driver", drivers, own)

    def keys(self, drivers: bytes, own: bytes) -> tuple[bytes, bytes]:
        """Of what goes to the replica, and of what comes from it."""
        return self._of(b"there", drivers, own), self._of(b"back", drivers, own)


class _Seals:
    """The seals of one direction, in order."""

    def __init__(self, key: bytes):
        self._keyed = blake2b(key=key, digest_size=SEAL)
        self._count = 0

    def next(self, length: int, kind: int, payload: bytes) -> bytes:
        seal = self._keyed.copy()
        seal.update(SEALED_HEAD.pack(self._count, length, kind))
        seal.update(payload)
        self._count += 1
        return seal.digest()


class Sealer:
    """Makes the frames of one direction.

    Args:
        key: of this direction.
    """

    def __init__(self, key: bytes):
        self._seals = _Seals(key)

    def frame(self, kind: Kind, payload: bytes = b"") -> bytes:
        """The next frame."""
        seal = self._seals.next(len(payload), kind, payload)
        return HEAD.pack(len(payload), kind) + seal + payload


class Opener:
    """Cuts one direction of a stream into frames.

    Args:
        key: of this direction.
    """

    def __init__(self, key: bytes):
        self._seals = _Seals(key)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Kind, bytes]]:
        """Yield each frame that `data` completes.

        Raises:
            BrokenStreamError: these bytes are no frame of this stream, or not the next one.
        """
        buffer, start, before = self._buffer, 0, HEAD.size + SEAL
        buffer += data
        try:
            while len(buffer) - start >= before:
                length, kind = HEAD.unpack_from(buffer, start)
                if length > LONGEST:
                    raise BrokenStreamError("it carried what is no frame")
                body = start + before
                if len(buffer) < body + length:
                    break
                payload = bytes(buffer[body : body + length])
                seal = bytes(buffer[body - SEAL : body])
                if not hmac.compare_digest(seal, self._seals.next(length, kind, payload)):
                    raise BrokenStreamError("it carried a frame without its seal")
                start = body + length
                yield Kind(kind), payload
        finally:
            del buffer[:start]
