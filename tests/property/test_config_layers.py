"""Whatever the sources say, the highest wins, is remembered, and a typo is never a default."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sut.config.keys import leaves, nearest, sections, show
from sut.config.names import Scenario
from sut.config.rounds import load_round
from sut.config.sources import load
from sut.config.user_conf import parse_user_conf, readers_of
from sut.errors import ConfigError
from sut.plan.settings import user_conf

RATES = st.floats(min_value=0.01, max_value=5000, allow_nan=False).map(lambda x: round(x, 6))
LETTERS = st.text(alphabet="abcdefghijklmnopqrstuvwxyz_.", min_size=1, max_size=40)


def configured(overrides=(), environment=None, config_file=None):
    return load(
        overrides,
        environment=environment or {},
        card=None,
        host_name="node-a",
        config_file=config_file,
    )


@given(
    st.fixed_dictionaries({}, optional={"config file": RATES, "environment": RATES, "flags": RATES})
)
def test_the_highest_source_wins(tmp_path_factory, given_rates):
    own = None
    if "config file" in given_rates:
        own = tmp_path_factory.mktemp("own") / "own.yaml"
        own.write_text(json.dumps({"offline": {"target_qps": given_rates["config file"]}}))
    environment = {}
    if "environment" in given_rates:
        environment["OFFLINE_TARGET_QPS"] = repr(given_rates["environment"])
    overrides = []
    if "flags" in given_rates:
        overrides.append(("offline.target_qps", repr(given_rates["flags"]), "--set x"))

    result = configured(overrides, environment, own)

    origins = {
        "flags": "--set x",
        "environment": "environment OFFLINE_TARGET_QPS",
        "config file": f"{own}:1",
    }
    winner = next((name for name in origins if name in given_rates), None)
    expected = 6.0 if winner is None else given_rates[winner]
    assert result.config.offline.target_qps == expected
    if winner is not None:
        assert result.origins["offline.target_qps"] == origins[winner]


@given(LETTERS, RATES)
def test_an_unknown_key_is_refused_with_a_known_one_or_where_they_stand(key, value):
    if key in leaves():
        return
    with pytest.raises(ConfigError) as refused:
        configured([(key, value, "--set x")])
    assert "\n" not in str(refused.value)
    if key not in sections():
        near = nearest(key)
        assert near is None or near in {*leaves(), *sections()}
        assert (near or "--") in str(refused.value)


@given(st.sampled_from(sorted(leaves())), st.text(max_size=30))
def test_any_text_for_any_key_is_taken_or_refused_in_one_sentence(key, text):
    said = ""
    try:
        configured([(key, text, "--set x")])
    except ConfigError as refused:
        # The text is the user's and may hold anything; ours is what stands around it.
        said = str(refused).replace(show(text), "").replace(text, "")
    assert "pydantic" not in said
    assert "http" not in said


@given(
    rate=RATES,
    queries=st.integers(1, 10**6),
    duration_ms=st.integers(0, 10**7),
    percentile=st.integers(50, 99),
    ttft_ms=st.integers(1, 10**5),
)
def test_a_generated_user_conf_reads_back_as_the_configuration(
    tmp_path_factory, rate, queries, duration_ms, percentile, ttft_ms
):
    values = {
        "server.target_qps": rate,
        "server.min_query_count": queries,
        "server.min_duration_s": duration_ms / 1000,
        "server.latency_percentile": percentile,
        "server.ttft_limit_ms": ttft_ms,
    }
    config = configured([(key, value, "--set x") for key, value in values.items()]).config
    path = tmp_path_factory.mktemp("conf") / "user.conf"
    path.write_text(user_conf(config, Scenario.SERVER, 10, load_round("v6.1")))
    read = {
        key: value
        for key, value, _ in parse_user_conf(
            path, readers_of(load_round("v6.1"), "llama3.1-8b")
        ).settings
    }
    for key, value in values.items():
        # What equals LoadGen's own value is not written.
        assert read.get(key, value) == value
    assert {"server.target_qps", "server.min_query_count", "server.min_duration_s"} <= set(read)
    assert ("server.latency_percentile" in read) == (percentile != 99)
    assert ("server.ttft_limit_ms" in read) == (ttft_ms != 2000)
