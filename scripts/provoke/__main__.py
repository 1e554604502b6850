"""`python -m scripts.provoke`: provoke faults, hold them to the bounds, write the table.

Each fault is provoked on `python -m sut.main` in a folder of its own. What it did is kept in
build/provoke/records.jsonl, so that all may be provoked in several calls. The table is written of
the latest record of each. A fault without a record keeps its row of the page that there is, so that
the page grows by calls on several machines.

    python -m scripts.provoke --list                    what there is
    python -m scripts.provoke --only 'signal/*'         some; join patterns with commas
    python -m scripts.provoke --jobs 2                  all, two at a time
    python -m scripts.provoke --new                     those without a record or a row
    python -m scripts.provoke --table                   write docs/reliability-table.md, run nothing

Exit code: 0 if every fault kept the bounds, else 1.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from fnmatch import fnmatchcase
from typing import Any

from scripts.provoke.catalogue import every
from scripts.provoke.drive import ROOT, provoke
from scripts.provoke.fault import Fault, wrong
from scripts.provoke.page import PAGE, Standing, broke, named, page, read, seen_of, standing
from sut.machine.hardware import hardware

RECORDS = ROOT / "build" / "provoke" / "records.jsonl"


def main(arguments: Sequence[str] | None = None) -> int:
    """Provoke; returns 1 where a bound was broken."""
    options = _parser().parse_args(arguments)
    chosen = [each for each in every() if _named(each, options.only)]
    if options.list:
        for fault in chosen:
            print(f"{fault.id:<50} {fault.how[:100]}".encode("ascii", "replace").decode())
        print(f"{len(chosen)} faults")
        return 0
    if options.table:
        return _write_table()
    for each in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        # What we ignore, as in the background, our commands would ignore.
        signal.signal(each, signal.default_int_handler)
    commit, known = commit_here(), read(RECORDS)
    if options.new:
        stood = _page_here().rows
        chosen = [each for each in chosen if each.id not in known and named(each) not in stood]
    return 1 if _provoked(chosen, options.jobs, options.minutes, commit) else 0


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m scripts.provoke", description=__doc__, formatter_class=form
    )
    parser.add_argument("--only", default="*", metavar="PATTERN", help="ids, with * (all)")
    parser.add_argument("--list", action="store_true", help="print them, and provoke none")
    parser.add_argument("--new", action="store_true", help="only those without a record or a row")
    parser.add_argument("--table", action="store_true", help="write the page of the records")
    parser.add_argument("--jobs", type=int, default=1, help="faults at a time (1)")
    parser.add_argument("--minutes", type=float, default=1e9, help="begin none after so many")
    return parser


def _named(fault: Fault, patterns: str) -> bool:
    return any(fnmatchcase(fault.id, pattern) for pattern in patterns.split(","))


def _provoked(chosen: Sequence[Fault], jobs: int, minutes: float, commit: str) -> int:
    """How many broke a bound."""
    RECORDS.parent.mkdir(parents=True, exist_ok=True)
    machine, broken, began = machine_here(), 0, time.monotonic()
    with ThreadPoolExecutor(jobs) as pool, RECORDS.open("a", encoding="utf-8") as records:

        def one(fault: Fault) -> dict[str, Any] | None:
            if time.monotonic() - began > 60 * minutes:
                return None
            return dataclasses.asdict(provoke(fault))

        asked = {pool.submit(one, fault): fault for fault in chosen}
        for done in as_completed(asked):
            fault, record = asked[done], done.result()
            if record is None:
                continue
            records.write(json.dumps({**record, "machine": machine, "commit": commit}) + "\n")
            records.flush()
            broken += _told(fault, record)
    print(f"{broken} broke a bound")
    return broken


def _told(fault: Fault, record: dict[str, Any]) -> bool:
    seen = seen_of(record)
    found = wrong(fault, seen)
    verdict = "; ".join(found) if found else "ok"
    line = f"{fault.id:<48} {seen.seconds}s code {seen.code} {seen.kept}: {verdict}"
    if found:
        line += f"\n    {seen.last[:300]}"
    print(line.encode("ascii", "backslashreplace").decode(), flush=True)
    return bool(found)


def _write_table() -> int:
    records, faults, before = read(RECORDS), every(), _page_here()
    used = {fault.id: records[fault.id] for fault in faults if fault.id in records}
    seen = {name: seen_of(record) for name, record in used.items()}
    now = Standing(machines=_each(used, "machine"), commits=_each(used, "commit"))
    text = page(faults, seen, before, now)
    PAGE.write_text(text, encoding="utf-8")
    left = standing(text)
    print(f"{len(left.rows)} faults in {PAGE.relative_to(ROOT)}, {len(used)} of them from records")
    for kind, how in before.rows.keys() - left.rows.keys():
        print(f"left out, not in the catalogue any more: {kind}: {how}")
    return 1 if any(map(broke, left.rows.values())) else 0


def _page_here() -> Standing:
    return standing(PAGE.read_text(encoding="utf-8")) if PAGE.is_file() else Standing()


def _each(records: Mapping[str, Mapping[str, Any]], name: str) -> list[str]:
    return sorted({str(record[name]) for record in records.values()})


def machine_here() -> str:
    """This machine in words."""
    found = hardware()
    return (
        f"{found['cpu_model']}, {found['cpu_threads_usable']} threads, "
        f"{found['memory_gib']:.0f} GiB, Linux {found['kernel'].partition('-')[0]}"
    )


def commit_here() -> str:
    """The commit, short; a changed checkout is said to be one."""
    said = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    return subprocess.run(said, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
