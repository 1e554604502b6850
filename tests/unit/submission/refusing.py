"""What the tests of refusals share: a tree that is refused, and what is done to a session."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sut.submission.make_tree import make_tree
from sut.submission.request import Refused
from tests.unit.result.sessions import dump
from tests.unit.submission import support
from tests.unit.submission.support import plan

NAME = "node_20261124T000000Z"


def refused(tmp_path: Path, *roots: Path, **changes: Any) -> tuple[str, ...]:
    with pytest.raises(Refused) as caught:
        make_tree(plan(tmp_path / "tree", *roots, **changes))
    assert caught.value.exit_code == 2
    assert not (tmp_path / "tree").exists()
    return caught.value.reasons


def append(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")


def set_logged(run: Path, key: str, value: object) -> None:
    support.set_value(run / "mlperf_log_detail.txt", key, value)
    support.rewrite(run, "mlperf_log_detail.txt", lambda text: text)


def edit_facts(root: Path, section: str, **values: object) -> None:
    document = json.loads((root / "session.json").read_text(encoding="utf-8"))
    document[section] |= values
    dump(root / "session.json", document)
