"""What a tutorial tells a newcomer to type works in the order in which it stands there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.page_commands import TUTORIALS, Block, blocks

pytestmark = pytest.mark.integration
LIMIT_S = 240


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_first_tutorial_as_a_newcomer_types_it(tmp_path: Path) -> None:
    typed = [each for each in blocks(TUTORIALS / "cpu.md") if each.codes]
    assert sum(len(each.lines) for each in typed) >= 5
    for block in typed:
        for line in block.lines:
            _type(line, block, tmp_path)
    assert list(tmp_path.glob("results/tutorial/*/report.html"))


def _type(line: str, block: Block, folder: Path) -> None:
    command = line.replace("python -m", f"{sys.executable} -m")
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, capture_output=True, text=True, timeout=LIMIT_S,
        check=False,
    )  # fmt: skip
    assert done.returncode in block.codes, f"{line}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
