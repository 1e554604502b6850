"""What an engine does in a second, and the rates that are made of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from sut.config.names import Scenario
from sut.config.scenario_sections import ServerConfig
from sut.config.schema import NullConfig
from sut.engines.base import Event, EventSink, Failed, Finished, FirstToken, RunSpec
from sut.engines.null import NullEngine
from sut.harness import rate_probe
from sut.harness.ledger import Ledger
from sut.harness.rate_probe import SHARES, STEP_MOST_S, Probe, _held, arrivals_s, probe_rates
from sut.harness.rates import LONGEST_S, OF_BRIEF, notes_of, rates_of
from sut.record.answer import AnswerBounds
from sut.record.facts import RateProbeFacts, RateStep
from tests.unit.config.support import loaded

MS = 1_000_000
PROMPTS = [np.full(9, number, np.int32) for number in range(5)]
CONFIG = loaded("--engine", "null").config
SERVER = (Scenario.OFFLINE, Scenario.SERVER)


class Scripted(NullEngine):
    """Answers at once with what the script makes of each number."""

    def __init__(self, script: Callable[[int], Sequence[Event]]):
        super().__init__(NullConfig(), [2])
        self._script = script
        self.specs: list[RunSpec] = []
        self.asked: list[int] = []
        self.told: EventSink | None = None

    def begin_run(self, spec: RunSpec, sink: EventSink) -> None:
        self.specs.append(spec)
        self.told = sink

    def submit(self, first_seq: int, indices: Sequence[int]) -> None:
        assert set(indices) <= self._loaded, "asked before it was loaded"
        self.asked += indices
        assert self.told is not None
        for seq in range(first_seq, first_seq + len(indices)):
            self.told(self._script(seq))


def answer(seq: int) -> list[Event]:
    return [FirstToken(seq, 9), Finished(seq, np.array([9, 2], np.int32).tobytes(), "stop")]


def measured(engine: NullEngine, replicas: int = 1, **limits: float) -> RateProbeFacts:
    server = CONFIG.server.model_copy(update=limits)
    config = CONFIG.model_copy(
        update={
            "server": server,
            "model": CONFIG.model.model_copy(update={"eos_token_ids": (2,)}),
            "warmup": CONFIG.warmup.model_copy(update={"timeout_s": 0.05}),
        }
    )
    probe = Probe(engine, PROMPTS, first_index=-11, config=config, replicas=replicas)
    return asyncio.run(probe_rates(probe, SERVER))


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate_probe, "STEP_LEAST_S", 0.0)
    monkeypatch.setattr(rate_probe, "STEP_QUERIES", 10)


def test_the_engine_is_asked_for_as_many_as_it_works_on_and_for_each_replica() -> None:
    engine = Scripted(answer)
    facts = measured(engine, replicas=2)
    assert facts.failure is None
    assert facts.samples == 2 * rate_probe.AT_ONCE
    assert set(engine.asked) == {-11, -12, -13, -14, -15}
    assert [spec.throughput_first for spec in engine.specs] == [True, False]
    assert len({spec.run for spec in engine.specs}) == 2
    assert all(spec.is_warmup for spec in engine.specs)
    assert engine._loaded == set()


@pytest.mark.parametrize(("warmup_qps", "count"), [(0.01, 8), (0.25, 30), (50.0, 64), (None, 64)])
def test_a_slow_machine_is_asked_for_fewer(warmup_qps: float | None, count: int) -> None:
    probe = Probe(NullEngine(NullConfig(), [2]), PROMPTS, -11, CONFIG, 1, warmup_qps)
    assert probe.at_once == count


def test_the_first_rate_that_stays_below_the_limits_is_taken() -> None:
    facts = measured(Scripted(answer))
    (step,) = facts.steps
    assert step.held
    assert step.qps == pytest.approx(SHARES[0] * facts.samples / facts.duration_s)


def test_a_limit_that_no_rate_keeps_leaves_the_lowest_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rate_probe, "STEP_QUERIES", 1_000_000)
    facts = measured(Scripted(answer), ttft_limit_ms=1e-9)
    assert [step.held for step in facts.steps] == [False] * len(SHARES)
    rate, origin = rates_of(facts, CONFIG, SERVER)[Scenario.SERVER]
    assert rate == pytest.approx(OF_BRIEF * facts.steps[-1].qps, rel=0.05)
    assert origin.endswith("not even that kept its limits well")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        (lambda seq: [Failed(seq, "out of memory")], "out of memory"),
        (lambda seq: [], "no answer within 0.05 s"),
    ],
)
def test_without_answers_no_rate_is_measured(
    script: Callable[[int], Sequence[Event]], why: str
) -> None:
    facts = measured(Scripted(script))
    assert facts.failure == why
    rates = rates_of(facts, CONFIG, SERVER)
    assert rates == {}
    (note,) = notes_of(facts, rates)
    assert why in note


TTFT_MS, TPOT_MS, LATENCY_MS = 100, 10, 110


def ledger_of(ttft_ms: int = TTFT_MS, tpot_ms: int = TPOT_MS) -> Ledger:
    """Ten queries of two tokens."""
    ledger = Ledger(reports_first_token=True, bounds=AnswerBounds(8, 1, frozenset({2})))
    for seq in range(10):
        start = seq * 1000 * MS
        ledger.issue(seq, [0], start)
        ledger.apply(answer(seq)[:1], start + ttft_ms * MS)
        ledger.apply(answer(seq)[1:], start + (ttft_ms + tpot_ms) * MS)
    return ledger


@pytest.mark.parametrize(
    ("limits", "held"),
    [
        ({}, True),
        ({"ttft_limit_ms": 124}, False),
        ({"ttft_limit_ms": 126}, True),
        ({"tpot_limit_ms": 12}, False),
        ({"tpot_limit_ms": 13}, True),
        ({"e2e_p99_limit_ms": 137}, False),
        ({"e2e_p99_limit_ms": 138}, True),
    ],
)
def test_each_limit_is_kept_by_a_fifth(limits: dict[str, float], held: bool) -> None:
    step = _held(ledger_of(), Scenario.SERVER, 1.0, ServerConfig(**limits))
    assert (step.ttft_ms, step.tpot_ms, step.latency_ms) == (TTFT_MS, TPOT_MS, LATENCY_MS)
    assert step.held is held


@pytest.mark.parametrize(("limit_ms", "held"), [(13, False), (16, False), (17, True)])
@pytest.mark.parametrize(("name", "value"), [("STEP_QUERIES", 11), ("ANSWER_TIMES", 100.0)])
def test_a_brief_step_is_to_leave_more_of_a_limit(
    monkeypatch: pytest.MonkeyPatch, name: str, value: float, limit_ms: float, held: bool
) -> None:
    monkeypatch.setattr(rate_probe, name, value)
    step = _held(ledger_of(), Scenario.SERVER, 1.0, ServerConfig(tpot_limit_ms=limit_ms))
    assert (step.queries, step.tpot_ms, step.held) == (10, TPOT_MS, held)


def test_rates_say_what_they_rest_on() -> None:
    step = RateStep(
        scenario="Server", qps=3.5, queries=30, ttft_ms=80, tpot_ms=20, latency_ms=900, held=True
    )
    facts = RateProbeFacts(samples=64, duration_s=6.4, steps=[step])
    rates = rates_of(facts, CONFIG, SERVER)
    assert rates[Scenario.OFFLINE] == (15, "measured: 1.5 x the 10 samples/s of a probe")
    rate, origin = rates[Scenario.SERVER]
    assert rate == 3.5
    assert origin.startswith(
        "measured: 35 % of the 10 samples/s of a probe; there TTFT 80 of 5,000"
    )
    assert "TPOT 20 of 500 ms" in origin
    assert f"the longest answer 900 of {CONFIG.server.e2e_p99_limit_ms:,.0f} ms" in origin
    assert notes_of(facts, rates)[1].startswith("server.target_qps is 3.5, measured: 35 %")


@pytest.mark.parametrize("qps", [0.001, 0.02, 1.0, 50.0])
def test_arrivals_begin_at_once_and_none_is_waited_for_in_minutes(qps: float) -> None:
    found = arrivals_s(qps, max(int(STEP_MOST_S * qps), 2))
    assert found[0] == 0
    assert (np.diff(found) >= 0).all()
    assert found[-1] <= STEP_MOST_S + 1e-9


def test_a_rate_that_would_take_hours_is_raised_to_minutes_and_says_so() -> None:
    step = RateStep(
        scenario="Server", qps=0.03, queries=2, ttft_ms=2100.0, tpot_ms=49.0, latency_ms=3600.0,
        held=False,
    )  # fmt: skip
    facts = RateProbeFacts(samples=8, duration_s=26.0, steps=[step])
    rate, origin = rates_of(facts, CONFIG, SERVER)[Scenario.SERVER]
    count = CONFIG.server.min_query_count
    assert rate == pytest.approx(count / LONGEST_S, rel=0.05)
    assert "0.018 would be fit" in origin
    assert f"would take {count / 0.018 / 60:.0f} minutes" in origin


@pytest.mark.parametrize(("queries", "latency_ms"), [(9, 900), (30, 15_001)])
def test_of_a_brief_step_a_part_is_taken_and_said(queries: int, latency_ms: float) -> None:
    """It had few queries, or ended before as many were under way as will be in a run."""
    step = RateStep(
        scenario="Server", qps=1.0, queries=queries, ttft_ms=80, tpot_ms=20,
        latency_ms=latency_ms, held=True,
    )  # fmt: skip
    facts = RateProbeFacts(samples=64, duration_s=32.0, steps=[step])
    rate, origin = rates_of(facts, CONFIG, SERVER)[Scenario.SERVER]
    assert rate == 0.6
    start = f"measured: 60 % of a brief step of {queries} queries at 50 % of the 2 samples/s"
    assert origin.startswith(start)
    whole = step.model_copy(update={"queries": 30, "latency_ms": 15_000})
    facts = facts.model_copy(update={"steps": [whole]})
    assert rates_of(facts, CONFIG, SERVER)[Scenario.SERVER][0] == 1.0
