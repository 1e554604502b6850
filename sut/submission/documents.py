"""The texts of a submission tree: a README per scenario, calibration, bandwidth, overview."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from sut.record.facts import EngineFacts
from sut.result.schema import UNVERIFIED
from sut.submission.batching import batching
from sut.submission.calibration_text import write_up
from sut.submission.entries import Entry
from sut.submission.gather import Run
from sut.submission.request import SubmissionPlan
from sut.submission.system_json import REHEARSAL_MARK, quantisation

BYTES_PER_TOKEN = 4
# inference_rules.adoc 4.1.1: the sequence length that ingress bandwidth is counted with.
RULES_SEQUENCE_TOKENS = 2048


def scenario_readme(entry: Entry, plan: SubmissionPlan, tests: dict[str, Run]) -> str:
    """How this result was made and how to make it again."""
    runs = {"performance": entry.performance, "accuracy": entry.accuracy, **tests}
    engine = entry.performance.session.config.engine
    lines = [
        f"# {entry.benchmark}, {entry.scenario}, round {plan.round}, {plan.division} division",
        "",
        *_mark(plan),
        UNVERIFIED + ".",
        "",
        *_commands(runs),
        *_software(entry.performance),
        *_settings(entry.performance),
        "## Batching",
        "",
        batching(engine, entry.performance.session.traits, entry.scenario),
        "",
        *_hashes(runs),
        *_whole_log(entry.accuracy),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _mark(plan: SubmissionPlan) -> Iterable[str]:
    if plan.rehearsal:
        yield from (f"{REHEARSAL_MARK}.", "")


def _commands(runs: dict[str, Run]) -> Iterable[str]:
    yield from ("## Commands", "", "From the folder of the source, one engine start each:", "")
    made: dict[str, list[str]] = {}
    for kind, run in runs.items():
        made.setdefault(shlex.join(run.session.facts.command), []).append(
            f"{kind} ({run.session.name})"
        )
    for command, kinds in made.items():
        yield from (f"{', '.join(kinds)}:", "", f"    {command}", "")


def _software(run: Run) -> Iterable[str]:
    facts = run.session.facts
    software, dataset, engine = facts.software, facts.dataset, facts.engine
    yield from ("## Versions", "")
    yield from _table(
        {
            "harness": software.harness,
            "harness commit": software.harness_commit,
            "engine": software.engine_package,
            "PyTorch": software.torch,
            "Transformers": software.transformers,
            "MLPerf LoadGen": run.result.loadgen.version,
            "Python": software.python,
            "model": run.session.config.model.path,
            "model revision": run.session.config.model.revision,
            "model SHA-256": engine.model_sha256 if engine else None,
            "data set": f"{dataset.name}, {dataset.count} samples",
            "data set SHA-256": dataset.sha256,
        }
    )


def _settings(run: Run) -> Iterable[str]:
    engine, warmup = run.session.facts.engine, run.session.facts.warmup
    yield from ("## Settings in force", "")
    if engine is not None:
        yield from (f"Engine {engine.kind}, {engine.replicas} replica(s):", "")
        yield from _table(engine.arguments)
        yield from _tuned(run)
        yield from ("Sampling:", "")
        yield from _table(engine.sampling)
        yield from _variables(engine, run.session.config.engine.environment)
    if warmup is not None:
        yield from (f"Warm-up: {warmup.requested} queries outside the data set.", "")
    yield from ("LoadGen: user.conf in this folder; in force by its log:", "")
    yield from _table(run.result.loadgen.settings_effective)


def _tuned(run: Run) -> Iterable[str]:
    """Those of the engine's arguments that only a reader of the engine's own manual knows."""
    if tuned := run.session.config.engine.tuned():
        yield from ("Tuned among these, by the engine's own names:", "")
        yield from _table(tuned)


def _variables(engine: EngineFacts, declared: Sequence[str]) -> Iterable[str]:
    """Those that can change the engine: set by the harness, or declared by the submitter."""
    by = {"user": "the submitter", "harness": "the harness"}
    told = [each for each in engine.environment or () if not each.harmless and each.given_by in by]
    if told:
        yield from ("Variables of the environment that can change the engine:", "")
        yield from _table(
            {
                f"{each.name}, set by {by[each.given_by]}"
                + (", declared" if each.name in declared else ""): each.value
                for each in told
            }
        )


def _hashes(runs: dict[str, Run]) -> Iterable[str]:
    yield from ("## SHA-256 of the files as the runs left them", "")
    yield from _table(
        {
            f"{run.session.name}/{run.facts.scenario}/{kind}/{name}": digest
            for kind, run in runs.items()
            for name, digest in sorted(run.facts.log_sha256.items())
        }
    )


def _whole_log(run: Run) -> Iterable[str]:
    yield from (
        "## Accuracy log",
        "",
        "accuracy/mlperf_log_accuracy.json holds the two ends of the log. The whole log stays with",
        f"the submitter, in the session's folder: {run.name}/mlperf_log_accuracy.json. Its SHA-256",
        "is the hash line of accuracy.txt, which was evaluated from the whole log.",
        "",
    )


def _table(values: Mapping[str, object]) -> Iterable[str]:
    for key, value in values.items():
        if value is not None:
            yield f"- {key}: {value if isinstance(value, str) else json.dumps(value, default=str)}"
    yield ""


def calibration(plan: SubmissionPlan, entries: Sequence[Entry]) -> str:
    """The submitter's write-up, else that of the weights' own record.

    Without quantisation it is the statement that there was none.
    """
    written = plan.system.documents.calibration
    if written is not None:
        return written.read_text(encoding="utf-8")
    texts = [
        write_up(record, entry.rules.calibration_list)
        for entry in entries
        if (record := entry.performance.session.facts.quantised) is not None
    ]
    if texts:
        return "\n".join(dict.fromkeys(texts))
    lines = ["# Calibration", ""]
    for entry in entries:
        session = entry.performance.session
        dtype = session.traits.dtype or "a type not known"
        lines.append(
            f"- {entry.name}: weights of {session.config.model.name} in {dtype}, not quantised; "
            "no calibration, no calibration data."
        )
    return "\n".join(lines) + "\n"


def bandwidth(plan: SubmissionPlan, entries: Sequence[Entry]) -> str:
    """What the rules ask of the network, from the measured rate, and the submitter's text."""
    lines = [
        "# Architecture and bandwidth",
        "",
        f"Ingress needed: samples/s x {RULES_SEQUENCE_TOKENS} tokens x {BYTES_PER_TOKEN} bytes "
        "(inference_rules.adoc 4.1.1).",
        "",
    ]
    for entry in entries:
        rate = entry.performance.result.achieved_qps
        if rate is None:
            lines.append(f"- {entry.name}: no rate was measured")
            continue
        needed = rate * RULES_SEQUENCE_TOKENS * BYTES_PER_TOKEN
        lines.append(f"- {entry.name}: {rate:.6g} samples/s, {needed / 1e6:.6g} MB/s")
    stated = plan.system.description.get("host_networking", "not stated")
    lines += ["", f"Host network as stated: {stated}.", ""]
    written = plan.system.documents.bandwidth
    if written is not None:
        lines.append(written.read_text(encoding="utf-8").rstrip())
    elif plan.rehearsal:
        lines.append(f"{REHEARSAL_MARK}, and no description of the architecture was given.")
    return "\n".join(lines).rstrip() + "\n"


def overview(plan: SubmissionPlan, entries: Sequence[Entry]) -> str:
    """documentation/README.md: what the tree holds."""
    lines = [
        f"# {plan.submitter}, MLPerf Inference {plan.round}, {plan.division} division",
        "",
        *_mark(plan),
        f"System: {plan.system.system}. Source of the harness: the source folder of this tree; "
        "its README.md tells how to set it up.",
        "",
    ]
    lines += [
        f"- {entry.name}: performance {entry.performance.name}, accuracy {entry.accuracy.name}"
        for entry in entries
    ]
    return "\n".join(lines) + "\n"


def document_problems(plan: SubmissionPlan, entries: Sequence[Entry]) -> Iterable[str]:
    """Documents that only the submitter can write."""
    documents = plan.system.documents
    unexplained = {
        how
        for e in entries
        for run in e.runs.values()
        if (how := quantisation(run.session)) and run.session.facts.quantised is None
    }
    if unexplained and documents.calibration is None:
        yield (
            f"the weights are quantised ({', '.join(sorted(unexplained))}) and nothing says how: "
            "write the calibration's description and name it as documents.calibration."
        )
    datacenter = any(entry.rules.system_type == "datacenter" for entry in entries)
    needed = plan.division == "closed" and datacenter and not plan.rehearsal
    if needed and documents.bandwidth is None:
        yield (
            "closed asks for a description of the system's architecture and bandwidth: write it "
            "and name it as documents.bandwidth."
        )


def text_file(path: Path, text: str) -> None:
    """Write a text of the tree, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
