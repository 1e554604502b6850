"""Each condition of validity: a whole run passes it, one broken fact fails it and it alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sut.config.rounds import Round, load_round
from sut.report.compliance.evidence import open_session
from sut.result.build import build
from sut.result.schema import RunResult
from sut.rules.case import RunCase
from sut.rules.catalogue import BOOKS, CATALOGUE, NOT_IN_VALID, VALID, judge
from sut.rules.rule import Book, Ground
from tests.unit.report.compliant import small_round
from tests.unit.result.sessions import (
    dump,
    edit,
    make_config,
    make_round,
    make_session,
)
from tests.unit.rules.breakages import (
    BESIDE_VALID,
    BREAKAGES,
    FOLDERS,
    whole,
)
from tests.unit.rules.changes import (
    Change,
    config_json,
    drop_columns,
    ledger_json,
    profile,
    row,
)


def judged(root: Path, name: str, rules: Round | None = None) -> RunResult:
    ours = load_round("v6.1") if name == "singlestream" else make_round()
    result = build(root, rules or ours)
    tests = [run for runs in result.compliance_runs.values() for run in runs.values()]
    (run,) = (*result.scenarios.values(), *result.accuracy_runs.values(), *tests)
    assert run.valid == (not run.reasons)
    assert result.valid is run.valid
    return run


def failed(run: RunResult) -> list[str]:
    return [each.name for each in run.checks if not each.passed]


def broken_rules(run: RunResult) -> set[str]:
    return {each.rule for each in run.checks if not each.passed}


def case_of(root: Path) -> RunCase:
    (run,) = open_session(root, small_round()).runs
    return run.case


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_a_whole_run_passes_every_check(tmp_path: Path, name: str) -> None:
    run = judged(whole(tmp_path, name), name)
    assert failed(run) == []
    assert len(run.checks) > 20
    assert run.valid


@pytest.mark.parametrize(("rule", "name", "change", "with_it"), BREAKAGES)
def test_one_broken_fact_fails_its_rule(
    tmp_path: Path, rule: str, name: str, change: Change, with_it: tuple[str, ...]
) -> None:
    root = whole(tmp_path, name)
    change(root / FOLDERS[name])
    assert broken_rules(judged(root, name)) == {rule, *with_it}


@pytest.mark.parametrize(("rule", "name", "change"), BESIDE_VALID)
def test_one_broken_fact_fails_a_rule_that_valid_does_not_ask(
    tmp_path: Path, rule: str, name: str, change: Change
) -> None:
    root = whole(tmp_path, name)
    mode = name if name == "compliance" else FOLDERS[name].partition("/")[2]
    before = judge([rule], case_of(root), mode)
    assert before
    assert all(each.passed for each in before)
    change(root / FOLDERS[name])
    after = judge([rule], case_of(root), mode)
    assert not all(each.passed for each in after)


def test_every_rule_was_seen_to_fail() -> None:
    """A rule added to the catalogue without a row of breakages.py makes this fail."""
    seen = {each[0] for each in BREAKAGES} | {each[0] for each in BESIDE_VALID}
    with_others = {rule for each in BREAKAGES for rule in each[3]}
    assert set(CATALOGUE) == seen | with_others
    assert {each[0] for each in BESIDE_VALID} == NOT_IN_VALID


def test_every_check_of_a_result_bears_the_id_of_its_rule(tmp_path: Path) -> None:
    for name in FOLDERS:
        run = judged(whole(tmp_path / name, name), name)
        assert {each.rule for each in run.checks} <= set(VALID)


def test_two_rules_never_share_an_id() -> None:
    assert sum(len(book.rules) for book in BOOKS) == len(CATALOGUE)
    book: Book[RunCase] = Book(Ground.LEDGER)
    book.rule("a", "A rule", "nobody")(lambda _: ())
    with pytest.raises(ValueError, match="two rules a"):
        book.rule("a", "Another", "nobody")(lambda _: ())


def test_another_scenarios_log_is_refused(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    edit(root / FOLDERS["server"] / "run.json", scenario="Offline")
    path = root / "config.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["config"]["scenarios"] = ["Offline"]
    dump(path, document)
    assert "effective_scenario" in failed(judged(root, "server"))


def test_limits_are_strict(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    config_json("server", ttft_limit_ms=3.175953, latency_percentile=99)(root / FOLDERS["server"])
    assert "TTFT P99" in failed(judged(root, "server"))
    config_json("server", ttft_limit_ms=3.175954)(root / FOLDERS["server"])
    assert "TTFT P99" not in failed(judged(root, "server"))


def test_a_percentile_loadgen_does_not_print_rests_on_its_flag(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    config_json("server", latency_percentile=80)(root / FOLDERS["server"])
    run = judged(root, "server")
    assert failed(run) == []
    assert [each.measured for each in run.checks if each.rule == "ttft"] == [True]


@pytest.mark.parametrize("counters", [{}, {"prefix_cache_hit_tokens": None}])
def test_an_engine_that_does_not_count_its_cache_hits_proves_nothing(
    tmp_path: Path, counters: dict[str, float | None]
) -> None:
    root = make_session(tmp_path, "server")
    edit(root / FOLDERS["server"] / "run.json", engine_counters=counters)
    assert failed(judged(root, "server")) == ["prefix_cache_hit_tokens"]


def test_mlperf_profile_relaxes_nothing(tmp_path: Path) -> None:
    run = judged(make_session(tmp_path, "server_with_errors", profile="mlperf"), "server")
    assert broken_rules(run) == {
        "no-failures",
        "min-duration",
        "min-duration-asked",
        "no-errors",
        "sealed-values",
    }
    assert [each.name for each in run.checks if each.rule == "ttft"] == ["TTFT P99"]
    limits = {each.name: each.limit for each in run.checks}
    assert limits["duration"] == 600
    assert limits["success rate"] == 1.0


def test_mlperf_profile_asks_for_the_rounds_sample_count(tmp_path: Path) -> None:
    run = judged(make_session(tmp_path, "offline", profile="mlperf"), "offline")
    wanted = {"min-duration", "min-duration-asked", "min-queries", "sealed-values"}
    assert broken_rules(run) == wanted
    assert {each.name: each.limit for each in run.checks}["samples"] == 13368


def test_mlperf_profile_holds_to_the_rounds_limits(tmp_path: Path) -> None:
    config = make_config(("interactive",)).interactive
    lax = config.model_copy(update={"ttft_limit_ms": 2000.0, "latency_percentile": 90.0})
    run = judged(
        make_session(tmp_path, "interactive", profile="mlperf", interactive=lax), "interactive"
    )
    limits = {each.name: each.limit for each in run.checks}
    assert limits["TTFT P99"] == 500


def test_an_unknown_round_fails_what_needs_it(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server", round="v9.9")
    result = build(root)
    (run,) = result.scenarios.values()
    assert broken_rules(run) == {
        *("seeds", "loadgen-release", "loadgen-model", "settings-as-asked"),
        *("settings-recorded", "user-conf"),
    }
    assert not result.valid
    assert "round v9.9 is unknown" in result.reasons[0]


def before_answers(root: Path, name: str) -> None:
    """Make a record like those of before the ledger kept last tokens and checksums."""
    folder = root / FOLDERS[name]
    drop_columns("last_token", "answer_crc")(folder)
    run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    del run["ledger"]["answers_recorded"]
    dump(folder / "run.json", run)


@pytest.mark.parametrize("name", ["server", "accuracy", "compliance"])
def test_a_record_of_before_is_judged_by_what_it_could_know(tmp_path: Path, name: str) -> None:
    root = whole(tmp_path, name)
    before_answers(root, name)
    assert failed(judged(root, name)) == []
    row(3, tokens_out=65)(root / FOLDERS[name])
    assert "answers-end" in broken_rules(judged(root, name))


def test_a_record_of_before_does_not_do_for_a_submission(tmp_path: Path) -> None:
    root = whole(tmp_path, "accuracy")
    before_answers(root, "accuracy")
    profile("mlperf")(root / FOLDERS["accuracy"])
    assert {"answers-end", "answers-logged"} <= broken_rules(judged(root, "accuracy"))


def test_the_counts_of_a_result_are_the_ledgers(tmp_path: Path) -> None:
    root = whole(tmp_path, "server")
    honest = judged(root, "server")
    ledger_json(issued=1, tokens_out=10**9, tokens_in=1)(root / FOLDERS["server"])
    edited = judged(root, "server")
    assert (edited.tokens_in, edited.tokens_out) == (honest.tokens_in, honest.tokens_out)
    assert edited.queries == honest.queries
    assert [each.reason for each in edited.checks if not each.passed] == [
        "counts that the ledger contradicts: issued 1 (ledger 240), tokens_in 1 (ledger "
        f"{honest.tokens_in}), tokens_out 1000000000 (ledger {honest.tokens_out}), must be == none"
    ]
