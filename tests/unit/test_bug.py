"""An error that nobody foresaw: a sentence, and its traceback in a file."""

from __future__ import annotations

import errno
import tempfile
from pathlib import Path

import pytest

from sut import main as main_module
from sut.bug import NAME, bug_of_ours
from sut.main import main


def raised() -> ValueError:
    try:
        raise ValueError("the sum\nof the parts")
    except ValueError as error:
        return error


def test_the_traceback_goes_to_the_folder_and_the_sentence_names_it(tmp_path: Path) -> None:
    told = bug_of_ours(raised(), tmp_path)
    assert told.exit_code == 1
    assert told.render() == (
        f"{tmp_path / NAME}: this is a bug of ours: ValueError: the sum. "
        "Report it with the traceback in that file."
    )
    assert "in raised" in (tmp_path / NAME).read_text()


@pytest.mark.parametrize("given", [None, "gone"])
def test_without_a_folder_it_goes_to_the_temporary_one(
    given: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    told = bug_of_ours(raised(), None if given is None else tmp_path / given)
    (file,) = tmp_path.glob(f"sut-*/{NAME}")
    assert told.where == str(file)


def test_where_nothing_can_be_written_the_sentence_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    told = bug_of_ours(OSError(), tmp_path / "gone")
    assert told.render() == "this is a bug of ours: OSError: without a word. Report it."


@pytest.mark.parametrize("error", [MemoryError(), OSError(errno.ENOMEM, "Cannot allocate")])
def test_a_limit_of_memory_is_the_users(error: Exception, tmp_path: Path) -> None:
    told = bug_of_ours(error, tmp_path)
    assert told.render() == "this process may take no more memory. Raise its limit."


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EFBIG])
def test_another_limit_that_is_reached_is_the_users_too(number: int, tmp_path: Path) -> None:
    told = bug_of_ours(OSError(number, "why", "some/file"), tmp_path)
    assert told.render().endswith("Raise its limit.")
    assert "bug" not in told.render()
    assert list(tmp_path.iterdir()) == []


def test_no_command_ends_in_a_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def wrong(_: object) -> int:
        raise raised()

    monkeypatch.setattr(main_module, "run_command", wrong)
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith(f"sut: {tmp_path}")


@pytest.mark.parametrize("verb", ["report", "check", "verify", "recover"])
def test_a_name_that_no_file_can_have_is_bad_input(
    verb: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([verb, "x" * 300])
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"sut: {'x' * 300}")


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_a_file_that_the_machine_refuses_is_no_bug(number: int, tmp_path: Path) -> None:
    told = bug_of_ours(OSError(number, "why", "some/file"), tmp_path)
    assert told.render().startswith("some/file: this file cannot be used: why. Mend that")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.EISDIR])
def test_a_file_that_came_or_went_is_no_bug_and_its_traceback_is_kept(
    number: int, tmp_path: Path
) -> None:
    told = bug_of_ours(OSError(number, "why", "some/file"), tmp_path)
    assert told.render().startswith("some/file: this file was removed, moved or made while")
    assert str(tmp_path / NAME) in told.render()
    assert (tmp_path / NAME).is_file()
