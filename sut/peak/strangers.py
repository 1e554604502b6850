"""Sessions in the folder of a search that are not of it: another search's, or edited ones.

What a search takes over from an earlier call lies in files that anyone can put there.
"""

from __future__ import annotations

from pathlib import Path

from sut.config.keys import show
from sut.config.names import Scenario
from sut.config.sources import Loaded
from sut.errors import ConfigError, LogError
from sut.peak.configs import confirmation_of, trial_of
from sut.peak.folder import FREE, SearchDir
from sut.record.session import SessionRecord, read_session
from sut.record.unlike import unlike


def refuse_strangers(folder: SearchDir, loaded: Loaded, scenario: Scenario) -> None:
    """Hold every session of a search's folder to what is searched with.

    Raises:
        ConfigError: naming a session with other settings, and one of them.
    """
    found = [(each, False) for each in folder.trials.glob("*/session.json")]
    found += [(each, True) for each in folder.root.glob("*/session.json")]
    for path, full in sorted(found):
        try:
            record = read_session(path.parent)
        except LogError:  # cut off while it was written: it counts for nothing
            continue
        _refuse(record, path.parent, folder.root, loaded, scenario, full=full)


def _refuse(
    record: SessionRecord,
    session: Path,
    out: Path,
    loaded: Loaded,
    scenario: Scenario,
    *,
    full: bool,
) -> None:
    place, sized = session.relative_to(out), _sizes(scenario)
    remedy = f"Move {place} out of {out}."
    if record.config.scenarios != (scenario,):
        ran = ", ".join(record.config.scenarios)
        raise ConfigError(f"{place} is a run of {ran}.", where="--out", remedy=remedy)
    rate = record.config.latency_rules(scenario).target_qps
    asked = confirmation_of(loaded, scenario, rate, out)
    if not full:
        asked = trial_of(loaded, scenario, rate, out, None)
    free = FREE if full else (*FREE, *sized)
    for key, (wanted, had) in unlike(asked, record).items():
        if key not in free:
            raise ConfigError(
                f"{place} is not of this search: its {key} is {show(had)}, not {show(wanted)}.",
                where="--out",
                remedy=remedy,
            )


def _sizes(scenario: Scenario) -> tuple[str, ...]:
    """What a trial may have otherwise: --trial-seconds is each call's own."""
    own = ("min_duration_s", "min_query_count")
    return ("loadgen.performance_sample_count", *(f"{scenario.section}.{name}" for name in own))
