"""An audit.config in LoadGen's format → the settings that a compliance run must then show.

LoadGen applies the file last, with model `*` and scenario `*`, and says so in its log
(loadgen.cc, StartTest). Only the keys that the compliance tests use are known here: an unknown one
would change a run in a way that nothing of ours foretells.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sut.config.loadgen_numbers import NotAsLoadGen, whole
from sut.config.schema import RunConfig
from sut.config.shipped import CONF_ROOT
from sut.config.yaml_tree import read_text
from sut.errors import ConfigError

AUDIT_ROOT = CONF_ROOT.parent / "audit"
AUDIT_FILE = "audit.config"

PERFORMANCE_MODE = 2
_PREFIX = "*.*."


@dataclass(frozen=True)
class AuditSettings:
    """What an audit.config sets; None where it leaves a setting alone."""

    accuracy_log_rng_seed: int = 0
    accuracy_log_sampling_target: int = 0
    min_query_count: int | None = None
    min_duration: int | None = None
    """Milliseconds."""
    sample_concatenate_permutation: int | None = None
    mode: int = PERFORMANCE_MODE


def audit_config_path(config: RunConfig, test: str) -> Path:
    """The audit.config of a compliance test: the user's, else the one shipped.

    Raises:
        ConfigError: there is no such file.
    """
    asked = config.compliance.audit_config
    path = asked if asked is not None else AUDIT_ROOT / test / AUDIT_FILE
    if path.is_file():
        return path.resolve()
    if asked is not None:
        raise ConfigError(
            f"compliance.audit_config is {asked}, which is not there.", remedy="Give its path."
        )
    shipped = sorted(each.parent.name for each in AUDIT_ROOT.glob(f"*/{AUDIT_FILE}"))
    raise ConfigError(
        f"compliance.tests has {test}, which is no compliance test that is here; there is "
        f"{', '.join(shipped) or 'none'}.",
        remedy="Set compliance.tests to one of them, or name its compliance.audit_config.",
    )


def parse_audit_config(path: Path) -> AuditSettings:
    """Read an audit.config.

    Raises:
        ConfigError: a line LoadGen would not take, an unknown key, a mode that is not
            performance: the compliance tests of LLMs log samples of a performance run.
    """
    known = AuditSettings.__dataclass_fields__
    found: dict[str, int] = {}
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        where = f"{path}:{number}"
        if len(words) != 3 or words[1] != "=" or not words[0].startswith(_PREFIX):
            raise ConfigError(f"{line.strip()} is not of the form *.*.key = value.", where=where)
        key = words[0].removeprefix(_PREFIX)
        if key not in known:
            raise ConfigError(
                f"{key} is not a key of the compliance tests that are known here.",
                where=where,
                remedy=f"These are: {', '.join(known)}.",
            )
        try:
            found[key] = whole(words[2])
        except NotAsLoadGen as error:
            raise ConfigError(f"{key} is {words[2]}, {error}.", where=where) from error
    settings = AuditSettings(**found)
    if settings.mode != PERFORMANCE_MODE:
        raise ConfigError(
            f"mode is {settings.mode}, must be {PERFORMANCE_MODE} (performance).", where=str(path)
        )
    return settings
