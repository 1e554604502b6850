"""What an error before anything was measured is told as."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from rich.console import Console

from sut.errors import HarnessError, RunError
from sut.harness.phases import Phases
from sut.harness.under_way import UnderWay
from sut.machine.signals import Stops
from sut.record.folder import SessionDir


def told(error: Exception, root: Path) -> HarnessError:
    way = UnderWay(SessionDir(root), Phases(lambda _: None), Stops(None), Console(quiet=True))
    with pytest.raises(HarnessError) as raised:
        way.ending(error)
    return raised.value


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EROFS, errno.ENOTCONN])
def test_a_folder_that_is_broken_is_no_bug_of_ours(number: int, tmp_path: Path) -> None:
    said = os.strerror(number)
    for error in (OSError(number, said), OSError(number, said, str(tmp_path / "it"))):
        found = told(error, tmp_path)
        assert isinstance(found, RunError)
        assert (found.where, found.message) == (
            str(tmp_path),
            f"nothing can be written there: {said}.",
        )


def test_an_error_elsewhere_is_not_the_folders(tmp_path: Path) -> None:
    assert "this is a bug of ours" in told(OSError(errno.EBADF, "no"), tmp_path).message
    told_of = told(OSError(errno.EIO, "no", "/elsewhere"), tmp_path).render()
    assert told_of.startswith("/elsewhere: this file cannot be used: no.")
