"""Whatever an engine does, in whatever order, LoadGen is told of each sample exactly once."""

from array import array
from collections import Counter

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from sut.engines.base import Event, Failed, Finished, FirstToken
from sut.harness.ledger import Ledger
from sut.loadgen.link import EventBatch
from sut.record.answer import AnswerBounds

BOUNDS = AnswerBounds(max_tokens=3, min_tokens=1, end_ids=frozenset({2}))
SEQS = st.integers(0, 30)
EVENTS = st.one_of(
    st.builds(FirstToken, SEQS, st.integers(0, 3)),
    st.builds(
        Finished,
        SEQS,
        st.lists(st.integers(0, 3), max_size=3).map(lambda ids: array("i", ids).tobytes()),
        st.sampled_from(["stop", "length"]),
    ),
    st.builds(Failed, SEQS, st.sampled_from(["a", "b"])),
)


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger(reports_first_token=True, bounds=BOUNDS)
        self.first = Counter[int]()
        self.done = Counter[int]()
        self.now_ns = 0

    def told(self, batch: EventBatch) -> None:
        self.first.update(batch.first_seqs)
        for seq in batch.done_seqs:
            assert self.first[seq] == 1, "LoadGen wants the first token before the answer"
        self.done.update(batch.done_seqs)
        assert len(batch.first_seqs) == len(batch.first_tokens)
        assert len(batch.done_seqs) == len(batch.done_lengths)
        answered = sum(length for length in batch.done_lengths if length > 0)
        assert answered * 4 == sum(map(len, batch.answers))

    @rule(n=st.integers(0, 5))
    def issue(self, n: int) -> None:
        self.ledger.issue(self.ledger.issued, list(range(n)), self.now_ns)

    @rule(events=st.lists(EVENTS, max_size=6))
    def engine_says(self, events: list[Event]) -> None:
        self.now_ns += 1
        self.told(self.ledger.apply(events, self.now_ns))

    @rule()
    def engine_dies(self) -> None:
        self.told(self.ledger.fail_outstanding("died", self.now_ns))
        assert self.ledger.outstanding == 0

    @invariant()
    def each_once(self) -> None:
        assert all(count == 1 for count in self.done.values())
        assert all(count == 1 for count in self.first.values())
        assert len(self.done) == self.ledger.ended
        assert self.ledger.ended + self.ledger.outstanding == self.ledger.issued
        assert sum(self.ledger.tokens_out) == self.ledger.tokens_out_total


TestLedger = LedgerMachine.TestCase
