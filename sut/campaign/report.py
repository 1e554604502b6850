"""How a campaign ended: campaign.json, report.txt, report.html, and a page for each comparison.

All of it is made from the sessions, anew after each call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from sut.campaign.campaign import Campaign, Done, State
from sut.campaign.plan import Plan
from sut.campaign.planned import TUNE
from sut.campaign.settings_search import SettingsSearch
from sut.compare.comparison import Comparison, compared
from sut.compare.history import lines_of
from sut.compare.page import comparison_html
from sut.compare.text import comparison_text
from sut.config.keys import show
from sut.config.names import Mode, Scenario
from sut.errors import LogError
from sut.figure_text import figure_text
from sut.record.folder import write_again
from sut.report.page.sortable import Key, as_given, largest_first, sortable
from sut.report.templates import template
from sut.result.schema import Result
from sut.result.stored import load_result
from sut.tune.report import (
    DOCUMENT,
    SYSTEM,
    effect_lines,
    effect_name,
    effect_said,
    settings_lines,
    trials_line,
)

SCHEMA_VERSION = "1"
TEMPLATE = Path(__file__).with_name("campaign.html")
WORST_FIRST = (State.FAILED, State.INVALID, State.NOT_MADE, State.FOUND, State.VALID)
STAGES: Mapping[str, Key[Mapping[str, Any]]] = {
    "plan": as_given,
    "name": lambda row: row["stage"].casefold(),
    "verdict": lambda row: WORST_FIRST.index(State(row["state"])),
    "tokens/s": lambda row: largest_first(row["figures"].get("tokens/s")),
}
EFFECTS: Mapping[str, Key[Mapping[str, Any]]] = {
    "settings": as_given,
    "effect": lambda each: largest_first(each["ratio"]),
}


@dataclass(frozen=True)
class Compared:
    """The performance stages of one scenario side by side.

    Attributes:
        names: of the stages, by their letters.
        page: its page's file name.
        beyond: how many more stages there are than letters; they are left out.
    """

    scenario: Scenario
    names: Mapping[str, str]
    comparison: Comparison
    page: str
    beyond: int

    @property
    def text(self) -> str:
        """The comparison, with the stages that its letters stand for."""
        letters = "\n".join(f"{letter}  {name}" for letter, name in self.names.items())
        more = f"{self.beyond} more stages are left out.\n" if self.beyond else ""
        return f"{self.scenario.value}\n{letters}\n{more}\n{comparison_text(self.comparison)}"


@dataclass(frozen=True)
class Reported:
    """What a campaign's report says, and where it lies."""

    text: str
    document: dict[str, Any]
    page: Path


def write_report(campaign: Campaign, plan: Plan) -> Reported:
    """Write the report anew, with a comparison for each scenario that has two stages or more."""
    done = campaign.every()
    results = _results(done)
    sides = list(_sides(done, results))
    for each in sides:
        write_again(campaign.out / each.page, comparison_html(each.comparison))
    rows = [_row(each, results.get(each.planned.name), campaign.out) for each in done]
    document = {
        "schema_version": SCHEMA_VERSION,
        "plan": str(plan.path),
        "valid": campaign.valid,
        "interrupted": campaign.interrupted,
        "stages": rows,
        "comparisons": [
            {
                "scenario": each.scenario.value,
                "comparable": each.comparison.comparable,
                "stages": dict(each.names),
                "page": each.page,
            }
            for each in sides
        ],
    }
    head = "\n".join(_lines(document)) + "\n"
    page = campaign.out / "report.html"
    write_again(campaign.out / "campaign.json", json.dumps(document, indent=2) + "\n")
    write_again(campaign.out / "report.txt", "\n".join([head, *(each.text for each in sides)]))
    write_again(page, campaign_html(document))
    return Reported(head, document, page)


def campaign_html(document: Mapping[str, Any]) -> str:
    """The page of a campaign, whose JSON this is."""
    filters: dict[str, Callable[..., Any]] = {
        "figures": figures_text,
        "good": lambda state: State(state).good,
        "trials": trials_line,
        "value": show,
        "effect_name": effect_name,
        "effect_said": effect_said,
        "by_effect": lambda effects: sortable(effects, EFFECTS),
    }
    return template(TEMPLATE, filters).render(
        campaign=document,
        counted=counted(document),
        stages=sortable(document["stages"], STAGES),
    )


def _results(done: Sequence[Done]) -> dict[str, Result]:
    """The result of each stage that has one that can be read."""
    found = {}
    for each in done:
        if each.session is None:
            continue
        try:
            found[each.planned.name] = load_result(each.session)
        except LogError:
            continue  # its row says "not measured"
    return found


def _sides(done: Sequence[Done], results: Mapping[str, Result]) -> Iterator[Compared]:
    for scenario in Scenario:
        mine = [
            each
            for each in done
            if each.planned.measuring.run.scenario is scenario
            and each.planned.measuring.run.mode is Mode.PERFORMANCE
            and scenario in getattr(results.get(each.planned.name), "scenarios", ())
        ]
        if len(mine) < 2:
            continue
        taken = mine[: len(ascii_uppercase)]
        yield Compared(
            scenario,
            dict(zip(ascii_uppercase, (each.planned.name for each in taken), strict=False)),
            compared([str(each.session) for each in taken]),
            f"compare-{scenario.value}.html",
            len(mine) - len(taken),
        )


def _row(each: Done, result: Result | None, out: Path) -> dict[str, Any]:
    """One stage as JSON; times in ms, what was not measured null."""
    run = each.planned.measuring.run
    session = None if each.session is None else Path(relpath(each.session, out)).as_posix()
    page = None if each.session is None else each.session / "report.html"
    return {
        "stage": each.planned.name,
        "system": each.planned.measuring.loaded.config.system.name,
        "settings": each.planned.settings,
        "scenario": run.scenario.value,
        "run": each.planned.run,
        "state": each.state.value,
        "kept": each.kept,
        "reasons": list(each.said),
        "figures": {} if result is None else _figures(run.mode, run.scenario, run.test, result),
        "search": _search(each, out),
        "session": session,
        "page": f"{session}/report.html" if page is not None and page.is_file() else None,
    }


def _search(each: Done, out: Path) -> dict[str, Any] | None:
    """What a search over settings found; None: it is none, or found nothing so far."""
    search = each.planned.search
    if each.left is None or not isinstance(search, SettingsSearch):
        return None
    document = search.document(each.planned.measuring, each.left)
    folder = Path(relpath(each.left, out)).as_posix()
    told = ("value_is", "given", "best", "effects", "budget_s", "spent_s", "confirmed_by")
    return {key: document[key] for key in told} | {
        "trials": len(document["trials"]),
        "failed": sum(trial["value"] is None for trial in document["trials"]),
        "document": f"{folder}/{DOCUMENT}",
        "system": f"{folder}/{SYSTEM}",
    }


def _figures(
    mode: Mode, scenario: Scenario, test: str | None, result: Result
) -> dict[str, float | bool | None]:
    """The few figures that a row shows; the result has all."""
    if mode is Mode.PERFORMANCE:
        (line,) = (each for each in lines_of(result) if each.scenario == scenario.value)
        times = {} if scenario is Scenario.OFFLINE else {"TTFT P99 ms": line.ttft_p99_ms}
        return {"tokens/s": line.tokens_per_s, "samples/s": line.samples_per_s, **times}
    if mode is Mode.ACCURACY:
        run = result.accuracy_runs.get(scenario)
        scores = None if run is None else run.evaluation
        return {} if scores is None else {**scores.metrics, "targets reached": scores.passed}
    made = result.compliance_runs.get(scenario, {}).get(test or "")
    return {} if made is None else {"passed": made.valid}


def figures_text(figures: Mapping[str, float | bool | None]) -> str:
    """The figures of a row on one line."""
    return ", ".join(f"{name} {_said(value)}" for name, value in figures.items())


def _said(value: float | bool | None) -> str:
    if value is None or isinstance(value, bool):
        return {None: "not known", True: "yes", False: "no"}[value]
    return figure_text(value, 5)


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    for row in document["stages"]:
        made = "kept" if row["kept"] else ""
        yield f"{row['state']:8} {row['stage']}  {made}".rstrip()
        if row["figures"]:
            yield f"         {figures_text(row['figures'])}"
        for reason in (*row["reasons"], *_search_lines(row["search"])):
            yield f"         {reason}"
    yield f"{counted(document)}."
    for each in document["comparisons"]:
        yield f"Compared: {each['scenario']}, {len(each['stages'])} stages, {each['page']}"


def _search_lines(found: Mapping[str, Any] | None) -> Iterator[str]:
    if found is None:
        return
    yield trials_line(found)
    yield from settings_lines(found["given"], found["best"])
    yield from effect_lines(found)
    yield f"To be confirmed by {found['confirmed_by']}. {found['document']}, {found['system']}"


def counted(document: Mapping[str, Any]) -> str:
    """How many stages are as they should be, in words without their end."""
    states = [State(row["state"]) for row in document["stages"]]
    searched = any(row["run"] == TUNE for row in document["stages"])
    words = "VALID, or found what was searched" if searched else "VALID"
    return f"{sum(each.good for each in states)} of {len(states)} stages are {words}"
