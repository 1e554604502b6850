"""A copy of this harness's own source, as it ran, for the tree's source folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from sut.config.shipped import CONF_ROOT

ROOT = CONF_ROOT.parent
PARTS = (
    "sut",
    "qsl",
    "audit",
    "scripts",
    "user_confs",
    "pyproject.toml",
    "constraints.txt",
    "Makefile",
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs",
    "LICENSE",
)


def copy_source(target: Path) -> None:
    """Copy packages and build files, without caches, hidden files and links."""
    target.mkdir(parents=True)
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            _copy_folder(source, target / part)
        elif source.is_file():
            shutil.copyfile(source, target / part)


def _copy_folder(source: Path, target: Path) -> None:
    for path in sorted(source.rglob("*")):
        below = path.relative_to(source)
        hidden = any(part.startswith(".") or part == "__pycache__" for part in below.parts)
        if hidden or path.is_symlink() or not path.is_file():
            continue
        (target / below).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / below)
