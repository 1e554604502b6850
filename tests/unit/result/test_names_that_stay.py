"""A script that was written for the earlier tool's files reads ours. It uses nothing of ours."""

from __future__ import annotations

import glob
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sut.record.folder import SessionDir
from sut.result.build import build, result_json
from tests.unit.result.sessions import dump, make_session


def read_as_before(folder: str) -> list[dict[str, Any]]:
    """What the earlier tool's users wrote: one row for each file."""
    rows = []
    for name in sorted(glob.glob(f"{folder}/mlperf_datacenter_*.json")):  # noqa: PTH207
        with open(name, encoding="utf-8") as stream:  # noqa: PTH123
            data = json.load(stream)
        info, scenarios = data["benchmark_info"], data["scenarios"]
        when = datetime.strptime(info["timestamp"], "%Y%m%d_%H%M%S")  # noqa: DTZ007
        rows.append(
            {
                "benchmark": info["benchmark"],
                "model": info["model"],
                "when": when,
                "named after it": name.endswith(f"_{info['timestamp']}.json"),
                "server": [scenarios["Server"][key] for key in ("valid", "achieved_qps")],
                "p99 ms": scenarios["Server"]["latency_p99"],
                "success": scenarios["Server"]["accuracy"],
                "offline": scenarios["Offline"]["throughput_tokens_per_sec"],
            }
        )
    return rows


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A results directory as a call of today leaves it, of recorded logs."""
    old = make_session(tmp_path, "server", "offline")
    session = SessionDir(old.rename(tmp_path / "node_a_20261124_000000"))
    facts = json.loads(session.session_facts.read_text(encoding="utf-8"))
    dump(session.session_facts, facts | {"timestamp": session.stamp})
    session.result.write_text(result_json(build(session.root)), encoding="utf-8")
    session.summary.write_text("for a person", encoding="utf-8")
    session.publish()
    return tmp_path


def test_an_old_script_reads_what_it_always_read(published: Path) -> None:
    (row,) = read_as_before(str(published))
    assert row["benchmark"] == "MLPerf Inference v6.1 Datacenter"
    assert row["when"] == datetime(2026, 11, 24)  # noqa: DTZ001
    assert row["named after it"]
    assert row["server"][1] == 196.537
    assert row["success"] == 1.0
    assert isinstance(row["offline"], float)
    assert isinstance(row["p99 ms"], float)


def test_a_session_of_before_has_the_time_of_its_start(tmp_path: Path) -> None:
    info = build(make_session(tmp_path, "offline")).benchmark_info
    assert datetime.fromisoformat(info.started_utc).strftime("%Y%m%d_%H%M%S") == info.timestamp


def test_the_title_says_edge_and_names_a_round_that_is_not_known(tmp_path: Path) -> None:
    from sut.result.title import benchmark_title
    from tests.unit.config.support import loaded

    config = loaded().config
    assert benchmark_title(config) == "MLPerf Inference v6.1 Datacenter"
    model = config.model.model_copy(update={"benchmark": "llama3.1-8b-edge"})
    assert benchmark_title(config.model_copy(update={"model": model})).endswith("v6.1 Edge")
    assert benchmark_title(config.model_copy(update={"round": "v9"})).endswith("v9 Datacenter")
