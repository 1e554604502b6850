"""`sut audit`: run a compliance test, or verify the logs of one, whoever made them."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sut.config.flags import MODES, SCENARIOS, FlagParser, add_token_type, build_parser, whole
from sut.config.shipped import DEFAULT_ROUND
from sut.errors import ConfigError, Interrupted, LogError
from sut.json_text import decoded
from sut.output import progress_console

if TYPE_CHECKING:
    from audit.logs import AuditLogs
    from audit.text import Verification
    from sut.config.names import Scenario
    from sut.record.folder import RunDir

COMPLIANCE = "compliance"
EPILOG = """\
examples:
  python -m sut.main audit --test TEST06 --scenario Server --system cpu
  python -m sut.main audit --verify results/mlperf_datacenter/NODE_TIMESTAMP/Server/TEST06
  python -m sut.main audit --verify LOGS --scenario Server --model llama3.1-8b --out OUT

Without --verify the benchmark runs under the test's audit.config. It takes every flag of run.

exit codes:
  0    the test passed
  1    the test did not pass
  2    bad input
  3    the engine could not start
  130  interrupted
"""

# Flags that say how logs are verified; those of run that --verify goes with.
MAX_TOKENS = 10_000_000
ONLY_VERIFY = ("eos", "max_tokens", "token_type", "out")
WITH_VERIFY = frozenset({"verify", "test", "official", "scenario", "model", "round", "json"})


def main(arguments: Sequence[str]) -> int:
    """Run and verify, or only verify.

    Returns:
        0 if the test is passed, 1 if not, 130 after Ctrl-C.

    Raises:
        HarnessError: bad input (2), or an engine that did not start (3).
    """
    flags = parser()
    options = flags.parse_args(arguments)
    if not arguments:
        raise ConfigError(
            "audit is given nothing, and would run every test of the round, for minutes or hours.",
            where="command line",
            remedy="Give --test TEST06 to run one, or --verify DIR to verify logs.",
        )
    if options.verify is not None:
        _refuse(flags, options, WITH_VERIFY | set(ONLY_VERIFY), "does not go with --verify")
        return _verify(options)
    allowed = {action.dest for action in flags._actions} - set(ONLY_VERIFY)
    _refuse(flags, options, allowed, "goes with --verify DIR")
    return _run(options)


def parser() -> FlagParser:
    """The run verb's flags, and those of the tests."""
    about = "Run a compliance test, or verify the logs of one, whoever made them."
    made = build_parser("python -m sut.main audit", about, EPILOG)
    add = made.add_argument_group("compliance test").add_argument
    add(
        "--test",
        metavar="NAME",
        help="name of the test, e.g. TEST06 (all of the round; with --verify the first)",
    )
    add(
        "--verify", type=Path, metavar="DIR", help="verify the logs in this folder, and run nothing"
    )
    add("--eos", metavar="IDS", help="ids that end an answer, e.g. 2,32000")
    count = whole("--max-tokens", 1, MAX_TOKENS, example=128)
    add("--max-tokens", type=count, metavar="N", help="longest answer allowed, in tokens")
    add_token_type(add)
    add("--out", type=Path, metavar="OUT", help="make OUT/NAME too, as a submission holds it")
    add(
        "--official",
        type=Path,
        metavar="DIR",
        help="use the audit.config of this checkout of mlcommons/inference, and run its "
        "verification too",
    )
    return made


def _refuse(
    flags: FlagParser, options: argparse.Namespace, allowed: set[str] | frozenset[str], why: str
) -> None:
    """Refuse flags that would be ignored."""
    for action in flags._actions:
        given = getattr(options, action.dest, action.default)
        if action.dest not in allowed and given != action.default:
            flag = action.option_strings[0]
            raise ConfigError(f"{flag} {why}.", where="command line", remedy="See --help.")


def _run(options: argparse.Namespace) -> int:
    """Run the benchmark in mode compliance; show what the verification found."""
    from audit.registry import find_test, require_covered
    from sut.commands.run import (
        dry_run,
        load_configuration,
        note_what_is_not_read,
        show_outcome,
    )
    from sut.config.rounds import load_round

    _ask_for_compliance(options)
    loaded = load_configuration(options)
    note_what_is_not_read(loaded)
    if loaded.config.mode != COMPLIANCE:
        origin = loaded.origins.get("mode")
        raise ConfigError(f"mode is {loaded.config.mode}, audit runs {COMPLIANCE}.", where=origin)
    for name in loaded.config.compliance.tests:
        benchmark, rules = loaded.config.model.benchmark, load_round(loaded.config.round)
        require_covered(find_test(name), benchmark, rules, "compliance.tests")
    if options.dry_run:
        return dry_run(loaded, as_json=options.json)

    from sut.harness.session import run_benchmark

    outcome = run_benchmark(loaded, progress_console())
    if not options.json:
        show_outcome(outcome, as_json=False)
    found = [_found(run, options.official) for run in outcome.session.run_dirs()]
    _show(found, as_json=options.json, result=outcome.session.result)
    if outcome.interrupted:
        return Interrupted.exit_code
    passed = bool(found) and all(each.passed for each in found)
    return 0 if passed and outcome.result.valid else 1


def _ask_for_compliance(options: argparse.Namespace) -> None:
    """Put the verb's own flags in the terms of the run's.

    Raises:
        ConfigError: another mode, an unknown test, or a checkout without its audit.config.
    """
    from audit.official import CONFIG, official_file
    from audit.registry import default_test, find_test
    from sut.config.rounds import load_round

    if options.mode not in (None, COMPLIANCE):
        raise ConfigError(
            f"--mode is {options.mode}, audit runs {COMPLIANCE}.",
            where="command line",
            remedy=f"Leave --mode out; sut run --mode has {', '.join(MODES)}.",
        )
    options.mode = COMPLIANCE
    assignments = list(options.assignments or ())
    if options.test is not None:
        assignments.append(f"compliance.tests={find_test(options.test).name}")
    if options.official is not None:
        rules = load_round(options.round or DEFAULT_ROUND)
        test = (find_test(options.test) if options.test else default_test(rules, None)).name
        path = official_file(options.official, test, CONFIG)
        assignments.append(f"compliance.audit_config={path}")
    options.assignments = assignments


def _found(run: RunDir, checkout: Path | None) -> Verification:
    """The verdict that a run of ours left, and the official one beside it."""
    from audit.bounds import yardstick
    from audit.logs import find_logs
    from audit.official import official_verdict
    from audit.text import Verification
    from audit.verify import VERIFICATION_NAME
    from sut.config.names import Scenario
    from sut.record.facts import RunFacts, VerificationFacts

    run_facts = RunFacts.model_validate_json(run.run_facts.read_text(encoding="utf-8"))
    scenario, test = Scenario(run_facts.scenario), run_facts.test or ""
    path = run.root / VERIFICATION_NAME
    facts = None
    if path.is_file():
        facts = VerificationFacts.model_validate_json(path.read_text(encoding="utf-8"))
    judge = yardstick(run.root, None, None, None)
    official = None
    if checkout is not None:
        logs = find_logs(run.root, scenario, judge.eos_token_ids)
        official = official_verdict(checkout, test, logs)
    return Verification(run.root, test, scenario, facts, official, str(judge))


def _verify(options: argparse.Namespace) -> int:
    """Verify the logs in a folder; nothing is run, nothing written but --out."""
    from audit.bounds import yardstick
    from audit.logs import find_logs
    from audit.official import official_verdict
    from audit.registry import default_test, find_test, require_covered
    from audit.text import Verification
    from audit.verify import verify_run, write_submission_folder
    from sut.config.rounds import load_round

    directory: Path = options.verify
    rules = load_round(options.round or DEFAULT_ROUND)
    judge = yardstick(directory, options.eos, options.model, options.round)
    test = find_test(options.test) if options.test else default_test(rules, judge.benchmark)
    if judge.benchmark is not None:
        require_covered(test, judge.benchmark, rules, judge.origin)
    logs: AuditLogs = find_logs(
        directory,
        _scenario(options),
        judge.eos_token_ids,
        max_tokens=options.max_tokens or judge.max_tokens,
        token_type=options.token_type,
    )
    facts = verify_run(test.name, logs)
    official = None
    if options.official is not None:
        official = official_verdict(options.official, test.name, logs)
    written = write_submission_folder(facts, logs, options.out) if options.out else None
    found = Verification(
        directory, test.name, logs.scenario, facts, official, str(judge), test.not_proven(logs)
    )
    _show([found], as_json=options.json, written=written)
    return 0 if found.passed else 1


def _scenario(options: argparse.Namespace) -> Scenario:
    """--scenario, else what run.json of a run of ours says."""
    from sut.config.flags import to_overrides
    from sut.config.names import Scenario

    given = next((value for key, value, _ in to_overrides(options) if key == "scenarios"), None)
    run_json = options.verify / "run.json"
    if given is None and run_json.is_file():
        try:
            given = [decoded(run_json.read_text(encoding="utf-8"))["scenario"]]
        except (ValueError, KeyError, TypeError) as error:
            raise LogError("it names no scenario.", where=str(run_json)) from error
    known = ", ".join(SCENARIOS)
    if given is None or len(given) != 1:
        raise ConfigError(
            "--verify needs one --scenario: the logs alone do not tell Interactive from Server.",
            where="command line",
            remedy=f"Give one of {known}.",
        )
    if given[0] not in SCENARIOS:
        raise ConfigError(
            f"{given[0]} is not a scenario.", where="--scenario", remedy=f"Give one of {known}."
        )
    return Scenario(given[0])


def _show(
    found: list[Verification],
    *,
    as_json: bool,
    result: Path | None = None,
    written: Path | None = None,
) -> None:
    from audit.text import verification_text

    if as_json:
        document = {
            "passed": bool(found) and all(each.passed for each in found),
            "runs": [each.document() for each in found],
            "result": str(result) if result else None,
            "written": str(written) if written else None,
        }
        print(json.dumps(document, indent=2))
        return
    for each in found:
        print(verification_text(each))
    if written is not None:
        print(f"Written: {written}")
