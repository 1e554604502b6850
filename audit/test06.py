"""TEST06: the answers of a performance run are whole, honestly counted, and end once.

The official verification (compliance/TEST06/run_verification.py of mlcommons/inference) asks
three things: the first token reported is the answer's first, an answer ends in at most one
end-of-sequence id, the count reported is the answer's length. We ask them of every sample and
of every end-of-sequence id of the model, and what the official script does not look at: an
end-of-sequence id in the middle, a first token that was never reported, the answer's length,
that all 100 samples are there, once each, and that LoadGen ran under the audit.config.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from audit.logs import AuditLogs
from sut.config.names import Scenario
from sut.logs.accuracy import LoggedAnswer, read_accuracy_log
from sut.logs.detail import AUDIT_MARK, read_detail
from sut.record.ledger_file import read_ledger
from sut.rules.check import Check, Value, check

NAME = "TEST06"
SAMPLES = 100
LOG_SEED = 720381539243781796
# LoadGen calls one token an error: a time per output token needs two.
MIN_TOKENS = 2

LOG = "mlperf_log_accuracy.json"
DETAIL = "mlperf_log_detail.txt"

FIRST_TOKEN = "answers that do not begin with the first token reported"
ENDS_TWICE = "answers that end in more than one end-of-sequence id"
GOES_ON = "answers that go on after an end-of-sequence id"
FIRST_TOKEN_CHECKS = frozenset({FIRST_TOKEN})
EOS_CHECKS = frozenset({ENDS_TWICE, GOES_ON})


def verify(logs: AuditLogs) -> list[Check]:
    """Every condition of the test, each with its figure.

    Raises:
        LogError: a log is cut short or corrupt.
    """
    samples = read_accuracy_log(logs.accuracy, logs.token_type)
    under = [] if logs.detail is None else _under_the_audit_config(logs.detail, logs.scenario)
    checks = [check("samples logged", len(samples), "==", SAMPLES, LOG, unit="samples")]
    if not samples:  # nothing else could be said of it, and why LoadGen logged none comes first
        return [*under, *checks]
    repeated = len(samples) - len({sample.seq_id for sample in samples})
    checks.append(_none("samples logged twice", repeated, "samples"))
    if logs.scenario is not Scenario.OFFLINE:
        wrong = [sample for sample in samples if not _begins_with_first(sample)]
        checks.append(_count(FIRST_TOKEN, wrong))
    checks += _ends(samples, logs.eos_token_ids)
    checks += _lengths(samples, logs.max_tokens)
    if logs.ledger is not None:
        checks.append(_ledger_agrees(samples, logs.ledger))
    return [*checks, *under]


def not_proven(logs: AuditLogs) -> tuple[str, ...]:
    """What these logs leave open: a tree need not hold the log that names the audit.config."""
    if logs.detail is not None:
        return ()
    return (f"that LoadGen ran under the audit.config: there is no {DETAIL} here",)


def official_output(checks: Iterable[Check], scenario: Scenario) -> str:
    """The verdict in the four lines of the official script, which the checker looks for.

    The checker reads the first three. What they have no words for (samples missing or there
    twice, an answer too short, no audit.config) therefore shows in the third: a file that
    says True three times is a test passed.
    """
    made = list(checks)
    first = [each for each in made if each.name in FIRST_TOKEN_CHECKS]
    ends = [each for each in made if each.name in EOS_CHECKS]
    others = [each for each in made if each.name not in FIRST_TOKEN_CHECKS | EOS_CHECKS]
    passed = all(each.passed for each in made)
    skipped = scenario is Scenario.OFFLINE
    return (
        f"First token check pass: {'Skipped' if skipped else _all_passed(first)}\n"
        f"EOS check pass: {_all_passed(ends)}\n"
        f"Sample length check pass: {_all_passed(others)}\n"
        f"{NAME} verification {'complete' if passed else 'failed'}\n"
    )


def _all_passed(checks: list[Check]) -> bool:
    """Whether there was something to judge, and all of it was in order."""
    return bool(checks) and all(each.passed for each in checks)


def _none(name: str, measured: int | None, unit: str = "answers") -> Check:
    return check(name, measured, "==", 0, LOG, unit=unit)


def _count(name: str, wrong: list[LoggedAnswer]) -> Check:
    """A Check on how many are wrong that says which is the first."""
    made = _none(name, len(wrong))
    if not wrong:
        return made
    return made.model_copy(update={"source": f"{LOG}, first: seq_id {wrong[0].seq_id}"})


def _begins_with_first(sample: LoggedAnswer) -> bool:
    first = sample.first_tokens
    if first is None or not len(first):
        return False
    return bool(np.array_equal(sample.tokens[: len(first)], first))


def _ends(samples: list[LoggedAnswer], eos_token_ids: frozenset[int]) -> Iterable[Check]:
    """At most one end-of-sequence id, and only as the last token."""
    twice: list[LoggedAnswer] = []
    inside: list[LoggedAnswer] = []
    for sample in samples:
        is_eos = np.isin(sample.tokens, list(eos_token_ids))
        # Tokens up to the last that is not an end-of-sequence id; the rest is the answer's end.
        others = np.flatnonzero(~is_eos)
        body = int(others[-1]) + 1 if len(others) else 0
        if len(sample.tokens) - body > 1:
            twice.append(sample)
        if is_eos[:body].any():
            inside.append(sample)
    yield _count(ENDS_TWICE, twice)
    yield _count(GOES_ON, inside)


def _lengths(samples: list[LoggedAnswer], max_tokens: int | None) -> Iterable[Check]:
    """The count reported is the answer's length, and a length that an answer can have."""
    miscounted = [each for each in samples if each.token_count != len(each.tokens)]
    yield _count("answers whose token count is not their length", miscounted)
    lengths = [len(sample.tokens) for sample in samples]
    shortest, longest = min(lengths, default=None), max(lengths, default=None)
    yield check("shortest answer", shortest, ">=", MIN_TOKENS, LOG, unit="tokens")
    if max_tokens is not None:
        yield check("longest answer", longest, "<=", max_tokens, LOG, unit="tokens")


def _ledger_agrees(samples: list[LoggedAnswer], path: Path) -> Check:
    """LoadGen numbers samples as it issues them, and so does the ledger."""
    table = read_ledger(path)
    rows = dict(
        zip(
            table["seq"].to_pylist(),
            zip(table["sample_index"].to_pylist(), table["tokens_out"].to_pylist(), strict=True),
            strict=True,
        )
    )
    wrong = []
    for sample in samples:
        index, tokens = rows.get(sample.seq_id, (None, None))
        if index != sample.sample_index or (tokens or 0) != len(sample.tokens):
            wrong.append(sample)
    return _count("answers that are not as our ledger has them", wrong)


def _under_the_audit_config(path: Path, scenario: Scenario) -> list[Check]:
    """LoadGen's own log says that the file was read and which settings it left in force."""
    log = read_detail(path, allow_incomplete=True)
    was_read = any(AUDIT_MARK in group.text for group in log.warnings)
    found = [check("audit.config read by LoadGen", was_read, "==", True, DETAIL)]
    if not was_read:
        return found  # the settings follow from it
    wanted: dict[str, Value] = {
        "effective_scenario": scenario.loadgen_scenario,
        "effective_test_mode": "PerformanceOnly",
        "effective_accuracy_log_sampling_target": SAMPLES,
        "effective_accuracy_log_rng_seed": LOG_SEED,
        "effective_sample_concatenate_permutation": False,
    }
    found += [check(key, log.values.get(key), "==", value, DETAIL) for key, value in wanted.items()]
    return found
