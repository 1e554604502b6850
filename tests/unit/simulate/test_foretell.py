"""What a recorded session foretells, beside what is true of it by construction."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sut.commands.simulate import main
from sut.config.names import Scenario
from sut.config.rounds import load_round
from sut.config.scenario_sections import ServerConfig
from sut.config.schema import EngineConfig
from sut.config.vllm_options import VllmConfig
from sut.errors import ConfigError, LogError
from sut.plan.forecast import arrivals_ns
from sut.plan.settings import effective
from sut.record.folder import RunDir
from sut.record.surroundings import SurroundingsFacts
from sut.simulate.foretell import foretell_all, predict, with_settings
from sut.simulate.run import Workload
from sut.simulate.source import read_source
from sut.simulate.step import BatchLimits
from sut.simulate.text import document_of, simulation_text
from tests.unit.result.sessions import edit, ledger_facts, make_config, make_session
from tests.unit.simulate.synthetic import KNOWN, answered

LIMITS = BatchLimits(sequences=16, tokens=256)
ENGINE = EngineConfig(vllm=VllmConfig(max_num_seqs=16, max_num_batched_tokens=256))
DATASET = 48
SERVER = {
    "min_query_count": 240, "min_duration_s": 1.0, "latency_percentile": 95,
    "ttft_limit_ms": 2000, "tpot_limit_ms": 100,
}  # fmt: skip
NS = 1e9


def session(folder: Path, rate: float, *, failed: int = 0, **changes: Any) -> Path:
    """A session whose ledger an engine of the known step time has written."""
    server = ServerConfig(**(SERVER | {"target_qps": rate}))
    config: dict[str, Any] = {"server": server, "engine": ENGINE, "round": "v6.1"} | changes
    root = make_session(folder, "server", **config)
    whole = make_config(("server",), **config)
    rules = load_round("v6.1")
    issued = arrivals_ns(effective(whole, Scenario.SERVER, DATASET, rules), rules)
    count = len(issued)
    sample = np.arange(count) % DATASET
    work = Workload(issued / NS, sample, 20 + 5 * (sample % 17), 2 + sample % 31)
    trace = answered(work, KNOWN, LIMITS)
    path = root / "Server" / "performance" / "ledger.parquet"
    rows = pq.read_table(path)
    stamps = {
        "issued_ns": issued + 10**12,
        "first_token_ns": np.round(trace.first_s * NS).astype(np.int64) + 10**12,
        "done_ns": np.round(trace.done_s * NS).astype(np.int64) + 10**12,
    }
    columns = {
        "seq": np.arange(count), "sample_index": sample, **stamps,
        "tokens_in": work.tokens_in, "tokens_out": work.tokens_out,
        "state": ["failed"] * failed + ["succeeded"] * (count - failed),
        "finish_reason": ["length"] * count, "failure": [None] * count, "replica": [None] * count,
        "last_token": np.zeros(count), "answer_crc": np.zeros(count),
    }  # fmt: skip
    table = {
        name: pa.array(columns[name]).cast(rows.schema.field(name).type, safe=False)
        for name in rows.column_names
    }
    pq.write_table(pa.table(table), path)
    run = path.parent / "run.json"
    edit(run, ledger=ledger_facts(path), log_sha256=RunDir(path.parent).hashes())
    return root


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return session(tmp_path_factory.mktemp("slow"), 4.0)


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return session(tmp_path_factory.mktemp("fast"), 12.0)


def test_another_rate_is_foretold_as_it_was_measured(slow: Path, fast: Path) -> None:
    found = foretell_all(read_source(slow, None), [read_source(fast, None)], [])
    assert all(each.error == pytest.approx(0, abs=2e-3) for each in found.own)
    (other,) = found.others
    assert other.predicted.settings == {"server.target_qps": "12.0"}
    assert {each.name for each in other.figures} >= {"TTFT P99, ms", "TPOT P50, ms", "tokens/s"}
    assert all(each.error == pytest.approx(0, abs=1e-2) for each in other.figures)


def test_the_words_say_that_nothing_was_measured(
    slow: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(slow), "--set", "server.target_qps=200"]) == 0
    said = capsys.readouterr().out
    first, *lines = said.splitlines()
    assert first == "These are predictions of a model. None of them was measured."
    error = next(n for n, line in enumerate(lines) if line.startswith("Its error"))
    asked = next(n for n, line in enumerate(lines) if line.startswith("Foretold, with"))
    assert error < asked
    assert "Foretold, with server.target_qps 200" in said
    assert "the queue would grow to the end" in said
    assert "by its latency limits it would be INVALID; that is a prediction, too" in said
    assert max(map(len, lines)) <= 140


def test_a_limit_that_holds_makes_it_valid(slow: Path) -> None:
    source = read_source(slow, None)
    found = foretell_all(source, [], [("server.target_qps", "5", "--set server.target_qps")])
    assert found.asked is not None
    assert found.asked.valid is True
    assert not found.asked.behind
    tight = foretell_all(source, [], [("server.ttft_limit_ms", "20", "--set x")])
    assert tight.asked is not None
    assert tight.asked.valid is False
    assert "TTFT P95" in simulation_text(tight)
    json.dumps(document_of(tight))


@pytest.mark.parametrize("dispatch", ["auto", "tokens", "prefill-weighted", "equal"])
def test_more_replicas_take_the_queue_away(slow: Path, dispatch: str) -> None:
    source = read_source(slow, None)
    model = source.model()
    settings = [
        ("server.target_qps", "30", "--set a"),
        ("engine.ray.dispatch", dispatch, "--set b"),
    ]
    ttft = []
    for replicas in (1, 2, 4):
        asked = [*settings, ("engine.replicas", str(replicas), "--set c")]
        ttft.append(
            predict(source, model, with_settings(source, asked), {}).figures["TTFT P99, ms"]
        )
    assert ttft[0] > ttft[1] > ttft[2]  # type: ignore[operator]


def test_fewer_sequences_make_others_wait(slow: Path) -> None:
    source = read_source(slow, None)
    model = source.model()
    base, few = (
        predict(source, model, with_settings(source, [("engine.vllm.max_num_seqs", n, "x")]), {})
        for n in ("16", "1")
    )
    assert few.figures["TTFT P99, ms"] > base.figures["TTFT P99, ms"]  # type: ignore[operator]


def test_what_failed_is_left_out_and_said(tmp_path: Path) -> None:
    source = read_source(session(tmp_path, 4.0, failed=3), None)
    assert source.left_out == 3
    assert "3 queries that did not succeed are left out" in simulation_text(
        foretell_all(source, [], [])
    )


REFUSED = {
    "engine.vllm.dtype": "but no simulation of Server reads it. It reads server.target_qps, ",
    "engine.vllm.max_num_sqs": "but there is no such key. The nearest is engine.vllm.max_num_seqs.",
    "offline.target_qps": "but no simulation of Server reads it.",
}


@pytest.mark.parametrize("key", REFUSED)
def test_a_setting_that_changes_nothing_is_refused(slow: Path, key: str) -> None:
    with pytest.raises(ConfigError) as refused:
        foretell_all(read_source(slow, None), [], [(key, "1", f"--set {key}")])
    assert f"--set {key}: {key} is 1, {REFUSED[key]}" in refused.value.render()


def test_a_run_without_end_is_refused(slow: Path) -> None:
    asked = [("server.target_qps", "1000000", "--set server.target_qps")]
    with pytest.raises(ConfigError, match="a simulation takes 200000 at most"):
        foretell_all(read_source(slow, None), [], asked)


def test_a_run_of_another_task_is_refused(slow: Path, tmp_path: Path) -> None:
    config = make_config(("server",)).generation.model_copy(update={"max_tokens": 7})
    other = session(tmp_path, 4.0, generation=config)
    with pytest.raises(ConfigError, match=r"has generation\.max_tokens 7, and the model is from"):
        foretell_all(read_source(slow, None), [read_source(other, None)], [])


def test_an_engine_without_limits_of_its_batches_is_refused(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server", engine=EngineConfig(kind="null"))
    with pytest.raises(ConfigError, match="the engine is null, which tells no limits"):
        read_source(root, None)


def test_one_of_several_scenarios_is_chosen(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server", "offline")
    with pytest.raises(ConfigError, match="Choose one: --scenario"):
        read_source(root, None)
    assert read_source(root, Scenario.OFFLINE).run.scenario is Scenario.OFFLINE
    with pytest.raises(LogError, match="no performance run of Interactive"):
        read_source(root, Scenario.INTERACTIVE)


def test_pre_emptions_of_the_run_are_said(tmp_path: Path) -> None:
    root = session(tmp_path, 4.0)
    assert read_source(root, None).preempted is None
    edit(root / "Server" / "performance" / "run.json", engine_figures={"preemptions": 7.0})
    said = simulation_text(foretell_all(read_source(root, None), [], []))
    assert "the engine pre-empted 7 times, which no simulation does" in said


def test_a_run_that_is_not_valid_is_said_to_be_so(tmp_path: Path) -> None:
    root = session(tmp_path, 4.0)
    with (root / "Server" / "performance" / "mlperf_log_detail.txt").open("a") as log:
        log.write("edited\n")
    source = read_source(root, None)
    assert source.wrong
    found = foretell_all(source, [source], [])
    said = " ".join(simulation_text(found).split())
    assert said.count(f"the run is INVALID: {source.wrong[0]}") == 2
    assert document_of(found)["invalid_because"] == list(source.wrong)


def test_a_machine_that_others_shared_is_said(tmp_path: Path) -> None:
    root = session(tmp_path, 4.0)
    assert read_source(root, None).others_share is None
    said = []
    for share in (0.02, 0.7):
        around = SurroundingsFacts(
            **dict.fromkeys(SurroundingsFacts.model_fields, None)
            | {
                "cores": 2,
                "seconds": 10.0,
                "others_share": share,
                "collections": 0,
                "collection_ms_most": 0.0,
            }
        ).model_dump()
        edit(root / "Server" / "performance" / "run.json", surroundings=around)
        source = read_source(root, None)
        said.append(simulation_text(foretell_all(source, [source], [])))
    assert "other programs" not in said[0]
    assert said[1].count("other programs had 70% of the processor meanwhile") == 2


def test_more_replicas_than_anybody_has_are_refused_and_not_counted_up(
    slow: Path, tmp_path: Path
) -> None:
    root = shutil.copytree(slow, tmp_path / slow.name)
    engine = json.loads((root / "session.json").read_text())["engine"]
    edit(root / "session.json", engine=engine | {"replicas": 10**12})
    with pytest.raises(LogError, match=r"engine\.replicas is 1000000000000, at most 10000"):
        read_source(root, None)
