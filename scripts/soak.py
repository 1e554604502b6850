"""A long Server run, and the memory, descriptors and first tokens of every five minutes of it.

    python -m scripts.soak null
    python -m scripts.soak dummy --minutes 30 --out build/soak

`null` asks the null engine 1,000 queries/s, `dummy` vLLM with the dummy model 4. Nothing is to grow
but what the run records of each query.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil

from scripts.measured_on import measured_on
from sut.record.ledger_file import read_ledger

KEPT = Path(__file__).resolve().parents[1] / "docs" / "measurements"
PERIOD_S = 10.0
WINDOW_S = 300.0
NS_PER_S, NS_PER_MS, MIB = 1e9, 1e6, 2**20
ASKED = {
    "null": ("--engine", "null", "--set", "server.target_qps=1000"),
    "dummy": ("--system", "cpu-dummy", "--dataset", "synthetic", "--set", "server.target_qps=4"),
}
# LoadGen's trace has two lines for each query: 700 MB of them in half an hour at 1,000/s.
ALWAYS = ("--scenario", "Server", "--set", "loadgen.enable_trace=false")
ROLES = {"sut.loadgen.child": "LoadGen", "EngineCore": "engine core", "sut.main": "harness"}


@dataclass(frozen=True)
class Look:
    """All processes of a run at one moment.

    Attributes:
        after_s: since its first process began.
        resident_mib: memory of each role.
        descriptors: open files of each role.
    """

    after_s: float
    resident_mib: dict[str, float]
    descriptors: dict[str, int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, look, write; exit code: that of the run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("engine", choices=ASKED)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument(
        "--out", type=Path, help="of page and figures (docs/measurements/DATE-soak)"
    )
    parser.add_argument("--results-dir", type=Path, default=Path("results/soak"))
    options = parser.parse_args(arguments)
    out = options.out or KEPT / f"{datetime.now(UTC):%Y-%m-%d}-soak"
    lasts = f"server.min_duration_s={60 * options.minutes:g}"
    words = [*ALWAYS, *ASKED[options.engine], "--set", lasts]
    before = set(options.results_dir.glob("*/"))
    looks, code = watched([*words, "--results-dir", str(options.results_dir)])
    (session,) = set(options.results_dir.glob("*/")) - before
    out.mkdir(parents=True, exist_ok=True)
    found = windows(session)
    document = {"looks": [asdict(each) for each in looks], "windows": found}
    (out / f"{options.engine}.json").write_text(json.dumps(document, indent=1) + "\n")
    page = text(options.engine, words, looks, found, code)
    (out / f"{options.engine}.md").write_text(page, encoding="utf-8")
    print(page)
    return code


def watched(words: Sequence[str]) -> tuple[list[Look], int]:
    """The command's processes every ten seconds until it ends, and its exit code."""
    process = subprocess.Popen([sys.executable, "-m", "sut.main", *words])
    begun_s = time.monotonic()
    looks: list[Look] = []
    while True:
        try:
            return looks, process.wait(PERIOD_S)
        except subprocess.TimeoutExpired:
            looks.append(look(process.pid, time.monotonic() - begun_s))


def look(pid: int, after_s: float) -> Look:
    """The process and all below it; what ends meanwhile is left out."""
    resident: dict[str, float] = {}
    descriptors: dict[str, int] = {}
    top = psutil.Process(pid)
    for each in (top, *top.children(recursive=True)):
        try:
            words = " ".join(each.cmdline())
            role = next((name for part, name in ROLES.items() if part in words), "others")
            held, files = each.memory_info().rss / MIB, each.num_fds()
        except psutil.Error:
            continue
        resident[role] = resident.get(role, 0.0) + held
        descriptors[role] = descriptors.get(role, 0) + files
    return Look(after_s, resident, descriptors)


def windows(session: Path) -> list[dict[str, float]]:
    """Of every five minutes: queries, and median and P99 of the ledger's TTFT in ms."""
    ledger = read_ledger(session / "Server" / "performance" / "ledger.parquet")
    issued, first = (
        ledger[name].to_numpy(zero_copy_only=False).astype(np.float64)
        for name in ("issued_ns", "first_token_ns")
    )
    at_s = (issued - issued[0]) / NS_PER_S
    ttft_ms = (first - issued) / NS_PER_MS
    found = []
    # What is less than half of five minutes at the end says nothing.
    for start in np.arange(0.0, max(at_s[-1] - WINDOW_S / 2, PERIOD_S), WINDOW_S):
        inside = ttft_ms[(at_s >= start) & (at_s < start + WINDOW_S)]
        at_50, at_99 = np.percentile(inside, [50, 99])
        found.append({"begins_s": start, "queries": len(inside), "p50_ms": at_50, "p99_ms": at_99})
    return found


def text(
    engine: str,
    words: Sequence[str],
    looks: Sequence[Look],
    found: Sequence[dict[str, float]],
    code: int,
) -> str:
    """The page: a row for every five minutes."""
    roles = sorted({role for each in looks for role in each.resident_mib})
    heads = ["minute", "queries", "TTFT P50, P99, ms"]
    heads += [f"{role}: MiB, files" for role in roles]
    rows = [heads, ["---"] * len(heads)]
    # The engine starts before the first query: a window's looks are those so long after.
    start_s = max(looks[-1].after_s - found[-1]["begins_s"] - WINDOW_S, 0.0)
    for each in found:
        last = min(looks, key=lambda at: abs(at.after_s - start_s - each["begins_s"] - WINDOW_S))
        row = [f"{(each['begins_s'] + WINDOW_S) / 60:g}", f"{each['queries']:,}"]
        row += [f"{each['p50_ms']:.2f}, {each['p99_ms']:.2f}"]
        for role in roles:
            held = last.resident_mib.get(role)
            row.append("gone" if held is None else f"{held:,.0f}, {last.descriptors[role]}")
        rows.append(row)
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    command = f"`python -m sut.main {' '.join(words)}`, exit code {code}"
    return (
        f"# {len(found) * WINDOW_S / 60:g} minutes of Server on the engine {engine}\n\n"
        f"{measured_on(command)}\n"
        f"Memory and descriptors are those at the end of each five minutes.\n\n{table}\n"
    )


if __name__ == "__main__":
    sys.exit(main())
