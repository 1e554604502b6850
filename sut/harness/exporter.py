"""A run's figures for Prometheus while it goes on: the last look of each run, asked for over HTTP.

Nothing is counted here. A scrape reads what the live view shows, so it costs the run no more than
its own text.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sut.errors import ConfigError

MS_PER_S = 1000.0

COUNTERS = {
    "sut_samples_issued": ("issued", "Samples that LoadGen has issued."),
    "sut_samples_ended": ("ended", "Samples that have ended, whichever way."),
    "sut_samples_failed": ("failed", "Samples without an answer, for good."),
    "sut_output_tokens": ("tokens_out", "Output tokens of the answers so far."),
    "sut_preemptions": ("preemptions", "Sequences that the engine put off in this run."),
}
GAUGES = {
    "sut_samples_expected": ("expected", "Samples that LoadGen will have issued at the end."),
    "sut_samples_needed": (
        "needed",
        "Samples that must still end, for the minimum or a percentile.",
    ),
    "sut_run_elapsed_seconds": ("elapsed_s", "Since the run began."),
    "sut_run_eta_seconds": ("eta_s", "What the run still takes; absent while nothing supports it."),
    "sut_output_tokens_per_second": ("tokens_per_s", "Of the last ten seconds."),
    "sut_answers_per_second": ("answers_per_s", "Of the last ten seconds."),
}
TIMES = {
    "sut_latency_seconds": ("ms", "TTFT, TPOT or latency so far, from the issue of a query."),
    "sut_latency_limit_seconds": ("limit_ms", "What it may be."),
}
"""Each metric: the field of the event `progress` that it is, and what it is."""


class Exporter(Collector):
    """Listens to events, and answers scrapes with the last of each run."""

    def __init__(self) -> None:
        self._runs: dict[str, Mapping[str, Any]] = {}
        self._phase: str | None = None

    def __call__(self, kind: str, fields: Mapping[str, Any]) -> None:
        """One event."""
        if kind == "progress":
            self._runs[fields["run"]] = fields
        elif kind == "phase":
            self._phase = fields["name"]

    def collect(self) -> Iterable[Metric]:
        """Part of prometheus_client's Collector. What is not measured has no sample."""
        runs = dict(self._runs)
        for name, (field, about) in COUNTERS.items():
            yield _family(CounterMetricFamily(name, about, labels=["run"]), runs, field)
        yield _replicas(runs)
        for name, (field, about) in GAUGES.items():
            yield _family(GaugeMetricFamily(name, about, labels=["run"]), runs, field)
        for name, (field, about) in TIMES.items():
            yield _times(
                GaugeMetricFamily(name, about, labels=["run", "time", "quantile"]), runs, field
            )
        phase = GaugeMetricFamily("sut_phase", "1 for what the session does now.", labels=["phase"])
        if self._phase is not None:
            phase.add_metric([self._phase], 1.0)
        yield phase


def _family(family: Any, runs: Mapping[str, Mapping[str, Any]], field: str) -> Metric:
    for run, fields in runs.items():
        if (value := fields[field]) is not None:
            family.add_metric([run], float(value))
    found: Metric = family
    return found


def _replicas(runs: Mapping[str, Mapping[str, Any]]) -> Metric:
    """By signs of life, where the sum is asked for: the two may differ for some seconds."""
    about = "Sequences that the engine of a replica put off in this run, by its last word."
    family = CounterMetricFamily("sut_replica_preemptions", about, labels=["run", "replica"])
    for run, fields in runs.items():
        for replica, value in fields["preempted_on"].items():
            family.add_metric([run, replica], float(value))
    return family


def _times(family: GaugeMetricFamily, runs: Mapping[str, Mapping[str, Any]], field: str) -> Metric:
    for run, fields in runs.items():
        for each in fields["times"]:
            if (value := each[field]) is not None:
                quantile = f"{each['percentile'] / 100:g}"
                family.add_metric([run, each["name"], quantile], value / MS_PER_S)
    return family


@contextmanager
def served(exporter: Exporter, host: str, port: int) -> Iterator[str]:
    """Within the block scrapes are answered; gives the URL, with a free port where 0 is asked.

    Raises:
        ConfigError: the port is taken, or the address is none of this machine's.
    """
    registry = CollectorRegistry(auto_describe=False)
    registry.register(exporter)
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise ConfigError(
            f"{host}:{port} cannot be listened on: {error.strerror}.",
            where="--metrics-port",
            remedy="Give another port; 0 takes a free one.",
        ) from error
    try:
        yield f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
