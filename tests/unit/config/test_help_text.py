"""The help at eighty columns: prose and tables are filled, commands and files are kept."""

from __future__ import annotations

import importlib
import re

import pytest

from sut.config.help_text import filled
from sut.config.verbs import VERBS

WIDTH = 30
COMMAND = "  python -m sut.main campaign plan.yaml --out campaign-1"
YAML = "a plan:\n  scenarios: [Offline]\n  settings:\n    base: {}"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "One two three four five six\nseven eight nine ten.",
            ["One two three four five six", "seven eight nine ten."],
        ),
        (
            "One two three four five six seven eight\nnine ten.\n\nEleven.",
            ["One two three four five six", "seven eight nine ten.", "", "Eleven."],
        ),
        (
            "  0    every run is VALID, and every search\n       found what it is for\n  130  over",
            ["  0    every run is VALID, and", "       every search found what", "       it is for",
             "  130  over"],
        ),
        (f"examples:\n{COMMAND}", ["examples:", COMMAND]),
        (YAML, YAML.splitlines()),
    ],
)  # fmt: skip
def test_what_can_be_filled_is_and_the_rest_is_kept(text: str, lines: list[str]) -> None:
    assert list(filled(text, WIDTH)) == lines


@pytest.mark.parametrize("verb", VERBS)
def test_a_help_fits_a_narrow_terminal(
    verb: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        importlib.import_module(f"sut.commands.{verb.replace('-', '_')}").main(["--help"])
    wide = [line for line in capsys.readouterr().out.splitlines() if len(line) > 80]
    assert [line for line in wide if not re.match(r" +python -m ", line)] == []
