"""Results and sessions of nodes that took part in one coordinated run, made of one recording."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from sut.result.schema import Result, RunResult
from tests.unit.result.sessions import dump, edit_ledger, make_session, rewrite_log

COMMIT = "0123456789ab"
WEIGHTS = "1" * 64


def known(result: Result) -> Result:
    """The result of a harness whose commit is known and of weights that have a checksum."""
    assert result.engine is not None
    software = result.software.model_copy(update={"harness_commit": COMMIT, "torch": "2.13.0"})
    engine = result.engine.model_copy(update={"model_sha256": WEIGHTS})
    return result.model_copy(update={"software": software, "engine": engine})


def of_node(result: Result, name: str) -> Result:
    """The same result as another node would have it: its name, and files of its own."""

    def own(run: RunResult) -> RunResult:
        logs = [
            log.model_copy(
                update={"sha256": hashlib.sha256(f"{name} {log.sha256}".encode()).hexdigest()}
            )
            for log in run.logs
        ]
        return run.model_copy(update={"logs": logs})

    return result.model_copy(
        update={
            "benchmark_info": result.benchmark_info.model_copy(update={"node": name}),
            "configuration": result.configuration | {"node_name": name},
            "scenarios": {key: own(run) for key, run in result.scenarios.items()},
            "accuracy_runs": {key: own(run) for key, run in result.accuracy_runs.items()},
        }
    )


def node_session(parent: Path, name: str, *names: str, **config: Any) -> Path:
    """The session of one node: of its name, with its own stamps in ledger and detail log."""
    root = make_session(parent / name, *names, node_name=name, **config)
    root = root.rename(root.with_name(root.name.replace("node", name, 1)))
    facts = json.loads((root / "session.json").read_text(encoding="utf-8"))
    facts["software"] |= {"harness_commit": COMMIT, "torch": "2.13.0"}
    facts["engine"] |= {"model_sha256": WEIGHTS}
    dump(root / "session.json", facts)
    later_ns = 1000 * (1 + sum(name.encode()))
    for ledger in root.glob("*/*/ledger.parquet"):
        edit_ledger(ledger.parent, lambda rows: _shift(rows, later_ns))
        rewrite_log(ledger.parent, "mlperf_log_detail.txt", lambda text: _of_process(text, name))
    return root


def _shift(rows: list[dict[str, Any]], later_ns: int) -> None:
    for row in rows:
        for column in ("issued_ns", "first_token_ns", "done_ns"):
            if row[column] is not None:
                row[column] += later_ns


def _of_process(text: str, name: str) -> str:
    """The log as another process would have written it."""
    assert '"pid": ' in text
    return text.replace('"pid": ', f'"pid": {sum(name.encode())}')
