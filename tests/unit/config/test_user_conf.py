from __future__ import annotations

import pytest

from sut.config.names import Scenario
from sut.config.rounds import load_round
from sut.config.user_conf import parse_user_conf, readers_of
from sut.errors import ConfigError
from tests.unit.config.loadgen_probe import settings_of
from tests.unit.config.support import loaded, written

READERS = readers_of(load_round("v6.1"), "llama3.1-8b")
REFERENCE = """\
# The format of this config file is 'key = value'.
#
*.Offline.min_duration = 600000

*.Server.target_qps = 0.5
*.Server.min_duration = 120000
"""

# Every way LoadGen looks a key up, with lines in an order that must not matter.
LAYERED = """\
llama3_1-8b.Server.min_duration = 1000
*.*.min_duration = 4000
*.Server.min_duration = 2000
llama3_1-8b.*.min_duration = 3000
*.Server.target_qps = 7
llama3_1-8b-interactive.Server.target_qps = 9.5
llama3_1-8b-interactive.*.min_query_count = 44
llama3_1-8b-interactive.*.min_duration = 5000
*.*.min_query_count = 33
*.Server.tpot_latency = 80
*.*.target_latency_percentile = 97
*.*.target_qps = 21
*.*.performance_sample_count_override = 12
*.SingleStream.target_latency = 150
"""


def parsed(tmp_path, text):
    path = tmp_path / "user.conf"
    path.write_text(text)
    return {key: value for key, value, _ in parse_user_conf(path, READERS)}


def test_the_reference_file_is_read(tmp_path):
    path = tmp_path / "user.conf"
    path.write_text(REFERENCE)
    assert parse_user_conf(path, READERS) == [
        ("offline.min_duration_s", 600, 3),
        ("server.target_qps", 0.5, 5),
        ("interactive.target_qps", 0.5, 5),
        ("server.min_duration_s", 120, 6),
        ("interactive.min_duration_s", 120, 6),
    ]


@pytest.mark.parametrize(
    ("scenario", "section"),
    [
        (Scenario.OFFLINE, "offline"),
        (Scenario.SERVER, "server"),
        (Scenario.INTERACTIVE, "interactive"),
        (Scenario.SINGLE_STREAM, "single_stream"),
    ],
)
def test_the_lookup_is_loadgens(scenario, section, tmp_path):
    ours = parsed(tmp_path, LAYERED)
    model = readers_of(load_round("v6.1"), "llama3.1-8b")[scenario]
    took = settings_of(LAYERED, model, scenario.loadgen_scenario, tmp_path)
    assert took["returned"] == 0

    assert ours[f"{section}.min_duration_s"] * 1000 == took["min_duration_ms"]
    assert ours[f"{section}.min_query_count"] == took["min_query_count"]
    assert ours["loadgen.performance_sample_count"] == took["performance_sample_count_override"]
    if scenario is Scenario.OFFLINE:
        assert ours["offline.target_qps"] == took["offline_expected_qps"]
    elif scenario is Scenario.SINGLE_STREAM:
        taken_ms = took["single_stream_expected_latency_ns"] / 1e6
        assert ours["single_stream.target_latency_ms"] == taken_ms
        taken = took["single_stream_target_latency_percentile"] * 100
        assert ours["single_stream.latency_percentile"] == pytest.approx(taken)
    else:
        assert ours[f"{section}.target_qps"] == took["server_target_qps"]
        assert ours[f"{section}.tpot_limit_ms"] * 1e6 == took["tpot_latency"]
        taken = took["server_target_latency_percentile"] * 100
        assert ours[f"{section}.latency_percentile"] == pytest.approx(taken)


def test_a_line_without_blanks_is_refused_because_loadgen_ignores_it(tmp_path):
    text = "# first\n*.Server.min_duration=3000\n"
    took = settings_of(text, "llama3_1-8b", "Server", tmp_path)
    assert (took["returned"], took["min_duration_ms"]) == (0, 600000)
    with pytest.raises(ConfigError) as refused:
        parsed(tmp_path, text)
    assert str(refused.value) == (
        f'{tmp_path / "user.conf"}:2: *.Server.min_duration=3000 has no blanks around "=", so '
        "LoadGen would ignore it without a word. Write: *.Server.min_duration = 3000"
    )


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("*.Server.target_qps = fast", "*.Server.target_qps is fast, must be a number."),
        ("*.Server.min_duration = 0.5", "*.Server.min_duration is 0.5, must be a whole number."),
        ("*.Server.target_qps = 2 # note", "Put a comment on a line of its own."),
        ("*.Server.target_qps 2", "not of the form key = value"),
        ("*.Server.target_qps =", "not of the form key = value"),
        ("*.Server.target_qps =2", "not of the form key = value"),
        ("Server.target_qps = 2", "not of the form model.scenario.key"),
        ("*.Server.target_qsp = 2", "target_qsp is not a key that is taken from a user.conf"),
        ("llama3.1-8b.Server.target_qps = 2", "llama3.1-8b is not a model name LoadGen reads"),
        ("*.Interactive.target_qps = 2", "target_qps is not looked up for scenario Interactive"),
        ("*.Offline.ttft_latency = 2", "ttft_latency is not looked up for scenario Offline"),
        ("*.*.qsl_rng_seed = 1", "qsl_rng_seed is not a key that is taken from a user.conf"),
    ],
)
def test_a_bad_line_names_file_and_line(line, complaint, tmp_path):
    with pytest.raises(ConfigError) as refused:
        parsed(tmp_path, f"\n# fine\n{line}\n")
    assert refused.value.where == f"{tmp_path / 'user.conf'}:3"
    assert complaint in str(refused.value)


def test_another_benchmarks_model_is_not_read(tmp_path):
    path = tmp_path / "user.conf"
    path.write_text("llama3_1-8b.Offline.target_qps = 3\n*.Offline.target_qps = 2\n")
    edge = readers_of(load_round("v6.1"), "llama3.1-8b-edge")
    with pytest.raises(ConfigError, match="Write \\* or one of llama3_1-8b-edge"):
        parse_user_conf(path, edge)


def test_an_unreadable_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match="No such file"):
        parse_user_conf(tmp_path / "none.conf", READERS)


def test_it_lies_between_environment_and_flags(tmp_path):
    conf = written(tmp_path, REFERENCE, "user.conf")
    result = loaded("--user-conf", conf, environment={"SERVER_TARGET_QPS": "4"})
    assert result.config.server.target_qps == 0.5
    assert result.origins["server.target_qps"] == f"{conf}:5"
    result = loaded("--user-conf", conf, "--set", "server.target_qps=6")
    assert result.config.server.target_qps == 6.0
    assert result.config.interactive.target_qps == 0.5


def test_the_mlperf_profile_refuses_what_it_relaxes(tmp_path):
    conf = written(tmp_path, REFERENCE, "user.conf")
    with pytest.raises(ConfigError, match=r"server\.min_duration_s is 120.*holds it at 600") as e:
        loaded("--user-conf", conf, "--profile", "mlperf", "--dataset", "synthetic")
    assert e.value.where == f"{conf}:6"
