"""What a dishonest or a hurried submitter may do to a tree: the parts of the tables."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.unit.audit.sabotage import spelled
from tests.unit.submission.broken_trees import (
    RESULTS,
    Breaker,
    both,
    detail,
    write,
)

LOG = "mlperf_log_accuracy.json"
CUT = "\n\n...\n\n"
Row = tuple[Breaker, str]

LATENCIES = r"result_[\w.]*latency_ns"
TTFT = r"result_first_token_[\w.]*latency_ns"
TPOT = r"result_time_(?:per|to)_output_token_[\w.]+"
SERVER_RATES = (
    "result_scheduled_samples_per_sec",
    "result_completed_samples_per_sec",
    "result_completed_tokens_per_second",
    "result_token_throughput_with_loadgen_overhead",
)
TOKENS = ("result_completed_tokens_per_second", "result_token_throughput", SERVER_RATES[-1])


def scaled(factor: float, *keys: str, scenario: str = "Server") -> Breaker:
    """Figures of both logs times a factor; a key may be a pattern."""

    def apply(root: Path) -> None:
        logs = both(root, scenario)
        for pattern in keys:
            for key in logs.keys(pattern):
                logs.scale(key, factor)

    return apply


def in_lines(old: str, new: str, scenario: str = "Server", kind: str = "performance") -> Breaker:
    """The lines of a detail log that match."""

    def apply(root: Path) -> None:
        path = detail(root, scenario, kind)
        text, count = re.subn(old, new, path.read_text(encoding="utf-8"))
        assert count, old
        path.write_text(text, encoding="utf-8")

    return apply


def said_again(
    key: str, value: str, scenario: str = "Server", kind: str = "performance"
) -> Breaker:
    """A second line of a key, with another value, after the first."""
    line = rf'(?m)^(.*"key": "{re.escape(key)}", "value": )([^,]+)(.*)$'
    return in_lines(line, rf"\g<0>\n\g<1>{value}\g<3>", scenario, kind)


def several(*breakers: Breaker) -> Breaker:
    def apply(root: Path) -> None:
        for each in breakers:
            each(root)

    return apply


def faster(root: Path) -> None:
    """Offline in nine tenths of the time, and every rate to match."""
    scaled(0.9, LATENCIES, scenario="Offline")(root)
    scaled(1 / 0.9, "result_samples_per_second", "result_tokens_per_second", scenario="Offline")(
        root
    )


def accuracy(name: str, change: Callable[[str], str], scenario: str = "Offline") -> Breaker:
    """A file of the accuracy run, changed as text."""

    def apply(root: Path) -> None:
        path = root / RESULTS / scenario / "accuracy" / name
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")

    return apply


def log(old: str, new: str, scenario: str = "Offline") -> Breaker:
    """The first match in the accuracy log, replaced."""

    def change(text: str) -> str:
        changed, count = re.subn(old, new, text, count=1)
        assert count, old
        return changed

    return accuracy(LOG, change, scenario)


def copied(what: str, source: str, target: str) -> Breaker:
    """A file or folder below one scenario in place of another's."""

    def apply(root: Path) -> None:
        here, there = root / RESULTS / source / what, root / RESULTS / target / what
        if here.is_dir():
            shutil.rmtree(there, ignore_errors=True)
            shutil.copytree(here, there)
        else:
            shutil.copyfile(here, there)

    return apply


def tested(change: Callable[[list[dict[str, Any]]], object]) -> Breaker:
    """The answers of Server's TEST06."""

    def apply(root: Path) -> None:
        path = root / RESULTS / "Server/TEST06/accuracy" / LOG
        answers = json.loads(path.read_text(encoding="utf-8"))
        made = change(answers)
        path.write_text(json.dumps(made if isinstance(made, list) else answers), encoding="utf-8")

    return apply


def answer(tokens: Iterable[int]) -> dict[str, Any]:
    ids = list(tokens)
    return {"data": spelled(ids), "token_data": spelled(ids[:1]), "token_count": len(ids)}


def alike(answers: list[dict[str, Any]]) -> None:
    for each in answers:
        each.update(answer(range(5, 15)))


def first_with(**changes: Any) -> Breaker:
    return tested(lambda answers: answers[0].update(changes))


def conf(text: str, scenario: str = "Server") -> Breaker:
    """A user.conf of another text."""
    return lambda root: write(root / RESULTS / scenario / "user.conf", text)


def more_conf(line: str) -> Breaker:
    def apply(root: Path) -> None:
        path = root / RESULTS / "Server/user.conf"
        write(path, path.read_text(encoding="utf-8") + line + "\n")

    return apply


def file(name: str, text: str = "x\n") -> Breaker:
    return lambda root: write(root / name, text)


def results(name: str, text: str = "x\n") -> Breaker:
    return lambda root: write(root / RESULTS / name, text)


def raw_json(name: str, change: Callable[[str], str]) -> Breaker:
    def apply(root: Path) -> None:
        write(root / name, change((root / name).read_text(encoding="utf-8")))

    return apply


def garbled(root: Path) -> None:
    path = detail(root, "Server", "performance")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([*lines[:40], "garbage\n", *lines[40:]]), encoding="utf-8")


def empty_log(root: Path) -> None:
    """A log of no answers, with its own hash."""
    from sut.record.folder import sha256_of

    folder = root / RESULTS / "Offline/accuracy"
    write(folder / LOG, "[\n]\n")
    digest = sha256_of(folder / LOG)
    text = (folder / "accuracy.txt").read_text(encoding="utf-8")
    write(folder / "accuracy.txt", re.sub(r"hash=\w+", f"hash={digest}", text))


def digest(new: str) -> Breaker:
    return accuracy("accuracy.txt", lambda text: re.sub(r"hash=\w+", new, text))


def other_hash(root: Path) -> None:
    """Offline's hash in Server's accuracy.txt."""
    path = root / RESULTS / "Offline/accuracy/accuracy.txt"
    found = re.search(r"hash=\w+", path.read_text(encoding="utf-8"))
    assert found
    accuracy("accuracy.txt", lambda text: re.sub(r"hash=\w+", found[0], text), "Server")(root)


def sources_of_nothing(root: Path) -> None:
    for path in (root / "src").rglob("*.py"):
        write(path, "\n")


def linked(path: Path) -> None:
    """A file moved out of the tree, and a link in its place."""
    away = path.parents[7] / "away.txt"
    path.rename(away)
    path.symlink_to(away)
