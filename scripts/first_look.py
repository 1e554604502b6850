"""What would stop a set-up or its first run, looked for before anything is fetched.

Runs on a bare Python: nothing here needs a package.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from sut.errors import ConfigError
from sut.machine import hub_access, toolchain
from sut.machine.devices import cards, check_driver, driver_version

GIB = 2**30
# Of an environment while it is made: measured for the CPU build (4.2 GiB when done, and pip's
# own copies); for CUDA estimated from the sizes of torch's and NVIDIA's wheels.
ENVIRONMENT_GIB: Mapping[str, float] = {"cpu": 6, "cuda": 15}
WEIGHTS_GIB = 16.0
MODEL_FILE = Path("user_confs/models/llama3.1-8b.yaml")


def first_look(root: Path, platform: str) -> list[str]:
    """What to know beforehand, in half sentences.

    Args:
        root: the checkout; the environment is made in it.
        platform: cpu or cuda.

    Raises:
        ConfigError: something that the set-up or the first run would end at.
    """
    require_room(root, platform)
    driver = driver_version(cards()) if platform == "cuda" else None
    if driver is None:  # nothing runs here on a card: an image is built, say
        return []
    note = check_driver(driver)
    for lack in toolchain.lacks():
        raise ConfigError(f"{lack.found}.", where=lack.name, remedy=lack.remedy)
    return [each for each in (note, *_weights(root)) if each]


def require_room(root: Path, platform: str) -> None:
    """Refuse a filesystem that cannot hold the environment.

    Raises:
        ConfigError: with what is free, and what is needed.
    """
    free_gib, needed_gib = shutil.disk_usage(root).free / GIB, ENVIRONMENT_GIB[platform]
    if free_gib < needed_gib:
        raise ConfigError(
            f"{free_gib:.1f} GiB are free, and the {platform} environment takes {needed_gib:g}.",
            where=str(root),
            remedy="Free some, or clone to another filesystem.",
        )


def hub_id(root: Path) -> str | None:
    """The id of the benchmark's own model, from its file, read as text."""
    try:
        text = (root / MODEL_FILE).read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"^  path: (\S+/\S+)$", text, re.MULTILINE)
    return found[1] if found else None


def _weights(root: Path) -> Iterator[str]:
    """What would stop the first run on a card: whether the hub gives the weights, and room."""
    model = hub_id(root)
    if model is None or hub_access.cached(model):
        return
    if hub_access.switched_off():
        yield f"{model} is not in the hub's cache, and the hub is switched off"
        return
    try:
        why = hub_access.refusal(model)
    except OSError as error:
        yield f"whether the hub gives {model} could not be asked ({error})"
    else:
        if why is not None:
            yield (
                f"{why}; accept its licence there and set HF_TOKEN, or set model.path to a folder, "
                "before the first run"
            )
    place = next(each for each in (hub_access.home(), *hub_access.home().parents) if each.exists())
    free_gib = shutil.disk_usage(place).free / GIB
    if free_gib < WEIGHTS_GIB:
        yield f"the weights take {WEIGHTS_GIB:g} GiB, and {free_gib:.1f} are free at {place}"
