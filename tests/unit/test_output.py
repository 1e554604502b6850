"""Standard output that cannot take everything."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DRY_RUN = ("-m", "sut.main", "--scenario", "Offline", "--engine", "null", "--dry-run")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "command", [DRY_RUN, ("-m", "scripts.parse_logs", "tests/data/logs/server")]
)
def test_a_full_output_is_told_in_words(command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"no space left" in done.stderr.lower()


def test_a_closed_pipe_ends_a_verb_without_a_word() -> None:
    done = subprocess.Popen(
        [sys.executable, *DRY_RUN], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert done.stdout is not None
    assert done.stderr is not None
    with done:
        done.stdout.close()
        assert done.stderr.read() == b""
    assert done.returncode == 141


def test_a_character_that_the_terminal_lacks_is_spelled_out() -> None:
    program = "from sut.output import whole_output\nwith whole_output(): print('a \\u2026 b')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=True,
    )
    assert done.stdout == b"a \\u2026 b\n"


def run_with(streams: str, program: str) -> subprocess.CompletedProcess[bytes]:
    """By a shell that redirects; the program is in the environment."""
    return subprocess.run(
        ["bash", "-c", f'"{sys.executable}" -c "$PROGRAM" {streams}'],
        cwd=ROOT,
        env={**os.environ, "PROGRAM": program},
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("streams", ["<&- >&- 2>&-", ">&-", "2>&-"])
def test_a_descriptor_that_was_closed_is_given_to_no_other_file(streams: str) -> None:
    program = (
        "import sys\nfrom sut.output import open_standard_streams\nopen_standard_streams()\n"
        "print('a'); print('b', file=sys.stderr)\n"
        "sys.exit(40 + (open('pyproject.toml').fileno() > 2))"
    )
    assert run_with(streams, program).returncode == 41


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_progress_that_nobody_can_read_costs_nothing() -> None:
    program = (
        "from sut.output import progress_console\n"
        "for _ in range(2000): progress_console().print('so far')\nprint('done', flush=True)"
    )
    done = run_with("2> /dev/full", program)
    assert (done.stdout, done.returncode) == (b"done\n", 0)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_verdict_that_cannot_be_printed_is_still_the_exit_code() -> None:
    program = (
        "import sys\nfrom sut.output import as_far_as_it_goes, whole_output\n"
        "with whole_output():\n with as_far_as_it_goes(): print('VALID')\nsys.exit(7)"
    )
    done = run_with("> /dev/full", program)
    assert (done.stderr, done.returncode) == (b"", 7)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("streams", ["2> /dev/full", "2> >(exec true)", "2>&-", "2< /dev/null"])
def test_an_error_that_cannot_be_printed_is_still_the_exit_code(streams: str) -> None:
    program = (
        "from sut import main\nfrom sut.errors import EngineStartError\n"
        "def run(_): raise EngineStartError('it died. ' * 20_000)\n"
        "main.run_command = run\nmain.entry()"
    )
    assert run_with(streams, program).returncode == 3


def test_a_thread_that_hangs_does_not_keep_the_process() -> None:
    program = (
        "import sys, threading\nfrom sut import main\nmain.LEAVE_S = 0.1\n"
        "def run(_):\n threading.Thread(target=threading.Event().wait).start()\n return 7\n"
        "main.run_command = run\nmain.entry()"
    )
    assert run_with("", program).returncode == 7


def test_an_error_of_a_thread_is_told_without_its_traceback(tmp_path: Path) -> None:
    program = (
        f"import tempfile, threading\ntempfile.tempdir = {str(tmp_path)!r}\n"
        "from sut import main\n"
        "def wrong():\n raise ValueError('no')\n"
        "def run(_):\n each = threading.Thread(target=wrong)\n each.start()\n each.join()\n"
        " return 7\n"
        "main.run_command = run\nmain.entry()"
    )
    done = run_with("", program)
    assert done.returncode == 7
    assert b": this is a bug of ours: ValueError: no. Report it" in done.stderr
    assert b"Traceback" not in done.stderr


# A pipe that is full and that this process alone could read, in place of standard error.
UNREAD = """
import os, sys
ours, theirs = os.pipe()
os.set_blocking(theirs, False)
try:
    while True: os.write(theirs, b" " * 4096)
except BlockingIOError:
    pass
os.set_blocking(theirs, True)
os.dup2(theirs, 2)
from sut import output
output.PATIENCE_S = 0.05
"""


def test_progress_that_nobody_reads_holds_nothing_up() -> None:
    program = UNREAD + (
        "console = output.progress_console()\n"
        "for _ in range(5000): console.print('so far')\nprint('done', flush=True)"
    )
    done = run_with("", program)
    assert (done.stdout, done.returncode) == (b"done\n", 0)


def test_what_a_signal_tells_where_nobody_reads_holds_nothing_up() -> None:
    program = UNREAD + "output.tell_past_all('ended')\nprint('done', flush=True)"
    done = run_with("", program)
    assert (done.stdout, done.returncode) == (b"done\n", 0)


def test_progress_is_written_in_order_and_as_it_is() -> None:
    program = (
        "import sys\nfrom sut.output import progress_console\nconsole = progress_console()\n"
        "for number in range(100):\n"
        " console.print(f'[/b] :smile: {number}'); print(number, file=sys.stderr, flush=True)"
    )
    done = run_with("", program)
    assert done.stderr.decode().splitlines() == [
        line for number in range(100) for line in (f"[/b] :smile: {number}", str(number))
    ]
