"""Every sample ends exactly once: answered, empty, or failed with a reason.

Pure bookkeeping: no clock, no thread, no network. The caller gives the times
(ns of one monotonic clock) and passes on what `apply` accepts; anything that arrives for
a sample that has already ended is dropped and counted, so LoadGen can never be told twice.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from enum import IntEnum
from struct import Struct
from zlib import crc32

from sut.engines.base import NO_REPLICA, Event, Failed, Finished, FirstToken
from sut.loadgen.link import FAILED, EventBatch
from sut.record.answer import GOES_ON, LENGTH, STOP, TOKEN_BYTES, AnswerBounds, going_on

NO_TIME = -1
NO_TOKEN = 0
FINISH_REASONS = (None, STOP, LENGTH)
"""What an answer may have ended by; None: no answer."""
_token_at = Struct("<i").unpack_from
LONGEST_REASON = 2000
NOT_WHOLE = "the answer is not a whole number of token ids"


class State(IntEnum):
    """How a sample stands."""

    OUTSTANDING = 0
    SUCCEEDED = 1
    EMPTY = 2
    FAILED = 3


class NotAnEventError(ValueError):
    """An engine, which may be of any package, gave what is no event.

    Attributes:
        told: what LoadGen is owed of the events before it.
    """

    def __init__(self, told: EventBatch, error: Exception):
        super().__init__(f"{type(error).__name__}: {error}")
        self.told = told


class Ledger:
    """One LoadGen run's samples, by sequence number from 0.

    Args:
        reports_first_token: whether LoadGen is owed a first token before each answer.
        bounds: what an answer may be; one of nothing but an end id is empty.
        replica: the one that has every sample; NO_REPLICA where replicas on Ray say it themselves.
    """

    def __init__(
        self,
        *,
        reports_first_token: bool,
        bounds: AnswerBounds,
        replica: int = NO_REPLICA,
    ):
        self._reports_first_token = reports_first_token
        self._bounds = bounds
        self._only_replica = replica
        self.sample_index = array("I")
        self.issued_ns = array("q")
        self.first_token_ns = array("q")
        self.done_ns = array("q")
        self.first_token = array("i")
        self.tokens_out = array("i")
        self.last_token = array("i")
        self.answer_crc = array("I")
        self.state = bytearray()
        self.replica = array("h")
        self.finish_reason = bytearray()
        """By sequence number, the place of its word in FINISH_REASONS; a dict of a million words is
        150 MB."""
        self.failure: dict[int, str] = {}
        self.ended_seqs = array("q")
        """Sequence numbers in the order in which they ended."""
        self.count = [0] * len(State)
        """Samples by their state; of OUTSTANDING none is counted."""
        self.tokens_out_total = 0
        self.late_events = 0

    @property
    def issued(self) -> int:
        """Samples LoadGen has issued."""
        return len(self.state)

    @property
    def ended(self) -> int:
        """Samples that have ended, whichever way."""
        return len(self.ended_seqs)

    @property
    def outstanding(self) -> int:
        """Samples still owed to LoadGen."""
        return self.issued - self.ended

    def issue(self, first_seq: int, indices: Sequence[int], issued_ns: int) -> None:
        """Enter samples first_seq, first_seq+1, …; sequence numbers have no gaps."""
        if first_seq != self.issued:
            raise ValueError(f"sample {first_seq} was issued after {self.issued - 1}")
        n = len(indices)
        self.sample_index.extend(indices)
        self.issued_ns.extend([issued_ns] * n)
        self.first_token_ns.extend([NO_TIME] * n)
        self.done_ns.extend([NO_TIME] * n)
        self.first_token.extend([0] * n)
        self.tokens_out.extend([0] * n)
        self.last_token.extend([0] * n)
        self.answer_crc.extend([0] * n)
        self.replica.extend([self._only_replica] * n)
        self.state.extend(bytes(n))
        self.finish_reason.extend(bytes(n))

    def apply(self, events: Sequence[Event], now_ns: int) -> EventBatch:
        """Enter engine events; return what LoadGen is to be told of them.

        Raises:
            NotAnEventError: one cannot be entered; those before it were.
        """
        batch = EventBatch()
        try:
            self._enter(batch, events, now_ns)
        except Exception as error:
            raise NotAnEventError(batch, error) from error
        return batch

    def _enter(self, batch: EventBatch, events: Sequence[Event], now_ns: int) -> None:
        going_on, state, issued = self._going_on(events), self.state, self.issued
        for event in events:
            seq = event.seq
            if not 0 <= seq < issued or state[seq]:
                self.late_events += 1
            elif type(event) is Finished:
                self._finish(batch, event, now_ns, goes_on=seq in going_on)
            elif type(event) is FirstToken:
                self._first(batch, seq, event.token, now_ns)
            elif type(event) is Failed:
                self._fail(batch, seq, event.reason, now_ns, event.replica)

    def fail_outstanding(self, reason: str, now_ns: int) -> EventBatch:
        """End every open sample as failed."""
        batch = EventBatch()
        for seq, state in enumerate(self.state):
            if not state:
                self._fail(batch, seq, reason, now_ns, self.replica[seq])
        return batch

    def _first(self, batch: EventBatch, seq: int, token: int, now_ns: int) -> None:
        if not self._reports_first_token or self.first_token_ns[seq] != NO_TIME:
            self.late_events += 1
            return
        self.first_token[seq] = token  # first: what is no token must not enter half of it
        self.first_token_ns[seq] = now_ns
        batch.first_seqs.append(seq)
        batch.first_tokens.append(token)

    def _going_on(self, events: Sequence[Event]) -> Collection[int]:
        """Sequence numbers of answers with an end id before their last token."""
        finished = [
            event
            for event in events
            if type(event) is Finished and not len(event.tokens) % TOKEN_BYTES
        ]
        found = going_on([each.tokens for each in finished], self._bounds.end_ids)
        return {finished[position].seq for position in found} if found else ()

    def _finish(self, batch: EventBatch, event: Finished, now_ns: int, *, goes_on: bool) -> None:
        seq, answer = event.seq, event.tokens
        n_tokens, rest = divmod(len(answer), TOKEN_BYTES)
        if n_tokens:
            (leading,), (last,) = _token_at(answer, 0), _token_at(answer, -TOKEN_BYTES)
        else:
            leading = last = NO_TOKEN
        wrong = self._bounds.contradiction(event.finish_reason, n_tokens, last)
        if rest or goes_on:
            wrong = wrong or (NOT_WHOLE if rest else GOES_ON)
        if wrong is not None:
            self._fail(batch, seq, wrong, now_ns, event.replica)
            return
        if self._reports_first_token:
            if self.first_token_ns[seq] == NO_TIME:
                self._first(batch, seq, leading, now_ns)
            elif self.first_token[seq] != leading:
                reason = "the answer does not begin with the first token reported for it"
                self._fail(batch, seq, reason, now_ns, event.replica)
                return
        empty = n_tokens == 1 and leading in self._bounds.end_ids
        self._end(seq, State.EMPTY if empty else State.SUCCEEDED, now_ns, event.replica)
        self.tokens_out[seq] = n_tokens
        self.last_token[seq] = last
        self.answer_crc[seq] = crc32(answer)
        self.tokens_out_total += n_tokens
        self.finish_reason[seq] = FINISH_REASONS.index(event.finish_reason)
        batch.done_seqs.append(seq)
        batch.done_lengths.append(n_tokens)
        batch.answers.append(answer)

    def _fail(self, batch: EventBatch, seq: int, reason: str, now_ns: int, replica: int) -> None:
        self._end(seq, State.FAILED, now_ns, replica)
        if self._reports_first_token and self.first_token_ns[seq] == NO_TIME:
            # LoadGen reads past its arrays when a sample ends without a first token. It is
            # told of an empty one now: late, never early, and the run is not VALID anyway.
            batch.first_seqs.append(seq)
            batch.first_tokens.append(FAILED)
        self.failure[seq] = as_text(reason)
        batch.done_seqs.append(seq)
        batch.done_lengths.append(FAILED)

    def _end(self, seq: int, state: State, now_ns: int, replica: int) -> None:
        self.replica[seq] = replica  # first: a number that is none must not end half of it
        self.state[seq] = state
        self.done_ns[seq] = now_ns
        self.ended_seqs.append(seq)
        self.count[state] += 1


def as_text(reason: object) -> str:
    """An engine's words as a file can hold them: it may be of any package.

    Half a surrogate pair, as in a path of bytes that are no text, is of no encoding.
    """
    text = str(reason)
    if len(text) > LONGEST_REASON:
        text = f"{text[:LONGEST_REASON]} …"
    return text.encode("utf-8", "backslashreplace").decode()
