"""A configuration from a command line, with nothing taken from this machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sut.config.flags import build_parser, to_overrides
from sut.config.sources import Loaded, load

# A system that leaves every rate to the profile.
BARE = "default_model: smollm2-135m\nsystem:\n  name: bare\n  platform: cpu\n"


def loaded(
    *flags: str, environment: Mapping[str, str] | None = None, gpu_present: bool = False
) -> Loaded:
    """Parse and load, as the run verb does."""
    namespace = build_parser().parse_args(list(flags))
    return load(
        to_overrides(namespace),
        environment=environment or {},
        gpu_present=gpu_present,
        host_name="node-a",
        config_file=namespace.config,
        user_conf=namespace.user_conf,
    )


def written(folder: Path, text: str, name: str = "own.yaml") -> str:
    """Write a file and return its path as a flag's value."""
    path = folder / name
    path.write_text(text)
    return str(path)
