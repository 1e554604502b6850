"""A search over settings whose trials are a formula: what it tries, when it ends, what it finds."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sut.errors import ConfigError, RunError
from sut.tune.asked import Asked
from sut.tune.effects import EVERYTHING, effects_of, seen_in
from sut.tune.find import searched
from sut.tune.measured import Measured, Purpose, read_measured, same
from sut.tune.propose import propose
from sut.tune.schedule import Wishes, chosen, rows_of
from sut.tune.space import every_setting
from tests.unit.tune.support import COST_S, Maker, asked, tokens_per_s

QUIET = Console(quiet=True)


def run(wanted: Asked, maker: Maker, before: list[Measured] | None = None) -> list[Measured]:
    return searched(wanted, before or [], QUIET, lambda _: None, maker)


def purposes(measured: list[Measured]) -> list[str]:
    return [each.purpose for each in measured]


def test_it_finds_far_better_settings_than_the_given_ones(tmp_path: Path) -> None:
    wanted = asked(tmp_path)
    measured = run(wanted, Maker())
    best = chosen(wanted.given, measured)
    most = max(tokens_per_s(each, 0) for each in every_setting(wanted.space))
    assert tokens_per_s(best, 0) >= 0.8 * most
    assert tokens_per_s(wanted.given, 0) < 0.1 * most
    assert measured[0].purpose is Purpose.GIVEN
    order = list(dict.fromkeys(purposes(measured)))
    assert order == [Purpose.GIVEN, Purpose.SEARCH, Purpose.REPEAT, Purpose.EFFECT]
    tried = [each.settings for each in measured if each.purpose is Purpose.SEARCH]
    assert not any(same(one, other) for n, one in enumerate(tried) for other in tried[:n])


def test_the_budget_holds_for_all_calls_together(tmp_path: Path) -> None:
    wanted = asked(tmp_path, wishes=Wishes(budget_s=10.5 * COST_S))
    measured = run(wanted, Maker())
    assert sum(each.cost_s for each in measured) <= 10.5 * COST_S
    assert len(measured) == 10
    assert run(wanted, Maker(), read_measured(wanted.trials)) == measured


def test_after_a_kill_it_goes_on_as_it_would_have(tmp_path: Path) -> None:
    whole = run(asked(tmp_path / "whole"), Maker())
    wanted = asked(tmp_path / "cut")

    class Killed(Maker):
        def __call__(self, *arguments):
            if len(self.made) == 7:
                raise KeyboardInterrupt
            return super().__call__(*arguments)

    with pytest.raises(KeyboardInterrupt):
        run(wanted, Killed())
    before = read_measured(wanted.trials)
    assert len(before) == 7
    resumed = run(wanted, Maker(), before)
    assert [each.settings for each in resumed] == [each.settings for each in whole]


def test_a_trial_that_fails_is_kept_with_its_reason_and_never_chosen(tmp_path: Path) -> None:
    def fails(settings, number):
        if settings["engine.vllm.max_num_seqs"] >= 64:
            return None
        return tokens_per_s(settings, number)

    wanted = asked(tmp_path)
    measured = run(wanted, Maker(fails))
    failed = [each for each in measured if each.value is None]
    assert failed
    assert {each.failed for each in read_measured(wanted.trials) if each.value is None} == {
        "the engine did not start"
    }
    assert chosen(wanted.given, measured)["engine.vllm.max_num_seqs"] == 32


def test_settings_that_fail_when_they_are_repeated_are_not_chosen(tmp_path: Path) -> None:
    best = {"engine.vllm.max_num_seqs": 64, "engine.vllm.max_num_batched_tokens": 1024}

    def unsteady(settings, number):
        if best.items() <= settings.items() and number > 20:
            return None
        return tokens_per_s(settings, number)

    wanted = asked(tmp_path, wishes=Wishes(budget_s=60 * COST_S, trials=19))
    measured = run(wanted, Maker(unsteady))
    found = chosen(wanted.given, measured)
    failed = [each.settings for each in measured if each.value is None]
    assert not any(same(found, each) for each in failed)


def test_one_lucky_trial_is_not_chosen(tmp_path: Path) -> None:
    """The highest of many noisy figures had luck: it is measured again before it counts."""

    def lucky(settings, number):
        return 900.0 if number == 3 else 100.0 + settings["engine.vllm.max_num_seqs"]

    wanted = asked(tmp_path, wishes=Wishes(budget_s=60 * COST_S, trials=8))
    measured = run(wanted, Maker(lucky))
    third = next(each for each in measured if each.number == 3)
    again = [each for each in measured if each.purpose is Purpose.REPEAT]
    assert any(same(each.settings, third.settings) for each in again)


def test_what_is_measured_for_the_effects_changes_the_choice_no_more(tmp_path: Path) -> None:
    """Else the rows that are compared would change between two rounds."""

    def fading(settings, number):
        return tokens_per_s(settings, number) if number <= 12 else 1.0

    wanted = asked(tmp_path, wishes=Wishes(budget_s=60 * COST_S, trials=8))
    measured = run(wanted, Maker(fading))
    best = chosen(wanted.given, measured[:11])
    assert measured[11].purpose is Purpose.EFFECT
    assert chosen(wanted.given, measured) == best != wanted.given
    rows = rows_of(wanted.given, best)
    effects = [each for each in measured if each.purpose is Purpose.EFFECT]
    assert len(effects) == 3 * len(rows)


def test_given_settings_that_fail_end_the_search(tmp_path: Path) -> None:
    maker = Maker(lambda settings, number: None)
    with pytest.raises(RunError, match="nothing to hold others against: the engine did not"):
        run(asked(tmp_path), maker)
    assert len(maker.made) == 1


def test_the_whole_space_may_be_tried_and_then_the_search_ends(tmp_path: Path) -> None:
    space = ("engine.vllm.max_num_seqs=4,8", "engine.vllm.max_num_batched_tokens=256,512")
    wanted = asked(tmp_path, space=space)
    flat = run(wanted, Maker(lambda settings, number: 5.0))
    tried = [each for each in flat if each.purpose in (Purpose.GIVEN, Purpose.SEARCH)]
    assert len(tried) == 4
    assert propose(wanted.space, flat, seed=1) is None


def test_the_same_trials_lead_to_the_same_next_one(tmp_path: Path) -> None:
    wanted = asked(tmp_path)
    measured = run(wanted, Maker())[:9]
    first = propose(wanted.space, measured, seed=1)
    assert first == propose(wanted.space, measured, seed=1)
    assert any(propose(wanted.space, measured, seed=n) != first for n in range(2, 8))


def test_each_effect_is_that_of_one_setting_put_back(tmp_path: Path) -> None:
    wanted = asked(tmp_path)
    measured = run(wanted, Maker())
    best = chosen(wanted.given, measured)
    effects = {each.key: each for each in effects_of(wanted.given, best, measured)}
    for key, effect in effects.items():
        row = wanted.given if key == EVERYTHING else best | {key: wanted.given[key]}
        assert effect.ratio.median == pytest.approx(tokens_per_s(best, 0) / tokens_per_s(row, 0))
        assert len(effect.with_best) == len(effect.put_back) == 3
    assert EVERYTHING in effects


def test_where_nothing_is_better_there_is_no_effect_to_measure(tmp_path: Path) -> None:
    wanted = asked(tmp_path)
    measured = run(wanted, Maker(lambda settings, number: 1000.0 / number))
    assert chosen(wanted.given, measured) == wanted.given
    assert effects_of(wanted.given, wanted.given, measured) == []
    assert Purpose.EFFECT not in purposes(measured)


def test_a_single_setting_that_differs_is_put_back_once() -> None:
    assert rows_of({"a": 1, "b": 2}, {"a": 1, "b": 3}) == [{"a": 1, "b": 3}, {"a": 1, "b": 2}]
    assert rows_of({"a": 1}, {"a": 1}) == []


def test_what_was_seen_of_each_value_counts_failures_apart(tmp_path: Path) -> None:
    wanted = asked(tmp_path, wishes=Wishes(budget_s=3600.0, trials=12))
    seqs = "engine.vllm.max_num_seqs"
    measured = run(
        wanted, Maker(lambda each, n: None if each[seqs] == 128 else tokens_per_s(each, n))
    )
    seen = [each for each in seen_in(wanted.space, measured) if each.key == seqs]
    assert [each.value for each in seen] == [4, 8, 16, 32, 64, 128]
    assert sum(each.trials for each in seen) == len(measured)
    (worst,) = (each for each in seen if each.value == 128)
    assert worst.failed == worst.trials > 0
    assert worst.values is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cost_s": -1.0}, "cost_s"),
        ({"cost_s": float("nan")}, "cost_s"),
        ({"value": float("inf")}, "value"),
        ({"value": 10**400}, "value"),
        ({"settings": None}, "settings"),
        ({"purpose": "x"}, "purpose"),
        ({"purpose": []}, "purpose"),
        ({"number": 7}, "number is 7, must be that of its folder"),
    ],
)
def test_a_trial_that_is_none_of_ours_is_named_with_its_field(
    changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    wanted = asked(tmp_path)
    run(wanted, Maker(), [])
    path = wanted.trials / "001" / "trial.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(ConfigError, match=f"001/trial.json: .*{said}") as told:
        read_measured(wanted.trials)
    assert told.value.remedy == f"Remove {path.parent}; the trial is made again."


@pytest.mark.parametrize("content", ["", "[]", "{}", "[" * 100_000, "\0", None])
def test_what_lies_in_place_of_a_trial_is_no_traceback_and_no_hang(
    content: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "001" / "trial.json"
    path.parent.mkdir()
    if content is None:
        os.mkfifo(path)
    else:
        path.write_text(content)
    with pytest.raises(ConfigError, match=r"001/trial\.json: "):
        read_measured(tmp_path)
