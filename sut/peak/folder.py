"""The folder of a search: whose it is, and the runs that are in it.

<out>/
  search.json                 the configuration that is searched with, but for the rate
  trials/<node>_<timestamp>/  a session for each trial
  <node>_<timestamp>/         a session for each run of full length: an ordinary result
  engine-<n>/engine.log       what the engine prints, of each start
  peak.json  peak.html        made from the sessions, anew after each
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sut.config.names import Scenario
from sut.config.sources import Loaded
from sut.errors import ConfigError, LogError
from sut.given_file import given_text
from sut.json_text import decoded
from sut.peak.trial import Trial, read_trial
from sut.record.folder import next_number, try_results_dir, write_atomic

# What two calls of one search may differ in: where it lies, and the rate that it is after.
FREE = ("results_dir", "scenarios", "node_name")
RATE = ("target_qps", "probe_rate")


@dataclass(frozen=True)
class SearchDir:
    """The folder of one search."""

    root: Path

    @property
    def search(self) -> Path:
        return self.root / "search.json"

    @property
    def trials(self) -> Path:
        return self.root / "trials"

    @property
    def document(self) -> Path:
        return self.root / "peak.json"

    @property
    def page(self) -> Path:
        return self.root / "peak.html"

    def new_start(self) -> Path:
        """A new folder for what an engine start prints."""
        folder = self.root / f"engine-{next_number(self.root, 'engine-')}"
        folder.mkdir()
        return folder

    def open(self, loaded: Loaded, scenario: Scenario) -> None:
        """Begin the search, or go on with it.

        Raises:
            ConfigError: it holds a search with other settings.
        """
        go_on(self.search, searched_with(loaded, scenario))

    def runs(self) -> list[Trial]:
        """Every run that came to an end, in the order they were made."""
        found = [(each, False) for each in self.trials.glob("*/session.json")]
        found += [(each, True) for each in self.root.glob("*/session.json")]
        trials = []
        for path, full in sorted(found, key=lambda each: each[0].stat().st_mtime_ns):
            try:
                trial = read_trial(path.parent, full=full)
            except LogError:  # cut off while it was written: it is made again
                continue
            if trial is not None:
                trials.append(trial)
        return trials


def go_on(file: Path, wanted: Mapping[str, Any]) -> None:
    """Begin a search in a folder, or go on with the one that is in it.

    Args:
        file: of the folder, with what is searched with.
        wanted: what is to be searched with, as JSON has it.

    Raises:
        ConfigError: it holds a search with other settings, or cannot be written.
    """
    try_results_dir(file.parent, "--out")
    if not os.path.lexists(file):
        write_atomic(file, json.dumps(wanted, indent=2, sort_keys=True) + "\n")
        return
    found = _found(file)
    for key in sorted({*wanted, *found}):
        if wanted.get(key) != found.get(key):
            raise ConfigError(
                f"{file.parent} holds a search with {key} {found.get(key)}, not {wanted.get(key)}.",
                where="--out",
                remedy="Give the settings of that search, or another folder.",
            )


def _found(file: Path) -> dict[str, Any]:
    """What an earlier call searched with.

    Raises:
        ConfigError: it cannot be read, or is no search.
    """
    try:
        found = decoded(given_text(file))
    except (OSError, ValueError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"cannot be read: {said}.", where=str(file)) from error
    if not isinstance(found, dict):
        raise ConfigError("is no search of ours.", where=str(file))
    return found


def searched_with(loaded: Loaded, scenario: Scenario) -> dict[str, Any]:
    """Every setting that decides what a run at some rate does, as JSON has it."""
    found: dict[str, Any] = {"scenario": scenario.value}

    def walk(tree: dict[str, Any], above: str) -> None:
        for name, value in tree.items():
            key = f"{above}{name}"
            if isinstance(value, dict):
                walk(value, f"{key}.")
            elif key not in FREE and name not in RATE:
                found[key] = value

    walk(loaded.config.model_dump(mode="json"), "")
    return found
