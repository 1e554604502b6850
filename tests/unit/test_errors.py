"""The one line a user sees."""

import pytest

import sut.output  # noqa: F401 - it has a class of its own
from sut.errors import ConfigError, HarnessError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (HarnessError("it broke"), "it broke"),
        (HarnessError("it broke", where="a.yaml:3"), "a.yaml:3: it broke"),
        (HarnessError("it broke", remedy="Mend it."), "it broke. Mend it."),
        (ConfigError("x is 1.", where="a", remedy="Try 2."), "a: x is 1. Try 2."),
    ],
)
def test_place_then_message_then_remedy(error: HarnessError, line: str):
    assert error.render() == str(error) == line


def test_each_class_has_an_exit_code_of_its_own_meaning():
    assert {kind.__name__: kind.exit_code for kind in HarnessError.__subclasses__()} == {
        "ConfigError": 2,
        "DatasetError": 2,
        "LogError": 2,
        "EngineStartError": 3,
        "RunError": 1,
        "Interrupted": 130,
        "OutputClosed": 141,
    }


def test_what_moves_a_terminals_cursor_stands_there_as_its_number():
    error = ConfigError("a\x1b[2J\nb\tc\x9b", where="\x07")
    assert error.render() == "\\x07: a\\x1b[2J\nb\tc\\x9b"


def test_an_end_of_line_in_a_name_begins_no_line():
    assert ConfigError("it is\ngone.", where="a\nsut: VALID").render() == (
        "a\\x0asut: VALID: it is\ngone."
    )
