"""A gate's verdicts as JUnit XML: a test case for each figure, as CI systems show them."""

from __future__ import annotations

from xml.etree import ElementTree

from sut.compare.gate import Gate, Held, Outcome

SUITE = "sut.regress"


def junit_xml(gate: Gate) -> str:
    """The file's text: failures carry the figures, what could not be judged is skipped."""
    cases = gate.held
    counts = {outcome: sum(each.outcome is outcome for each in cases) for outcome in Outcome}
    suite = ElementTree.Element(
        "testsuite",
        name=SUITE,
        tests=str(len(cases)),
        failures=str(counts[Outcome.FAILED]),
        errors="0",
        skipped=str(counts[Outcome.SKIPPED]),
    )
    for each in cases:
        _case(suite, each)
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def _case(suite: ElementTree.Element, held: Held) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=held.group, name=held.name)
    if held.outcome is Outcome.FAILED:
        ElementTree.SubElement(case, "failure", message=held.sentence).text = held.sentence
    if held.outcome is Outcome.SKIPPED:
        ElementTree.SubElement(case, "skipped", message=held.sentence)
