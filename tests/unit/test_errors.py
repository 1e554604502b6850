"""The one line a user sees."""

import pytest

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
