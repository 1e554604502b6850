"""The runs of a session side by side: each way to mix them is refused by one rule."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sut.record.session import read_session
from sut.rules.catalogue import VALID_SESSION, session_checks
from sut.rules.session_case import session_case
from tests.unit.result.at_times import moved
from tests.unit.result.sessions import edit, edit_ledger, make_round, rewrite_log, seal, seal_again
from tests.unit.submission.support import session

Break = Callable[[Path], object]
SERVER = "Server/performance"


def again(place: str, target: str) -> Break:
    """A copy of a run, as if by another process at another time."""

    def apply(root: Path) -> None:
        shutil.copytree(root / place, root / target)
        detail = root / target / "mlperf_log_detail.txt"
        text = detail.read_text(encoding="utf-8").replace('"pid": ', '"pid": 7')
        detail.write_text(text, encoding="utf-8")
        later(target, 3600 * 10**9)(root)
        seal(root)

    return apply


def later(place: str, by_ns: int) -> Break:
    """Every stamp of the ledger, so that the run was made at another time."""

    def apply(root: Path) -> None:
        moved(root / place, by_ns)
        edit_ledger(root / place, lambda _: None)  # run.json counts anew

    return apply


def beside(place: str, of: str) -> Break:
    """A run that began with the first query of another."""

    def apply(root: Path) -> None:
        first = [
            json.loads((root / each / "run.json").read_text("utf-8"))["ledger"]["first_issue_ns"]
            for each in (place, of)
        ]
        later(place, first[1] - first[0])(root)

    return apply


def config(section: str, **changes: Any) -> Break:
    def apply(root: Path) -> None:
        path = root / "config.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        found = document["config"][section]
        document["config"][section] = found | changes if isinstance(found, dict) else changes["to"]
        path.write_text(json.dumps(document), encoding="utf-8")
        seal_again(path)

    return apply


def facts(section: str, **changes: Any) -> Break:
    def apply(root: Path) -> None:
        path = root / "session.json"
        found = json.loads(path.read_text(encoding="utf-8"))[section]
        edit(path, **{section: found | changes})

    return apply


def built(key: str, value: str) -> Break:
    """One run's log of another LoadGen."""
    changed = re.compile(rf'("key": "{key}", "value": )"[^"]*"')
    return lambda root: rewrite_log(
        root / SERVER, "mlperf_log_detail.txt", lambda text: changed.sub(rf'\1"{value}"', text)
    )


def answered_anew(place: str, *, but: int = 0) -> Break:
    """Another model's answers, of the same lengths, to all samples but so many."""

    def apply(root: Path) -> None:
        def change(rows: list[dict[str, Any]]) -> None:
            for each in rows:
                each["answer_crc"] += each["sample_index"] >= but

        edit_ledger(root / place, change)

    return apply


SIDE_BY_SIDE: list[tuple[str, str, Break]] = [
    ("one-run-each", "runs", again(SERVER, "Server/performance_2")),
    ("one-run-each", "runs", again("Offline/accuracy", "Offline/accuracy_2")),
    ("one-run-each", "runs", config("mode", to="performance")),
    ("one-run-each", "runs", config("compliance", tests=[])),
    ("one-at-a-time", "runs", beside(SERVER, "Offline/performance")),
    ("one-at-a-time", "runs", lambda root: edit(root / "session.json", started_utc=LATE)),
    ("one-loadgen", "runs", built("loadgen_version", "6.0.17 @ 0123456789")),
    ("one-loadgen", "runs", built("loadgen_build_date_utc", "2025-01-01T00:00:00.0")),
    ("one-loadgen", "runs", built("loadgen_git_status_message", " M loadgen.cc")),
    ("same-answers", "runs", answered_anew(SERVER)),
    ("same-answers", "runs", answered_anew("Offline/performance", but=2)),
    ("as-configured", "runs", facts("engine", kind="null")),
    ("as-configured", "runs", config("dataset", source="sample", path=None)),
    ("as-configured", "runs", facts("dataset", source="sample")),
    ("as-configured", "runs", facts("dataset", synthetic=True)),
    ("as-configured", "runs", facts("dataset", path="cnn_eval.json")),
]
LATE = "2026-12-31T00:00:00Z"


def whole(parent: Path) -> Path:
    """A session of six runs."""
    return session(parent, "offline", "offline+accuracy", "offline+TEST06", "server",
                   "server+accuracy", "server+TEST06")  # fmt: skip


def refusing(root: Path) -> set[str]:
    case = session_case(read_session(root), make_round())
    return {each.rule for each in session_checks(case) if not each.passed}


def test_an_honest_session_passes(tmp_path: Path) -> None:
    assert refusing(whole(tmp_path)) == set()


def test_answers_that_differ_by_what_shared_a_batch_are_one_models(tmp_path: Path) -> None:
    """3 of 48 samples in common are more than another model has."""
    root = whole(tmp_path)
    answered_anew("Offline/performance", but=3)(root)
    assert refusing(root) == set()


def test_without_an_accuracy_run_the_first_is_compared(tmp_path: Path) -> None:
    root = session(tmp_path, "server", "server+TEST06")
    answered_anew(SERVER)(root)
    assert "same-answers" in refusing(root)


@pytest.mark.parametrize(("rule", "_", "breaks"), SIDE_BY_SIDE)
def test_a_mixed_session_is_refused_by_its_cause(
    tmp_path: Path, rule: str, _: str, breaks: Break
) -> None:
    root = whole(tmp_path)
    breaks(root)
    assert refusing(root) == {rule}


def test_every_rule_of_a_whole_session_is_seen_to_fail() -> None:
    """The two others are rows of tests/unit/report/breaks.py."""
    assert {rule for rule, *_ in SIDE_BY_SIDE} == set(VALID_SESSION) - {
        "as-closed",
        "processes-apart",
    }
