"""The compliance tests there are. A new one is a file beside this and an entry below."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from audit import test06
from audit.logs import AuditLogs
from sut.config.names import Scenario
from sut.errors import ConfigError
from sut.rules.check import Check


@dataclass(frozen=True)
class ComplianceTest:
    """One compliance test.

    Attributes:
        name: as the rules and the checker call it; its audit.config lies in audit/<name>.
        benchmarks: checker's ids of the benchmarks that need it, in any round from v5.1
            (models_TEST06 in constants.py); the round's file says which are in.
        verify: logs → every condition.
        official_output: those → the text of verify_accuracy.txt.
        not_proven: logs → each condition that they cannot tell, so that no check asks it.
    """

    name: str
    benchmarks: tuple[str, ...]
    verify: Callable[[AuditLogs], list[Check]]
    official_output: Callable[[Iterable[Check], Scenario], str]
    not_proven: Callable[[AuditLogs], tuple[str, ...]]


TESTS = {
    test.name: test
    for test in (
        ComplianceTest(
            name=test06.NAME,
            benchmarks=(
                "llama3.1-8b",
                "llama2-70b-99",
                "llama2-70b-99.9",
                "mixtral-8x7b",
                "llama3.1-405b",
                "deepseek-r1",
            ),
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
            remedy="TEST06 is the one that Llama-3.1-8B needs.",
        )
    return test


def require_covered(test: ComplianceTest, benchmark: str, where: str) -> None:
    """Refuse a test for a benchmark that it says nothing about.

    Raises:
        ConfigError: the rules ask no such test of the benchmark.
    """
    if benchmark not in test.benchmarks:
        raise ConfigError(
            f"{test.name} is not a test of {benchmark}; it is one of {', '.join(test.benchmarks)}.",
            where=where,
            remedy="Choose another model or scenario.",
        )
