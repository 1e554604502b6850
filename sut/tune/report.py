"""Where a search over settings stands: tune.json, its text, and the system's file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from sut.config.keys import show, values_of, varies
from sut.config.names import Scenario
from sut.config.sources import shipped
from sut.figure_text import figure_text
from sut.record.session import read_session
from sut.result.build import result_of
from sut.tune.asked import Asked
from sut.tune.effects import EVERYTHING, Effect, Seen, effects_of, seen_in
from sut.tune.find import Found
from sut.tune.judge import UNIT, figures_of
from sut.tune.schedule import chosen
from sut.tune.space import Settings

SCHEMA_VERSION = "1"
DOCUMENT, SYSTEM = "tune.json", "tuned.yaml"
MARGIN = 1.05
"""Offline's expected rate over what was measured, so that its query lasts the minimum duration."""


def write_found(found: Found, asked: Asked) -> str:
    """Write tune.json, and tuned.yaml once the search is over; return the JSON."""
    document = document_of(found, asked)
    text = json.dumps(document, indent=2) + "\n"
    _replace(asked.out / DOCUMENT, text)
    if found.over:
        _replace(asked.out / SYSTEM, system_yaml(asked, document))
    return text


def _replace(path: Path, text: str) -> None:
    """What is made from the trials may be made again."""
    beside = path.with_name(f".{path.name}")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def document_of(found: Found, asked: Asked) -> dict[str, Any]:
    """All of it as JSON."""
    config, best = asked.loaded.config, chosen(asked.given, found.measured)
    return {
        "schema_version": SCHEMA_VERSION,
        "scenario": asked.scenario.value,
        "system": config.system.name,
        "model": config.model.name,
        "profile": config.profile,
        "value_is": UNIT[asked.scenario],
        "budget_s": asked.wishes.budget_s,
        "spent_s": sum(each.cost_s for each in found.measured),
        "seed": asked.seed,
        "over": found.over,
        "given": asked.given,
        "best": best,
        "effects": [_effect(each) for each in effects_of(asked.given, best, found.measured)],
        "seen": [_seen(each) for each in seen_in(asked.space, found.measured)],
        "trials": [asdict(each) for each in found.measured],
        "confirmation": _confirmation(found, asked),
        "unconfirmed": found.unconfirmed,
        "confirmed_by": found.confirmed_by,
    }


def _effect(effect: Effect) -> dict[str, Any]:
    return {
        "key": effect.key,
        "given": effect.given,
        "best": effect.best,
        "with_best": effect.with_best,
        "put_back": effect.put_back,
        "ratio": effect.ratio.median,
        "rounds": list(effect.ratio.rounds),
        "no_ratio": effect.ratio.refused,
    }


def _seen(seen: Seen) -> dict[str, Any]:
    values = seen.values
    return {
        "key": seen.key,
        "value": seen.value,
        "trials": seen.trials,
        "failed": seen.failed,
        "median": None if values is None else values.median,
        "least": None if values is None else min(values.values),
        "greatest": None if values is None else max(values.values),
    }


def _confirmation(found: Found, asked: Asked) -> dict[str, Any] | None:
    if found.confirmation is None:
        return None
    result = result_of(read_session(found.confirmation))
    run = result.scenarios.get(asked.scenario)
    return {
        "session": found.confirmation.relative_to(asked.out).as_posix(),
        "valid": result.valid,
        "reasons": result.reasons,
        "figures": {} if run is None else figures_of(run),
    }


def system_yaml(asked: Asked, document: dict[str, Any]) -> str:
    """A file for `--system`: like the system that was searched on, with what was found."""
    config, origins = asked.loaded.config, asked.loaded.origins
    now, best = values_of(config), document["best"]
    theirs = {key: now[key] for key, origin in origins.items()
              if key in now and key.startswith("engine.")
              and not shipped(origin) and origin != "default"}  # fmt: skip
    own = {key: value for key, value in theirs.items() if varies(key)} | best
    file: dict[str, Any] = {
        "description": _description(asked, document),
        "like": asked.system,
        "system": {"name": f"{config.system.name}-tuned", "measured": True},
        "by_scenario": {asked.scenario.value: own},
    }
    file |= {key: value for key, value in theirs.items() if not varies(key)}
    rate = _offline_rate(asked, document)
    if rate is not None:
        probed = {"offline.probe_rate": True} if config.profile == "quick" else {}
        file["profiles"] = {config.profile: {"offline.target_qps": rate} | probed}
    return yaml.safe_dump(file, sort_keys=False, allow_unicode=True, width=100)


def _description(asked: Asked, document: dict[str, Any]) -> str:
    trials = len(document["trials"])
    confirmed = document["confirmation"]
    verdict = "not confirmed"
    if document["confirmed_by"] is not None:
        verdict = f"to be confirmed by {document['confirmed_by']}"
    if confirmed is not None:
        verdict = "confirmed by a VALID run" if confirmed["valid"] else "its full run is INVALID"
    return (
        f"Found by sut.main tune for {asked.scenario.value} in {trials} trials and "
        f"{document['spent_s'] / 60:.0f} minutes; {verdict}."
    )


def _offline_rate(asked: Asked, document: dict[str, Any]) -> float | None:
    confirmed = document["confirmation"]
    if asked.scenario is not Scenario.OFFLINE or confirmed is None:
        return None
    rate = confirmed["figures"].get("samples_per_s")
    return None if rate is None else float(f"{MARGIN * rate:.3g}")


def render(text: str) -> str:
    """tune.json for a person."""
    found = json.loads(text)
    head = f"{found['scenario']}, {found['model']} on {found['system']}, {found['profile']}"
    failed = sum(each["value"] is None for each in found["trials"])
    counts = {"trials": len(found["trials"]), "failed": failed}
    lines = [
        f"{head}: {trials_line(found | counts)}",
        *settings_lines(found["given"], found["best"]),
        "",
        *effect_lines(found),
        "",
        *_end_lines(found),
    ]
    for each in found["trials"]:
        if each["failed"]:
            lines.append(f"Trial {each['number']} failed: {each['failed']}")
    return "\n".join(lines) + "\n"


def trials_line(found: Mapping[str, Any]) -> str:
    """How many trials there were, by their number and that of those which failed."""
    return (
        f"{found['trials']} trials, {found['failed']} of them failed, in "
        f"{found['spent_s'] / 60:.1f} of {found['budget_s'] / 60:g} minutes."
    )


def settings_lines(given: Settings, best: Settings) -> list[str]:
    """Each setting that was searched: as given, and as found where that differs."""
    return [
        f"  {key:40} {show(given[key]):>10} → {show(best[key])}"
        if given[key] != best[key]
        else f"  {key:40} {show(given[key]):>10}"
        for key in best
    ]


def effect_lines(found: Mapping[str, Any]) -> list[str]:
    """What each setting that differs does, by the JSON of a search."""
    told = [f"  {effect_name(each):40} {effect_said(each)}" for each in found["effects"]]
    head = f"Effects, best over put back ({found['value_is']}):"
    return [head, *(told or ["  none was measured"])]


def effect_name(effect: Mapping[str, Any]) -> str:
    """What was put back."""
    name: str = effect["key"].rpartition(".")[2]
    if effect["key"] == EVERYTHING:
        return name
    return f"{name} {show(effect['given'])} → {show(effect['best'])}"


def effect_said(effect: Mapping[str, Any]) -> str:
    """Its ratio, round by round; or why there is none."""
    rounds = ", ".join(f"{each:.3f}" for each in effect["rounds"])
    if effect["ratio"] is None:
        return f"no ratio: {effect['no_ratio']} ({rounds or 'no round'})"
    return f"{effect['ratio']:.3f} ({rounds})"


def _end_lines(found: dict[str, Any]) -> list[str]:
    if not found["over"]:
        return ["The search is not over: the same call goes on with it."]
    confirmed = found["confirmation"]
    if found["confirmed_by"] is not None:
        return [f"To be confirmed by {found['confirmed_by']}.", f"System: {SYSTEM}"]
    if confirmed is None:
        return [f"Not confirmed: {found['unconfirmed']}", f"System: {SYSTEM}"]
    verdict = "VALID" if confirmed["valid"] else f"INVALID: {'; '.join(confirmed['reasons'])}"
    figures = ", ".join(
        f"{name} {figure_text(value)}" for name, value in confirmed["figures"].items()
    )
    return [f"Confirmation {verdict}: {figures} ({confirmed['session']})", f"System: {SYSTEM}"]
