"""Which compliance test is meant, and of what."""

from __future__ import annotations

import pytest

from audit.registry import default_test, find_test, require_covered
from sut.config.rounds import load_round
from sut.errors import ConfigError

ROUND = load_round("v6.1")
TEST06 = find_test("TEST06")


def test_a_test_is_found_however_it_is_spelled() -> None:
    assert find_test("test06") is TEST06


@pytest.mark.parametrize("benchmark", [None, "llama3.1-8b"])
def test_the_default_is_what_the_round_asks_of_the_benchmark(benchmark: str | None) -> None:
    assert default_test(ROUND, benchmark) is TEST06


def test_logs_of_another_family_have_a_test_too() -> None:
    (other, *_) = ROUND.compliance_of_others["TEST06"]
    assert default_test(ROUND, other) is TEST06
    require_covered(TEST06, other, ROUND, "--model")


@pytest.mark.parametrize("benchmark", ["llama3.1-8b-edge", "whisper"])
def test_of_some_benchmarks_no_test_is_asked(benchmark: str) -> None:
    with pytest.raises(ConfigError) as caught:
        default_test(ROUND, benchmark)
    said = caught.value.render()
    assert f"round v6.1 asks no compliance test of {benchmark}" in said
    assert "--test" in said
    with pytest.raises(ConfigError) as caught:
        require_covered(TEST06, benchmark, ROUND, "--model")
    assert f"TEST06 is not a test of {benchmark}; it is one of llama3.1-8b, " in str(caught.value)


def test_a_test_of_its_benchmark_is_covered() -> None:
    require_covered(TEST06, "llama3.1-8b", ROUND, "--model")
    assert TEST06.name in ROUND.benchmark("llama3.1-8b").compliance_tests


def test_a_test_that_the_round_has_for_nobody() -> None:
    bare = ROUND.model_copy(update={"benchmarks": {}, "compliance_of_others": {}})
    with pytest.raises(ConfigError, match=r"it is one of none that round v6\.1 has"):
        require_covered(TEST06, "llama3.1-8b", bare, "--model")
