"""Causes are told, and what follows from them is not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sut.rules.catalogue import CATALOGUE
from sut.rules.check import Check
from sut.submission.causes import EXPLAINED_BY, causes
from sut.submission.log_checks import OF_ACCURACY, OF_BENCHMARK, SENTENCES, _told


def broken(rule: str, *keys: str) -> Check:
    return Check(
        rule=rule, name=rule, measured=1, limit=2, comparison="==", unit=None, source="x",
        passed=False, keys=keys,
    )  # fmt: skip


def told(*checks: Check) -> list[list[str]]:
    return [[each.rule for each in group] for group in causes(checks)]


def test_what_holds_is_not_told() -> None:
    assert causes([broken("seeds").model_copy(update={"passed": True})]) == []


def test_the_conditions_of_one_rule_are_told_together() -> None:
    assert told(broken("seeds", "a"), broken("no-errors"), broken("seeds", "a")) == [
        ["seeds", "seeds"],
        ["no-errors"],
    ]


@pytest.mark.parametrize(
    ("cause", "follows"),
    [
        ("loadgen-release", "seeds"),
        ("tpot", "loadgen-verdict"),
        ("min-duration", "stamps-agree"),
        ("counts-agree", "rates-follow"),
    ],
)
def test_what_a_rule_explains_is_not_told(cause: str, follows: str) -> None:
    assert told(broken(cause), broken(follows)) == [[cause]]
    assert told(broken(follows)) == [[follows]]


LATENCIES = {"token-latencies", "latency-limits-asked", "ttft", "tpot"}
COUNTS = {"sample-counts", "offline-query-size", "min-queries"}
EXPLAINED = {
    "seeds": {"loadgen-release"},
    "ttft": {"token-latencies", "latency-limits-asked"},
    "tpot": {"token-latencies", "latency-limits-asked"},
    "latency-constraints": LATENCIES,
    "early-stopping": LATENCIES | {"latency-percentile", "latency-constraints", "min-queries"},
    "min-queries": {"sample-counts", "offline-query-size"},
    "min-queries-met": COUNTS,
    "counts-agree": {"sample-counts", "offline-query-size"},
    "min-duration": {"min-duration-asked", "counts-agree"},
    "loadgen-verdict": LATENCIES
    | COUNTS
    | {"min-duration-asked", "min-duration", "latency-constraints", "early-stopping"}
    | {"min-queries-met"},
    "rates-follow": COUNTS | {"times-in-order", "counts-agree"},
    "answer-length": {"times-in-order", "counts-agree", "rates-follow", "token-latencies"},
    "stamps-agree": {"times-in-order", "counts-agree", "rates-follow", "answer-length"}
    | {"min-duration-asked", "min-duration"},
    "samples-loaded": {"sample-counts"},
    "log-clock": {"times-in-order", "counts-agree", "rates-follow", "answer-length"}
    | {"stamps-agree", "lines-in-order"},
}


@pytest.mark.parametrize("follows", SENTENCES)
def test_a_rule_is_explained_by_these_alone(follows: str) -> None:
    others = [name for name in SENTENCES if name not in (follows, "loadgen-mode")]
    explained_by = {name for name in others if told(broken(name), broken(follows)) == [[name]]}
    assert explained_by == EXPLAINED.get(follows, set())


def test_every_rule_has_a_sentence_and_a_remedy() -> None:
    for name, (sentence, remedy) in SENTENCES.items():
        assert sentence.endswith(".") or sentence.endswith("{why}."), name
        assert remedy.endswith((".", "}")), name


def test_one_key_is_told_once() -> None:
    assert told(broken("seeds", "a"), broken("settings-taken-over", "b", "a")) == [["seeds"]]


def test_of_another_runs_log_nothing_else_is_told() -> None:
    alien = broken("loadgen-mode", "a")
    assert told(alien, broken("seeds"), broken("loadgen-mode", "b")) == [["loadgen-mode"] * 2]


def test_every_cause_is_asked_before_what_follows_from_it() -> None:
    order = list(SENTENCES)
    for rule, explained in EXPLAINED_BY.items():
        assert all(order.index(each) < order.index(rule) for each in explained), rule


def test_every_rule_that_is_asked_is_in_the_catalogue() -> None:
    assert set(SENTENCES) <= CATALOGUE.keys()
    assert set(OF_ACCURACY) | OF_BENCHMARK <= set(SENTENCES)
    assert list(OF_ACCURACY) == [
        "said-once", "loadgen-mode", "lines-in-order", "audit-config", "loadgen-release",
        "loadgen-unmodified", "logs-agree", "seeds", "token-latencies", "distinct-queries",
        "sample-counts", "latency-limits-asked", "settings-fixed", "settings-taken-over",
        "no-errors", "counts-agree", "samples-loaded", "log-clock",
    ]  # fmt: skip


def test_of_several_keys_the_first_is_named() -> None:
    entry: Any = SimpleNamespace(round=SimpleNamespace(name="v6.1"), scenario="Server", rules=None)
    logs: Any = SimpleNamespace(invalid_reason=None)
    check = broken("settings-taken-over", "effective_a", "requested_a")
    assert _told(entry, check, logs)[0] == "effective_a is 1; LoadGen was asked for 2."
    check = broken("settings-taken-over")
    assert _told(entry, check, logs)[0].startswith("settings-taken-over is 1;")
