"""A real run of the null engine seen through a terminal of 80 columns."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import Finished, command, settings, user_environment

pytestmark = pytest.mark.usefixtures("small_model")  # for its tokenizer
SERVER = (
    "--scenario",
    "Server",
    "--engine",
    "null",
    *settings(
        server__min_duration_s=3,
        server__target_qps=200,
        engine__null__ttft_ms=1,
        engine__null__tpot_ms=0.05,
    ),
)
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_a_terminal(results: Path, *arguments: str, **variables: str) -> tuple[int, str, str]:
    """Exit code, standard output, and what the terminal at standard error was sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = user_environment() | {"TERM": "xterm-256color"} | variables
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS"):
        if name not in variables:
            environment.pop(name, None)
    process = subprocess.Popen(
        command(results, *arguments), stdout=subprocess.PIPE, stderr=theirs, env=environment
    )
    os.close(theirs)
    sent = b""
    with process:
        try:
            while piece := os.read(ours, 65536):
                sent += piece
        except OSError:  # the other end is closed
            pass
        finally:
            os.close(ours)
        assert process.stdout is not None
        out = process.stdout.read()
    return process.returncode, out.decode(), sent.decode()


def test_a_run_is_drawn_while_it_goes_on_and_the_answer_stays(tmp_path: Path) -> None:
    code, out, sent = on_a_terminal(tmp_path / "results", *SERVER)
    assert code == 0, out + sent
    assert out.startswith("VALID: ")
    text = CONTROL.sub("", sent)
    frames = [
        f"Running Server performance{each}" for each in text.split("Running Server performance")
    ]
    views = frames[1:]
    assert len(views) > 2, "one a second"
    last = views[-1].replace("\r", "").splitlines()
    assert max(map(len, last[:9])) <= 80
    assert [line.split()[0] for line in last[:9]] == [
        "Running", "queries", "duration", "needed", "TTFT", "TPOT", "latency", "rate", "open",
    ]  # fmt: skip
    assert re.search(r"TTFT P95 +\d\S* of [\d,]+ ms .* within", views[-1])
    assert re.search(r"rate +[\d,.]+ tokens/s, [\d,.]+ answers/s", views[-1])
    assert re.search(
        r"\nServer performance: (\d+)/\1 after \d+ s, ETA 0 s\n", text.replace("\r", "")
    )
    assert sent.rindex("\x1b[?25h") > sent.rindex("\x1b[?25l"), "the cursor is back"


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [((), {"TERM": "dumb"}), (("--quiet",), {})],
    ids=["dumb", "quiet"],
)
def test_no_view_where_it_is_not_wanted(
    tmp_path: Path, arguments: tuple[str, ...], variables: dict[str, str]
) -> None:
    code, _, sent = on_a_terminal(tmp_path / "results", *SERVER, *arguments, **variables)
    assert code == 0
    assert "Running Server performance" not in sent
    assert "\x1b" not in sent
    assert ("Server performance: " in sent) == (not arguments), "a line, where lines are wanted"


def test_a_pipe_gets_lines_as_ever(
    sut: Callable[..., Finished], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    done = sut(*SERVER)
    assert done.code == 0
    assert "Running Server performance" not in done.stderr
    assert re.search(r"Server performance: \d+/\d+ after \d+ s, ETA \d+ s", done.stderr)
