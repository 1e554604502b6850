"""Each figure of a log is found again under the key that is told for it."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from sut.logs.figure_keys import key_of
from sut.logs.figures import Figures, Quantiles
from sut.logs.run_logs import read_logs

WITHOUT_A_KEY = {"warnings", "tokens_per_second_without_overhead"}


@pytest.mark.parametrize("name", ["offline", "server", "interactive", "singlestream"])
def test_a_figure_is_what_its_key_says(recorded: Path, name: str) -> None:
    logs = read_logs(recorded / name)
    for each in fields(Figures):
        value = getattr(logs.figures, each.name)
        if isinstance(value, Quantiles):
            for time in fields(Quantiles):
                key = key_of(f"{each.name}.{time.name}")
                assert logs.detail.values.get(str(key)) == getattr(value, time.name), key
        elif value is not None and each.name not in WITHOUT_A_KEY:
            said = logs.detail.values[str(key_of(each.name))]
            assert (said == "VALID" if each.name == "valid" else said) == value


def test_every_figure_has_a_key_but_the_count_of_warnings() -> None:
    times = {each.name for each in fields(Figures) if isinstance(each.default, Quantiles)}
    without = {each.name for each in fields(Figures) if key_of(each.name) is None}
    assert without == {"warnings"} | times
    assert key_of("tokens_per_second_without_overhead") == "result_token_throughput"
    assert key_of("unheard.of_ns") is None
