"""`sut completion`: bash itself completes verbs, flags, names and keys by the script."""

from __future__ import annotations

import contextlib
import io
import os
import pty
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sut.commands.completion import COMMAND, SHELLS, command_line, main
from sut.config.keys import leaves
from sut.config.verbs import VERBS

TIMES = ("target_qps", "ttft_limit_ms", "tpot_limit_ms")
ASK = """\
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 ))
read -ra spec <<< "$(complete -p "$1")"
"${spec[-2]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "sut.bash"
    path.write_text(made("bash"), encoding="utf-8")
    return path


def made(shell: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main([shell]) == 0
    return out.getvalue()


def completed(script: Path, *words: str) -> list[str]:
    """What bash offers for the last word."""
    done = subprocess.run(
        ["bash", "--norc", "-c", ASK, "bash", str(script), COMMAND, *words],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["histo"], {"history"}),
        (["--metr"], {"--metrics-port"}),
        (["run", "--metr"], {"--metrics-port"}),
        (["--scenario", "Off"], {"Offline"}),
        (["--profile", ""], {"quick", "mlperf"}),
        (["--set", "server.t"], {f"server.{each}=" for each in TIMES}),
        (["peak", "--set", "warmup.q"], {"warmup.queries="}),
        (["--system", "a30-w4"], {"a30-w4a16"}),
        (["bench", "ha"], {"harness"}),
        (["cluster", "st"], {"start", "stop"}),
        (["cluster", "start", "--p"], {"--port"}),
        (["export", "--format", ""], {"csv", "parquet"}),
        (["completion", ""], set(SHELLS)),
        # Nobody types what is hidden.
        (["--start"], set()),
    ],
)  # fmt: skip
def test_bash_offers_what_fits(script: Path, words: list[str], offered: set[str]) -> None:
    assert set(completed(script, *words)) == offered


def test_bash_offers_every_verb_and_every_key(script: Path) -> None:
    assert set(VERBS) <= set(completed(script, ""))
    assert set(completed(script, "--set", "")) == {f"{key}=" for key in leaves()}


def test_bash_offers_files_where_a_file_is_meant(
    script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own.yaml").touch()
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    assert set(completed(script, "--config", "")) == {"folder", "own.yaml"}
    assert set(completed(script, "quantize", "--out", "")) == {"folder"}


@pytest.fixture
def shell(script: Path) -> Iterator[int]:
    """Our end of a terminal in which bash waits for a line, with the script read."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**os.environ, "TERM": "dumb", "PS1": "> ", "HISTFILE": ""},
    )  # fmt: skip
    os.close(theirs)
    try:
        os.write(ours, f"source {script}; echo re''ady\n".encode())
        # With its prompt, so that the line editor has the terminal, and not the kernel.
        read_until(ours, "ready\r\n> ")
        yield ours
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def read_until(terminal: int, words: str) -> str:
    read = ""
    while words not in read:
        read += os.read(terminal, 65536).decode()
    return read


def test_the_tab_key_completes_a_verb_and_leaves_room_for_a_value(shell: int) -> None:
    os.write(shell, b"sut histo\t--sce\t\x15")
    assert "sut history --scenario " in read_until(shell, "--scenario ")
    os.write(shell, b"sut --set server.target\t7")
    assert "sut --set server.target_qps=7" in read_until(shell, "=7")


@pytest.mark.parametrize("name", SHELLS)
def test_every_shells_script_knows_the_same(name: str) -> None:
    text = made(name)
    for word in (*VERBS, "metrics-port", "server.target_qps=", "a30-w4a16"):
        assert word in text
    assert "start-gate" not in text
    if shutil.which(name) is None:
        return
    check = {"bash": "-n", "zsh": "-n", "fish": "--no-execute"}[name]
    subprocess.run([name, check], input=text, text=True, check=True)


def test_every_verb_tells_its_flags() -> None:
    (verbs,) = (each for each in command_line()._actions if each.dest == "verb")
    assert verbs.choices is not None
    assert set(verbs.choices) == set(VERBS)
