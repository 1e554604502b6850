from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sut.config.flags import (
    ENVIRONMENT,
    SCENARIOS,
    above_zero,
    build_parser,
    to_overrides,
    whole,
)
from sut.config.keys import leaves
from sut.config.names import Scenario
from sut.config.selection import PROFILES
from sut.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]


def overrides(*flags):
    return to_overrides(build_parser().parse_args(list(flags)))


def test_help_loads_nothing_but_the_standard_library():
    script = (
        "import sys\n"
        "from sut.config.flags import build_parser\n"
        "build_parser().format_help()\n"
        "ours = {name.partition('.')[0] for name in sys.modules}\n"
        "print(sorted(ours - set(sys.stdlib_module_names) - {'sut', '__main__'}))\n"
    )
    # -S: without the packages that the environment's own start-up files load.
    done = subprocess.run(
        [sys.executable, "-S", "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.strip() == "[]"


def test_help_has_an_example_and_the_environment():
    text = build_parser().format_help()
    assert "python -m sut.main --scenario Offline,Server" in text
    for name in (*ENVIRONMENT, "HF_TOKEN", *SCENARIOS):
        assert name in text


def test_the_example_of_the_help_parses():
    (line,) = [
        row for row in build_parser().format_help().splitlines() if row.startswith("  python -m")
    ]
    assert overrides(*line.split()[3:]) == [
        ("profile", "quick", "--profile"),
        ("scenarios", ["Offline", "Server"], "--scenario"),
        ("server.target_qps", "2", "--set server.target_qps"),
    ]


def test_the_names_are_those_of_the_schema():
    assert tuple(scenario.value for scenario in Scenario) == SCENARIOS
    assert set(ENVIRONMENT.values()) <= set(leaves())
    for action in build_parser()._actions:
        if action.dest == "profile":
            assert tuple(action.choices or ()) == PROFILES


def test_every_flag_becomes_an_override():
    assert overrides(
        "--round", "v6.0", "--system", "cpu", "--model", "m", "--dataset", "d.json",
        "--mode", "accuracy", "--engine", "null", "--results-dir", "out",
        "--scenario", "offline, SINGLE_stream", "--scenario", "Server",
        "--set", "node_name = n", "--set", "server.target_qps=a=b",
    ) == [
        ("round", "v6.0", "--round"),
        ("system", "cpu", "--system"),
        ("model", "m", "--model"),
        ("dataset", "d.json", "--dataset"),
        ("mode", "accuracy", "--mode"),
        ("engine.kind", "null", "--engine"),
        ("results_dir", "out", "--results-dir"),
        ("scenarios", ["Offline", "SingleStream", "Server"], "--scenario"),
        ("node_name", "n", "--set node_name"),
        ("server.target_qps", "a=b", "--set server.target_qps"),
    ]  # fmt: skip


def test_no_flag_is_no_override():
    assert overrides() == []


def test_switches():
    given = build_parser().parse_args(["--dry-run", "--json", "--user-conf", "u", "--config", "c"])
    assert (given.dry_run, given.json, given.user_conf, given.config) == (
        True,
        True,
        Path("u"),
        Path("c"),
    )
    given = build_parser().parse_args([])
    assert (given.dry_run, given.json, given.user_conf, given.config) == (False, False, None, None)


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--scenarois", "Offline"], "there is no flag --scenarois. The nearest is --scenario."),
        (["--profil=quick"], "there is no flag --profil. The nearest is --profile."),
        (["--dryrun"], "there is no flag --dryrun. The nearest is --dry-run."),
        (["Offline"], "unexpected word Offline. Give --scenario Offline."),
        (["fast"], "unexpected word fast. See --help."),
        (["--start-gat", "3"], "there is no flag --start-gat. See --help."),
        (["--target-qps", "3"], "Give --set server.target_qps=N in Server, or"),
        (["--num-prompts", "3"], "Give --set server.min_query_count=N or"),
        (["--num-samples", "3"], "--set dataset.max_samples=N."),
        (["--max-tokens=3"], "there is no flag --max-tokens. Give --set generation.max_tokens=N."),
        (["--node-name", "a"], "Give --set node_name=…."),
        (["--seed", "3"], "Give --set engine.vllm.seed=N for the engine"),
        (["--verbose"], "Give --dry-run to see the configuration"),
        (["--output-dir", "x"], "Give --results-dir DIR."),
        (["--gpu-memory-utilization", "0.8"], "--set engine.vllm.gpu_memory_utilization=…."),
        (
            ["--min-duration-s", "9"],
            "Give --set offline.min_duration_s=… (or server, interactive, single_stream).",
        ),
        (["--colour", "always"], "Set the environment variable NO_COLOR=1"),
        (["--xyzzy", "always"], "there is no flag --xyzzy. See --help."),
        (["--profile", "fast"], "invalid choice: 'fast'"),
        (["--model"], "expected one argument"),
    ],
)
def test_a_bad_command_line_is_one_line(flags, complaint):
    with pytest.raises(ConfigError) as refused:
        build_parser().parse_args(flags)
    assert complaint in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("text", ["server.target_qps", "=3"])
def test_a_set_without_assignment_is_refused(text):
    with pytest.raises(ConfigError, match="is not an assignment"):
        overrides("--set", text)


def test_a_number_within_its_bounds_is_taken():
    assert [whole("--n", 1, 3, example=2)(text) for text in ("1", "3")] == [1, 3]
    assert whole("--n", 0, 3, example=2)("0") == 0
    assert above_zero("--x", 3, example=2)("1e-3") == 0.001


@pytest.mark.parametrize("text", ["0", "4", "x", "", "1.0"])
def test_another_is_refused_with_flag_value_and_example(text):
    with pytest.raises(ConfigError, match=r"from 1 to 3\. Give one, e\.g\. 2\.") as refused:
        whole("--n", 1, 3, example=2)(text)
    assert refused.value.where == "--n"


@pytest.mark.parametrize("text", ["0", "-1", "x", "", "nan", "inf"])
def test_what_is_not_above_zero_is_refused(text):
    with pytest.raises(ConfigError, match=r"above 0 and up to 3\. Give one, e\.g\. 0\.5\."):
        above_zero("--x", 3, example=0.5)(text)


def test_smoke_asks_for_few_answers_and_fails_on_alarms_and_the_user_may_still_differ():
    smoke = dict(pair[:2] for pair in overrides("--smoke"))
    assert smoke == {
        "mode": "accuracy",
        "dataset.max_samples": 50,
        "validity.alarms_fail": True,
    }
    later = [key for key, *_ in overrides("--smoke", "--mode", "both")]
    assert later.index("mode") < len(later) - 1 - later[::-1].index("mode")
