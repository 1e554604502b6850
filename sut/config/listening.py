"""The flag that names where scrapes are answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sut.config.flags import whole

LOOPBACK = "127.0.0.1"
PORT = 9464
"""OpenTelemetry's port for its Prometheus exporter (OTEL_EXPORTER_PROMETHEUS_PORT)."""


def listening(flag: str) -> Callable[[str], tuple[str, int]]:
    """A flag's `type`: a port, or an address of this machine and a port; else loopback's.

    The parser that is returned raises ConfigError, naming flag, value and an example.
    """
    port = whole(flag, 0, 65_535, example=PORT)

    def parse(text: str) -> tuple[str, int]:
        host, _, number = text.rpartition(":")
        return host.strip("[]") or LOOPBACK, port(number)

    return parse


def add_metrics_port(add: Callable[..., Any]) -> None:
    """--metrics-port, as (host, port); None: not given."""
    add(
        "--metrics-port",
        type=listening("--metrics-port"),
        metavar="[HOST:]N",
        help=f"answer Prometheus there while it runs (HOST: {LOOPBACK}); 0 takes a free port",
    )
