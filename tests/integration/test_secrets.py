"""No secret of the environment stands in a file, a log, a command line or a report."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sut.machine.processes import SHARED
from tests.integration.conftest import command, settings, wait_for_line

NAMES = (
    *("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACEHUB_API_TOKEN", "OPENAI_API_KEY"),
    *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "GITHUB_TOKEN", "WANDB_API_KEY"),
    *("VLLM_API_KEY", "DATABASE_PASSWORD", "SSH_PASSPHRASE", "MY_CREDENTIALS"),
)
SMALL = settings(
    server__min_duration_s=3,
    server__target_qps=50,
    server__e2e_p99_limit_ms=60000,
    engine__null__tokens=16,
)
NULL = ["--scenario", "Server", "--engine", "null", "--dataset", "synthetic", *SMALL]
REPORTS = (
    ["report"],
    ["report", "--json"],
    ["report", "--compliance"],
    ["report", "--compliance", "--json"],
    ["verify"],
    ["verify", "--json"],
)


@pytest.fixture
def marked() -> dict[str, str]:
    """Each secret with a value of its own, by its name."""
    return {name: f"hush-{secrets.token_hex(12)}" for name in NAMES}


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A temporary folder whose path is short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="hush", dir="/tmp") as folder:
        yield Path(folder)


def found(marked: dict[str, str], where: str, content: bytes) -> set[str]:
    return {f"{name} in {where}" for name, value in marked.items() if value.encode() in content}


def in_files(marked: dict[str, str], *folders: Path) -> set[str]:
    told = set()
    for folder in folders:
        for path in folder.rglob("*"):
            try:
                content = path.read_bytes() if path.is_file() else b""
            except OSError:
                continue  # a file of the moment
            told |= found(marked, str(path), content)
    return told


def in_command_lines(marked: dict[str, str]) -> set[str]:
    told = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            told |= found(marked, str(path), path.read_bytes())
        except OSError:
            continue  # it has ended
    return told


def session_with(
    results: Path, temporary: Path, marked: dict[str, str], *arguments: str
) -> tuple[int, set[str]]:
    """Exit code of a session, and the secrets seen: in its run, and in what it left."""
    environment = {**os.environ, **marked, "NODE_NAME": "node-a", "TMPDIR": str(temporary)}
    said = results.parent / "said"
    with said.open("wb") as out:
        process = subprocess.Popen(
            command(results, *arguments),
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        with process:
            assert process.stderr is not None
            wait_for_line(process, "Server performance:")
            seen = in_command_lines(marked) | in_files(marked, results, temporary, SHARED)
            seen |= found(marked, "standard error", process.stderr.read().encode())
    (session,) = results.glob("node-a_*/")
    for words in REPORTS:
        shown = subprocess.run(
            [sys.executable, "-m", "sut.main", *words, str(session)],
            capture_output=True,
            check=False,
            env=environment,
        )
        seen |= found(marked, " ".join(words), shown.stdout + shown.stderr)
    return process.returncode, seen | in_files(marked, results.parent, temporary)


def test_a_session_tells_no_secret(tmp_path: Path, temporary: Path, marked: dict[str, str]) -> None:
    code, seen = session_with(tmp_path / "results", temporary, marked, *NULL)
    assert seen == set()
    assert code in (0, 1), "whether it is VALID, a busy machine decides"


@pytest.mark.slow
def test_a_session_with_replicas_tells_no_secret(
    tmp_path: Path, temporary: Path, marked: dict[str, str]
) -> None:
    results = tmp_path / "results"
    code, seen = session_with(results, temporary, marked, *NULL, "--replicas", "2")
    assert seen == set()
    assert code in (0, 1), "whether it is VALID, a busy machine decides"


def test_a_secret_that_is_told_is_found(tmp_path: Path, marked: dict[str, str]) -> None:
    (tmp_path / "it.json").write_text(json.dumps(marked))
    assert len(in_files(marked, tmp_path)) == len(NAMES)
    command_line = [sys.executable, "-c", "print('up', flush=True); input()", marked["HF_TOKEN"]]
    pipe = subprocess.PIPE
    with subprocess.Popen(command_line, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline()  # it is itself by now, and no copy of the test
        assert in_command_lines(marked) == {f"HF_TOKEN in /proc/{process.pid}/cmdline"}
        process.communicate(b"\n")
