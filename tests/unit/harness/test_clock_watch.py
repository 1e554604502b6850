"""What the watch keeps of clocks that are set, that drift, and of a machine that slept."""

from __future__ import annotations

from collections.abc import Callable

from sut.harness.clock_watch import ClockWatch, Reading, read_clocks
from sut.record.clock import ClockFacts

S = 1_000_000_000
# This host's wall clock is some time ahead of its monotonic one; only changes count.
AHEAD = 1_700_000_000 * S


def played(*readings: tuple[float, float, float]) -> Callable[[], Reading]:
    """Readings at a monotonic time, the wall clock and the suspended time gained by then, in s."""
    made = iter(
        Reading(int(at * S), int((at + gained) * S) + AHEAD, int((at + slept) * S))
        for at, gained, slept in readings
    )
    return lambda: next(made)


def seen(*readings: tuple[float, float, float]) -> ClockFacts:
    watch = ClockWatch(played(*readings))
    for _ in readings[1:]:
        watch.look()
    return watch.facts()


def test_a_clock_left_alone_has_no_steps() -> None:
    facts = seen((1, 0, 7), (1.5, 0, 7), (2, 0, 7))
    assert (facts.readings, facts.first_ns, facts.last_ns) == (3, S, 2 * S)
    assert (facts.steps, facts.drift_s, facts.suspended_s) == ([], 0.0, 0.0)


def test_each_step_is_kept_with_its_direction_and_time() -> None:
    facts = seen((1, 0, 0), (2, 0, 0), (3, -5, 0), (4, -5, 0), (5, -4, 0))
    assert [(each.after_s, each.step_s) for each in facts.steps] == [(2.0, -5.0), (4.0, 1.0)]
    assert facts.drift_s == -4.0


def test_a_step_that_loadgen_would_wait_behind_ends_the_run() -> None:
    for gained, way in ((-3600.0, "back"), (3600.0, "forward")):
        watch = ClockWatch(played((1, 0, 0), (2, 5, 0), (3, 5 + gained, 0), (4, 5 + gained, 0)))
        assert watch.look() is None, "a small one only makes it INVALID"
        assert watch.look() == (f"the wall clock, by which LoadGen waits, was set {way} by 3600 s")
        assert watch.look() is None


def test_a_clock_set_back_and_forth_is_not_at_peace() -> None:
    facts = seen((1, 0, 0), (2, 3, 0), (3, 0, 0))
    assert [each.step_s for each in facts.steps] == [3.0, -3.0]
    assert facts.drift_s == 0.0


def test_small_steps_add_up_to_a_drift() -> None:
    facts = seen(*((second, second * 0.004, 0) for second in range(5)))
    assert facts.steps == []
    assert facts.drift_s == 0.016


def test_time_asleep_is_told() -> None:
    facts = seen((1, 0, 3), (2, 60, 63))
    assert facts.suspended_s == 60.0
    assert [each.step_s for each in facts.steps] == [60.0]


def test_the_clocks_are_read_close_together(monkeypatch) -> None:
    # The first try was interrupted for 3 ms between its two readings, the second was not.
    ticks = iter([0, 3_000_000, 5_000_000, 5_000_040])
    monkeypatch.setattr("time.monotonic_ns", lambda: next(ticks))
    monkeypatch.setattr("time.time_ns", lambda: 9)
    monkeypatch.setattr("time.clock_gettime_ns", lambda _: 8)
    assert read_clocks() == Reading(monotonic_ns=5_000_020, wall_ns=9, boot_ns=8)
