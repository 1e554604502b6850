"""The shipped audit.config sets what the official one sets, no more and no less."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from audit.registry import TESTS, default_test, find_test, require_covered
from audit.test06 import LOG_SEED, SAMPLES
from sut.config.rounds import load_round
from sut.config.shipped import round_names
from sut.errors import ConfigError
from sut.plan.audit_config import AUDIT_FILE, AUDIT_ROOT, parse_audit_config

SHIPPED = AUDIT_ROOT / "TEST06" / AUDIT_FILE

# compliance/TEST06/audit.config of mlcommons/inference at b66003e1, the same since v5.1.
OFFICIAL = {
    "*.*.mode": 2,
    "*.*.accuracy_log_rng_seed": 720381539243781796,
    "*.*.accuracy_log_sampling_target": 100,
    "*.*.min_query_count": 100,
    "*.*.min_duration": 0,
    "*.*.sample_concatenate_permutation": 0,
}


def settings(path: Path) -> dict[str, int]:
    """The file's own keys and values, read without the code under test."""
    lines = (line.split("#")[0].strip() for line in path.read_text().splitlines())
    return {key.strip(): int(value) for key, _, value in (x.partition("=") for x in lines if x)}


def test_the_shipped_file_has_the_official_settings():
    assert settings(SHIPPED) == OFFICIAL


def test_the_shipped_file_equals_that_of_a_checkout():
    checkout = os.environ.get("MLCOMMONS_INFERENCE")
    if not checkout:
        pytest.skip("MLCOMMONS_INFERENCE names no checkout of mlcommons/inference")
    assert settings(SHIPPED) == settings(Path(checkout) / "compliance" / "TEST06" / AUDIT_FILE)


def test_the_harness_reads_from_it_what_the_verification_expects():
    read = parse_audit_config(SHIPPED)
    assert read.accuracy_log_rng_seed == LOG_SEED
    assert read.accuracy_log_sampling_target == read.min_query_count == SAMPLES
    assert (read.min_duration, read.sample_concatenate_permutation) == (0, 0)


def test_every_test_that_a_round_asks_for_is_there():
    for name in round_names():
        for benchmark, rules in load_round(name).benchmarks.items():
            for test in rules.compliance_tests:
                require_covered(find_test(test), benchmark, load_round(name), "the round")
                assert (AUDIT_ROOT / test / AUDIT_FILE).is_file()


def test_a_benchmark_that_no_test_covers_is_refused():
    rules = load_round("v6.1")
    with pytest.raises(ConfigError, match=r"TEST06 is not a test of llama3\.1-8b-edge"):
        require_covered(TESTS["TEST06"], "llama3.1-8b-edge", rules, "--model")
    require_covered(TESTS["TEST06"], "llama3.1-405b", rules, "--model")


def test_the_round_says_which_test_is_meant_where_none_is_named():
    rules = load_round("v6.1")
    for benchmark in (None, "llama3.1-8b", "mixtral-8x7b"):
        assert default_test(rules, benchmark).name == "TEST06"
    with pytest.raises(ConfigError, match=r"v6\.1 asks no compliance test of llama3\.1-8b-edge"):
        default_test(rules, "llama3.1-8b-edge")
