"""The log's ends as MLCommons' truncate_accuracy_log.py leaves them."""

from __future__ import annotations

import hashlib

import pytest

from sut.config.rounds import AccuracyLogRules
from sut.submission.accuracy_log import shortened, with_hash

RULES = AccuracyLogRules(max_bytes=30, kept_characters=4, separator="...")


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("abc", "abc"),
        ("abcd", "abcd...abcd"),  # the official tool does so too
        ("abcdef", "abcd...cdef"),
        ("abcdefghij", "abcd...ghij"),
    ],
)
def test_both_ends_are_kept_and_a_log_shorter_than_one_end_stays_whole(tmp_path, text, kept):
    log = tmp_path / "log.json"
    log.write_text(text, encoding="ascii")
    assert shortened(log, RULES) == kept


def test_the_hash_is_that_of_the_whole_log_on_a_line_of_its_own(tmp_path):
    log = tmp_path / "log.json"
    log.write_bytes(b"x" * 100)
    digest = hashlib.sha256(b"x" * 100).hexdigest()
    assert with_hash("\nResults\n\n{}", log) == f"\nResults\n\n{{}}\n\nhash={digest}\n"
