"""LoadGen with nothing behind it, beside the harness on the null engine: the same test twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts import bench
from sut.logs.run_logs import read_logs

pytestmark = pytest.mark.usefixtures("small_model")  # for its tokenizer


def test_a_bare_run_is_asked_what_the_run_beside_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench, "RATES", "100")
    figures = bench.harness(tmp_path, "--offline-samples", "50", "--seconds", "1")
    for name in ("100/s completed/s", "100/s TTFT P99 ms", "Offline completed/s"):
        place, _, figure = name.partition(" ")
        assert figures[name] > 0
        assert figures[f"{place} bare {figure}"] > 0
    for bare in tmp_path.glob("*/*/performance/bare"):
        ours, alone = read_logs(bare.parent), read_logs(bare)
        assert alone.incomplete is None
        assert alone.effective == ours.effective
        assert alone.figures.errors == 0
