"""Rows of breakages.py on where, when and by what a run was made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sut.record.folder import RunDir
from tests.unit.result.sessions import edit, edit_ledger, rewrite_log, seal_again
from tests.unit.rules.changes import DETAIL, Change, clock_json, row, run_json, session_json

BUSY = {
    "cores": 2, "seconds": 60.0, "harness_share": 0.1, "loadgen_share": 0.05, "engine_share": 0.2,
    "others_share": 0.6, "others_share_most": 0.9, "steal_share": 0.0, "throttled_s": None,
    "loop_late_ms_p99": 1.0, "loop_late_ms_most": 4.0, "collections": 3, "collection_ms_most": 2.0,
}  # fmt: skip


def moved(name: str) -> Change:
    """The run in another folder of the session."""

    def apply(folder: Path) -> None:
        target = folder.parents[1] / name
        target.parent.mkdir(exist_ok=True)
        shutil.move(folder, target)
        seal_again(target / "run.json")

    return apply


def on_another_day(folder: Path) -> None:
    """LoadGen's log is of a run of the day before."""
    rewrite_log(folder, DETAIL, lambda text: text.replace('"11-24-2026 ', '"11-23-2026 '))


def dataset(**changes: Any) -> Change:
    def apply(folder: Path) -> None:
        path = folder.parents[1] / "session.json"
        found = json.loads(path.read_text(encoding="utf-8"))["dataset"]
        edit(path, dataset=found | changes)

    return apply


def software(**changes: Any) -> Change:
    def apply(folder: Path) -> None:
        path = folder.parents[1] / "session.json"
        found = json.loads(path.read_text(encoding="utf-8"))["software"]
        edit(path, software=found | changes)

    return apply


def surroundings(**changes: Any) -> Change:
    return run_json(surroundings=BUSY | changes)


def ledger(change: Callable[[list[dict[str, Any]]], None]) -> Change:
    return lambda folder: edit_ledger(folder, change)


def every_row(**changes: Any) -> Change:
    def change(rows: list[dict[str, Any]]) -> None:
        for each in rows:
            each.update(changes)

    return ledger(change)


def asked_again(rows: list[dict[str, Any]]) -> None:
    """One query asks for the sample of the one before it."""
    rows[3].update({name: rows[2][name] for name in ("sample_index", "tokens_in")})


def stray_audit_config(folder: Path) -> None:
    """A file that LoadGen would read, in the folder of a run that was given none."""
    (folder / "audit.config").write_text("*.*.mode = 2\n", encoding="utf-8")
    edit(folder / "run.json", log_sha256=RunDir(folder).hashes())


WARM = {"requested": 10, "succeeded": 10, "duration_s": 0.5, "failures": []}
COUNTERS, FINISHED = {"prefix_cache_hit_tokens": 0.0}, "requests_finished"


BROKEN_RECORD: list[tuple[str, str, Change, tuple[str, ...]]] = [
    ("in-its-folder", "server", moved("Offline/performance"), ()),
    ("in-its-folder", "server", moved("Server/performance_2"), ()),
    ("in-its-folder", "accuracy", moved("Offline/performance"), ()),
    ("in-its-folder", "compliance", moved("Server/TEST01"), ()),
    ("run-time", "server", run_json(started_utc="2027-11-24T00:02:45Z"), ()),
    ("run-time", "server", run_json(ended_utc="2026-11-24T00:02:40Z"), ()),
    ("run-time", "offline", run_json(ended_utc="2026-11-25T00:02:46Z"), ()),
    ("run-time", "accuracy", run_json(started_utc="2026-11-26T15:37:52Z"), ()),
    ("run-time", "server", on_another_day, ()),
    ("same-loadgen", "server", run_json(loadgen_package="6.0.16"), ()),
    ("same-loadgen", "accuracy", run_json(loadgen_package="5.0.25"), ()),
    ("same-loadgen", "server", software(loadgen="6.0.16"), ()),
    ("prompt-lengths", "server", row(3, tokens_in=21), ()),
    ("prompt-lengths", "offline", every_row(tokens_in=20), ()),
    ("prompt-lengths", "accuracy", dataset(prompt_tokens_mean=44.5), ()),
    ("prompt-lengths", "accuracy", dataset(prompt_tokens_max=2540), ()),
    ("prompt-lengths", "server", dataset(prompt_tokens_max=66), ()),
    ("samples-in-turn", "offline", ledger(asked_again), ("trace-agrees",)),
    ("samples-in-turn", "accuracy", ledger(asked_again), ("trace-agrees", "answers-logged")),
    ("known-replicas", "server", every_row(replica=2), ()),
    ("known-replicas", "offline", row(3, replica=5), ()),
    ("engine-counts", "server", run_json(engine_counters=COUNTERS | {FINISHED: 239.0}), ()),
    ("engine-counts", "server", run_json(engine_counters=COUNTERS | {FINISHED: 241.0}), ()),
    ("machine-figures", "server", surroundings(cores=64), ()),
    ("machine-figures", "server", surroundings(seconds=0.1), ()),
    ("machine-figures", "server", surroundings(harness_share=7.0), ()),
    ("machine-figures", "server", surroundings(others_share=-0.5), ()),
    ("audit-config-given", "server", stray_audit_config, ()),
    ("warm-up", "server", session_json(warmup=WARM | {"failures": ["died"]}), ()),
    ("warm-up", "server", session_json(warmup=WARM | {"duration_s": -5.0}), ()),
    ("clock-steady", "server", clock_json(suspended_s=-50.0), ()),
    ("clock-steady", "server", clock_json(readings=0), ()),
]
