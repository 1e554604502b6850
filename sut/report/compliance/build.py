"""A session's folder → the compliance report: each rule of the round, the figure, the proof.

A pure function of the folder and of the round's file, as `sut.result.build` is: no time, no
absolute path, so the same bytes a year later. What the official checker does not look at
(docs/rules.md) is listed like everything else. The rules are the closed division's,
unrelaxed: a run of the quick profile is measured by them too, and says where it falls short.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from sut.config.rounds import Round
from sut.record.folder import write_atomic
from sut.report.compliance import answer_rules, loadgen_rules, session_rules
from sut.report.compliance.evidence import SessionView, open_session
from sut.report.compliance.rows import (
    REPORT_VERSION,
    ComplianceReport,
    Row,
    Verdict,
    counted,
)
from sut.report.page.sortable import Key, as_given, sortable
from sut.report.templates import template

JSON_NAME, HTML_NAME = "compliance.json", "compliance.html"
TEMPLATE = Path(__file__).parent / "page.html"
WORST_FIRST = (Verdict.NOT_MET, Verdict.NOT_MEASURED, Verdict.MET, Verdict.NOT_APPLICABLE)
RULES: Mapping[str, Key[tuple[int, Row]]] = {
    "round": as_given,
    "rule": lambda each: each[1].words.casefold(),
    "verdict": lambda each: WORST_FIRST.index(each[1].verdict),
}
WANTING: Mapping[str, Key[tuple[int, Row]]] = {
    "round": as_given,
    "rule": lambda each: each[1].words.casefold(),
    "run": lambda each: each[1].subject,
}
MARKS = {
    Verdict.MET: "met",
    Verdict.NOT_MET: "NOT MET",
    Verdict.NOT_MEASURED: "NOT MEASURED",
    Verdict.NOT_APPLICABLE: "n/a",
}


def compliance_report(session_root: Path, round_: Round | None = None) -> ComplianceReport:
    """Hold a session to every rule of its round.

    Args:
        session_root: the session's folder.
        round_: the rules; None: those of the round the configuration names.

    Raises:
        LogError: a file that the harness writes is missing or malformed.
        ConfigError: the round, or its benchmark, is unknown.
    """
    return report_of(open_session(session_root, round_))


def report_of(view: SessionView) -> ComplianceReport:
    """`compliance_report`, of a session that was read and judged already."""
    rows = list(_rows(view))
    counts, info = counted(rows), view.result.benchmark_info
    return ComplianceReport(
        schema_version=REPORT_VERSION,
        trust=view.result.trust,
        benchmark=info.benchmark_id,
        model=info.model,
        round=info.round,
        profile=info.profile,
        node=info.node,
        started_utc=info.started_utc,
        division="closed",
        session_valid=view.result.valid,
        submission_grade=view.result.submission_grade,
        compliant=not counts[Verdict.NOT_MET] and not counts[Verdict.NOT_MEASURED],
        counts=counts,
        rows=rows,
    )


def _rows(view: SessionView) -> Iterable[Row]:
    """The session, then each scenario, then each of its runs."""
    yield from session_rules.rows(view)
    for scenario in view.config.scenarios:
        yield from session_rules.scenario_rows(view, scenario)
        for run in view.of(scenario).values():
            yield from loadgen_rules.rows(run)
            yield from answer_rules.rows(view, run)


def compliance_json(report: ComplianceReport) -> str:
    """The text of compliance.json: the same bytes for the same report."""
    return json.dumps(report.model_dump(mode="json"), indent=2, allow_nan=False) + "\n"


def compliance_html(report: ComplianceReport) -> str:
    """The text of compliance.html: one file, nothing fetched, no script; everything escaped."""
    return template(TEMPLATE).render(
        report=report,
        verdicts=[(verdict.value, report.counts[verdict]) for verdict in Verdict],
        wanting=[
            (verdict.value, sortable([each for each in _numbered(report)
                                      if each[1].verdict is verdict], WANTING))
            for verdict in (Verdict.NOT_MET, Verdict.NOT_MEASURED)
        ],
        groups=[(subject, sortable(rows, RULES)) for subject, rows in _groups(report)],
    )  # fmt: skip


def compliance_text(report: ComplianceReport) -> str:
    """The report for a terminal: the verdict, then each rule on a line, its proof below."""
    lines = [headline(report), ""]
    for subject, rows in _groups(report):
        lines.append(subject)
        for _, row in rows:
            measured = "no figure" if row.measured is None else row.measured
            lines.append(f"  {MARKS[row.verdict]:<13} {row.words}")
            if row.verdict is not Verdict.NOT_APPLICABLE:
                lines.append(f"  {'':<13} {measured} (required: {row.required})")
            if row.reason:
                lines.append(f"  {'':<13} {row.reason}")
            lines += [f"  {'':<13} {proof.place}: {proof.text}" for proof in row.proof]
        lines.append("")
    return "\n".join((*lines, report.trust)) + "\n"


def headline(report: ComplianceReport) -> str:
    """The counts in one line, what is wanting first."""
    counts = ", ".join(f"{report.counts[verdict]} {verdict}" for verdict in WORST_FIRST)
    return f"Rules of {report.benchmark} in round {report.round}, closed division: {counts}."


def write_compliance(view: SessionView) -> ComplianceReport:
    """Write compliance.json and compliance.html into the session's folder.

    Args:
        view: the session, read and judged.

    Raises:
        FileExistsError: one of them is there already; nothing is overwritten.
    """
    report = report_of(view)
    for name, text in (
        (JSON_NAME, compliance_json(report)),
        (HTML_NAME, compliance_html(report)),
    ):
        write_atomic(view.root / name, text)
    return report


def _numbered(report: ComplianceReport) -> list[tuple[int, Row]]:
    return list(enumerate(report.rows, 1))


def _groups(report: ComplianceReport) -> list[tuple[str, list[tuple[int, Row]]]]:
    groups: dict[str, list[tuple[int, Row]]] = {}
    for number, row in _numbered(report):
        groups.setdefault(row.subject, []).append((number, row))
    return list(groups.items())
