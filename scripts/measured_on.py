"""Where and with what a measurement was made, for the page that has its figures."""

from __future__ import annotations

from datetime import UTC, datetime

from sut.machine.hardware import hardware, software


def measured_on(command: str) -> str:
    """Date, commit, command, machine and versions, as one line."""
    here, ours = hardware(), software()
    cards = ", ".join(card["name"] for card in here["gpus"]) or "no GPU"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, commit `{ours['harness_commit']}`, {command}. "
        f"{here['cpu_model']}, {here['cpu_threads_usable']} threads, {here['memory_gib']:g} GiB, "
        f"{cards}, {here['operating_system']}, Python {ours['python']}, "
        f"{ours['engine_package']}, LoadGen {ours['loadgen']}."
    )
