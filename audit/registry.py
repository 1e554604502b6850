"""The compliance tests there are. A new one is a file beside this and an entry below."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from audit import test06
from audit.logs import AuditLogs
from sut.config.names import Scenario
from sut.config.rounds import Round
from sut.errors import ConfigError
from sut.rules.check import Check


@dataclass(frozen=True)
class ComplianceTest:
    """One compliance test.

    Attributes:
        name: as the rules and the checker call it; its audit.config lies in audit/<name>.
        verify: logs → every condition.
        official_output: those → the text of verify_accuracy.txt.
        not_proven: logs → each condition that they cannot tell, so that no check asks it.
    """

    name: str
    verify: Callable[[AuditLogs], list[Check]]
    official_output: Callable[[Iterable[Check], Scenario], str]
    not_proven: Callable[[AuditLogs], tuple[str, ...]]


TESTS = {
    test.name: test
    for test in (
        ComplianceTest(
            name=test06.NAME,
            verify=test06.verify,
            official_output=test06.official_output,
            not_proven=test06.not_proven,
        ),
    )
}


def find_test(name: str) -> ComplianceTest:
    """The test of that name.

    Raises:
        ConfigError: there is no such test.
    """
    test = TESTS.get(name.upper())
    if test is None:
        raise ConfigError(
            f"there is no compliance test {name}; there is {', '.join(TESTS)}.",
            remedy="Name one of them, or add its file.",
        )
    return test


def default_test(rules: Round, benchmark: str | None) -> ComplianceTest:
    """The first test that a round asks of a benchmark; None: of its default one.

    Raises:
        ConfigError: it asks none.
    """
    name = benchmark or rules.default_benchmark
    known = rules.benchmarks.get(name)
    tests = known.compliance_tests if known else _of_others(rules, name)
    if not tests:
        raise ConfigError(
            f"round {rules.name} asks no compliance test of {name}.",
            where="--test",
            remedy=f"Choose another model or round, or name one of {', '.join(TESTS)}.",
        )
    return find_test(tests[0])


def require_covered(test: ComplianceTest, benchmark: str, rules: Round, where: str) -> None:
    """Refuse a test for a benchmark that it says nothing about.

    Raises:
        ConfigError: the round asks no such test of the benchmark.
    """
    asked = [name for name, each in rules.benchmarks.items() if test.name in each.compliance_tests]
    covered = [*asked, *rules.compliance_of_others.get(test.name, ())]
    if benchmark not in covered:
        named = ", ".join(covered) or f"none that round {rules.name} has"
        raise ConfigError(
            f"{test.name} is not a test of {benchmark}; it is one of {named}.",
            where=where,
            remedy="Choose another model or scenario.",
        )


def _of_others(rules: Round, benchmark: str) -> tuple[str, ...]:
    """The tests that may judge the logs of a benchmark of another family."""
    named = rules.compliance_of_others.items()
    return tuple(test for test, benchmarks in named if benchmark in benchmarks)
