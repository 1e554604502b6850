"""A run on a card beside what the card can do, from the first session that was on one."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from sut.config.names import Scenario
from sut.config.schema import RunConfig
from sut.record.facts import SessionFacts
from sut.result.card import card_limit, kv_cache
from tests.conftest import ROOT

MEASURED = ROOT / "docs" / "measurements" / "2026-11-27-h200" / "session"
LLAMA = {
    "layers": 32, "hidden": 4096, "intermediate": 14336, "heads": 32, "kv_heads": 8,
    "head_dim": 128, "vocabulary": 128256, "tied": False,
}  # fmt: skip


@pytest.fixture
def recorded() -> tuple[RunConfig, dict[str, Any]]:
    config = json.loads((MEASURED / "config.json").read_text())["config"]
    session = json.loads((MEASURED / "session.json").read_text())
    session["engine"]["model_shape"] = LLAMA
    return RunConfig.model_validate(config), session


def evidence(
    config: RunConfig, session: dict[str, Any], *, scenario: Scenario = Scenario.OFFLINE
) -> Any:
    facts = SessionFacts.model_validate(session)
    return SimpleNamespace(config=config, session=facts, scenario=scenario)


COUNTS: Any = SimpleNamespace(issued=1024, tokens_in=1024 * 886)


def test_the_kv_cache_is_told_beside_what_was_planned(recorded) -> None:
    config, session = recorded
    found = kv_cache(config, SessionFacts.model_validate(session))
    assert found is not None
    assert found.told_over_planned == pytest.approx(1, abs=0.01)
    assert found.queries_at_once > 900


def test_of_replicas_the_least_kv_cache_is_held_against_the_plan(recorded) -> None:
    config, session = recorded
    alone = kv_cache(config, SessionFacts.model_validate(session))
    details = session["engine"]["details"]
    (card,) = session["hardware"]["gpus"]
    blocks, size = details["num_gpu_blocks"], details["block_size"]
    details["replicas"] = [
        {
            "node_id": "a", "host": session["hardware"]["host"], "gpu_uuids": [card["uuid"]],
            "told": {"num_gpu_blocks": own, "block_size": size},
        }
        for own in (blocks, blocks - 1000)
    ]  # fmt: skip
    found = kv_cache(config, SessionFacts.model_validate(session))
    assert found is not None
    assert alone is not None
    assert (alone.told_by_replica, alone.told_tokens) == ([], blocks * size)
    assert found.told_by_replica == [blocks * size, (blocks - 1000) * size]
    assert found.told_tokens == (blocks - 1000) * size
    assert found.told_over_planned == (blocks - 1000) * size / found.planned_tokens
    details["replicas"][0]["told"] = {}
    silent = kv_cache(config, SessionFacts.model_validate(session))
    assert silent is not None
    assert silent.told_tokens is silent.told_over_planned is None, "one of them did not tell"


def test_a_run_is_held_against_the_roofline_of_its_card(recorded) -> None:
    found = card_limit(evidence(*recorded), COUNTS, 35.37, 128.0)
    assert found is not None
    assert (found.card, found.cards, found.batch) == ("NVIDIA H200", 1, 256)
    assert found.reached == pytest.approx(35.37 / found.samples_per_s_in_series)
    assert found.reached is not None
    assert found.mbu is not None
    assert found.mfu is not None
    assert 0.5 < found.reached < 0.7
    assert 0 < found.mbu < found.mfu < found.reached
    assert found.samples_per_s_in_series < found.samples_per_s_overlapped


def test_single_stream_is_held_against_one_query_at_a_time(recorded) -> None:
    # The same card, 1.505 samples/s with 662 ms a query (docs/measurements/2026-11-28-h200).
    found = card_limit(evidence(*recorded, scenario=Scenario.SINGLE_STREAM), COUNTS, 1.505, 128.0)
    assert found is not None
    assert (found.batch, found.binding) == (1, "decode by bandwidth")
    assert found.reached is not None
    assert 0.5 < found.reached < 0.8


def test_two_replicas_have_twice_the_limit_and_reach_half_of_it(recorded) -> None:
    one = card_limit(evidence(*recorded), COUNTS, 35.37, 128.0)
    config, session = recorded
    session["engine"]["replicas"] = 2
    two = card_limit(evidence(config, session), COUNTS, 35.37, 128.0)
    assert one is not None
    assert two is not None
    assert two.samples_per_s_in_series == pytest.approx(2 * one.samples_per_s_in_series)
    assert two.reached == pytest.approx((one.reached or 0) / 2)


@pytest.mark.parametrize(
    "change",
    [
        lambda session: session["hardware"].update(gpus=[]),
        lambda session: session["hardware"]["gpus"][0].update(memory_mib=None),
        lambda session: session["hardware"]["gpus"][0].update(name="NVIDIA H200 NVL"),
        lambda session: session["engine"].update(model_shape=None),
        lambda session: session.update(engine=None),
        lambda session: session["engine"]["arguments"].update(quantization="odd"),
    ],
)
def test_what_is_not_known_is_not_worked_out(recorded, change) -> None:
    config, session = recorded
    change(session)
    assert card_limit(evidence(config, session), COUNTS, 35.37, 128.0) is None


def test_no_answers_and_no_rate_give_no_share(recorded) -> None:
    assert card_limit(evidence(*recorded), COUNTS, 35.37, 0.0) is None
    found = card_limit(evidence(*recorded), COUNTS, None, 128.0)
    assert found is not None
    assert (found.reached, found.mfu, found.mbu) == (None, None, None)
