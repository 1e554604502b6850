"""What is said of the engine's load and of the replicas' parts, and where the replicas differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sut.figure_text import figure_text
from sut.record.engine_load import PREEMPTIONS
from sut.report.lines import NOT_MEASURED, row
from sut.result.schema import KvCache, ReplicaShare, RunResult

# Pre-emptions beyond this share of the samples are worth a word.
FEW = 0.01


@dataclass(frozen=True)
class Preempted:
    """How often queries had to be begun again.

    Attributes:
        count: over the run.
        share: of the samples issued.
        most: the replica that has the most for its samples, and how many; None: one alone told.
        few: whether neither the run nor that replica has more than `FEW`.
    """

    count: float
    share: float
    most: str | None
    few: bool


def preempted(run: RunResult) -> Preempted | None:
    """Of one run; None where nothing was counted."""
    count = run.engine_figures.get(PREEMPTIONS)
    if count is None or not run.queries.issued:
        return None
    share = count / run.queries.issued
    of_each = [(_share(each), each) for each in told_by(run) if PREEMPTIONS in each.engine_figures]
    if len(of_each) < 2 or not count:
        return Preempted(count, share, None, share <= FEW)
    worst, replica = max(of_each, key=lambda each: each[0])
    own = replica.engine_figures[PREEMPTIONS]
    most = f"most on replica {replica.replica}: {own:.0f} ({worst:.1%} of its samples)"
    return Preempted(count, share, most, max(share, worst) <= FEW)


def _share(each: ReplicaShare) -> float:
    return each.engine_figures[PREEMPTIONS] / max(each.samples, 1)


def told_by(run: RunResult) -> list[ReplicaShare]:
    """The replicas whose engines told of themselves."""
    return [each for each in run.replicas if each.engine_figures]


def busy(run: RunResult) -> Iterable[str]:
    """How busy the engine was, where it told; pre-emptions first, for they cost the most."""
    told, found = run.engine_figures, preempted(run)
    if found is not None:
        what = "" if found.few else ": their work was done twice; try fewer sequences in a step"
        where = f"; {found.most}" if found.most else ""
        yield row(
            "pre-emptions", f"{found.count:.0f} ({found.share:.1%} of the samples{what}){where}"
        )
    if "sequences_running_mean" not in told:
        return
    each = " of a replica" if len(told_by(run)) > 1 else ""
    yield row(
        f"sequences at once{each}",
        f"{figure_text(told['sequences_running_mean'])} on average, "
        f"{told['sequences_running_most']:.0f} at most; "
        f"{told['sequences_waiting_most']:.0f} waiting at most",
    )
    yield row(
        f"KV cache in use{each}",
        f"{told['kv_cache_used_mean']:.0%} on average, {told['kv_cache_used_most']:.0%} at most",
    )


def replicas(run: RunResult) -> Iterable[str]:
    """Each replica's part; where several told of their load, that too."""
    several = len(told_by(run)) > 1
    for each in run.replicas:
        share = NOT_MEASURED if each.share is None else f"{each.share:.1%}"
        yield row(
            f"replica {each.replica}",
            f"{each.samples} samples ({share}), {each.tokens_out} tokens, {each.failed} failed",
        )
        if several:
            yield row("  its engine", _told(each.engine_figures))
    unplaced = run.queries.issued - sum(each.samples for each in run.replicas)
    if run.replicas and unplaced:
        yield row("no known replica", f"{unplaced} samples, open when the run ended")


def _told(figures: dict[str, float]) -> str:
    """The load of one replica in a line."""
    told = []
    if PREEMPTIONS in figures:
        told.append(f"{figures[PREEMPTIONS]:.0f} pre-emptions")
    if "sequences_running_mean" in figures:
        told += [
            f"{figure_text(figures['sequences_running_mean'])} sequences on average",
            f"{figures['sequences_running_most']:.0f} at most",
            f"{figures['sequences_waiting_most']:.0f} waiting at most",
            f"KV cache {figures['kv_cache_used_mean']:.0%} in use on average, "
            f"{figures['kv_cache_used_most']:.0%} at most",
        ]
    return ", ".join(told) or "told nothing of its load"


def kv_tokens(cache: KvCache) -> str:
    """What the engines told of their KV caches; where they differ, which replica has the least."""
    each = cache.told_by_replica
    if len(each) < 2:
        return f"{NOT_MEASURED if cache.told_tokens is None else cache.told_tokens} by the engine"
    told = [tokens for tokens in each if tokens is not None]
    if len(told) < len(each):
        silent = ", ".join(str(number) for number, tokens in enumerate(each) if tokens is None)
        return f"{NOT_MEASURED} by the engine of replica {silent}"
    least, most = min(told), max(told)
    if least == most:
        return f"{least} by the engine of each of {len(each)} replicas"
    return f"{least} (replica {each.index(least)}) to {most} by the engines of {len(each)} replicas"
