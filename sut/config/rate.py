"""`target_qps: auto`: a rate that nobody gave, and that a probe is to measure.

In the resolved configuration `target_qps` is always a number. `auto` leaves it as the source below
has it, which is what a plan reckons with, and sets `probe_rate`. A number takes that back.
"""

from __future__ import annotations

from dataclasses import replace

from sut.config.keys import Setting

AUTO = "auto"
PROBED = ("offline", "server", "interactive")
"""The sections that have a rate."""


def with_probe(setting: Setting) -> tuple[Setting, ...]:
    """What a setting of a rate says of the probe; any other setting as it is."""
    section, _, field = setting.key.partition(".")
    if section not in PROBED or field != "target_qps":
        return (setting,)
    probe = replace(setting, key=f"{section}.probe_rate", value=setting.value == AUTO)
    return (probe,) if probe.value else (setting, probe)
