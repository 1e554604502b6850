"""What no command can do without: descriptors, address space, /proc, a working directory."""

from __future__ import annotations

import resource
from pathlib import Path

from sut.errors import ConfigError

MIB = 2**20
# Below these the interpreter or a library of it ends in the middle of something, without a word
# of ours: 16 descriptors and 800 MiB were too little for a run of the null engine, 24 and 1,000
# were enough (docs/reliability-table.md).
DESCRIPTORS = 24
ADDRESS_SPACE_MIB = 950
PROC = Path("/proc")
"""Where Linux tells of memory, of the processor's time and of our own processes."""


def require_footing() -> None:
    """Refuse to begin where nothing could end well.

    Raises:
        ConfigError: which limit is too low, that /proc is empty, or that the working directory
            has gone.
    """
    descriptors, space = (
        resource.getrlimit(which)[0] for which in (resource.RLIMIT_NOFILE, resource.RLIMIT_AS)
    )
    if descriptors != resource.RLIM_INFINITY and descriptors < DESCRIPTORS:
        raise ConfigError(
            f"this process may open {descriptors} files at once, and needs {DESCRIPTORS} at least.",
            where="ulimit -n",
            remedy="Raise it, e.g. ulimit -n 4096.",
        )
    if space != resource.RLIM_INFINITY and space < ADDRESS_SPACE_MIB * MIB:
        raise ConfigError(
            f"this process may have {space // MIB} MiB of address space, and needs "
            f"{ADDRESS_SPACE_MIB} at least, an engine far more.",
            where="ulimit -v",
            remedy="Raise it, e.g. ulimit -v unlimited.",
        )
    if not (PROC / "self" / "stat").exists() or not (PROC / "meminfo").exists():
        raise ConfigError(
            "it does not tell of this machine and its processes, as if nothing were mounted.",
            where=str(PROC),
            remedy="Mount it: mount -t proc proc /proc.",
        )
    try:
        Path.cwd()
    except OSError as error:
        raise ConfigError(
            f"the working directory cannot be used: {error.strerror}.",
            where="working directory",
            remedy="Change to one that exists.",
        ) from error
