from __future__ import annotations

import pytest

from sut.config import shipped
from sut.config.flags import build_parser
from sut.config.names import Scenario
from sut.config.round_files import round_file
from sut.config.rounds import load_round
from sut.errors import ConfigError
from sut.plan.run_plan import plan_runs
from tests.unit.config.support import loaded

# A round as it may come: what is new, and nothing else.
V7_0 = """\
name: v7.0
extends: v6.1
loadgen_versions: ["7.0.0", "7.0.1"]
loadgen_install: "7.0.1"
seeds:
  qsl_rng_seed: 1
  sample_index_rng_seed: 2
  schedule_rng_seed: 18446744073709551615
benchmarks:
  llama3.1-8b:
    scenarios:
      Server:
        ttft_limit_ms: 1500
    compliance_tests: [TEST06, TEST07]
  llama3.1-8b-edge: null
submission:
  checker_version: v7.0
sources:
  seeds: MODEL_CONFIG["v7.0"]["seeds"] in constants.py
"""
HEAD = "".join(V7_0.splitlines(keepends=True)[:8])


@pytest.fixture
def write(conf_root):
    def write(name, text):
        (conf_root / "rounds" / f"{name}.yaml").write_text(text)

    return write


def test_a_round_of_twenty_lines_is_the_one_it_extends_but_for_what_it_says(write):
    assert len(V7_0.splitlines()) <= 20
    write("v7.0", V7_0)
    before, after = (load_round(name).model_dump(mode="json") for name in ("v6.1", "v7.0"))
    assert after["seeds"]["schedule_rng_seed"] == 18446744073709551615
    server = after["benchmarks"]["llama3.1-8b"]["scenarios"]["Server"]
    assert server == before["benchmarks"]["llama3.1-8b"]["scenarios"]["Server"] | {
        "ttft_limit_ms": 1500
    }
    assert after["benchmarks"]["llama3.1-8b"]["compliance_tests"] == ["TEST06", "TEST07"]
    assert list(after["benchmarks"]) == ["llama3.1-8b"]
    assert after["submission"] == before["submission"] | {"checker_version": "v7.0"}
    assert after["sources"].keys() == before["sources"].keys()
    same = {key for key in before if before[key] == after[key]}
    assert same == {
        "absent",
        "default_benchmark",
        "compliance_of_others",
        "other_benchmarks",
        "fixed_settings",
        "user_conf_fixed",
    }


def test_a_run_of_it_is_planned_and_each_value_has_its_own_files_line(write):
    write("v7.0", V7_0)
    result = loaded("--round", "v7.0", "--profile", "mlperf", "--dataset", "synthetic")
    origins = result.origins
    assert result.config.server.ttft_limit_ms == 1500
    assert origins["server.ttft_limit_ms"] == "user_confs/rounds/v7.0.yaml:13"
    line = origins["server.tpot_limit_ms"]
    assert line.startswith("user_confs/rounds/v6.1.yaml:")
    text = (shipped.CONF_ROOT / "rounds" / "v6.1.yaml").read_text().splitlines()
    assert text[int(line.rpartition(":")[2]) - 1].strip() == "tpot_limit_ms: 100"
    for plan in plan_runs(result.config, load_round("v7.0"), 13368):
        assert plan.expected_settings["effective_qsl_rng_seed"] == 1


def test_the_flags_name_it_without_being_told(write):
    write("v7.0", V7_0)
    write("v10.0", V7_0.replace("v7.0", "v10.0"))
    assert shipped.round_names()[-3:] == ["v6.1", "v7.0", "v10.0"]
    assert "v6.1, v7.0, v10.0 (v6.1)" in " ".join(build_parser().format_help().split())


def test_the_file_that_says_a_figure_is_cited():
    assert round_file("v5.1", "folders") == "user_confs/rounds/v5.1.yaml"
    assert round_file("v5.1", "accuracy_min") == "user_confs/rounds/v6.1.yaml"
    both = "user_confs/rounds/v6.1.yaml and user_confs/rounds/v5.1.yaml"
    assert sorted(round_file("v5.1", "layout").split(" and ")) == sorted(both.split(" and "))


@pytest.mark.parametrize("key", ["loadgen_versions", "loadgen_install", "seeds", "name"])
def test_what_sets_a_round_apart_is_never_taken_over(write, key):
    lines = {
        "name": "name: v7.0\n",
        "loadgen_versions": 'loadgen_versions: ["7.0.0", "7.0.1"]\n',
        "loadgen_install": 'loadgen_install: "7.0.1"\n',
        "seeds": HEAD[HEAD.index("seeds:") :],
    }
    write("v7.0", HEAD.replace(lines[key], ""))
    with pytest.raises(ConfigError, match=f"{key} is missing") as caught:
        load_round("v7.0")
    assert (caught.value.where or "").startswith("user_confs/rounds/v7.0.yaml:")


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        (HEAD.replace("extends: v6.1", "extends: v6.9"), "extends is v6.9, which is not a", 2),
        (HEAD.replace("extends: v6.1", "extends: [v6.1]"), "which is not a round", 2),
        (HEAD.replace("name: v7.0", "name: v6.1"), "name is v6.1, but the file is that of v7.0", 1),
        (HEAD.replace("extends: v6.1", "extends: v7.0"), "leads back to v7.0", 2),
    ],
)
def test_a_round_that_extends_wrongly_is_refused_at_its_line(write, text, message, line):
    write("v7.0", text)
    with pytest.raises(ConfigError, match=message.replace("[", ".")) as caught:
        load_round("v7.0")
    assert caught.value.where == f"user_confs/rounds/v7.0.yaml:{line}"


def test_rounds_that_extend_each_other_are_refused(write):
    write("v7.0", HEAD.replace("extends: v6.1", "extends: v7.1"))
    write("v7.1", HEAD.replace("v7.0", "v7.1").replace("extends: v6.1", "extends: v7.0"))
    with pytest.raises(ConfigError, match=r"v7\.0 extends v7\.1 extends v7\.0"):
        load_round("v7.0")


def test_a_value_takes_the_place_of_a_whole_section_and_a_section_that_of_a_value(write):
    write("v7.0", HEAD + "absent:\n  gpt: gone\nsubmission: null\n")
    found = load_round("v7.0")
    assert found.submission is None
    assert found.absent == {"gpt": "gone"}
    assert found.benchmarks == load_round("v6.1").benchmarks


# Figures of the three rounds as they were when each stood in a file of its own.
@pytest.mark.parametrize(
    ("name", "schedule_seed", "folders", "source"),
    [
        ("v6.1", 16159082839903944936, 4, "src/{benchmark}/{implementation}"),
        ("v6.0", 3936089224930324775, 4, "src/{benchmark}/{implementation}"),
        ("v5.1", 18209322760996052031, 6, "code/{benchmark}/{implementation}"),
    ],
)
def test_the_shipped_rounds_say_what_they_said(name, schedule_seed, folders, source):
    found = load_round(name)
    assert found.submission is not None
    assert found.name == found.submission.checker_version == name
    assert found.seeds.schedule_rng_seed == schedule_seed
    assert len(found.submission.folders) == folders
    assert found.submission.layout.source == source
    assert found.submission.layout.systems == "systems/{system}.json"
    interactive = found.benchmarks["llama3.1-8b"].scenarios[Scenario.INTERACTIVE]
    assert (interactive.ttft_limit_ms, interactive.tpot_limit_ms) == (500, 30)
    assert found.benchmarks["llama3.1-8b-edge"].accuracy_min["ROUGEL"] == 24.391125
    assert f'MODEL_CONFIG["{name}"]' in found.sources["seeds"]
    assert found.sources["layout"].count(name) >= 1
