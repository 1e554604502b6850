"""`python -m tests.fuzz`: coverage-guided fuzzing of every reader, or of those named.

Each target runs in a process of its own under libFuzzer (atheris), for its share of the time. An
input that crashes, hangs or lies is kept in tests/fuzz/found/TARGET, where the unit tests try it
from then on.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

FOUND = Path(__file__).parent / "found"
ONE = "--one"
HANGS_S = 10
MEMORY_MB = 2048


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz; returns 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", help="a reader's name (all)")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--seed", type=int, default=1, help="of libFuzzer (1)")
    parser.add_argument(ONE, action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        return one(options.target[0], options.seconds, options.seed)
    from tests.fuzz.targets import TARGETS

    unknown = [name for name in options.target if name not in TARGETS]
    if unknown:
        parser.error(f"{', '.join(unknown)}: not among {', '.join(TARGETS)}")
    total = bad = 0
    for name in options.target or TARGETS:
        count, wrong = in_a_process(name, options.seconds, options.seed)
        total, bad = total + count, bad + wrong
        print(f"{name:<16} {count:>9,} inputs   {'FOUND something' if wrong else 'nothing'}")
    print(f"{'all':<16} {total:>9,} inputs   {bad} targets with a finding")
    return 1 if bad else 0


def in_a_process(name: str, seconds: int, seed: int) -> tuple[int, bool]:
    """Inputs that were tried, and whether one was wrong."""
    words = [name, ONE, "--seconds", str(seconds), "--seed", str(seed)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *words], capture_output=True, text=True, check=False
    )
    count = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    if done.returncode:
        print(done.stderr[-3000:], file=sys.stderr)
    return int(count[1]) if count else 0, done.returncode != 0


def one(name: str, seconds: int, seed: int) -> int:
    """Fuzz one target in this process; libFuzzer ends it."""
    import atheris

    with atheris.instrument_imports(
        include=["sut.logs", "sut.record", "sut.config.yaml_tree", "sut.config.user_conf", "qsl"]
    ):
        from tests.fuzz.targets import TARGETS, tried
    target = TARGETS[name]
    found = FOUND / name
    found.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        folder, corpus = Path(scratch) / "work", Path(scratch) / "corpus"
        folder.mkdir()
        corpus.mkdir()
        for number, content in enumerate(target.seeds(folder)):
            (corpus / str(number)).write_bytes(content[: target.longest])
        flags = [
            *(f"-max_total_time={seconds}", f"-seed={seed}", f"-max_len={target.longest}"),
            *(f"-timeout={HANGS_S}", f"-rss_limit_mb={MEMORY_MB}", "-print_final_stats=1"),
            f"-artifact_prefix={found}/",
        ]
        atheris.Setup([sys.argv[0], *flags, str(corpus)], lambda data: tried(target, data, folder))
        atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())
