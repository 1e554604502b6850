"""Where a search stands: peak.json, its text, and a page with the curves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sut.config.rounds import load_round
from sut.figure_text import figure_text, of_limit
from sut.peak.chance import Seen, chance_of_limit
from sut.peak.configs import confirmation_of
from sut.peak.folder import SearchDir
from sut.peak.trial import Trial
from sut.plan.forecast import forecast
from sut.record.folder import write_again
from sut.report.page.plots import curve
from sut.report.page.sortable import MOST, Key, as_given, largest_first, sortable
from sut.report.templates import template
from sut.rules.limits import Limit, limits_of

if TYPE_CHECKING:
    from sut.peak.find import Asked, Found

SCHEMA_VERSION = "1"
AROUND = (0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15)
"""Rates that a chance is given for, in times of the one in the middle."""
TEMPLATE = Path(__file__).with_name("peak.html")
REST = ("completed/s", "outcome", "session")
CHANCES: Mapping[str, Key[Mapping[str, Any]]] = {
    "queries/s": as_given,
    "chance": lambda each: largest_first(each["chance"]),
}


def write_found(found: Found, asked: Asked) -> str:
    """Write peak.json and peak.html anew; return the JSON."""
    folder = SearchDir(asked.out)
    document = document_of(found, asked)
    text = json.dumps(document, indent=2) + "\n"
    write_again(folder.document, text)
    write_again(folder.page, peak_html(document))
    return text


def peak_html(document: dict[str, Any]) -> str:
    """The page of a search, whose JSON this is."""
    limits = list(document["limits"])
    return template(TEMPLATE, {"outcome": outcome}).render(
        peak=document,
        plots=plots_of(document),
        chances=sortable(document["chances"], CHANCES),
        columns=["queries/s", "what", *(f"{name} (ms)" for name in limits), *REST],
        runs=sortable(document["runs"], orders_of(limits)),
    )


def outcome(run: Mapping[str, Any]) -> str:
    """What a run came to, in words."""
    if run["given_up"]:
        return str(run["given_up"])
    if run["kind"] == "confirmation":
        return "VALID" if run["valid"] else "INVALID"
    return "held" if run["held"] else "did not hold"


def orders_of(limits: Sequence[str]) -> dict[str, Key[Mapping[str, Any]]]:
    """The orders of the runs: as made, by rate, by each time that has a limit, by outcome."""
    measured: dict[str, Key[Mapping[str, Any]]] = {
        name: partial(_time, name) for name in limits[: MOST - 4]
    }
    return {
        "time": as_given,
        "queries/s": lambda run: run["target_qps"],
        **measured,
        "completed/s": lambda run: largest_first(run["completed_qps"]),
        "outcome": outcome,
    }


def _time(name: str, run: Mapping[str, Any]) -> tuple[bool, float]:
    return largest_first(run["measured_ms"][name])


def document_of(found: Found, asked: Asked) -> dict[str, Any]:
    """All of it as JSON; rates in queries/s, times in ms."""
    limits = limits_of(found.config, asked.scenario)
    ended = found.end is not None
    peak = next(
        (each for each in found.runs if each.full and each.valid and found.end is not None
         and each.rate == found.end.rate),
        None,
    )  # fmt: skip
    return {
        "schema_version": SCHEMA_VERSION,
        "scenario": asked.scenario.value,
        "profile": found.config.profile,
        "round": found.config.round,
        "model": found.config.model.name,
        "tolerance": asked.tolerance,
        "limits": {each.name: each.limit_ms for each in limits},
        "ended": ended,
        "why": found.end.why if found.end is not None else "it was interrupted",
        "peak": None if peak is None else _run(peak, limits, asked.out),
        "binding": _binding(found.runs, peak),
        "chances": _chances(found, asked, limits, peak),
        "runs": [_run(each, limits, asked.out) for each in found.runs],
    }


def _run(trial: Trial, limits: Sequence[Limit], out: Path) -> dict[str, Any]:
    return {
        "kind": "confirmation" if trial.full else "trial",
        "target_qps": trial.rate,
        "held": trial.tried.held,
        "valid": trial.valid if trial.full else None,
        "given_up": trial.given_up,
        "measured_ms": trial.measured_ms,
        "of_limit": trial.ratios,
        "worst": None if trial.worst is None else trial.worst[0],
        "completed_qps": trial.achieved_qps,
        "goodput_qps": trial.goodput_qps,
        "queries": max((len(each) for each in trial.took_ms.values()), default=0),
        "over_limit": {
            each.name: int((trial.took_ms[each.name] > each.limit_ms).sum()) for each in limits
        },
        "reasons": trial.reasons if trial.full else [],
        "session": trial.folder.relative_to(out).as_posix(),
    }


def _binding(runs: Sequence[Trial], peak: Trial | None) -> str | None:
    """The limit that keeps the rate from being higher: the worst of the next rate that failed.

    Where that was given up, the worst of the confirmed run itself.
    """
    if peak is None:
        return None
    above = [each for each in runs if not each.tried.held and each.rate > peak.rate]
    told = [each.worst for each in sorted(above, key=lambda each: each.rate)[:1]]
    worst = next((each for each in told if each is not None), None) or peak.worst
    return None if worst is None else worst[0]


def _chances(
    found: Found, asked: Asked, limits: Sequence[Limit], peak: Trial | None
) -> list[dict[str, Any]]:
    """For rates around the peak, or around the highest that held: the chance of a full run."""
    held = [each for each in found.runs if each.tried.held]
    middle = peak or max(held, key=lambda each: each.rate, default=None)
    if middle is None:
        return []
    rules, count = load_round(found.config.round), _samples(middle)
    chances = []
    for times in AROUND:
        rate = float(f"{middle.rate * times:.3g}")
        config = confirmation_of(asked.loaded, asked.scenario, rate, asked.out).config
        queries = forecast(config, asked.scenario, count, rules).queries_expected
        by_limit = {
            each.name: chance_of_limit(rate, queries, each.allowed(queries), seen(found.runs, each))
            for each in limits
        }
        told = [each for each in by_limit.values() if each is not None]
        chances.append(
            {
                "target_qps": rate,
                "queries": queries,
                "chance": min(told) if told else None,
                "by_limit": by_limit,
            }
        )
    return chances


def seen(runs: Sequence[Trial], limit: Limit) -> list[Seen]:
    """Runs under one limit."""
    return [Seen(each.rate, each.took_ms[limit.name], limit.limit_ms) for each in runs]


def _samples(trial: Trial) -> int:
    from sut.record.session import read_session

    return read_session(trial.folder).facts.dataset.count


def render(text: str) -> str:
    """peak.json for a person."""
    found = json.loads(text)
    peak = found["peak"]
    head = f"{found['scenario']}, {found['model']}, round {found['round']}, {found['profile']}"
    if peak is None:
        lines = [f"No rate is confirmed: {found['why']}. {head}"]
    else:
        lines = [
            f"Peak: {peak['target_qps']:g} queries/s, VALID in a run of full length. {head}",
            f"  {figure_text(peak['completed_qps'])} queries/s completed, "
            f"session {peak['session']}",
            f"  {found['binding']} binds. The search ended because {found['why']}.",
        ]
        for name, ratio in peak["of_limit"].items():
            measured, limit = peak["measured_ms"].get(name), found["limits"].get(name)
            figure = "" if measured is None else f" ({of_limit(measured, limit)} ms)"
            lines.append(f"  {name}: {ratio:.0%} of what is allowed{figure}")
    if found["chances"]:
        told = "; ".join(
            f"{each['target_qps']:g}: {each['chance']:.0%}"
            for each in found["chances"]
            if each["chance"] is not None
        )
        lines.append(f"Chance that a run of full length is VALID: {told}")
    lines += ["", "      rate  what          worst of its limit"]
    for each in sorted(found["runs"], key=lambda run: run["target_qps"]):
        worst = each["worst"]
        shown = f"{worst} {each['of_limit'][worst]:.0%}" if worst else "given up"
        verdict = {True: " VALID", False: " INVALID", None: ""}[each["valid"]]
        lines.append(f"{each['target_qps']:10.4g}  {each['kind']:12}  {shown}{verdict}")
    return "\n".join(lines) + "\n"


def plots_of(document: dict[str, Any]) -> list[dict[str, str]]:
    """A plot for each limit's percentile, and one of goodput, against the rate."""
    runs = sorted(document["runs"], key=lambda each: each["target_qps"])
    peak = document["peak"]["target_qps"] if document["peak"] else None
    found = []
    for name, limit in document["limits"].items():
        points = [
            (each["target_qps"], each["measured_ms"][name])
            for each in runs
            if each["measured_ms"].get(name) is not None and not each["given_up"]
        ]
        if points:
            found.append(
                {"title": name, "svg": curve(points, "queries/s asked", "ms", limit, peak)}
            )
    good = [
        (each["target_qps"], each["goodput_qps"])
        for each in runs
        if each["goodput_qps"] is not None
    ]
    if good:
        svg = curve(good, "queries/s asked", "queries/s within every limit", None, peak)
        found.append({"title": "Goodput", "svg": svg})
    return found
