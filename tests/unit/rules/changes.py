"""Changes to one recorded run, each of one fact: what breakages.py is made of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from sut.logs.trace import TRACE_NAME
from sut.record.folder import RunDir, sha256_of
from tests.unit.result.obey import obey, plan_of
from tests.unit.result.sessions import (
    close_again,
    dump,
    edit,
    edit_ledger,
    rewrite_log,
    seal_again,
)

ACCURACY = "mlperf_log_accuracy.json"
DETAIL, SUMMARY = "mlperf_log_detail.txt", "mlperf_log_summary.txt"
BY_LOG = ".by_log.json"
Change = Callable[[Path], None]


def run_json(**changes: Any) -> Change:
    return lambda folder: edit(folder / "run.json", **changes)


def ledger_json(**changes: Any) -> Change:
    def apply(folder: Path) -> None:
        path = folder / "run.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        dump(path, document | {"ledger": document["ledger"] | changes})

    return apply


def session_json(**changes: Any) -> Change:
    return lambda folder: edit(folder.parents[1] / "session.json", **changes)


def config_json(section: str, **changes: Any) -> Change:
    """Configure the session otherwise; LoadGen took what it was given, and measured the same."""

    def apply(folder: Path) -> None:
        path = folder.parents[1] / "config.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        document["config"][section] |= changes
        path.write_text(json.dumps(document), encoding="utf-8")
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        obey(folder, plan_of(path.parent, run["scenario"], run["test"] or run["mode"]))
        seal_again(path)

    return apply


def profile(name: str) -> Change:
    def apply(folder: Path) -> None:
        path = folder.parents[1] / "config.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        document["config"]["profile"] = name
        dump(path, document)

    return apply


def json_file(name: str, **changes: Any) -> Change:
    return lambda folder: edit(folder / name, **changes)


def detail_value(key: str, value: str) -> Change:
    """Give a key of the detail log another value, and its summary line none to contradict."""

    def change(text: str) -> str:
        lines = text.splitlines(keepends=True)
        for number, line in enumerate(lines):
            if f'"key": "{key}"' in line:
                head, tail = line.split('"value": ', 1)
                rest = tail[tail.index(', "time_ms"') :]
                lines[number] = f'{head}"value": {value}{rest}'
                return "".join(lines)
        raise AssertionError(f"{key} is not in the log")

    return lambda folder: rewrite_log(folder, DETAIL, change)


def line_value(key: str, name: str, value: str) -> Change:
    """What the line of a key says besides its value, e.g. when it was written."""
    pattern = rf'("key": "{re.escape(key)}".*{name})[\d.]+'

    def change(text: str) -> str:
        changed, count = re.subn(pattern, rf"\g<1>{value}", text)
        assert count, f"{key} is not in the log"
        return changed

    return lambda folder: rewrite_log(folder, DETAIL, change)


def again(key: str, value: str) -> Change:
    """A second line of a key, with another value, after the first."""
    line = rf'(?m)^(.*"key": "{re.escape(key)}", "value": )([^,]+)(.*)$'

    def change(text: str) -> str:
        changed, count = re.subn(line, rf"\g<0>\n\g<1>{value}\g<3>", text)
        assert count, f"{key} is not in the log"
        return changed

    return lambda folder: rewrite_log(folder, DETAIL, change)


def without_line(key: str) -> Change:
    """The line of a key is not there."""
    return lambda folder: rewrite_log(folder, DETAIL, lambda log: "".join(_parted(log, key)[1]))


def line_on_top(key: str) -> Change:
    """The line of a key stands above all others."""
    return lambda folder: rewrite_log(
        folder, DETAIL, lambda log: "".join([*_parted(log, key)[0], *_parted(log, key)[1]])
    )


def _parted(log: str, key: str) -> tuple[list[str], list[str]]:
    """The line of a key, and the others."""
    lines = log.splitlines(keepends=True)
    found = [each for each in lines if f'"key": "{key}"' in each]
    assert len(found) == 1, f"{key} is not in the log once"
    return found, [each for each in lines if each not in found]


def extra_line(key: str, text: str, kind: str) -> Change:
    entry = {"key": key, "value": text, "metadata": {f"is_{kind}": True}}
    return lambda folder: rewrite_log(
        folder, DETAIL, lambda log: f":::MLLOG {json.dumps(entry)}\n{log}"
    )


def overwrite_trace(folder: Path) -> None:
    (folder / "mlperf_log_trace.json").write_text("{}", encoding="utf-8")


def drop_hash(folder: Path) -> None:
    path = folder / "run.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    del document["log_sha256"][SUMMARY]
    dump(path, document)


def logged(number: int, **changes: Any) -> Change:
    """Another entry of the accuracy log; None: the entry is not there."""

    def change(text: str) -> str:
        entries = json.loads(text)
        entries[number] |= changes
        return json.dumps(entries)

    return lambda folder: follow(folder, change)


def entries(change: Callable[[list[Any]], list[Any]]) -> Change:
    """Other entries of the accuracy log."""
    return lambda folder: follow(folder, lambda text: json.dumps(change(json.loads(text))))


def follow(folder: Path, change: Callable[[str], str]) -> None:
    """Change the accuracy log, and what was made of it by its hash."""
    rewrite_log(folder, ACCURACY, change)
    for name in ("accuracy.json", "verification.json"):
        if (folder / name).is_file():
            edit(folder / name, log_sha256=sha256_of(folder / ACCURACY))


def row(number: int, **changes: Any) -> Change:
    """One row of the ledger; the counts of run.json follow."""
    return lambda folder: edit_ledger(folder, lambda rows: rows[number].update(changes))


def drop_columns(*names: str) -> Change:
    """A ledger without these columns."""

    def change(folder: Path) -> None:
        path = folder / "ledger.parquet"
        pq.write_table(pq.read_table(path).drop_columns(list(names)), path)
        edit(folder / "run.json", log_sha256=RunDir(folder).hashes())

    return change


def traced(old: str, new: str) -> Change:
    """The trace with another text in the first place where the old one stands."""

    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return lambda folder: rewrite_log(folder, TRACE_NAME, change)


FAILED = {"state": "failed", "tokens_out": None, "finish_reason": None, "last_token": None,
          "answer_crc": None}  # fmt: skip


def fail_one(rows: list[dict[str, Any]]) -> None:
    rows[3].update(FAILED, failure="died")


def forget_last(rows: list[dict[str, Any]]) -> None:
    rows.pop()


def leave_one_open(rows: list[dict[str, Any]]) -> None:
    rows[3].update(FAILED, state="outstanding", done_ns=None)


def answer_for_long(rows: list[dict[str, Any]]) -> None:
    rows[3].update(tokens_out=65)


def shift(column: str, by_ns: int) -> Change:
    """The ledger's own stamps of every query, moved."""

    def change(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row[column] += by_ns

    return lambda folder: edit_ledger(folder, change)


def clock_json(**changes: Any) -> Change:
    def apply(folder: Path) -> None:
        path = folder / "run.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        dump(path, document | {"clock": document["clock"] | changes})

    return apply


def another_session(**changes: str) -> Change:
    """The run names another session than the one whose folder it lies in."""

    def apply(folder: Path) -> None:
        path = folder / "run.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        changed = document | {"session": document["session"] | changes}
        path.write_text(json.dumps(changed), encoding="utf-8")
        close_again(folder.parents[1])

    return apply


def more_in_user_conf(folder: Path) -> None:
    """A line that the configuration does not give; the recorded hash follows."""
    rewrite_log(folder, "user.conf", lambda text: f"{text}*.Server.max_duration = 1\n")


def stated_otherwise(folder: Path) -> None:
    """accuracy.json is edited; the log still says what it said."""
    (folder / BY_LOG).write_bytes((folder / "accuracy.json").read_bytes())
    edit(folder / "accuracy.json", characters=99)
