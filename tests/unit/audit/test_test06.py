"""TEST06 sees every way of spoiling a log that the rules forbid, and nothing in a good one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audit import test06
from audit.logs import AuditLogs, find_logs
from audit.official import OfficialVerdict, official_verdict
from sut.config.names import Scenario
from sut.errors import LogError
from sut.record.ledger_file import COLUMNS
from sut.rules.check import Check
from tests.unit.audit.sabotage import (
    AUDITED,
    LLAMA_EOS,
    SABOTAGES,
    Sabotage,
    answer,
    entry,
    healthy,
    write_detail,
    write_log,
)

EACH = pytest.mark.parametrize("case", SABOTAGES, ids=lambda case: case.what)


def logs_of(
    folder: Path, entries: object, scenario: Scenario = Scenario.SERVER, eos=LLAMA_EOS
) -> AuditLogs:
    write_log(folder, entries)
    return find_logs(folder, scenario, eos, max_tokens=128)


def spoiled(folder: Path, case: Sabotage) -> AuditLogs:
    return logs_of(folder, case.spoil(healthy(case.eos[-1])), eos=case.eos)


def failures(checks: list[Check]) -> list[str]:
    return [each.name for each in checks if not each.passed]


def letters(text: str) -> str:
    """The three lines that the checker reads, a letter each."""
    said = [line.rpartition(" ")[2] for line in text.splitlines() if " check pass: " in line]
    return "".join(word[0] for word in said)


@EACH
def test_each_sabotage_is_found_and_named(tmp_path: Path, case: Sabotage):
    checks = test06.verify(spoiled(tmp_path, case))
    assert sorted(failures(checks)) == sorted(case.failed)


@EACH
def test_each_sabotage_shows_in_the_lines_that_the_checker_reads(tmp_path: Path, case: Sabotage):
    text = test06.official_output(test06.verify(spoiled(tmp_path, case)), Scenario.SERVER)
    assert letters(text) == case.ours
    end = "TEST06 verification failed\n" if case.failed else "TEST06 verification complete\n"
    assert text.endswith(end)


def test_the_lines_are_the_official_ones_letter_for_letter(tmp_path: Path):
    checks = test06.verify(logs_of(tmp_path, healthy()))
    assert test06.official_output(checks, Scenario.SERVER) == (
        "First token check pass: True\n"
        "EOS check pass: True\n"
        "Sample length check pass: True\n"
        "TEST06 verification complete\n"
    )


def test_the_first_token_is_skipped_in_offline(tmp_path: Path):
    entries = [{k: v for k, v in each.items() if k != "token_data"} for each in healthy()]
    checks = test06.verify(logs_of(tmp_path, entries, Scenario.OFFLINE))
    assert failures(checks) == []
    text = test06.official_output(checks, Scenario.OFFLINE)
    assert text.startswith("First token check pass: Skipped\n")
    assert letters(text) == "STT"


def test_interactive_is_judged_like_server(tmp_path: Path):
    entries = answer([5, 6, 7], token_data="06000000")(healthy())
    checks = test06.verify(logs_of(tmp_path, entries, Scenario.INTERACTIVE))
    assert failures(checks) == [test06.FIRST_TOKEN]


def test_a_failed_check_names_the_first_culprit(tmp_path: Path):
    checks = test06.verify(logs_of(tmp_path, answer([5, 6, 7], token_count=9)(healthy())))
    (culprit,) = [each for each in checks if not each.passed]
    assert "seq_id 40" in culprit.source
    assert culprit.measured == 1


def test_a_first_report_of_several_tokens_is_compared_whole(tmp_path: Path):
    entries = answer([5, 6, 7], token_data="0500000006000000")(healthy())
    assert failures(test06.verify(logs_of(tmp_path, entries))) == []
    entries = answer([5, 6, 7], token_data="0500000007000000")(healthy())
    assert failures(test06.verify(logs_of(tmp_path, entries))) == [test06.FIRST_TOKEN]


def test_answers_of_int64_are_read_as_such(tmp_path: Path):
    wide = [
        each | {key: bytes.fromhex(each[key]).hex(" ", 4).replace(" ", "00000000") + "0" * 8
                for key in ("data", "token_data")}
        for each in healthy()
    ]  # fmt: skip
    write_log(tmp_path, wide)
    narrow = find_logs(tmp_path, Scenario.SERVER, LLAMA_EOS, token_type="int32")
    assert failures(test06.verify(narrow)) != []
    for told in (None, "int64"):
        logs = find_logs(tmp_path, Scenario.SERVER, LLAMA_EOS, token_type=told)
        assert logs.token_type == "int64"
        assert failures(test06.verify(logs)) == []


def test_an_empty_log_is_told_with_its_cause_first(tmp_path: Path):
    write_log(tmp_path, [])
    write_detail(tmp_path, AUDITED, audit=False)
    checks = test06.verify(find_logs(tmp_path, Scenario.SERVER, LLAMA_EOS))
    assert failures(checks) == ["audit.config read by LoadGen", "samples logged"]
    assert letters(test06.official_output(checks, Scenario.SERVER)) == "FFF"


def test_settings_are_not_told_where_no_audit_config_was_read(tmp_path: Path):
    write_log(tmp_path, healthy())
    write_detail(tmp_path, {"effective_scenario": "Server"}, audit=False)
    checks = test06.verify(find_logs(tmp_path, Scenario.SERVER, LLAMA_EOS))
    assert failures(checks) == ["audit.config read by LoadGen"]


def test_two_logs_that_differ_are_refused(tmp_path: Path):
    write_log(tmp_path, healthy())
    write_log(tmp_path / "accuracy", healthy())
    find_logs(tmp_path, Scenario.SERVER, LLAMA_EOS)
    write_log(tmp_path / "accuracy", healthy()[:-1])
    with pytest.raises(LogError, match="there are two different mlperf_log_accuracy"):
        find_logs(tmp_path, Scenario.SERVER, LLAMA_EOS)


# --- beside the accuracy log -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "audit", "wanted"),
    [
        ({}, True, []),
        ({}, False, ["audit.config read by LoadGen"]),
        ({"effective_scenario": "Offline"}, True, ["effective_scenario"]),
        ({"effective_test_mode": "AccuracyOnly"}, True, ["effective_test_mode"]),
        ({"effective_accuracy_log_sampling_target": 0}, True,
         ["effective_accuracy_log_sampling_target"]),
        ({"effective_accuracy_log_rng_seed": 0}, True, ["effective_accuracy_log_rng_seed"]),
        ({"effective_sample_concatenate_permutation": True}, True,
         ["effective_sample_concatenate_permutation"]),
    ],
)  # fmt: skip
def test_the_detail_log_must_show_the_audit_config_in_force(
    tmp_path: Path, values: dict[str, Any], audit: bool, wanted: list[str]
):
    write_log(tmp_path, healthy())
    write_detail(tmp_path, AUDITED | values, audit=audit)
    checks = test06.verify(find_logs(tmp_path, Scenario.SERVER, LLAMA_EOS))
    assert failures(checks) == wanted
    letter = "F" if wanted else "T"
    assert letters(test06.official_output(checks, Scenario.SERVER)) == f"TT{letter}"


def test_a_setting_that_is_not_logged_is_not_taken_for_right(tmp_path: Path):
    write_log(tmp_path, healthy())
    without = {key: value for key, value in AUDITED.items() if key != "effective_test_mode"}
    write_detail(tmp_path, without)
    checks = test06.verify(find_logs(tmp_path, Scenario.SERVER, LLAMA_EOS))
    assert failures(checks) == ["effective_test_mode"]


LEDGER = pa.schema(
    [
        (name, pa.string() if name in ("state", "finish_reason", "failure") else pa.int64())
        for name in COLUMNS
    ]
)


@pytest.mark.parametrize(
    ("seq", "column", "value"),
    [(40, "tokens_out", 3), (40, "tokens_out", None), (40, "sample_index", 0), (40, "seq", 400)],
)
def test_the_ledger_must_have_the_same_answers(tmp_path: Path, seq: int, column: str, value: Any):
    entries = healthy()
    rows = [
        {"seq": each["seq_id"], "sample_index": each["qsl_idx"], "tokens_out": each["token_count"],
         "issued_ns": 0, "first_token_ns": 1, "done_ns": 2, "tokens_in": 9, "state": "succeeded",
         "finish_reason": "stop", "failure": None, "replica": 0}
        for each in entries
    ]  # fmt: skip
    write_log(tmp_path, entries)
    path = tmp_path / "ledger.parquet"
    pq.write_table(pa.Table.from_pylist(rows, LEDGER), path)
    logs = find_logs(tmp_path, Scenario.SERVER, LLAMA_EOS)
    assert failures(test06.verify(logs)) == []
    rows[seq][column] = value
    pq.write_table(pa.Table.from_pylist(rows, LEDGER), path)
    assert failures(test06.verify(logs)) == ["answers that are not as our ledger has them"]


def test_a_sample_that_failed_has_no_tokens_in_the_ledger_either(tmp_path: Path):
    entries = [entry(0, [])]
    words = {"state": "failed", "failure": "x", "finish_reason": None}
    row = dict.fromkeys(COLUMNS, 0) | words | {"tokens_out": None}
    write_log(tmp_path, entries)
    pq.write_table(pa.Table.from_pylist([row], LEDGER), tmp_path / "ledger.parquet")
    checks = test06.verify(find_logs(tmp_path, Scenario.SERVER, LLAMA_EOS))
    assert "answers that are not as our ledger has them" not in failures(checks)


# --- beside the official script --------------------------------------------------------------


@pytest.fixture
def checkout() -> Path:
    """A checkout of mlcommons/inference, named by MLCOMMONS_INFERENCE."""
    folder = os.environ.get("MLCOMMONS_INFERENCE")
    if not folder:
        pytest.skip("MLCOMMONS_INFERENCE names no checkout of mlcommons/inference")
    return Path(folder)


@EACH
def test_the_official_script_sees_what_the_table_says(
    tmp_path: Path, case: Sabotage, checkout: Path
):
    said: OfficialVerdict = official_verdict(checkout, "TEST06", spoiled(tmp_path, case))
    assert letters(said.output) == (case.official or "")
    assert said.passed == (case.official == "TTT")


def test_nothing_that_the_official_script_fails_passes_ours():
    assert [case.what for case in SABOTAGES if case.official != "TTT" and not case.failed] == []
