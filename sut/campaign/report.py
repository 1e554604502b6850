"""How a campaign ended: campaign.json, report.txt, report.html, and a page for each comparison.

All of it is made from the sessions, anew after each call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from os.path import relpath
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from sut.campaign.campaign import Campaign, Done
from sut.campaign.plan import Plan
from sut.compare.comparison import Comparison, compared
from sut.compare.history import lines_of
from sut.compare.page import comparison_html
from sut.compare.text import comparison_text
from sut.config.names import Mode, Scenario
from sut.errors import LogError
from sut.figure_text import figure_text
from sut.record.folder import write_again
from sut.report.templates import template
from sut.result.schema import Result
from sut.result.stored import load_result

SCHEMA_VERSION = "1"
PAGE = "report.html"
TEMPLATE = Path(__file__).with_name("campaign.html")


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
    """What a campaign's report says, and the files that it is in.

    Attributes:
        files: their texts, by their names.
        out: the campaign's folder, where they belong.
    """

    text: str
    document: dict[str, Any]
    files: Mapping[str, str]
    out: Path

    @property
    def page(self) -> Path:
        """For a browser."""
        return self.out / PAGE

    def write(self) -> None:
        """Write the files anew.

        Raises:
            RunError: one cannot be written.
        """
        for name, text in self.files.items():
            write_again(self.out / name, text)


def report_of(campaign: Campaign, plan: Plan) -> Reported:
    """The report, with a comparison for each scenario that has two stages or more."""
    done = campaign.every()
    results = _results(done)
    sides = list(_sides(done, results))
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
    files = {each.page: comparison_html(each.comparison) for each in sides} | {
        "campaign.json": json.dumps(document, indent=2) + "\n",
        "report.txt": "\n".join([head, *(each.text for each in sides)]),
        PAGE: campaign_html(document),
    }
    return Reported(head, document, files, campaign.out)


def campaign_html(document: Mapping[str, Any]) -> str:
    """The page of a campaign, whose JSON this is."""
    return template(TEMPLATE, {"figures": figures_text}).render(campaign=document)


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
        "run": run.folder,
        "state": each.state.value,
        "kept": each.kept,
        "reasons": list(each.said),
        "figures": {} if result is None else _figures(run.mode, run.scenario, run.test, result),
        "session": session,
        "page": f"{session}/report.html" if page is not None and page.is_file() else None,
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
        for reason in row["reasons"]:
            yield f"         {reason}"
    valid = sum(row["state"] == "VALID" for row in document["stages"])
    yield f"{valid} of {len(document['stages'])} stages are VALID."
    for each in document["comparisons"]:
        yield f"Compared: {each['scenario']}, {len(each['stages'])} stages, {each['page']}"
