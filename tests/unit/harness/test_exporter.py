"""What Prometheus is answered: the last look of each run, and nothing for what was not measured."""

from __future__ import annotations

import re
import socket
from urllib.request import urlopen

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from sut.errors import ConfigError
from sut.harness.exporter import COUNTERS, GAUGES, TIMES, Exporter, served
from tests.conftest import ROOT

LOOK = {
    "run": "Server performance",
    "issued": 120,
    "ended": 100,
    "failed": 1,
    "expected": 600,
    "elapsed_s": 12.5,
    "eta_s": None,
    "needed": 500,
    "tokens_out": 6400,
    "tokens_per_s": 512.0,
    "answers_per_s": 8.0,
    "times": [
        {"name": "TTFT", "percentile": 99, "ms": 412.0, "limit_ms": 2000.0, "late": 0},
        {"name": "TPOT", "percentile": 99, "ms": None, "limit_ms": 100.0, "late": 0},
    ],
    "preemptions": None,
    "preempted_on": {},
}


def text_of(exporter: Exporter) -> list[str]:
    registry = CollectorRegistry()
    registry.register(exporter)
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if not line.startswith("#")]


def test_a_run_is_its_last_look() -> None:
    exporter = Exporter()
    assert text_of(exporter) == []
    exporter("session", {"folder": "x"})
    exporter("phase", {"name": "running Server performance"})
    exporter("progress", LOOK | {"ended": 3})
    exporter("progress", LOOK)
    run = 'run="Server performance"'
    assert set(text_of(exporter)) == {
        f"sut_samples_issued_total{{{run}}} 120.0",
        f"sut_samples_ended_total{{{run}}} 100.0",
        f"sut_samples_failed_total{{{run}}} 1.0",
        f"sut_output_tokens_total{{{run}}} 6400.0",
        f"sut_samples_expected{{{run}}} 600.0",
        f"sut_samples_needed{{{run}}} 500.0",
        f"sut_run_elapsed_seconds{{{run}}} 12.5",
        f"sut_output_tokens_per_second{{{run}}} 512.0",
        f"sut_answers_per_second{{{run}}} 8.0",
        f'sut_latency_seconds{{quantile="0.99",{run},time="TTFT"}} 0.412',
        f'sut_latency_limit_seconds{{quantile="0.99",{run},time="TTFT"}} 2.0',
        f'sut_latency_limit_seconds{{quantile="0.99",{run},time="TPOT"}} 0.1',
        'sut_phase{phase="running Server performance"} 1.0',
    }


def test_each_run_of_a_session_has_its_own() -> None:
    exporter = Exporter()
    exporter("progress", LOOK)
    exporter("progress", LOOK | {"run": "Offline performance", "ended": 7})
    ended = [line for line in text_of(exporter) if line.startswith("sut_samples_ended_total")]
    assert ended == [
        'sut_samples_ended_total{run="Server performance"} 100.0',
        'sut_samples_ended_total{run="Offline performance"} 7.0',
    ]


def test_it_is_served_on_a_free_port_and_no_longer_than_it_should() -> None:
    exporter = Exporter()
    exporter("progress", LOOK)
    with served(exporter, "127.0.0.1", 0) as url:
        with urlopen(url) as answer:
            assert "sut_samples_issued_total" in answer.read().decode()
        port = int(url.rpartition(":")[2].removesuffix("/metrics"))
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_port_that_is_taken_is_refused_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(ConfigError, match=f"127.0.0.1:{port} cannot be listened on") as refused,
            served(Exporter(), "127.0.0.1", port),
        ):
            pass
    assert refused.value.remedy == "Give another port; 0 takes a free one."


def test_an_address_that_is_nowhere_is_refused() -> None:
    with (
        pytest.raises(ConfigError, match="cannot be listened on"),
        served(Exporter(), "no-such-host.invalid", 0),
    ):
        pass


def test_the_page_lists_every_metric() -> None:
    page = (ROOT / "docs" / "watching.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`(sut_\w+)`", page))
    counters = {f"{name}_total" for name in COUNTERS}
    assert listed == counters | set(GAUGES) | set(TIMES) | {
        "sut_phase",
        "sut_replica_preemptions_total",
    }


def test_each_replica_has_its_own_count_of_preemptions() -> None:
    exporter = Exporter()
    exporter("progress", LOOK | {"preempted_on": {"0": 0.0, "3": 12.0}})
    found = [each for each in text_of(exporter) if each.startswith("sut_replica_preemptions_total")]
    assert sorted(each.partition("{")[2] for each in found) == [
        'replica="0",run="Server performance"} 0.0',
        'replica="3",run="Server performance"} 12.0',
    ]
