"""`python -m scripts.lock_hashes`: the SHA-256 of each locked package, as pip is given it.

pip says which file it would install for each line of constraints.txt on this machine, and what that
file's hash is; nothing is installed. `pip install --require-hashes -r constraints-hashed.txt` then
takes those files and no others.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
LOCK, HASHED = ROOT / "constraints.txt", ROOT / "constraints-hashed.txt"
PYPI = "https://files.pythonhosted.org/"
HEAD = """\
# The files that pip takes for constraints.txt, by SHA-256: Python 3.11, Linux x86-64.
# pip install --no-deps --require-hashes -r constraints-hashed.txt
# Written by `make lock`. {served} of {count} are PyPI's own files, the others those of a mirror.
"""


def main() -> int:
    """Write the file; returns pip's exit code."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps"),
                *("--disable-pip-version-check", "--ignore-installed", "--report", str(report)),
                *("--requirement", str(LOCK)),
            ],
            check=False,
        )
        if done.returncode:
            return done.returncode
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    HASHED.write_text(hashed(found), encoding="utf-8")
    return 0


def hashed(found: Iterable[Mapping[str, Any]]) -> str:
    """The lines for what pip's report names.

    Args:
        found: `install` of the report (pip's documentation, "Installation Report").

    Raises:
        KeyError: of a package pip tells no SHA-256.
    """
    lines, served = {}, 0
    for each in found:
        told, file = each["metadata"], each["download_info"]
        name = told["name"]
        digest = file["archive_info"]["hashes"]["sha256"]
        lines[name.lower()] = f"{name}=={told['version']} --hash=sha256:{digest}"
        served += file["url"].startswith(PYPI)
    head = HEAD.format(served=served, count=len(lines))
    return head + "".join(f"{lines[name]}\n" for name in sorted(lines))


if __name__ == "__main__":
    sys.exit(main())
