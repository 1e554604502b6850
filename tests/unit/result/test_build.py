"""Session directory → Result, whole and in ruins."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sut.config.names import Scenario
from sut.config.rounds import Round
from sut.errors import LogError
from sut.record.folder import RunDir, sha256_of
from sut.result.build import build, result_json
from tests.unit.result.sessions import (
    dump,
    edit,
    edit_ledger,
    make_round,
    make_session,
    seal,
)

DETAIL, SUMMARY = "mlperf_log_detail.txt", "mlperf_log_summary.txt"
SERVER = "Server/performance"


def test_same_bytes_from_a_copy_with_other_file_times(tmp_path: Path) -> None:
    root = make_session(tmp_path / "a", "offline", "server")
    first = result_json(build(root, make_round()))
    copy = tmp_path / "b" / root.name
    shutil.copytree(root, copy)
    for number, path in enumerate(sorted(copy.rglob("*"), reverse=True)):
        os.utime(path, ns=(number, number))
    assert result_json(build(copy, make_round())) == first
    assert str(tmp_path) not in first
    assert json.loads(first)["valid"] is True


def test_building_writes_nothing(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    build(root, make_round())
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_official_figures_are_loadgens(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server_with_errors")
    run = build(root, make_round()).scenarios[Scenario.SERVER]
    assert run.figure_sources == {
        "achieved_qps": "loadgen",
        "throughput_tokens_per_sec": "loadgen",
        "latency_p99": "loadgen",
        "accuracy": "ledger",
    }
    assert run.accuracy == 477 / 480
    assert run.mean_output_tokens == 2627 / 480
    assert run.latency is not None
    assert (run.latency.source, run.latency.count) == ("loadgen", 480)
    assert run.queries.failures[0].count == 2
    assert [each.share for each in run.replicas] == [0.5, 0.5]
    assert run.seeds["schedule_rng_seed"] == 16159082839903944936
    assert run.loadgen.version == "6.0.17"
    assert [(each.count, each.key) for each in run.loadgen.errors] == [
        (2, "error_runtime"),
        (1, "error_runtime"),
    ]
    paths = {each.name: each for each in run.logs}
    assert set(paths) == {
        "user.conf",
        "ledger.parquet",
        DETAIL,
        SUMMARY,
        "mlperf_log_accuracy.json",
        "mlperf_log_trace.json",
    }
    assert paths[DETAIL].path == f"{root.name}/{SERVER}/{DETAIL}"
    assert paths[DETAIL].sha256 == sha256_of(root / SERVER / DETAIL)


def test_offline_takes_what_loadgen_lacks_from_the_ledger(tmp_path: Path) -> None:
    run = build(make_session(tmp_path, "offline"), make_round()).scenarios[Scenario.OFFLINE]
    assert run.latency is not None
    assert run.latency.source == "loadgen"
    assert run.ttft is None
    assert run.tpot is None
    assert run.mean_output_tokens == 5.5


def test_accuracy_run_stands_beside_the_scenarios(tmp_path: Path) -> None:
    result = build(make_session(tmp_path, "accuracy"), make_round())
    assert result.scenarios == {}
    run = result.accuracy_runs[Scenario.OFFLINE]
    assert run.valid
    assert run.achieved_qps is None
    assert run.accuracy == 1.0
    assert result.valid


def kill(root: Path) -> Path:
    """A Server run whose engine died and whose LoadGen was ended."""
    folder = root / SERVER
    whole = (folder / DETAIL).read_bytes()
    (folder / DETAIL).write_bytes(whole[: whole.index(b'"logger_swap')])
    (folder / SUMMARY).write_bytes(b"")

    def die(rows: list[dict[str, object]]) -> None:
        for row in rows[100:]:
            row.update(state="failed", first_token_ns=None, tokens_out=None, failure="worker died")

    edit_ledger(folder, die)
    edit(
        folder / "run.json",
        loadgen_returned=False,
        loadgen_exit="ended 10 s after the engine died",
        engine_failure="worker 0 exited with -9",
        log_sha256=RunDir(folder).hashes(),
    )
    return folder


def test_killed_run_keeps_what_the_ledger_knows(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    folder = kill(root)
    result = build(root, make_round())
    run = result.scenarios[Scenario.SERVER]
    assert not run.valid
    assert not result.valid
    assert set(run.figure_sources.values()) == {"ledger"}
    assert run.accuracy == 100 / 240
    assert run.latency is not None
    assert (run.latency.source, run.latency.count) == ("ledger", 100)
    assert run.achieved_qps is not None
    rows = pq.ParquetFile(folder / "ledger.parquet").read().to_pylist()
    span_s = (max(r["done_ns"] for r in rows) - min(r["issued_ns"] for r in rows)) / 1e9
    assert run.achieved_qps == pytest.approx(100 / span_s)
    text = " ".join(result.reasons)
    assert "worker 0 exited with -9" in text
    assert "ended 10 s after the engine died" in text
    assert "breaks off in line" in text
    assert "success rate: 0.416667" in text
    assert run.loadgen.settings_effective["effective_target_qps"] == 200
    assert run.loadgen.verdict is None


@pytest.mark.parametrize("gone", [(DETAIL,), (DETAIL, SUMMARY, "mlperf_log_trace.json")])
def test_run_without_logs_is_invalid_and_built(tmp_path: Path, gone: tuple[str, ...]) -> None:
    root = make_session(tmp_path, "server")
    for name in gone:
        (root / SERVER / name).unlink()
    result = build(root, make_round())
    run = result.scenarios[Scenario.SERVER]
    assert not run.valid
    assert run.achieved_qps is not None
    assert run.figure_sources["achieved_qps"] == "ledger"
    assert run.loadgen.incomplete is not None
    assert run.loadgen.incomplete.startswith(f"{DETAIL}: the detail log cannot be read")


def test_corrupt_log_is_named_with_its_line(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    path = root / SERVER / DETAIL
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[4] = "garbage\n"
    path.write_text("".join(lines), encoding="utf-8")
    result = build(root, make_round())
    assert any(f"{DETAIL}:5: the line is not a LoadGen entry" in why for why in result.reasons)
    assert str(tmp_path) not in result_json(result)


def test_nothing_but_the_facts(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    for path in (root / SERVER).iterdir():
        if path.name != "run.json":
            path.unlink()
    run = build(root, make_round()).scenarios[Scenario.SERVER]
    assert not run.valid
    assert (run.achieved_qps, run.latency, run.mean_output_tokens, run.latency_p99) == (None,) * 4
    assert run.logs == []


def test_scenario_without_a_run_makes_the_session_invalid(tmp_path: Path) -> None:
    root = make_session(tmp_path, "offline", "server")
    shutil.rmtree(root / "Server")
    seal(root)
    result = build(root, make_round())
    assert not result.valid
    assert result.reasons == ["Server was asked for in performance mode and has no run"]
    assert result.scenarios[Scenario.OFFLINE].valid
    assert "the session is not valid" in result.not_submission_grade_because


def test_engine_that_never_started(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    shutil.rmtree(root / "Server")
    edit(root / "session.json", engine=None, warmup=None)
    result = build(root, make_round())
    assert not result.valid
    assert result.engine is None
    assert "the engine never became ready" in result.not_submission_grade_because


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("config.json", None, "cannot be read"),
        ("config.json", "{", "is not JSON"),
        ("config.json", "[]", "no JSON object"),
        ("session.json", "{}", "started_utc: Field required"),
        (f"{SERVER}/run.json", "{}", "scenario: Field required"),
    ],
)
def test_broken_facts_are_named(tmp_path: Path, name: str, content: str | None, words: str) -> None:
    root = make_session(tmp_path, "server")
    if content is None:
        (root / name).unlink()
    else:
        (root / name).write_text(content, encoding="utf-8")
    with pytest.raises(LogError, match=words) as caught:
        build(root, make_round())
    assert caught.value.where == str(root / name)


def test_runs_are_in_order_of_start(tmp_path: Path) -> None:
    root = make_session(tmp_path, "offline", "server")
    edit(root / "Offline" / "performance" / "run.json", started_utc="2026-11-24T01:00:00Z")
    assert list(build(root, make_round()).scenarios) == ["Server", "Offline"]


def test_the_round_of_the_configuration_is_loaded_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_session(tmp_path, "server")
    asked = []

    def load(name: str) -> Round:
        asked.append(name)
        return make_round()

    monkeypatch.setattr("sut.result.build.load_round", load)
    assert build(root).valid
    assert asked == ["v6.1"]


def test_origins_and_configuration_are_kept(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    document = json.loads((root / "config.json").read_text(encoding="utf-8"))
    result = build(root, make_round())
    assert result.configuration == document["config"]
    assert result.configuration_origins == {"profile": "default"}
    dump(root / "config.json", {"config": document["config"]})
    assert build(root, make_round()).configuration_origins == {}
