"""`audit --verify` judges any folder; a mistake is one sentence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sut.commands.audit import main
from sut.errors import ConfigError, HarnessError, LogError
from tests.unit.audit.sabotage import (
    AUDITED,
    LLAMA_EOS,
    answer,
    healthy,
    write_detail,
    write_log,
)

SERVER = ("--scenario", "Server")


def verify(folder: Path, *arguments: str) -> int:
    return main(["--verify", str(folder), *arguments])


def test_a_good_log_passes_with_exit_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_log(tmp_path, healthy())
    assert verify(tmp_path, *SERVER) == 0
    shown = capsys.readouterr().out
    assert "end-of-sequence ids 128001, 128008, 128009 (model llama3.1-8b)" in shown
    assert "EOS check pass: True" in shown
    assert shown.rstrip().endswith("PASSED")


def test_a_spoiled_log_fails_with_exit_1_and_its_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    write_log(tmp_path, answer([5, 6, 128009, 128009])(healthy()))
    assert verify(tmp_path, *SERVER) == 1
    shown = capsys.readouterr().out
    assert "answers that end in more than one end-of-sequence id: 1 answers, must be == 0" in shown
    assert "seq_id 40" in shown
    assert "EOS check pass: False" in shown
    assert shown.rstrip().endswith("FAILED")


def test_the_ids_that_end_an_answer_can_be_given(tmp_path: Path):
    write_log(tmp_path, answer([5, 6, 2, 2])(healthy()))
    assert verify(tmp_path, *SERVER) == 0
    assert verify(tmp_path, *SERVER, "--eos", "2") == 1
    assert verify(tmp_path, *SERVER, "--model", "smollm2-135m") == 1


def test_the_longest_answer_is_the_benchmarks_or_the_users(tmp_path: Path):
    write_log(tmp_path, answer(range(3, 132))(healthy()))
    assert verify(tmp_path, *SERVER) == 1
    assert verify(tmp_path, *SERVER, "--max-tokens", "129") == 0


def test_json_holds_every_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_log(tmp_path, healthy())
    write_detail(tmp_path, AUDITED, audit=False)
    assert verify(tmp_path, *SERVER, "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["passed"] is False
    (run,) = document["runs"]
    assert (run["test"], run["scenario"], run["official"]) == ("TEST06", "Server", None)
    failed = [each["name"] for each in run["verification"]["checks"] if not each["passed"]]
    assert failed == ["audit.config read by LoadGen"]


NOT_PROVEN = "that LoadGen ran under the audit.config: there is no mlperf_log_detail.txt here"


def test_what_a_folder_without_a_detail_log_cannot_prove_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    """A tree's TEST06 folder: the verdict stays, and says what it is without."""
    write_log(tmp_path / "accuracy", healthy())
    assert verify(tmp_path, *SERVER) == 0
    lines = capsys.readouterr().out.rstrip().splitlines()
    assert f"  not proven: {NOT_PROVEN}" in lines
    assert lines[-1] == "  PASSED"
    assert verify(tmp_path, *SERVER, "--json") == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert run["not_proven"] == [NOT_PROVEN]


def test_where_the_detail_log_is_nothing_is_left_unproven(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    write_log(tmp_path, healthy())
    write_detail(tmp_path, AUDITED)
    assert verify(tmp_path, *SERVER) == 0
    assert "not proven" not in capsys.readouterr().out
    assert verify(tmp_path, *SERVER, "--json") == 0
    (run,) = json.loads(capsys.readouterr().out)["runs"]
    assert run["not_proven"] == []


def test_out_holds_the_official_files_also_of_a_failure(tmp_path: Path):
    write_log(tmp_path / "logs", answer([5])(healthy()))
    assert verify(tmp_path / "logs", *SERVER, "--out", str(tmp_path / "out")) == 1
    text = (tmp_path / "out" / "TEST06" / "verify_accuracy.txt").read_text()
    assert "Sample length check pass: False" in text
    assert (tmp_path / "out" / "TEST06" / "accuracy" / "mlperf_log_accuracy.json").is_file()
    assert sorted(path.name for path in (tmp_path / "logs").iterdir()) == [
        "mlperf_log_accuracy.json"
    ], "the judged folder is left as it was"


def test_both_verdicts_are_shown_where_they_differ(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    script = tmp_path / "inference" / "compliance" / "TEST06" / "run_verification.py"
    script.parent.mkdir(parents=True)
    script.write_text(
        "print('First token check pass: True')\nprint('EOS check pass: True')\n"
        "print('Sample length check pass: True')\nprint('TEST06 verification complete')\n"
    )
    write_log(tmp_path / "logs", answer([5, 128009, 128009])(healthy()))
    official = ("--official", str(tmp_path / "inference"))
    assert verify(tmp_path / "logs", *SERVER, *official) == 1
    shown = capsys.readouterr().out
    assert "EOS check pass: False" in shown
    assert "EOS check pass: True" in shown
    assert "verdict differ: the official script passes it" in shown


def test_the_official_scripts_failure_fails_ours(tmp_path: Path):
    script = tmp_path / "inference" / "compliance" / "TEST06" / "run_verification.py"
    script.parent.mkdir(parents=True)
    script.write_text("print('EOS check pass: False')\n")
    write_log(tmp_path / "logs", healthy())
    assert verify(tmp_path / "logs", *SERVER, "--official", str(tmp_path / "inference")) == 1


def test_a_run_of_ours_needs_neither_scenario_nor_ids(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    run = tmp_path / "node_1" / "Server" / "TEST06"
    write_log(run, healthy(2))
    (run / "run.json").write_text('{"scenario": "Interactive"}')
    model = {"eos_token_ids": [2], "benchmark": "llama3.1-8b"}
    document = {"config": {"model": model, "generation": {"max_tokens": 32}}}
    (tmp_path / "node_1" / "config.json").write_text(json.dumps(document))
    assert verify(run) == 0
    shown = capsys.readouterr().out
    assert "TEST06 Interactive" in shown
    assert "ids 2 (config.json of the session)" in shown


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ((), ["--scenario", "Server"]),
        (("--scenario", "Server,Offline"), ["one --scenario"]),
        (("--scenario", "Sever"), ["Sever", "is not a scenario"]),
        ((*SERVER, "--test", "TEST01"), ["TEST01", "TEST06"]),
        ((*SERVER, "--eos", "two"), ["--eos", "two"]),
        ((*SERVER, "--model", "nowhere"), ["--model", "nowhere"]),
        ((*SERVER, "--max-tokens", "0"), ["--max-tokens", "0"]),
        ((*SERVER, "--official", "nowhere"), ["--official", "nowhere"]),
        ((*SERVER, "--engine", "null"), ["--engine", "--verify"]),
        ((*SERVER, "--set", "a=1"), ["--set", "--verify"]),
        ((*SERVER, "--dry-run"), ["--dry-run", "--verify"]),
        ((*SERVER, "--offical", "x"), ["--offical", "--official"]),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_2(
    tmp_path: Path, arguments: tuple[str, ...], wanted: list[str]
):
    write_log(tmp_path, healthy())
    with pytest.raises(HarnessError) as caught:
        verify(tmp_path, *arguments)
    rendered = caught.value.render()
    assert caught.value.exit_code == 2
    assert "\n" not in rendered
    assert all(word in rendered for word in wanted), rendered


@pytest.mark.parametrize("flag", ["--eos=2", "--out=x", "--max-tokens=3", "--token-type=int32"])
def test_what_only_verifying_knows_is_refused_for_a_run(flag: str):
    with pytest.raises(ConfigError, match="goes with --verify"):
        main([flag])


def test_another_mode_is_refused():
    with pytest.raises(ConfigError, match="audit runs compliance"):
        main(["--mode", "accuracy"])


def test_a_checkout_without_the_test_is_refused_before_anything_runs(tmp_path: Path):
    with pytest.raises(ConfigError, match=r"no compliance/TEST06/audit\.config"):
        main(["--official", str(tmp_path)])


def test_a_folder_without_a_log_is_refused(tmp_path: Path):
    with pytest.raises(LogError, match=r"no mlperf_log_accuracy\.json"):
        verify(tmp_path, *SERVER)
    with pytest.raises(LogError):
        verify(tmp_path / "nowhere", *SERVER)


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "python -m sut.main audit --test TEST06 --scenario Server" in capsys.readouterr().out


def test_the_ids_of_the_default_model_are_those_of_its_file(tmp_path: Path):
    for eos in LLAMA_EOS:
        folder = tmp_path / str(eos)
        write_log(folder, answer([5, 6, eos, eos])(healthy()))
        assert verify(folder, *SERVER) == 1
