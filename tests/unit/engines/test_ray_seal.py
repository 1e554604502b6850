from __future__ import annotations

from contextlib import suppress

import pytest

from sut.engines.ray.seal import (
    LONGEST,
    NONCE,
    BrokenStreamError,
    Kind,
    Opener,
    Sealer,
    Secret,
)

KEY, OTHER = b"k" * 32, b"o" * 32
DRIVERS, OWN = b"d" * NONCE, b"r" * NONCE


def opened(data: bytes, key: bytes = KEY) -> list[tuple[Kind, bytes]]:
    return list(Opener(key).feed(data))


def test_frames_arrive_as_they_were_sent_however_they_are_cut() -> None:
    sealer, opener = Sealer(KEY), Opener(KEY)
    sent = [(Kind.QUERIES, b"abc"), (Kind.SIGN, b""), (Kind.EVENTS, bytes(1000))]
    data = b"".join(sealer.frame(*each) for each in sent)
    cut = [data[place : place + 7] for place in range(0, len(data), 7)]
    assert [each for part in cut for each in opener.feed(part)] == sent


@pytest.mark.parametrize("place", range(len(Sealer(KEY).frame(Kind.QUERIES, b"abc"))))
def test_no_bit_of_a_frame_can_be_changed(place: int) -> None:
    data = bytearray(Sealer(KEY).frame(Kind.QUERIES, b"abc"))
    data[place] ^= 1
    with suppress(BrokenStreamError):
        assert opened(bytes(data)) == [], "it waits for a longer frame"


def test_a_frame_sent_again_left_out_or_by_another_key_breaks_the_stream() -> None:
    sealer = Sealer(KEY)
    first, second = sealer.frame(Kind.SIGN), sealer.frame(Kind.SIGN)
    assert len(opened(first + second)) == 2
    for wrong in (first + first, second, Sealer(OTHER).frame(Kind.SIGN)):
        with pytest.raises(BrokenStreamError, match="without its seal"):
            opened(wrong)


def test_garbage_is_not_waited_for() -> None:
    with pytest.raises(BrokenStreamError, match="no frame"):
        opened((LONGEST + 1).to_bytes(4, "little") + bytes(17))


def test_a_kind_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(ValueError, match="9"):
        opened(Sealer(KEY).frame(9))  # type: ignore[arg-type]


def test_a_claim_proves_which_replica_it_is() -> None:
    secret = Secret(KEY)
    claim = secret.claim(3, DRIVERS, OWN)
    assert secret.claimed(claim, DRIVERS) == (3, OWN)
    forged = (4).to_bytes(4, "little") + claim[4:]
    for wrong, number in ((forged, DRIVERS), (claim, OWN), (bytes(len(claim)), DRIVERS)):
        with pytest.raises(BrokenStreamError, match="secret"):
            secret.claimed(wrong, number)
    with pytest.raises(BrokenStreamError, match="secret"):
        secret.claimed(Secret(OTHER).claim(3, DRIVERS, OWN), DRIVERS)


def test_each_direction_and_each_stream_has_a_key_of_its_own() -> None:
    secret = Secret(KEY)
    keys = {*secret.keys(DRIVERS, OWN), *secret.keys(OWN, DRIVERS), secret.proof(DRIVERS, OWN)}
    assert len(keys) == 5


def test_a_secret_is_not_shown() -> None:
    assert "kkk" not in f"{Secret(KEY)!r} {Secret(KEY)}"
