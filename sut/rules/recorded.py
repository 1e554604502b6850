"""The record of a run against what its logs and its ledger know of the same: where, when, by what.

Nobody reads a verdict from these facts. But a run that was copied, dated, or told otherwise in one
place contradicts one of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from sut.rules.case import RunCase
from sut.rules.check import Check, check, number
from sut.rules.log_figures import STAMPS, stamp
from sut.rules.rule import ACCURACY, PERFORMANCE, Book, Ground

OURS = "our own condition: evidence belongs together (docs/rules.md)"
DRAWN = "SampleDistributionEqualIssue in loadgen/loadgen.cc"
FINISHED = "requests_finished"
CLOCKS = timedelta(seconds=2)
"""A clock may be set by so much while a run is made."""
AROUND = timedelta(hours=1)
"""What may pass before LoadGen's begin, and after its end."""
SHARE_SLACK = 0.05
"""Shares are of two readings of the kernel, which are not of one moment."""

RECORDED: Book[RunCase] = Book(Ground.RECORD)
Row = dict[str, Any]


@RECORDED.rule("in-its-folder", "The run lies in the folder of its scenario and kind", OURS)
def in_its_folder(case: RunCase) -> Iterable[Check]:
    """By run.json, which every judge goes by."""
    run, folder = case.evidence.run, case.evidence.directory
    here = f"{folder.parent.name}/{folder.name}"
    wanted = f"{run.scenario}/{run.test or run.mode}"
    keys = ("run.json/scenario", "run.json/mode", "run.json/test")
    yield check("folder of the run", here, "==", wanted, OURS, keys=keys)


@RECORDED.rule(
    "run-time",
    "LoadGen began and ended within the time that run.json has",
    "power_begin and power_end, which are of UTC (DateTimeStringForPower in loadgen/utils.cc)",
    ground=Ground.WITNESSES,
)
def run_time(case: RunCase) -> Iterable[Check]:
    """A log without its stamps is another rule's. `test_datetime` is local time, whatever its Z."""
    run = case.evidence.run
    began, over = (stamp(case.logged(key)) for key in STAMPS)
    if began is None or over is None:
        return
    started, ended = (datetime.fromisoformat(each) for each in (run.started_utc, run.ended_utc))
    before, after = began - started, ended - over
    outside = not (-CLOCKS <= before <= AROUND and -CLOCKS <= after <= AROUND)
    words = "none"
    if outside:
        words = (
            f"LoadGen ran from {began:%Y-%m-%d %H:%M:%S} to {over:%Y-%m-%d %H:%M:%S}, the run "
            f"from {started:%Y-%m-%d %H:%M:%S} to {ended:%Y-%m-%d %H:%M:%S}"
        )
    keys = ("run.json/started_utc", "run.json/ended_utc", *STAMPS)
    yield check("times that LoadGen's log contradicts", words, "==", "none", OURS, keys=keys)


@RECORDED.rule(
    "same-loadgen",
    "The package of LoadGen that the record names is the one that wrote the log",
    "loadgen/version.cc",
    ground=Ground.WITNESSES,
)
def same_loadgen(case: RunCase) -> Iterable[Check]:
    """By the release; a build of one's own may have more after it."""
    logged = case.logs.loadgen_version if case.logs else None
    said = {
        "run.json/loadgen_package": case.evidence.run.loadgen_package,
        "session.json/software/loadgen": case.evidence.session.software.loadgen,
    }
    for key, package in said.items():
        if package is not None and logged is not None:
            alike = package == logged or package.startswith((f"{logged}.", f"{logged}+"))
            yield check(
                "LoadGen's package", package, "==", logged, "mlperf_log_detail.txt",
                keys=(key, "loadgen_version"), holds=alike,
            )  # fmt: skip


@RECORDED.rule(
    "prompt-lengths",
    "Each prompt is as long as the data set and its other queries say",
    OURS,
    ground=Ground.LEDGER,
)
def prompt_lengths(case: RunCase) -> Iterable[Check]:
    """One sample has one prompt; of a run that asks for all of them the mean is known, too."""
    ledger, data = case.evidence.ledger, case.evidence.session.dataset
    if ledger is None:
        return
    lengths: dict[int, set[int]] = {}
    columns = (ledger["sample_index"].to_pylist(), ledger["tokens_in"].to_pylist())
    for index, tokens in zip(*columns, strict=True):
        lengths.setdefault(index, set()).add(tokens)
    found = list(_lengths(lengths, data))
    words = "; ".join(found[:3]) or "none"
    keys = ("session.json/dataset",)
    yield check("prompts of another length", words, "==", "none", "ledger.parquet", keys=keys)


def _lengths(lengths: dict[int, set[int]], data: Any) -> Iterator[str]:
    for index, several in sorted(lengths.items()):
        if len(several) > 1:
            yield f"sample {index} has prompts of {min(several)} and {max(several)} tokens"
    every = [each for several in lengths.values() for each in several]
    least, most = data.prompt_tokens_min, data.prompt_tokens_max
    if every and not least <= min(every) <= max(every) <= most:
        yield f"they have {min(every)} to {max(every)} tokens, the data set's {least} to {most}"
    elif len(every) == len(lengths) == data.count:
        mean = sum(every) / len(every)
        said = (least, round(data.prompt_tokens_mean, 3), most)
        if (min(every), round(mean, 3), max(every)) != said:
            yield f"they have {mean:.6g} tokens on average, the data set's {said[1]:.6g}"


@RECORDED.rule(
    "samples-in-turn",
    "No sample comes again before every other was asked for",
    DRAWN,
    modes=(PERFORMANCE, ACCURACY),
    ground=Ground.WITNESSES,
)
def samples_in_turn(case: RunCase) -> Iterable[Check]:
    """LoadGen deals the samples like cards, pack by pack, where its log says that it does."""
    ledger = case.evidence.ledger
    size = number(case.logged("effective_performance_sample_count"))
    if case.mode == ACCURACY:
        size = number(case.logged("qsl_reported_total_count"))
    elif case.logged("effective_sample_concatenate_permutation") is not True:
        return
    if ledger is None or not isinstance(size, int) or size < 1:
        return
    columns = (ledger["seq"].to_pylist(), ledger["sample_index"].to_pylist())
    dealt = Counter((seq // size, index) for seq, index in zip(*columns, strict=True))
    again = [
        f"sample {index} in queries {turn * size} to {(turn + 1) * size - 1}"
        for (turn, index), times in dealt.items()
        if times > 1
    ]
    words = ", ".join([*again[:3], *([f"{len(again) - 3} more"] if len(again) > 3 else [])])
    keys = ("effective_sample_concatenate_permutation",)
    yield check("asked for twice in one turn", words or "none", "==", "none", DRAWN, keys=keys)


@RECORDED.rule(
    "known-replicas",
    "Every answer is of a replica that the engine has",
    OURS,
    ground=Ground.LEDGER,
)
def known_replicas(case: RunCase) -> Iterable[Check]:
    """By their numbers, which begin at 0."""
    engine, ledger = case.evidence.session.engine, case.evidence.ledger
    if engine is None or ledger is None:
        return
    numbers = set(ledger["replica"].to_pylist()) - {None}
    others = sorted(each for each in numbers if not 0 <= each < engine.replicas)
    words = ", ".join(map(str, others[:3])) or "none"
    source, keys = f"{engine.replicas} by session.json", ("session.json/engine/replicas",)
    yield check("replicas that there are not", words, "==", "none", source, keys=keys)


@RECORDED.rule("engine-counts", "The engine answered what the ledger has answers to", OURS)
def engine_counts(case: RunCase) -> Iterable[Check]:
    """What it finished, and we could not take for an answer, is a failure of the ledger's."""
    counts, finished = case.evidence.counts, case.evidence.run.engine_counters.get(FINISHED)
    if counts is None or finished is None or case.evidence.run.incidents:
        return  # what a lost replica counted is lost, too
    answered = counts.succeeded + counts.empty
    inside = answered <= finished <= counts.issued + counts.late_events
    name, keys = "requests that the engine finished", (f"run.json/engine_counters/{FINISHED}",)
    yield check(name, finished, "==", answered, "ledger.parquet", keys=keys, holds=inside)


@RECORDED.rule("machine-figures", "What was measured of the machine can be", OURS)
def machine_figures(case: RunCase) -> Iterable[Check]:
    """Shares that are shares, over the time that the run took, on this machine's threads."""
    seen = case.evidence.run.surroundings
    if seen is None:
        return
    found, counts = [], case.evidence.counts
    threads = case.evidence.session.hardware.cpu_threads_usable
    if seen.cores != threads:
        found.append(f"{seen.cores} threads, where the machine has {threads}")
    if counts is not None and counts.last_done_ns and counts.first_issue_ns:
        lasted = (counts.last_done_ns - counts.first_issue_ns) / 1e9
        if seen.seconds < lasted * (1 - SHARE_SLACK) - 0.1:
            found.append(f"watched for {seen.seconds:g} s of a run of {lasted:.4g} s")
    shares = (seen.harness_share, seen.loadgen_share, seen.engine_share, seen.others_share)
    known = [each for each in (*shares, seen.steal_share) if each is not None]
    # The kernel counts in hundredths of a second, of each process and each thread.
    slack = SHARE_SLACK + 0.2 / max(seen.seconds, 1e-9)
    if min(known, default=0.0) < -slack or sum(known) > 1 + slack:
        found.append(f"shares of the processor of {', '.join(f'{each:g}' for each in known)}")
    keys = ("run.json/surroundings",)
    yield check("figures that cannot be", "; ".join(found) or "none", "==", "none", OURS, keys=keys)
