"""The official script is run as it is, and its verdict read from all that it prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit import official
from audit.logs import find_logs
from audit.official import SCRIPT, official_file, official_verdict, passes
from sut.config.names import Scenario
from sut.errors import ConfigError
from tests.unit.audit.sabotage import LLAMA_EOS, healthy, write_log

GOOD = (
    "First token check pass: {}\nEOS check pass: True\nSample length check pass: True\n"
    "TEST06 verification complete\n"
)


def stand_in(folder: Path, body: str) -> Path:
    """A checkout whose script does this."""
    home = folder / "inference" / "compliance" / "TEST06"
    home.mkdir(parents=True)
    (home / SCRIPT).write_text(f"import sys\n{body}\n")
    return folder / "inference"


@pytest.mark.parametrize(
    ("output", "verdict"),
    [
        (GOOD.format("True"), True),
        (GOOD.format("Skipped"), True),
        (GOOD.format("True").replace("\n", "   \r\n"), True),
        (GOOD.format("False"), False),
        (GOOD.format("True").replace("EOS check pass: True", "EOS check pass: False"), False),
        ("TEST06 verification complete\n", False),
        ("", False),
    ],
)
def test_the_verdict_is_the_checkers(output: str, verdict: bool):
    assert passes(output) is verdict


def verdict_of(tmp_path: Path, body: str):
    write_log(tmp_path / "logs", healthy())
    logs = find_logs(tmp_path / "logs", Scenario.INTERACTIVE, LLAMA_EOS)
    return official_verdict(stand_in(tmp_path, body), "TEST06", logs)


def test_it_is_given_folder_scenario_and_type(tmp_path: Path):
    said = verdict_of(tmp_path, "print(*sys.argv[1:])")
    words = said.output.split()
    assert words[words.index("-c") + 1] == str(tmp_path / "logs")
    assert words[words.index("-s") + 1] == "Interactive"
    assert words[words.index("-d") + 1] == "int32"


def test_a_failure_is_seen_though_it_ends_with_exit_code_0(tmp_path: Path):
    said = verdict_of(tmp_path, f"print({GOOD.format('False')!r})")
    assert not said.passed


def test_a_script_that_breaks_off_has_not_passed_and_shows_its_words(tmp_path: Path):
    said = verdict_of(tmp_path, f"print({GOOD.format('True')!r}); raise KeyError('token_data')")
    assert not said.passed
    assert "KeyError" in said.output


def test_a_script_that_never_ends_has_not_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(official, "TIMEOUT_S", 0)
    said = verdict_of(tmp_path, "input()")
    assert (said.passed, said.output) == (False, "no end within 0 s")
    assert said.command[1].endswith(SCRIPT)


def test_what_it_writes_lands_nowhere_near_the_logs(tmp_path: Path):
    verdict_of(tmp_path, "open('litter', 'w').close()")
    assert not list(tmp_path.rglob("litter"))
    assert {path.name for path in (tmp_path / "logs").iterdir()} == {"mlperf_log_accuracy.json"}


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        official_file(tmp_path, "TEST06", "audit.config")
    assert "compliance/TEST06/audit.config" in caught.value.render()
    assert "--official" in caught.value.render()
