"""A verification is two files beside the logs, and an honest verdict even on a broken log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from audit.logs import find_logs
from audit.verify import (
    OFFICIAL_NAME,
    VERIFICATION_NAME,
    verify_folder,
    verify_run,
    write_facts,
    write_submission_folder,
)
from sut.config.names import Scenario
from sut.errors import ConfigError, LogError
from sut.record.facts import VerificationFacts
from sut.record.folder import sha256_of
from tests.unit.audit.sabotage import (
    AUDITED,
    LLAMA_EOS,
    answer,
    healthy,
    write_detail,
    write_log,
)


def write_verification(run: Path, test: str, scenario: str, *ids: Any, **more: Any) -> Any:
    """Verify a run, and write what was found beside its logs."""
    facts = verify_folder(run, test, scenario, *ids, **more)
    write_facts(run, facts, Scenario(scenario))
    return facts


def lines(folder: Path) -> list[str]:
    return (folder / OFFICIAL_NAME).read_text().splitlines()


def test_a_good_run_gets_both_files(tmp_path: Path):
    log = write_log(tmp_path, healthy())
    write_detail(tmp_path, AUDITED)
    facts = write_verification(tmp_path, "TEST06", "Server", LLAMA_EOS, max_tokens=128)
    assert facts.passed
    assert facts.test == "TEST06"
    assert facts.log_sha256 == sha256_of(log)
    text = (tmp_path / VERIFICATION_NAME).read_text()
    assert VerificationFacts.model_validate_json(text) == facts
    assert lines(tmp_path)[-1] == "TEST06 verification complete"


def test_a_spoiled_run_fails_in_both_files(tmp_path: Path):
    write_log(tmp_path, answer([5, 128009, 128009])(healthy()))
    facts = write_verification(tmp_path, "TEST06", Scenario.SERVER, LLAMA_EOS)
    assert not facts.passed
    assert lines(tmp_path)[1] == "EOS check pass: False"
    assert lines(tmp_path)[3] == "TEST06 verification failed"


@pytest.mark.parametrize(
    ("text", "reason"), [(None, "there is no mlperf_log_accuracy.json"), ('[{"seq', "cut short")]
)
def test_a_run_whose_log_cannot_be_read_fails_with_the_reason(
    tmp_path: Path, text: str | None, reason: str
):
    if text is not None:
        write_log(tmp_path, text)
    facts = write_verification(tmp_path, "TEST06", "Server", LLAMA_EOS)
    assert not facts.passed
    (only,) = facts.checks
    assert reason in str(only.measured)
    assert [line.rpartition(" ")[2] for line in lines(tmp_path)] == ["False"] * 3 + ["failed"]


@pytest.mark.parametrize(
    ("where", "said"), [("a.json:3", "a.json:3: it is broken."), (None, "it is broken.")]
)
def test_the_reason_names_the_place_where_there_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str | None, said: str
):
    def broken(*_: object, **__: object) -> None:
        raise LogError("it is broken.", where=where)

    monkeypatch.setattr("audit.verify.find_logs", broken)
    (only,) = verify_folder(tmp_path, "TEST06", "Server", LLAMA_EOS).checks
    assert (only.measured, only.passed) == (said, False)


def test_a_corrupt_detail_log_fails_the_run_too(tmp_path: Path):
    write_log(tmp_path, healthy())
    (tmp_path / "mlperf_log_detail.txt").write_text("no log\nat all\n")
    facts = write_verification(tmp_path, "TEST06", "Server", LLAMA_EOS)
    assert not facts.passed
    assert "mlperf_log_detail.txt:1" in str(facts.checks[0].measured)


def test_a_longest_answer_is_judged_only_where_the_limit_is_known(tmp_path: Path):
    write_log(tmp_path, answer(range(3, 132))(healthy()))
    logs = find_logs(tmp_path, Scenario.SERVER, LLAMA_EOS)
    assert verify_run("TEST06", logs).passed
    logs = find_logs(tmp_path, Scenario.SERVER, LLAMA_EOS, max_tokens=128)
    assert not verify_run("TEST06", logs).passed


def test_an_earlier_verification_is_never_overwritten(tmp_path: Path):
    write_log(tmp_path, healthy())
    write_verification(tmp_path, "TEST06", "Server", LLAMA_EOS)
    with pytest.raises(FileExistsError):
        write_verification(tmp_path, "TEST06", "Server", LLAMA_EOS)


def test_an_unknown_test_is_named_with_those_there_are(tmp_path: Path):
    write_log(tmp_path, healthy())
    with pytest.raises(ConfigError, match="no compliance test TEST01; there is TEST06"):
        write_verification(tmp_path, "TEST01", "Server", LLAMA_EOS)


def test_the_submission_folder_holds_the_verdict_and_the_whole_log(tmp_path: Path):
    log = write_log(tmp_path / "logs", healthy())
    logs = find_logs(tmp_path / "logs", Scenario.SERVER, LLAMA_EOS)
    made = write_submission_folder(verify_run("TEST06", logs), logs, tmp_path / "out")
    assert made == tmp_path / "out" / "TEST06"
    assert (made / "accuracy" / log.name).read_bytes() == log.read_bytes()
    assert lines(made)[-1] == "TEST06 verification complete"
    found = sorted(str(path.relative_to(tmp_path / "out")) for path in made.rglob("*"))
    assert found == [
        "TEST06/accuracy",
        "TEST06/accuracy/mlperf_log_accuracy.json",
        "TEST06/verify_accuracy.txt",
    ]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["TEST06"], "nothing left over"


def test_the_submission_folder_is_read_back_like_a_run(tmp_path: Path):
    write_log(tmp_path / "logs", healthy())
    logs = find_logs(tmp_path / "logs", Scenario.SERVER, LLAMA_EOS)
    made = write_submission_folder(verify_run("TEST06", logs), logs, tmp_path / "out")
    detail = made / "performance" / "run_1"
    detail.mkdir(parents=True)
    write_detail(detail, AUDITED, audit=False)
    again = verify_run("TEST06", find_logs(made, Scenario.SERVER, LLAMA_EOS))
    assert [each.name for each in again.checks if not each.passed] == [
        "audit.config read by LoadGen"
    ]


def test_an_existing_submission_folder_is_refused(tmp_path: Path):
    write_log(tmp_path, healthy())
    (tmp_path / "out" / "TEST06").mkdir(parents=True)
    logs = find_logs(tmp_path, Scenario.SERVER, LLAMA_EOS)
    with pytest.raises(ConfigError, match="exists already") as caught:
        write_submission_folder(verify_run("TEST06", logs), logs, tmp_path / "out")
    assert "--out" in caught.value.render()


def test_a_folder_without_an_accuracy_log_is_refused(tmp_path: Path):
    with pytest.raises(LogError, match=r"no mlperf_log_accuracy\.json"):
        find_logs(tmp_path, Scenario.SERVER, LLAMA_EOS)


def test_the_json_is_plain(tmp_path: Path):
    write_log(tmp_path, healthy())
    write_verification(tmp_path, "TEST06", "Server", LLAMA_EOS)
    document = json.loads((tmp_path / VERIFICATION_NAME).read_text())
    assert document["passed"] is True
    assert (tmp_path / VERIFICATION_NAME).read_text() == json.dumps(document, indent=2) + "\n"
    assert {each["name"] for each in document["checks"]} >= {"samples logged", "shortest answer"}
