"""A plan's words, and what is said of one that cannot be run."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.campaign.plan import read_plan
from sut.config.names import Mode, Scenario
from sut.errors import ConfigError

WHOLE = """\
scenarios: [Offline, Server]
modes: [performance, compliance]
tests: [TEST06]
systems: [cpu, cpu-dummy]
common:
  profile: quick
  server: {target_qps: 2}
settings:
  base: {}
  small-batch:
    engine.vllm.max_num_seqs: 8
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "plan.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_plan_is_read_with_where_each_setting_stands(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE)
    plan = read_plan(path)
    assert plan.words.scenarios == (Scenario.OFFLINE, Scenario.SERVER)
    assert plan.words.modes == (Mode.PERFORMANCE, Mode.COMPLIANCE)
    cells = list(plan.cells())
    assert [(each.settings, each.overrides[0][1]) for each in cells] == [
        ("base", "cpu"),
        ("small-batch", "cpu"),
        ("base", "cpu-dummy"),
        ("small-batch", "cpu-dummy"),
    ]
    assert cells[1].overrides[1:] == (
        ("profile", "quick", f"{path}:6"),
        ("server.target_qps", 2, f"{path}:7"),
        ("engine.vllm.max_num_seqs", 8, f"{path}:11"),
    )


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    plan = read_plan(written(tmp_path, "scenarios: Server\n"))
    assert plan.words.modes == (Mode.PERFORMANCE,)
    assert [(each.settings, each.overrides) for each in plan.cells()] == [("base", ())]


@pytest.mark.parametrize("nothing", ["", " {}"])
def test_a_name_without_settings_is_one_to_try(tmp_path: Path, nothing: str) -> None:
    plan = read_plan(written(tmp_path, f"scenarios: Server\nsettings:\n  plain:{nothing}\n"))
    assert [each.settings for each in plan.cells()] == ["plain"]


def test_a_plan_says_how_settings_are_searched(tmp_path: Path) -> None:
    text = "scenarios: [Offline]\ntune: Offline\nbudget: 1.5h\n"
    path = written(tmp_path, f"{text}space:\n  engine:\n    vllm: {{max_num_seqs: [8, 16]}}\n")
    plan = read_plan(path)
    assert (plan.words.tune, plan.budget_s) == ((Scenario.OFFLINE,), 5400.0)
    assert plan.words.space == {"engine.vllm.max_num_seqs": (8, 16)}
    assert plan.at("space.engine.vllm.max_num_seqs") == f"{path}:6"
    assert read_plan(written(tmp_path, "scenarios: Offline\ntune: Offline\n")).budget_s == 1800.0


MISTAKES = {
    "an unknown word": (
        "scenarios: [Server]\nmode: [accuracy]\n",
        ":2: mode is [accuracy], but a plan has no such word. The nearest is modes.",
    ),
    "a word that is near none": (
        "scenarios: [Server]\nxyz: 1\n",
        ":2: xyz is 1, but a plan has no such word. Its words are scenarios, modes, tests, "
        "tune, budget, space, peak, systems, common, settings.",
    ),
    "a peak of no scenario of the plan": (
        "scenarios: [Server]\npeak: [Interactive]\n",
        ":2: peak has Interactive, and a rate is searched for of Server and Interactive, where "
        "they are among the scenarios. Name Server.",
    ),
    "a peak of a scenario without a rate": (
        "scenarios: [Offline]\npeak: Offline\n",
        ":2: peak has Offline, and a rate is searched for of Server and Interactive, where "
        "they are among the scenarios. Leave peak out.",
    ),
    "a peak without the run that confirms it": (
        "scenarios: [Server]\nmodes: [accuracy]\npeak: [Server]\n",
        ":3: peak is [Server], and no performance run is among the modes, which are [accuracy]. "
        "Add performance to modes, or leave peak out.",
    ),
    "a search for settings of no scenario of the plan": (
        "scenarios: [Offline]\ntune: [Server]\n",
        ":2: tune has Server, and settings are searched for of Offline, Server and Interactive, "
        "where they are among the scenarios. Name Offline.",
    ),
    "a search for settings that tune does not make": (
        "scenarios: [SingleStream]\ntune: SingleStream\n",
        ":2: tune has SingleStream, and settings are searched for of Offline, Server and "
        "Interactive, where they are among the scenarios. Leave tune out.",
    ),
    "a search for settings without the run that confirms them": (
        "scenarios: [Server]\nmodes: [accuracy]\ntune: [Server]\n",
        ":3: tune is [Server], and no performance run is among the modes, which are [accuracy]. "
        "Add performance to modes, or leave tune out.",
    ),
    "a scenario that is tuned twice": (
        "scenarios: [Server]\ntune: [Server, Server]\n",
        ":2: tune is [Server, Server], with Server twice. Remove one.",
    ),
    "a budget of nothing": (
        "scenarios: [Server]\nbudget: 30m\n",
        ":2: budget is given, and it is that of tune, which no scenario has. Add tune: [Server], "
        "or leave budget out.",
    ),
    "a space of nothing": (
        "scenarios: [Server]\nspace: {engine.vllm.seed: [1, 2]}\n",
        ":2: space is given, and it is that of tune",
    ),
    "a budget without a unit": (
        "scenarios: [Server]\ntune: [Server]\nbudget: 30\n",
        ":3: 30 is not a time from 1s to 720h. Give one with its unit, e.g. 30m.",
    ),
    "a budget that is a list": (
        "scenarios: [Server]\ntune: [Server]\nbudget: [30m]\n",
        ":3: [30m] is not a time",
    ),
    "a budget of keys": (
        "scenarios: [Server]\ntune: [Server]\nbudget: {a: 30m}\n",
        ":3: budget is 30m, must be a time, not keys and values.",
    ),
    "a space of one value": (
        "scenarios: [Server]\ntune: [Server]\nspace:\n  engine.vllm.seed: 8\n",
        ":4: space.engine.vllm.seed is 8, must be a list",
    ),
    "more searches than anybody awaits": (
        "scenarios: [Server]\ntune: [Server]\nsettings:\n"
        + "".join(f"  a{i}: {{}}\n" for i in range(101)),
        "the plan has 202 stages (1 scenarios x 1 modes x 1 systems x 101 settings, and 101 "
        "searches for settings), must have 200 at most.",
    ),
    "an unknown scenario": (
        "modes: [accuracy]\nscenarios: [Sever]\n",
        ":2: scenarios is Sever, must be 'Offline', 'Server', 'Interactive' or 'SingleStream'. "
        "docs/campaign.md has an example.",
    ),
    "an unknown mode": (
        "scenarios: [Server]\nmodes: [both]\n",
        ":2: modes is both, must be 'performance', 'accuracy' or 'compliance'.",
    ),
    "no scenario": ("modes: [accuracy]\n", "plan.yaml: scenarios is missing."),
    "an empty list": ("scenarios: []\n", ":1: scenarios is [], must"),
    "a scenario twice": (
        "scenarios: [Server, Server]\n",
        ":1: scenarios is [Server, Server], with Server twice. Remove one.",
    ),
    "a word of the plan among the settings": (
        "scenarios: [Server]\ncommon:\n  mode: accuracy\n",
        ":3: common.mode is accuracy, but it is no setting of a campaign. Say it with modes.",
    ),
    "a folder among the settings": (
        "scenarios: [Server]\nsettings:\n  a: {results_dir: x}\n",
        ":3: settings.a.results_dir is x, but it is no setting of a campaign. Say it with --out.",
    ),
    "a key in two spellings": (
        "scenarios: [Server]\ncommon:\n  server.target_qps: 1\n  server:\n    target_qps: 2\n",
        ":5: common.server.target_qps is given twice, first in ",
    ),
    "settings that are a number": (
        "scenarios: [Server]\nsettings:\n  a: 8\n",
        ":3: settings.a is 8, must be keys and values.",
    ),
    "a name that no file may have": (
        "scenarios: [Server]\nsettings:\n  a/b: {}\n",
        ":3: settings has the name a/b, which may have letters, digits, _ and - only.",
    ),
    "tests without their mode": (
        "scenarios: [Server]\ntests: [TEST06]\n",
        ":2: tests is [TEST06], and no compliance run is among the modes, which are "
        "[performance]. Add compliance to modes, or leave tests out.",
    ),
    "modes that are no list": (
        "scenarios: [Server]\nmodes: 3\n",
        ":2: modes is 3, must be a list. docs/campaign.md has an example.",
    ),
    "no settings": (
        "scenarios: [Server]\nsettings: {}\n",
        ":2: settings is {}, must have at least 1 item, not 0.",
    ),
    "more stages than anybody reads": (
        "scenarios: [Server, Offline]\nsettings:\n"
        + "".join(f"  a{i}: {{}}\n" for i in range(101)),
        "plan.yaml: the plan has 202 stages (2 scenarios x 1 modes x 1 systems x 101 settings), "
        "must have 200 at most. Split it into several plans.",
    ),
    "scenarios that are keys": (
        "scenarios: {Server: 1}\n",
        ":1: scenarios is 1, must be a list of names, not keys and values.",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, mistake: str) -> None:
    text, said = MISTAKES[mistake]
    with pytest.raises(ConfigError) as refused:
        read_plan(written(tmp_path, text))
    assert said in refused.value.render()
    assert str(tmp_path / "plan.yaml") in refused.value.render()
    assert refused.value.exit_code == 2
