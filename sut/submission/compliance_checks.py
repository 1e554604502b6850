"""A compliance test's folder in a tree: its lines, and its log read again.

The official checker reads three lines and takes `Skipped` from any scenario; the log beside
them is read by nobody. Here it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from audit.bounds import of_benchmark
from audit.logs import AuditLogs, find_logs
from audit.verify import OFFICIAL_NAME as VERIFICATION
from audit.verify import official_text, verify_run
from sut.errors import HarnessError
from sut.logs.accuracy import LoggedAnswer, read_accuracy_log
from sut.record.facts import VerificationFacts
from sut.submission.files import lines_of, says_nothing
from sut.submission.findings import Finding
from sut.submission.walk import TreeEntry

AGAIN = "Find out why the outputs differ and run the test again."
# LoadGen draws the samples of these runs at random, each time from all of them, so some come
# twice: half as many different ones as are to be expected is no chance.
LEAST_DIFFERENT = 0.5


def compliance(entry: TreeEntry) -> Iterable[Finding]:
    """Closed: every test's folder with its files, the lines that mean passed, a log that agrees."""
    if not entry.closed or entry.benchmark is None:
        return
    for test in entry.benchmark.compliance_tests:
        yield from _test(entry, entry.place.compliance(test), test)


def _test(entry: TreeEntry, folder: Path, test: str) -> Iterable[Finding]:
    names = entry.place.submission.compliance_files
    missing = [name for name in names if says_nothing(entry.root / folder / name)]
    why, remedy = f"The {entry.division} division requires {test}", f"Run {test}."
    if len(missing) == len(names):
        yield entry.finding(folder, f"{why}; the run is missing or empty.", remedy)
        return
    for name in missing:
        sentence = f"{why}; the file is missing or empty."
        yield entry.finding(folder / name, sentence, f"Run {test} and make the tree again.")
    if missing:
        if VERIFICATION not in missing:
            yield from _not_passed(entry, folder, test)
        return
    problems = list(_log(entry, folder, test))
    yield from problems
    if not problems:
        yield from _not_passed(entry, folder, test) or _unlike(entry, folder, test)


def _not_passed(entry: TreeEntry, folder: Path, test: str) -> list[Finding]:
    """What the lines of the verification lack, or say otherwise in another line."""
    lines, place = lines_of(entry.root / folder / VERIFICATION), folder / VERIFICATION
    found = []
    for pattern in entry.place.submission.compliance_lines.get(test, ()):
        others = [each for each in lines if not re.fullmatch(pattern, each)]
        against = [each for each in others if _label(each) == _label(pattern)]
        if len(others) == len(lines):
            sentence = f"No line reads {pattern!r}: {test} did not pass."
            found.append(entry.finding(place, sentence, AGAIN))
        elif against:
            sentence = f"A line reads {against[0]!r}, and another that {test} passed."
            found.append(entry.finding(place, sentence, AGAIN))
    return found


def _label(line: str) -> str:
    return line.partition(":")[0].strip()


def _log(entry: TreeEntry, folder: Path, test: str) -> Iterable[Finding]:
    """The test made again on the log in the tree, by the ids of the benchmark's own model."""
    if entry.scenario is None or entry.benchmark is None:
        return
    try:
        logs = _logs(entry, folder)
        answers = read_accuracy_log(logs.accuracy, logs.token_type)
        facts = verify_run(test, logs)
    except HarnessError as error:
        yield entry.finding(folder, f"The test's log cannot be judged: {error.message}", AGAIN)
        return
    problem = _not_of_a_test(answers, entry.benchmark.dataset_count)
    if problem:
        yield entry.finding(folder, f"The test's log is not of a run: {problem}.", f"Run {test}.")
        return
    failed = [each for each in facts.checks if not each.passed]
    said = "; ".join(
        f"{each.name} is {each.measured}, must be {each.comparison} {each.limit}" for each in failed
    )
    if failed:
        yield entry.finding(folder, f"{said}.", AGAIN)


def _logs(entry: TreeEntry, folder: Path) -> AuditLogs:
    """The logs of one test of an entry that has a benchmark and a scenario."""
    assert entry.scenario is not None
    assert entry.benchmark is not None
    eos = of_benchmark(entry.round.id_of(entry.place.benchmark)).eos_token_ids
    most = entry.benchmark.max_tokens
    return find_logs(entry.root / folder, entry.scenario, eos, max_tokens=most)


def _not_of_a_test(answers: list[LoggedAnswer], count: int) -> str | None:
    """Why no run of the test can have left these answers; None: one can."""
    if not answers:
        return "it holds no answer"
    beyond = [each.sample_index for each in answers if not 0 <= each.sample_index < count]
    if beyond:
        return f"it answers sample {beyond[0]} of {count}"
    if len(answers) == 1:
        return None
    samples = len({each.sample_index for each in answers})
    texts = len({each.tokens.tobytes() for each in answers})
    expected = count * (1 - (1 - 1 / count) ** len(answers))
    if samples < LEAST_DIFFERENT * expected:
        return f"{len(answers)} answers are of {samples} samples"
    if texts == 1:
        return f"{len(answers)} answers are one and the same"
    return None


def _unlike(entry: TreeEntry, folder: Path, test: str) -> Iterable[Finding]:
    """Lines that the log gives, and the verification does not have."""
    if entry.scenario is None or entry.benchmark is None:
        return
    facts: VerificationFacts = verify_run(test, _logs(entry, folder))
    wanted = official_text(facts, entry.scenario).splitlines()
    said = lines_of(entry.root / folder / VERIFICATION)
    for line in (each for each in wanted if " pass: " in each and each not in said):
        yield entry.finding(
            folder / VERIFICATION,
            f"The log says {line!r}, and no line here does.",
            "Verify the log again and hand in what that writes.",
        )
