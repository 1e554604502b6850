"""Whatever a replica says arrives at the driver, however the wire cuts it."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from sut.engines.base import Event, Failed, Finished, FirstToken
from sut.engines.ray.frames import FrameBuilder, open_frame, open_queries, pack_queries
from sut.engines.ray.seal import BrokenStreamError, Kind, Opener, Sealer

INT32 = st.integers(-(2**31), 2**31 - 1)
SEQS = st.integers(0, 2**31 - 1)
ANSWERS = st.lists(INT32, max_size=5).map(lambda ids: array("i", ids).tobytes())
EVENTS = st.lists(
    st.one_of(
        st.builds(FirstToken, SEQS, INT32),
        st.builds(Finished, SEQS, ANSWERS, st.sampled_from(["stop", "length"])),
        st.builds(Failed, SEQS, st.text()),
    )
)
KEY = bytes(32)


def packed(run: int, events: list[Event]) -> list[bytes]:
    builder = FrameBuilder(run)
    for event in events:
        if isinstance(event, FirstToken):
            builder.first(event, event.seq * 1000)
        elif isinstance(event, Finished):
            builder.finished(event, event.seq * 1000)
        else:
            builder.failed(event)
    return builder.take()


def unpacked(frames: list[bytes]) -> list[Event]:
    found: list[Event] = []
    for frame in map(open_frame, frames):
        found += map(FirstToken, frame.first_seqs, frame.first_tokens)
        found += map(Finished, frame.done_seqs, frame.answers, frame.finish_reasons)
        found += [Failed(seq, reason) for seq, reason in frame.failures]
        assert list(frame.first_after_ns) == [seq * 1000 for seq in frame.first_seqs]
        assert list(frame.done_after_ns) == [seq * 1000 for seq in frame.done_seqs]
    return found


def by_kind(events: list[Event]) -> list[list[Event]]:
    return [
        [each for each in events if type(each) is kind] for kind in (FirstToken, Finished, Failed)
    ]


@given(run=INT32, batches=st.lists(EVENTS, max_size=4), cut=st.integers(1, 100))
def test_events_and_their_order_survive_the_wire(
    run: int, batches: list[list[Event]], cut: int
) -> None:
    sealer, opener = Sealer(KEY), Opener(KEY)
    frames = [frame for batch in batches for frame in packed(run, batch)]
    wire = b"".join(sealer.frame(Kind.EVENTS, frame) for frame in frames)
    pieces = [wire[place : place + cut] for place in range(0, len(wire), cut)]
    heard = [payload for piece in pieces for _, payload in opener.feed(piece)]
    assert heard == frames
    assert {open_frame(frame).run for frame in heard} <= {run}
    assert by_kind(unpacked(heard)) == by_kind([event for batch in batches for event in batch])


@given(run=INT32, indices=st.lists(INT32, max_size=50))
def test_queries_and_their_order_survive(run: int, indices: list[int]) -> None:
    opened = [open_queries(frame) for frame in pack_queries(run, indices)]
    assert all(each == run for each, _ in opened)
    assert [index for _, part in opened for index in part] == indices


@given(data=st.binary(max_size=200))
def test_garbage_has_a_name(data: bytes) -> None:
    """Nothing but the one error comes of bytes that nobody sent."""
    raised: list[type[Exception]] = []
    for read in (lambda: list(Opener(KEY).feed(data)), lambda: open_frame(data)):
        try:
            read()
        except Exception as error:  # noqa: BLE001 - which it is, is asked
            raised.append(type(error))
    assert set(raised) <= {BrokenStreamError}
