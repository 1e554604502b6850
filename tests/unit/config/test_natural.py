"""What is said of a word that is nearly one of ours, and of one that is not."""

from __future__ import annotations

import re

import pytest

from sut.commands.run import main as run_main
from sut.config import natural
from sut.config.flags import SCENARIOS, build_parser
from sut.config.keys import leaves
from sut.config.verbs import VERBS
from sut.errors import ConfigError
from sut.main import run_command

FLAGS = [flag for action in build_parser()._actions for flag in action.option_strings]


@pytest.mark.parametrize("meant", sorted(set(natural._FLAGS.values())))
def test_each_flag_and_key_that_is_named_exists(meant: str) -> None:
    assert set(re.findall(r"(?<![\w-])--[a-z-]+", meant)) <= set(FLAGS)
    assert set(re.findall(r"--set ([\w.]+)=", meant)) <= set(leaves())


def test_no_flag_of_ours_is_among_those_of_others() -> None:
    assert set(natural._FLAGS) & set(FLAGS) == set()


def test_a_hidden_flag_is_never_named() -> None:
    with pytest.raises(ConfigError) as refused:
        run_main(["--start-gates", "3"])
    assert "--start-gate." not in str(refused.value)


def test_a_verb_without_set_is_not_told_of_it() -> None:
    assert "--set" not in natural.instead_of("--seed", ["--help", "--json"])


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("reprot", "The nearest is report."),
        ("verfy", "The nearest is verify."),
        ("offline", "Give --scenario Offline."),
        ("benchmark", "Leave it out: without a verb the benchmark runs."),
        ("xyzzy", f"The verbs are {', '.join(VERBS)}."),
    ],
)
def test_a_first_word_that_is_no_verb_is_answered(word: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as refused:
        run_command([word, "--json"])
    assert str(refused.value) == f"command line: there is no verb {word}. {remedy}"


def test_no_word_of_others_hides_a_verb() -> None:
    assert set(natural._VERBS) & set(VERBS) == set()
    assert SCENARIOS


def test_bare_audit_starts_nothing() -> None:
    with pytest.raises(ConfigError, match="--test TEST06 to run one, or --verify DIR"):
        run_command(["audit"])
