"""A hosts file that is no hosts file."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.cluster.hosts import read_hosts
from sut.errors import ConfigError


def test_a_number_of_thousands_of_digits_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "hosts.yaml"
    path.write_text(f"head: {'9' * 10_000}\n")
    with pytest.raises(ConfigError, match="the hosts file is not YAML: Exceeds the limit"):
        read_hosts(path)
