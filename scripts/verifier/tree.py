"""What a submission tree proves, only states, and contradicts, with nothing but Python 3.10.

    python3 -I verify.py [TREE]

Works every figure out anew from LoadGen's logs. TREE is the folder above closed/ or open/; without
it, the tree that this file lies in. Exit status: 0 nothing contradicts, 1 something does, 2 bad
input. The harness writes this file into each tree, with what the round asks in DATA. A copy that
came with a tree is its submitter's: make your own with `python -m sut.main verify --standalone`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.verifier.logs import (
    CONTRADICTS,
    DATA,
    DETAIL,
    PROVED,
    STATED,
    Condition,
    Report,
    Run,
    judge,
    must,
    parsed,
)

ANSWERS, SCORES, LINES = "mlperf_log_accuracy.json", "accuracy.txt", "verify_accuracy.txt"
TESTED = 100
# Fewer different digits, or half as few samples, than chance will ever leave.
LEAST_DIGITS, LEAST_SAMPLES = 8, 40
LEFT = "Not judged here: user.conf, documents, names of files, source; MLCommons' checker does."
FORGED = (
    "A tree that is forged as a whole, with all its hashes, cannot be told from an honest one: "
    "hashes bind, they do not sign."
)
Answer = dict[str, Any]


@dataclass
class Tree:
    """A tree, and what was found in it."""

    root: Path
    report: Report

    def name(self, path: Path) -> str:
        """A path as it stands in the tree."""
        return path.relative_to(self.root).as_posix()


def answers(folder: Path) -> tuple[list[Answer], bool]:
    """The entries of an accuracy log, and whether it is whole; ValueError: it is none."""
    text = (folder / ANSWERS).read_text("ascii").replace("\r\n", "\n")
    ends = text.split(DATA["separator"])
    if len(ends) == 1:
        return [each for each in parsed(text) if isinstance(each, dict)], True
    brackets = text.strip()[:1] + text.strip()[-1:]
    if len(ends) > 2 or brackets != "[]" or max(map(len, ends)) > DATA["kept"]:
        raise ValueError("it is not the two ends of one log")
    found = [parsed(each) for end in ends for each in re.findall(r"\{[^{}]*\}", end)]
    return [each for number, each in enumerate(found) if each not in found[:number]], False


def tokens(text: Any) -> list[int]:
    """The int32 that a hex string spells; int64, where every second one of many is 0."""
    try:
        raw = bytes.fromhex(text)
    except (TypeError, ValueError):
        return []
    words = [int.from_bytes(raw[at : at + 4], "little") for at in range(0, len(raw), 4)]
    if len(words) > 2 and len(words) % 2 == 0 and not any(words[1::2]):
        return words[::2]
    return [] if len(raw) % 4 else words


def logged(run: Run, found: list[Answer]) -> Iterator[Condition]:
    """Each entry is one that LoadGen writes: sample, whole tokens, a first token but in Offline."""
    offline, count = run.rules["driven"] == "Offline", run.benchmark["dataset_count"]
    yield "it holds no answer", bool(found)
    for each in found:
        ids, first = tokens(each.get("data")), tokens(each.get("token_data"))
        name = f"query {each.get('seq_id')}"
        yield f"{name} is of no sample", each.get("qsl_idx") in range(count)
        yield f"{name} has no number", each.get("seq_id") in range(sys.maxsize)
        yield f"{name} holds no whole tokens", bool(ids)
        if "token_count" in each:
            good = not first if offline else bool(first) and ids[: len(first)] == first
            yield f"{name} has no first token of its scenario", good
            yield f"{name} does not count its tokens", each["token_count"] == len(ids)


def once(found: list[Answer], key: str) -> Condition:
    """No query, or no sample, is there twice."""
    return f"a {key} is there twice", len({str(each.get(key)) for each in found}) == len(found)


def tested(run: Run, found: list[Answer]) -> Iterator[Condition]:
    """TEST06: a hundred answers, each with its count, its end once, and an allowed length."""
    yield must("answers", len(found), "==", TESTED)
    yield once(found, "seq_id")
    for each in found:
        ids, name = tokens(each.get("data")), f"query {each.get('seq_id')}"
        ends = [at for at, token in enumerate(ids) if token in run.benchmark["eos"]]
        yield f"{name} goes on after its end", ends in ([], [len(ids) - 1])
        yield f"{name} has no count of tokens", "token_count" in each
        yield f"{name} has {len(ids)} tokens", 2 <= len(ids) <= run.benchmark["max_tokens"]
    samples = {str(each.get("qsl_idx")) for each in found}
    yield f"they are of {len(samples)} samples", len(samples) >= LEAST_SAMPLES
    yield "they are one and the same", len({str(each.get("data")) for each in found}) > 1


def scores(tree: Tree, run: Run, closed: bool) -> None:
    """accuracy.txt: one hash, that of the log beside it, and scores within their bounds."""
    report, place = tree.report, tree.name(run.folder)
    try:
        found, whole = answers(run.folder)
        lines = (run.folder / SCORES).read_text("utf-8", "replace").splitlines()
    except (OSError, ValueError) as error:
        report.say(CONTRADICTS, place, f"{ANSWERS} or {SCORES} is not LoadGen's: {error}")
        return
    entries = [*logged(run, found), once(found, "seq_id"), once(found, "qsl_idx")]
    report.hold(place, "the accuracy log holds LoadGen's entries", entries)
    hashes = sorted(set(_stated(lines, DATA["hash"])))
    good = [re.fullmatch("[0-9a-fA-F]{64}", h) and len(set(h)) >= LEAST_DIGITS for h in hashes]
    named = f"it names {' and '.join(hashes) or 'none'}", len(good) == 1 and all(good)
    report.hold(place, f"{SCORES} names one SHA-256 of the accuracy log", [named])
    count = run.benchmark["dataset_count"]
    told = [must("answers", each, "==", str(count)) for each in _stated(lines, DATA["answers"])]
    report.hold(place, "every answer was scored", told)
    if whole:
        own = hashlib.sha256((run.folder / ANSWERS).read_bytes()).hexdigest()
        told = [(f"that is {own}", own in hashes), must("answers", len(found), "==", count)]
        report.hold(place, "the SHA-256 is that of the accuracy log beside it", told)
    else:
        words = "the SHA-256 is of the whole accuracy log, and only its two ends are here"
        report.say(STATED, place, words)
    for metric, (pattern, least, most, possible) in run.benchmark["scores"].items():
        values = set(_stated(lines, pattern))
        _score(report, place, metric, values, (least, most or possible or math.inf), closed)


def _stated(lines: list[str], pattern: str) -> list[str]:
    return [found[1] for line in lines if (found := re.match(pattern, line))]


def _score(
    report: Report,
    place: str,
    metric: str,
    values: set[str],
    bounds: tuple[float, float],
    closed: bool,
) -> None:
    """A score is stated: scoring needs the whole log, the data set and the model."""
    least, most = bounds
    try:
        good = len(values) == 1 and all(least <= float(each) <= most for each in values)
    except ValueError:
        good = False
    words = f"{metric} is {' and '.join(sorted(values)) or 'not there'}"
    if good or not closed:
        report.say(STATED, place, f"{words}; to score again needs the whole log and the model")
    else:
        report.say(CONTRADICTS, place, f"{words}, must be {least:g} to {most:g}")


def compliance(tree: Tree, run: Run, folder: Path, test: str) -> None:
    """A compliance test judged again on its log, and the lines that say that it passed."""
    report, place = tree.report, tree.name(folder)
    try:
        found, _ = answers(folder / "accuracy")
        lines = (folder / LINES).read_text("utf-8", "replace").splitlines()
    except (OSError, ValueError) as error:
        report.say(CONTRADICTS, place, f"{test} cannot be judged: {error}")
        return
    title = f"{test} passes on its log: first tokens, ends and lengths"
    report.hold(place, title, [*logged(run, found), *tested(run, found)])
    told = []
    for each in DATA["lines"].get(test, ()):
        mine = [line for line in lines if line.partition(":")[0].strip() == each.partition(":")[0]]
        good = bool(mine) and all(re.fullmatch(each, line.strip()) for line in mine)
        told.append((f"no line of {LINES} reads {each}, or another says otherwise", good))
    skipped = any(line.strip().endswith("Skipped") for line in lines)
    told.append(("only Offline may skip a check", not skipped or run.scenario == "Offline"))
    report.hold(place, f"{LINES} says that {test} passed", told)
    report.say(STATED, place, f"LoadGen ran under the audit.config of {test}")


def scenario(tree: Tree, folder: Path) -> tuple[str, ...] | None:
    """One scenario of a tree; returns what it is of, None where the round does not know it."""
    division, submitter, _, system, name, kind = folder.relative_to(tree.root).parts
    known = next((each for each in DATA["benchmarks"].values() if name in each["names"]), None)
    if known is None or kind not in known["scenarios"]:
        other = name in DATA["others"] or division != "closed"
        words = f"round {DATA['round']} has nothing here to judge it by"
        tree.report.say(STATED if other else CONTRADICTS, tree.name(folder), words)
        return None
    root, layout = tree.root / division / submitter, DATA["layout"]
    names = {"system": system, "benchmark": name, "scenario": kind}
    runs = [
        Run(root / layout[each].format(**names), kind, each, known)
        for each in ("performance", "accuracy")
    ]
    for run in runs:
        judge(tree.report, run, tree.name(run.folder))
    scores(tree, runs[1], closed=division != "open")
    for test in known["tests"] if division != "open" else ():
        compliance(tree, runs[0], root / layout["compliance"].format(**names, test=test), test)
    return division, submitter, system, known["names"][0], kind


def twins(tree: Tree) -> None:
    """No run lies in two places: by LoadGen's stamps of begin and end, and by its log's hash."""
    first: dict[tuple[str, ...], Path] = {}
    marks = {DETAIL: r'"key": "power_(?:begin|end)", "value": "([^"]+)"', SCORES: DATA["hash"]}
    paths = [path for name in marks for path in tree.root.glob(f"*/*/results/**/{name}")]
    for path in sorted(paths):
        found = re.findall(marks[path.name], path.read_text("utf-8", "replace"), re.MULTILINE)
        other = first.setdefault((*path.relative_to(tree.root).parts[:2], *found), path)
        if found and other != path:
            words = f"it is the run of {tree.name(other.parent)}"
            tree.report.say(CONTRADICTS, tree.name(path.parent), words)


def sets(tree: Tree, found: list[tuple[str, ...]]) -> None:
    """Closed needs every scenario that the round requires, and one of those to choose from."""
    for key in dict.fromkeys(each[:4] for each in found if each[0] != "open"):
        rules, made = DATA["benchmarks"][key[3]], {each[4] for each in found if each[:4] == key}
        told = [(f"{each} is missing", each in made) for each in rules["required"]]
        choice = rules["one_of"]
        told.append((f"none of {', '.join(choice)} is there", not choice or bool({*choice} & made)))
        tree.report.hold("/".join(key), "every scenario that closed requires is there", told)


def systems(tree: Tree) -> None:
    """Nobody but the submitter tells of the system: each field is stated."""
    for path in sorted(tree.root.glob("*/*/systems/*.json")):
        try:
            document = dict(parsed(path.read_text("utf-8")))
        except (TypeError, ValueError) as error:
            tree.report.say(CONTRADICTS, tree.name(path), f"it is no JSON object: {error}")
            continue
        for key, value in document.items():
            tree.report.say(STATED, tree.name(path), f"{key} is {json.dumps(value)}")


def verify(root: Path) -> Report:
    """Everything that a tree proves, states and contradicts."""
    tree = Tree(root, Report())
    folders = [path for path in sorted(root.glob("*/*/results/*/*/*")) if path.is_dir()]
    found = [scenario(tree, folder) for folder in folders]
    sets(tree, [each for each in found if each is not None])
    twins(tree)
    systems(tree)
    return tree.report


def main() -> int:
    """Print each statement on a line, what contradicts last."""
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog="verify.py", description=__doc__, formatter_class=form)
    parser.add_argument("tree", nargs="?", type=Path, metavar="TREE")
    here = Path(__file__).resolve()
    above = [each.parent for each in here.parents if each.name in ("closed", "open", "network")]
    root: Path = parser.parse_args().tree or (above[0] if above else here.parent)
    if not any(root.glob("*/*/results/*/*/*/")):
        print(f"verify.py: {root}: this is not a tree with results.", file=sys.stderr)
        return 2
    report = verify(root)
    for standing in (PROVED, STATED, CONTRADICTS):
        for _, place, sentence in (each for each in report if each[0] == standing):
            print(f"{standing:<11} {place}: {sentence}")
    wrong = sum(each[0] == CONTRADICTS for each in report)
    verdict = f"{wrong} statements do not hold" if wrong else "Nothing contradicts"
    print(f"{verdict}, by round {DATA['round']}.\n{LEFT}\n{FORGED}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
