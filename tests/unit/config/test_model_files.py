"""What a model's folder says of itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.config.model_files import described


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b"[1]", None),
        (b"{", None),
        (b"[" * 100_000, None),
        (b"\xff", None),
    ],
)
def test_a_description_is_a_json_object(tmp_path: Path, data: bytes, said: object) -> None:
    (tmp_path / "config.json").write_bytes(data)
    assert described(tmp_path) == said
