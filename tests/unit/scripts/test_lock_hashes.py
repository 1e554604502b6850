"""The lock with hashes: what pip's report says, and that it goes with the lock itself."""

from __future__ import annotations

import re

import pytest

from scripts.lock_hashes import HASHED, LOCK, hashed


def reported(name: str, version: str, digest: str, url: str) -> dict[str, object]:
    return {
        "metadata": {"name": name, "version": version},
        "download_info": {"url": url, "archive_info": {"hashes": {"sha256": digest}}},
    }


def test_each_package_has_its_line_by_name() -> None:
    found = [
        reported("B", "2", "bb", "file:///mirror/b.whl"),
        reported("a", "1", "aa", "https://files.pythonhosted.org/packages/a.whl"),
    ]
    *head, first, second = hashed(found).splitlines()
    assert all(line.startswith("#") for line in head)
    assert "1 of 2 are PyPI's own files" in head[-1]
    assert (first, second) == ("a==1 --hash=sha256:aa", "B==2 --hash=sha256:bb")


def test_a_package_without_a_hash_is_no_lock() -> None:
    with pytest.raises(KeyError):
        hashed([{"metadata": {"name": "a", "version": "1"}, "download_info": {"archive_info": {}}}])


def test_the_file_has_a_hash_for_each_line_of_the_lock() -> None:
    def named(line: str) -> str:
        return re.sub(r"[-_.]+", "-", line.split(" ")[0]).lower()

    pinned = {named(line) for line in LOCK.read_text().splitlines() if not line.startswith("#")}
    lines = [line for line in HASHED.read_text().splitlines() if not line.startswith("#")]
    assert {named(line) for line in lines} == pinned
    assert all(re.fullmatch(r"\S+==\S+ --hash=sha256:[0-9a-f]{64}", line) for line in lines)
