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
    return {key: value for key, value, _ in parse_user_conf(path, READERS).settings}


def noted(tmp_path, text):
    path = tmp_path / "user.conf"
    path.write_text(text)
    return [note.removeprefix(f"{path}: ") for note in parse_user_conf(path, READERS).notes]


def test_the_reference_file_is_read(tmp_path):
    path = tmp_path / "user.conf"
    path.write_text(REFERENCE)
    assert list(parse_user_conf(path, READERS).settings) == [
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
        ("*.server.target_qps = 2", "target_qps is not looked up for scenario server"),
        ("Llama3-1-8B.Server.target_qps = 2", "Llama3-1-8B is not a model name LoadGen reads"),
        ("*.*.max_duration = 5000", "*.*.max_duration is 5000, but every run here has 0."),
        ("*.*.sample_concatenate_permutation = 0", "is 0, but every run here has 1."),
        ("*.Server.min_query_count = -1", "is -1, must be a whole number"),
        ("*.Server.min_duration = 6e5", "is 6e5, which LoadGen reads as 6;"),
        ("*.Server.min_duration = 0600", "is 0600, which LoadGen reads as 384;"),
        ("*.Server.min_duration = 99999999999999999999", "LoadGen reads as the largest there is"),
        ("*.Server.min_duration = 1_000", "is 1_000, must be a whole number"),
        ("*.Server.target_qps = inf", "is inf, must be a number"),
        ("*.Server.target_qps = nan", "is nan, must be a number"),
        ("*.Server.target_qps = 1e400", "is 1e400, must be a number"),
        ("*.Server.target_qps = 1_0.5", "is 1_0.5, must be a number"),
    ],
)
def test_a_bad_line_names_file_and_line(line, complaint, tmp_path):
    with pytest.raises(ConfigError) as refused:
        parsed(tmp_path, f"\n# fine\n{line}\n")
    assert refused.value.where == f"{tmp_path / 'user.conf'}:3"
    assert complaint in str(refused.value)


# LoadGen takes each of these files; what it passes over is said.
OF_SUBMITTERS = [
    (
        "*.Server.performance_sample_count = 13368\n*.Server.target_qps = 31.5\n",
        ["line 1 has no effect: LoadGen has no key performance_sample_count"],
    ),
    ("*.*.sample_concatenate_permutation = 1\n*.Server.target_qps = 31.5\n", []),
    ("*.Server.target_qps = 31.5\n*.Server.max_async_queries = 0\n", []),
    ("*.Server.target_qps = 31.5\n*.*.max_duration = 0\n*.*.coalesce_queries = 0\n", []),
    ("*.Server.target_qps = 31.5\n*.*.performance_sample_count_override = 0\n", []),
    (
        "llama2-70b.Server.target_qps = 4\nllama3_1-8b.Server.target_qps = 31.5\n"
        "llama2-70b.*.min_duration = 5\n",
        ["lines 1, 3 have no effect: LoadGen reads nothing of llama2-70b for this benchmark"],
    ),
    (
        "*.Server.target_qps = 31.5\n*.*.qsl_rng_seed = 1\n",
        ["line 2 has no effect: LoadGen's qsl_rng_seed is not taken from a user.conf"],
    ),
    (
        "*.Server.target_qps = 31.5\n*.Offline.ttft_latency = 2\n",
        ["line 2 has no effect: LoadGen does not look up ttft_latency for Offline"],
    ),
    (
        "*.Server.target_qps = 31.5\n*.MultiStream.samples_per_query = 4\n",
        ["line 2 has no effect: the benchmark has no scenario MultiStream"],
    ),
    (
        "*.Server.target_latency = 2000\n*.Server.target_qps = 31.5\n",
        ["line 1 has no effect: with token latencies LoadGen holds Server to no target_latency"],
    ),
    (
        "*.Server.target_qps = 4\n*.Server.target_qps = 31.5\n",
        ["line 1 has no effect: line 2 gives *.Server.target_qps again"],
    ),
    ("*.Server.target_qps = 31.5\n*.Server.target_qps = 31.5\n", []),
    ("*.Server.target_qps = 31.5\n*.Server.min_duration = 600000.0\n", []),
    ("*.Server.target_qps = 31.5\n*.Server.min_duration = 0x927c0\n", []),
    ("*.Server.target_qps = 3.15e1\r\n*.Server.min_duration = 600000\r\n", []),
]


@pytest.mark.parametrize(("text", "notes"), OF_SUBMITTERS)
def test_a_file_that_loadgen_takes_is_taken(text, notes, tmp_path):
    took = settings_of(text, "llama3_1-8b", "Server", tmp_path)
    ours = parsed(tmp_path, text)
    assert took["returned"] == 0
    assert took["server_target_qps"] == ours["server.target_qps"] == 31.5
    assert took["min_duration_ms"] == ours.get("server.min_duration_s", 600) * 1000
    assert noted(tmp_path, text) == notes


@pytest.mark.parametrize(("value", "read"), [("6e5", 6), ("0600", 384), ("600000.0", 600000)])
def test_loadgens_reading_is_as_we_say(value, read, tmp_path):
    took = settings_of(f"*.Server.min_duration = {value}\n", "llama3_1-8b", "Server", tmp_path)
    assert took["min_duration_ms"] == read


def test_a_file_of_another_benchmark_alone_is_refused(tmp_path):
    path = tmp_path / "user.conf"
    path.write_text("llama3_1-8b.Offline.target_qps = 3\n")
    edge = readers_of(load_round("v6.1"), "llama3.1-8b-edge")
    with pytest.raises(ConfigError, match="none of its lines is for this benchmark") as refused:
        parse_user_conf(path, edge)
    assert refused.value.remedy == "Write * or one of llama3_1-8b-edge as the model."


@pytest.mark.parametrize("text", ["", "# nothing\n", "*.*.sample_concatenate_permutation = 1\n"])
def test_a_file_that_changes_nothing_is_taken(text, tmp_path):
    assert (parsed(tmp_path, text), noted(tmp_path, text)) == ({}, [])


def test_a_byte_order_mark_and_a_foreign_letter_in_a_comment_are_read_over(tmp_path):
    path = tmp_path / "user.conf"
    path.write_bytes(b"\xef\xbb\xbf# by Zo\xeb\n*.Server.target_qps = 3\n")
    assert parse_user_conf(path, READERS).settings[0] == ("server.target_qps", 3.0, 2)
    path.write_bytes("*.Server.target_qps = 3\n".encode("utf-16"))
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        parse_user_conf(path, READERS)


def test_what_has_no_effect_is_noted_of_the_whole_configuration(tmp_path):
    conf = written(tmp_path, OF_SUBMITTERS[0][0], "user.conf")
    result = loaded("--user-conf", conf)
    assert result.config.server.target_qps == 31.5
    assert result.notes == (
        f"{conf}: line 1 has no effect: LoadGen has no key performance_sample_count",
    )


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
