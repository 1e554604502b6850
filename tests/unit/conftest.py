"""What the tests of the result share; sessions.py builds their session directories."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.result.sessions import RECORDED


@pytest.fixture
def recorded() -> Path:
    """The folder of our recorded LoadGen logs."""
    return RECORDED
