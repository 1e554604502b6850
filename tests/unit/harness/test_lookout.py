"""A lookout reads counts of a ledger, and remembers when the first answers came."""

from __future__ import annotations

import io
from array import array

from rich.console import Console

from sut.config.names import Scenario
from sut.engines.base import Failed, Finished
from sut.harness.closely import Closely
from sut.harness.eta import Pace, Seen
from sut.harness.ledger import Ledger
from sut.harness.lookout import Lookout
from sut.harness.progress import RunProgress
from sut.record.answer import AnswerBounds

S = 1_000_000_000
ANSWER = array("i", [7, 7]).tobytes()
OFFLINE = Pace(Scenario.OFFLINE, 4, 4, 100.0, 4, 0)


def asked(count: int) -> Ledger:
    ledger = Ledger(reports_first_token=False, bounds=AnswerBounds(2, 1, frozenset({0})))
    ledger.issue(0, range(count), 10 * S)
    return ledger


def test_times_count_from_the_first_query_and_from_the_first_answers() -> None:
    now = [9 * S]
    ledger = Ledger(reports_first_token=False, bounds=AnswerBounds(2, 1, frozenset({0})))
    lookout = Lookout(ledger, OFFLINE, Closely(ledger, OFFLINE, []), lambda: now[0])
    assert lookout.look().seen == Seen(0.0, 0, 0), "not from the start of LoadGen's process"
    ledger.issue(0, range(5), 10 * S)
    now[0] = 12 * S
    assert lookout.look().seen == Seen(2.0, 5, 0)
    ledger.apply([Finished(3, ANSWER, "length"), Failed(0, "why")], 13 * S)
    now[0] = 14 * S
    look = lookout.look()
    assert look.seen == Seen(4.0, 5, 2, 4.0, 2, 3)
    assert (look.failed, look.expected) == (1, 5), "more were asked than the plan said"
    ledger.apply([Finished(1, ANSWER, "length")], 15 * S)
    now[0] = 16 * S
    assert lookout.look().seen == Seen(6.0, 5, 3, 4.0, 2, 3)


def test_a_line_says_how_far_it_is_and_what_failed() -> None:
    out, ledger = io.StringIO(), asked(4)
    lookout = Lookout(ledger, OFFLINE, Closely(ledger, OFFLINE, []), lambda: 20 * S)
    seconds = iter([0.0, *range(1, 100)])
    with RunProgress(
        Console(file=out), "Offline performance", lookout, lambda: next(seconds)
    ) as progress:
        progress.update()
        assert out.getvalue() == "", "nothing ended, nothing to say"
        ledger.apply([Failed(0, "why")], 20 * S)
        progress.update()
        progress.update()
    assert out.getvalue() == "Offline performance: 1/4 after 3 s, ETA 2 min, 1 failed\n"
