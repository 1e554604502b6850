"""INVALID runs made of figures that a test chooses, and what is said of them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sut.advice.remedies import ERRORS, SIZE_OR_RATE, advice
from sut.config.scenario_sections import ServerConfig
from sut.logs.figures import Quantiles
from sut.logs.run_logs import read_logs
from sut.record.facts import RunFacts, SessionFacts
from sut.record.ledger_file import COLUMNS, read_ledger
from sut.rules.case import run_case
from sut.rules.catalogue import VALID, judge
from sut.rules.check import Check
from sut.rules.demands import run_demands
from sut.rules.evidence import Evidence
from tests.unit.result.sessions import (
    NAMES,
    answered_by,
    make_config,
    make_round,
    make_run,
    make_session,
    make_session_facts,
)

MS, S = 1_000_000, 1_000_000_000


def evidence_of(tmp_path: Path, name: str, *, figures: dict[str, Any], **config: Any) -> Evidence:
    """A recording's evidence with some of LoadGen's figures, under another configuration."""
    root = make_session(tmp_path, name)
    folder = root / NAMES[name][0] / NAMES[name][1]
    logs = read_logs(folder)
    logs = replace(logs, figures=replace(logs.figures, **figures))
    made, facts = make_config((name,), **config), make_session_facts()
    facts["engine"] |= answered_by(made)
    return Evidence(
        config=made,
        session=SessionFacts.model_validate(facts),
        run=RunFacts.model_validate(make_run(folder, *NAMES[name])),
        directory=folder,
        logs=logs,
        logs_problem=None,
        ledger=read_ledger(folder / "ledger.parquet"),
        round=make_round(),
    )


def judged(evidence: Evidence) -> list[Check]:
    """What depends on size and rate; the recordings were asked for other limits."""
    names = [each for each in VALID if each in {*SIZE_OR_RATE, *ERRORS, "min-queries"}]
    return judge(names, run_case(evidence, run_demands(evidence)), "performance")


def said(evidence: Evidence) -> str:
    (sentence,) = advice(evidence, judged(evidence))
    return sentence


def value(sentence: str, key: str) -> float:
    found = re.search(rf"--set {re.escape(key)}=([0-9.]+[0-9]|[0-9])", sentence)
    assert found is not None, sentence
    return float(found[1])


def offline(tmp_path: Path, rate: float, lasted_s: float, asked: float, **more: Any) -> Evidence:
    sized = {"target_qps": asked, "min_query_count": 1, "min_duration_s": 60.0}
    return evidence_of(
        tmp_path,
        "offline",
        figures={
            "valid": False,
            "min_duration_met": False,
            "samples_per_second": rate,
            "latency": Quantiles(max_ns=int(lasted_s * S)),
        },
        offline=sized | more.pop("offline", {}),
        **more,
    )


def ledger(issued_ns: npt.NDArray[np.int64], ttft_ns: Any, tpot_ns: Any, tokens: int = 33) -> Any:
    """A ledger of answers of one length, of queries that all succeeded."""
    first = issued_ns + np.broadcast_to(ttft_ns, issued_ns.shape).astype(np.int64)
    done = first + (np.broadcast_to(tpot_ns, issued_ns.shape) * (tokens - 1)).astype(np.int64)
    n = len(issued_ns)
    columns: dict[str, Any] = dict.fromkeys(COLUMNS, [None] * n)
    columns |= {
        "seq": range(n),
        "issued_ns": issued_ns,
        "first_token_ns": first,
        "done_ns": done,
        "tokens_out": [tokens] * n,
        "state": ["succeeded"] * n,
    }
    return pa.table({name: pa.array(column) for name, column in columns.items()})


def arrivals_ns(rate: float, count: int, seed: int = 7) -> npt.NDArray[np.int64]:
    gaps = np.random.default_rng(seed).exponential(1 / rate, count)
    return np.asarray(np.cumsum(gaps) * S, dtype=np.int64)


def one_server(issued_ns: npt.NDArray[np.int64], served_per_s: float) -> Any:
    """The ledger of a system that answers one query after the other."""
    service = int(S / served_per_s)
    done = np.empty_like(issued_ns)
    free = 0
    for number, issued in enumerate(issued_ns):
        free = max(free, int(issued)) + service
        done[number] = free
    ttft = done - issued_ns - service // 2
    return ledger(issued_ns, ttft, np.full(issued_ns.shape, service // 2 / 32))


def server(
    tmp_path: Path, table: Any, *, asked: float, name: str = "server", **limits: Any
) -> Evidence:
    """The evidence LoadGen would leave of a run with this ledger."""
    issued, done = (table[each].to_numpy() for each in ("issued_ns", "done_ns"))
    n = len(issued)
    times = {
        "latency": done - issued,
        "ttft": table["first_token_ns"].to_numpy() - issued,
        "tpot": (done - table["first_token_ns"].to_numpy()) // (table["tokens_out"].to_numpy() - 1),
    }
    kinds = {kind: _quantiles(values) for kind, values in times.items()}
    section = "interactive" if name == "interactive" else "server"
    rules = {"target_qps": asked, "min_query_count": 100, "latency_percentile": 95} | limits
    evidence = evidence_of(
        tmp_path,
        name,
        figures={
            "valid": False,
            "performance_constraints_met": False,
            "scheduled_samples_per_second": (n - 1) / ((issued[-1] - issued[0]) / S),
            "completed_samples_per_second": (n - 1) / ((done[-1] - issued[0]) / S),
            **kinds,
        },
        **{section: ServerConfig(min_duration_s=0, **rules)},
    )
    facts = evidence.run.ledger.model_copy(update={"issued": n})
    run = evidence.run.model_copy(update={"ledger": facts})
    return replace(evidence, ledger=table, run=run)


def _quantiles(values: npt.NDArray[np.int64]) -> Quantiles:
    ascending = np.sort(values)
    at = {each: int(ascending[int(len(values) * share)]) for each, share in SHARES.items()}
    return Quantiles(min_ns=int(ascending[0]), max_ns=int(ascending[-1]), **at)


SHARES = {"p50_ns": 0.5, "p90_ns": 0.9, "p95_ns": 0.95, "p97_ns": 0.97, "p99_ns": 0.99}


def rate_checks(evidence: Evidence) -> list[Check]:
    """What fails for the rate alone; counts of the recording do not matter here."""
    return [each for each in judged(evidence) if each.rule not in ("min-queries", "min-duration")]


def said_of_rate(evidence: Evidence) -> list[str]:
    return advice(evidence, rate_checks(evidence))
