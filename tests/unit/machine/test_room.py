"""Room that the end of a run needs is there beforehand, and stays."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from sut.errors import ConfigError
from sut.machine.room import MIB, require_room, room_kept


def test_a_file_system_with_less_is_refused_with_both_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5 * MIB))
    require_room(tmp_path, 5 * MIB)
    with pytest.raises(ConfigError, match=r"has 5 MiB free, and the session may write 6 MiB"):
        require_room(tmp_path, 5 * MIB + 1)


def test_one_that_does_not_tell_is_left_to_who_writes(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    require_room(gone, 1)
    assert not gone.exists(), "it neither refuses nor makes it"


def test_within_the_block_the_room_is_taken(tmp_path: Path) -> None:
    path = tmp_path / ".reserve"
    with room_kept(path, MIB):
        assert path.stat().st_blocks * 512 >= MIB
    assert not path.exists()
    with pytest.raises(ValueError, match="ours"), room_kept(path, MIB):
        raise ValueError("ours")
    assert not path.exists()


def without_room(code: int) -> object:
    def refuse(*_: int) -> None:
        raise OSError(code, os.strerror(code))

    return refuse


def test_without_so_much_left_nothing_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "posix_fallocate", without_room(errno.ENOSPC))
    with pytest.raises(OSError, match="No space"), room_kept(tmp_path / "r", MIB):
        pytest.fail("it began")
    assert not (tmp_path / "r").exists()


def test_a_file_system_that_gives_no_room_beforehand_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "posix_fallocate", without_room(errno.EOPNOTSUPP))
    begun = False
    with room_kept(tmp_path / "r", MIB):
        begun = True
    assert begun
    assert not (tmp_path / "r").exists()
