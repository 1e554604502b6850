"""`python -m scripts.mutants`: how many small changes to the sources do the tests notice?

A mutant is one small change to a module (scripts/mutants/mutation.py). The tests that run the
changed line are run over it. It is killed when one fails, and survives when all pass. A survivor is
a gap in the tests, or it is equal: no test can tell it from the original. Those are listed with
the reason in tests/mutants-equal.yaml, and are not counted.

    python -m scripts.mutants --sample 300 --seed 1     minutes; a share with its interval
    python -m scripts.mutants                           every mutant; hours
    python -m scripts.mutants --only audit --list       what would be tried
    python -m scripts.mutants --again FILE              the survivors of a former call

Exit code: 0 if the score is what --least asks, else 1.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import yaml

from scripts.mutants.mutation import Mutant, mutants_of
from scripts.mutants.touched import TESTS, trace
from scripts.mutants.tree import ROOT, copies, import_heavy, in_workers
from scripts.mutants.trial import SURVIVED, Chooser, judge

PARTS: dict[str, tuple[str, ...]] = {
    "ledger": ("sut/harness/ledger.py", "sut/harness/ledger_table.py", "sut/record/ledger_file.py"),
    "link": ("sut/loadgen/link.py",),
    "child": ("sut/loadgen/child.py",),
    "logs": ("sut/logs",),
    "metrics": ("sut/metrics.py",),
    "rules": ("sut/rules",),
    "submission": ("sut/submission",),
    "accuracy": ("sut/accuracy",),
    "audit": ("audit",),
}
EQUAL = "tests/mutants-equal.yaml"
KEPT = ROOT / "build" / "mutants"
Z95 = 1.96


def modules_of(root: Path, part: str) -> list[str]:
    """The modules of a part, from the root."""
    found = []
    for path in (root / name for name in PARTS[part]):
        found += [path] if path.is_file() else sorted(path.rglob("*.py"))
    return [str(path.relative_to(root)) for path in found]


def every_mutant(root: Path, parts: Iterable[str]) -> dict[str, list[Mutant]]:
    """All mutants by part."""
    return {
        part: [
            mutant
            for module in modules_of(root, part)
            for mutant in mutants_of(module, (root / module).read_bytes())
        ]
        for part in parts
    }


def equal_keys(root: Path) -> set[tuple[str, str, str, str]]:
    """The keys of the mutants that are listed as equal."""
    entries: list[dict[str, str]] = yaml.safe_load((root / EQUAL).read_text()) or []
    return {(each["module"], each["in"], each["line"], each["change"]) for each in entries}


def sample_evenly(
    by_part: dict[str, list[Mutant]], size: int, random_: random.Random
) -> dict[str, list[Mutant]]:
    """As many of each part, as far as it has them; `size` in all."""
    chosen = {}
    left = size
    for i, part in enumerate(sorted(by_part, key=lambda part: len(by_part[part]))):
        share = min(len(by_part[part]), round(left / (len(by_part) - i)))
        chosen[part] = random_.sample(by_part[part], share)
        left -= share
    return {part: chosen[part] for part in by_part}


def interval(killed: int, tried: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share."""
    if not tried:
        return 0.0, 1.0
    share, spread = killed / tried, Z95**2 / tried
    middle = (share + spread / 2) / (1 + spread)
    half = Z95 * (share * (1 - share) / tried + spread / (4 * tried)) ** 0.5 / (1 + spread)
    return middle - half, middle + half


def told(mutant: Mutant, outcome: str) -> dict[str, Any]:
    """A line of the record: the first four are an entry of tests/mutants-equal.yaml."""
    module, scope, line, change = mutant.key
    return {
        "module": module,
        "in": scope,
        "line": line,
        "change": change,
        "at": f"{module}:{mutant.line}",
        "outcome": outcome,
    }


def report(chosen: dict[str, list[Mutant]], outcomes: dict[Mutant, str]) -> float:
    """Print the survivors and the score by part; return the score, from 0 to 1."""
    for mutant, outcome in sorted(outcomes.items(), key=lambda item: (item[0].path, item[0].start)):
        if outcome == SURVIVED:
            print(f"{mutant.path}:{mutant.line} {mutant.scope}\n    {mutant.change}")
    rows = {part: Counter(outcomes[each] for each in chosen[part]) for part in chosen}
    for part, row in [*rows.items(), ("all", sum(rows.values(), Counter()))]:
        tried = row.total()
        killed = tried - row[SURVIVED]
        low, high = interval(killed, tried)
        share = f"{killed / tried:.1%} ({low:.1%} to {high:.1%})" if tried else "none tried"
        print(f"{part:12}{killed:5} of {tried:5} killed  {share}")
    return killed / tried if tried else 1.0


def try_all(
    root: Path, mutants: Sequence[Mutant], record: Path, *, jobs: int, patience_s: float
) -> dict[Mutant, str]:
    """What becomes of each; a line of `record` for each as soon as it is known."""
    import_heavy()
    outcomes = {}
    modules = sorted(module for part in PARTS for module in modules_of(root, part))
    found = [path for name in ("sut", "audit", *TESTS) for path in (root / name).rglob("*.py")]
    sources = sorted(str(path.relative_to(root)) for path in found)
    with copies(jobs, root) as trees, record.open("w") as file:
        touched = trace(trees, modules, KEPT / "touched.jsonl")
        chooser = Chooser(root, touched, sources, patience_s)
        cases = [chooser.case(mutant) for mutant in mutants]
        for mutant, outcome in in_workers(trees, judge, cases):
            outcomes[mutant] = outcome
            file.write(json.dumps(told(mutant, outcome)) + "\n")
            file.flush()
            done = f"{len(outcomes)}/{len(cases)}"
            print(f"{done:>9} {mutant.path}:{mutant.line} {outcome}", file=sys.stderr, flush=True)
    return outcomes


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.mutants")
    parser.add_argument("--sample", type=int, help="so many, spread evenly over the parts")
    parser.add_argument("--seed", type=int, default=1, help="of the sample (1)")
    parser.add_argument("--only", action="append", choices=PARTS, help="this part; may be repeated")
    parser.add_argument("--again", type=Path, help="the survivors in the record of a former call")
    parser.add_argument("--jobs", type=int, default=2, help="processes at once (2)")
    parser.add_argument(
        "--patience", type=float, default=60.0, help="seconds of tests for one mutant (60)"
    )
    parser.add_argument("--least", type=float, default=0.9, help="score for exit code 0 (0.9)")
    parser.add_argument("--list", action="store_true", help="print the mutants and try none")
    return parser.parse_args(argv)


def _chosen(arguments: argparse.Namespace) -> dict[str, list[Mutant]]:
    equal = equal_keys(ROOT)
    every = every_mutant(ROOT, arguments.only or PARTS)
    chosen = {
        part: [each for each in all_ if each.key not in equal] for part, all_ in every.items()
    }
    if arguments.again:
        lines = map(json.loads, arguments.again.read_text().splitlines())
        keys = {
            (each["module"], each["in"], each["line"], each["change"])
            for each in lines
            if each["outcome"] == SURVIVED
        }
        chosen = {
            part: [each for each in all_ if each.key in keys] for part, all_ in chosen.items()
        }
    if arguments.sample:
        chosen = sample_evenly(chosen, arguments.sample, random.Random(arguments.seed))
    return chosen


def main(argv: Sequence[str] | None = None) -> int:
    """Try mutants and print the score."""
    arguments = _arguments(argv)
    chosen = _chosen(arguments)
    mutants = [mutant for part in chosen.values() for mutant in part]
    if arguments.list:
        for each in mutants:
            print(f"{each.path}:{each.line} {each.scope}: {each.change}")
        return 0
    KEPT.mkdir(parents=True, exist_ok=True)
    name = "again" if arguments.again else f"seed{arguments.seed}" if arguments.sample else "every"
    record = KEPT / f"{name}.jsonl"
    # In any order: a record that breaks off is a sample, too.
    random.Random(arguments.seed).shuffle(mutants)
    outcomes = try_all(ROOT, mutants, record, jobs=arguments.jobs, patience_s=arguments.patience)
    score = report(chosen, outcomes)
    print(f"record: {record.relative_to(ROOT)}")
    return 0 if score >= arguments.least else 1


if __name__ == "__main__":
    sys.exit(main())
