"""What is said of a word that is nearly one of ours, and of one that is not."""

from __future__ import annotations

import re

import pytest

from sut.commands.run import main as run_main
from sut.config import natural
from sut.config.flags import SCENARIOS, build_parser
from sut.config.keys import Setting, leaves, require_known
from sut.config.verbs import VERBS
from sut.errors import ConfigError
from sut.main import run_command

FLAGS = [flag for action in build_parser()._actions for flag in action.option_strings]


@pytest.mark.parametrize("meant", sorted({*natural._FLAGS.values(), *natural._TOLD.values()}))
def test_each_flag_and_key_that_is_named_exists(meant: str) -> None:
    others = {"--test", "--quiet"}  # of audit, and of the run verb alone
    assert set(re.findall(r"(?<![\w-])--[a-z-]+", meant)) <= {*FLAGS, *others}
    assert set(re.findall(r"--set ([\w.]+)=", meant)) <= set(leaves())
    assert set(re.findall(r"\bsut ([a-z-]+)", meant)) <= set(VERBS)


@pytest.mark.parametrize("meant", sorted(set(natural._VERBS.values())))
def test_each_verb_that_is_named_exists(meant: str) -> None:
    named = re.findall(r"(?:verb for [\w ]+ is|verb is|verb|, or|then) ([a-z-]+)", meant)
    assert set(named) - {"a", "doctor", "give", "for", "the"} <= set(VERBS)


def test_no_flag_of_ours_is_among_those_of_others() -> None:
    assert (set(natural._FLAGS) | set(natural._TOLD)) & set(FLAGS) == set()
    assert set(natural._FLAGS) & set(natural._TOLD) == set()


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("--senario", "The nearest is --scenario."),
        ("--temperature", natural._GREEDY),
        ("--host", natural._NO_SERVER),
        ("--token", natural._TOKEN),
        ("--quick", "Give --profile quick."),
        ("--gpu-memory-utilization", "Give --set engine.vllm.gpu_memory_utilization=…."),
        (
            "--min-duration",
            "Give --set offline.min_duration_s=… (or server, interactive, single_stream).",
        ),
        ("--warmup", "Give --set warmup.queries=… or --set warmup.timeout_s=… "
         "or --set warmup.probe_reuse=…."),
        ("--user", "See --help."),
        ("--s", "See --help."),
    ],
)  # fmt: skip
def test_a_flag_of_others_leads_on(word: str, remedy: str) -> None:
    assert natural.instead_of(word, FLAGS, leaves) == remedy


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("6.1", "The nearest is v6.1."),
        ("V6", "The nearest is v6.0."),
        ("v6,1", "The nearest is v6.1."),
        ("xyz", ""),
        ("", ""),
    ],
)
def test_a_value_has_its_nearest_whatever_its_case(word: str, near: str) -> None:
    assert natural.near_one(word, ["v6.0", "v6.1"]) == near


@pytest.mark.parametrize(
    ("key", "remedy"),
    [
        ("server.qps", "The nearest is server.target_qps."),
        ("server", "Set one of"),
        ("qps", f"Give {natural._RATE}."),
        ("generation.temperature", "The nearest is generation."),
        ("temperature", natural._GREEDY),
        ("xyzzy", "--dry-run shows every key."),
    ],
)
def test_a_key_that_there_is_not_leads_on(key: str, remedy: str) -> None:
    with pytest.raises(ConfigError) as refused:
        require_known(Setting(key, 1, "--set"))
    assert remedy in str(refused.value)


def test_a_hidden_flag_is_never_named() -> None:
    with pytest.raises(ConfigError) as refused:
        run_main(["--start-gates", "3"])
    assert "--start-gate." not in str(refused.value)


def test_a_verb_without_set_is_not_told_of_it() -> None:
    assert "--set" not in natural.instead_of("--seed", ["--help", "--json"], leaves)


@pytest.mark.parametrize(
    ("word", "remedy"),
    [
        ("reprot", "The nearest is report."),
        ("verfy", "The nearest is verify."),
        ("offline", "Give --scenario Offline."),
        ("benchmark", "Leave it out: without a verb the benchmark runs."),
        ("ls", "The verb is history, then report."),
        ("Serve", natural._VERBS["serve"]),
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


@pytest.mark.parametrize(
    ("words", "usage"),
    [(["help"], "[--scenario NAME]"), (["help", "history"], "history")],
)
def test_help_is_a_word_too(
    words: list[str], usage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        run_command(words)
    assert ended.value.code == 0
    assert usage in capsys.readouterr().out


def test_bare_audit_starts_nothing() -> None:
    with pytest.raises(ConfigError, match="--test TEST06 to run one, or --verify DIR"):
        run_command(["audit"])
