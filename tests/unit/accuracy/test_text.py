"""The table of an evaluation, as a person reads it."""

from __future__ import annotations

from typing import Any

import pytest

from sut.accuracy.text import overall, table
from sut.record.facts import AccuracyFacts


def metric(name: str, value: float | None, least: float | None, most: float | None, passed: Any):
    return {
        "name": name, "value": value, "target": least, "upper_limit": most, "passed": passed,
    }  # fmt: skip


def facts(**changes: Any) -> AccuracyFacts:
    document = {
        "scorer": "rouge",
        "metrics": [
            metric("ROUGE1", 38.75, 38.5, None, True),
            metric("ROUGE2", 15.5, 16.0, None, False),
            metric("ROUGEL", None, 24.25, None, None),
            metric("GEN_LEN", 80.0, 70.0, 85.0, True),
            metric("LONG", 84.0, 70.0, 85.0, True),
            metric("OTHER", 7.0, None, None, None),
        ],
        "characters": 80,
        "gen_num": 48,
        "tokens_per_sample": 64.5,
        "judged_against": "round v6.1",
        "tool": "punkt",
        "complete": True,
        "passed": False,
        "empty_share": 0.125,
        "looping_share": 0.25,
        "identical_share": 0.5,
        "success_rate": None,
        "problems": [],
        "notes": ["one", "two"],
        "log_sha256": "0" * 64,
    }
    return AccuracyFacts.model_validate(document | changes)


def test_each_metric_has_its_bound_its_margin_and_its_verdict() -> None:
    assert table(facts()) == (
        "metric   value         target           margin  verdict\n"
        "ROUGE1   38.75         >= 38.5          +0.25   pass\n"
        "ROUGE2   15.5          >= 16            -0.5    FAIL\n"
        "ROUGEL   not measured  >= 24.25         -       not judged\n"
        "GEN_LEN  80            >= 70 and <= 85  +5      pass\n"
        "LONG     84            >= 70 and <= 85  +1      pass\n"
        "OTHER    7             none             -       not judged\n"
        "\n"
        "judged against: round v6.1\n"
        "answers: 48; tokens per answer: 64.5\n"
        "success rate: not measured; empty 12.5%, looping 25.0%, identical 50.0%\n"
        "scored by: rouge with punkt\n"
        "note: one\n"
        "note: two\n"
        "verdict: FAIL\n"
    )


def test_alarms_come_first() -> None:
    lines = table(facts(problems=["all answers alike", "empty"])).splitlines()
    assert lines[:4] == [
        "sign of a broken engine: all answers alike",
        "sign of a broken engine: empty",
        "",
        "metric   value         target           margin  verdict",
    ]


def test_what_there_is_not_is_said() -> None:
    lines = table(facts(judged_against=None, tool=None, notes=[], passed=None)).splitlines()
    assert lines[-5] == "judged against: nothing"
    assert lines[-2:] == ["scored by: rouge", "verdict: nothing to judge by"]


@pytest.mark.parametrize(
    ("changes", "alarms_fail", "words"),
    [
        ({"passed": True}, True, "pass"),
        ({"passed": False}, True, "FAIL"),
        ({"passed": None}, True, "incomplete"),
        ({"passed": None, "judged_against": None}, True, "nothing to judge by"),
        ({"passed": True, "problems": ["x"]}, True, "FAIL (signs of a broken engine, above)"),
        ({"passed": True, "problems": ["x"]}, False, "pass, but the answers are not a model's"),
        ({"passed": False, "problems": ["x"]}, False, "FAIL"),
    ],
)
def test_the_verdict(changes: dict[str, Any], alarms_fail: bool, words: str) -> None:
    assert overall(facts(**changes), alarms_fail=alarms_fail) == words
