"""systems/<system>.json and the measurements file: what was detected, then what was stated."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from pathlib import PurePath

from sut.config.engine_traits import UNQUANTISED
from sut.config.rounds import BenchmarkRules, SubmissionRules
from sut.record.facts import SessionFacts
from sut.record.nodes import Node, nodes
from sut.submission.calibration_text import NUMBER_TYPES, method
from sut.submission.entries import Entry
from sut.submission.gather import Session
from sut.submission.request import SubmissionPlan
from sut.submission.statement import SystemStatement

NOT_THERE = "N/A"
DRIVER = "NVIDIA driver"
NO_MODEL = "none, the {kind} engine has no weights"
REHEARSAL_MARK = "REHEARSAL: not a submission"
# A type's name in PyTorch or vLLM → the short form that results tables use.
TYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32", "half": "fp16", "float": "fp32"}
# What a system without accelerators has none of.
OF_ACCELERATORS = (
    "accelerator_model_name",
    "accelerator_memory_capacity",
    "accelerator_memory_configuration",
    "accelerator_host_interconnect",
    "accelerator_interconnect",
)
# Filled from the plan, whatever a file says.
OF_PLAN = ("division", "submitter")


def system_description(
    plan: SubmissionPlan, session: Session, entries: Sequence[Entry] = ()
) -> dict[str, str]:
    """Every key of the system's JSON that is known.

    Args:
        plan: what the submitter states.
        session: one of those that the tree is made of.
        entries: what was measured, each with the engine that it was tuned for.
    """
    made = {"division": plan.division, "submitter": plan.submitter}
    made |= detected(session.facts)
    made |= {key: text for key, text in plan.system.description.items() if text}
    if tuned := _tuned(entries):
        notes = made.get("sw_notes", "").rstrip(". ")
        made["sw_notes"] = ". ".join(filter(None, (notes, f"Tuned in the engine: {tuned}")))
    if plan.rehearsal:
        made["sw_notes"] = f"{REHEARSAL_MARK}. {made.get('sw_notes', '')}".strip()
    return made


def _tuned(entries: Sequence[Entry]) -> str:
    """Settings by the engine's own names; whose they are, where the scenarios' differ."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        values = next(iter(entry.runs.values())).session.config.engine.tuned().items()
        told = ", ".join(f"{name}={value}" for name, value in values)
        found.setdefault(told, []).append(entry.name)
    if len(found) == 1:
        return next(iter(found))
    return "; ".join(f"{', '.join(names)}: {told or 'nothing'}" for told, names in found.items())


def detected(facts: SessionFacts) -> dict[str, str]:
    """The keys that a session knows by itself: of several nodes what is the same of all."""
    software, used = facts.software, nodes(facts.hardware, facts.engine)
    machine = _agreed([_machine(node) for node in used])
    driver = machine.pop(DRIVER, None)
    stack = {
        "Python": software.python,
        "PyTorch": software.torch,
        "Transformers": software.transformers,
        "MLPerf LoadGen": software.loadgen,
        DRIVER: driver,
    }
    cards_per_node = max(len(node.cards) for node in used)
    found: dict[str, str | None] = {
        "number_of_nodes": str(len(used)),
        "accelerators_per_node": str(cards_per_node),
        "framework": software.engine_package,
        "other_software_stack": ", ".join(f"{k} {v}" for k, v in stack.items() if v),
    }
    found |= machine
    if not cards_per_node:
        found |= dict.fromkeys(OF_ACCELERATORS, NOT_THERE)
    return {key: text for key, text in found.items() if text}


def _agreed(machines: Sequence[dict[str, str | None]]) -> dict[str, str | None]:
    """What every machine says alike; the rest is for the submitter to state."""
    first, *others = machines
    return {
        key: text
        for key, text in first.items()
        if all(key in other and other[key] == text for other in others)
    }


def _machine(node: Node) -> dict[str, str | None]:
    """What is known of a node: nothing of one that the session does not describe."""
    hardware, gpus = node.hardware, node.gpus
    if hardware is None:
        return {}
    sockets = hardware.cpu_sockets
    cores = None if sockets is None else str(hardware.cpu_cores // sockets)
    machine: dict[str, str | None] = {
        "host_processor_model_name": hardware.cpu_model,
        "host_processors_per_node": None if sockets is None else str(sockets),
        "host_processor_core_count": cores,
        "host_memory_capacity": f"{hardware.memory_gib:g} GiB",
        "operating_system": f"{hardware.operating_system}, Linux {hardware.kernel}",
    }
    if gpus:
        machine["accelerator_model_name"] = ", ".join(dict.fromkeys(gpu.name for gpu in gpus))
        memory_mib = gpus[0].memory_mib
        machine["accelerator_memory_capacity"] = (
            None if memory_mib is None else f"{memory_mib / 1024:.0f} GiB"
        )
        machine[DRIVER] = gpus[0].driver
    return machine


def system_problems(
    description: dict[str, str],
    statement: SystemStatement,
    rules: SubmissionRules,
    benchmarks: dict[str, BenchmarkRules],
) -> Iterable[str]:
    """Every reason why the system's JSON would not do, by the key to mend."""
    wanted = rules.system
    known = (*wanted.must_be_filled, *wanted.may_be_empty)
    for key in statement.description:
        if key in OF_PLAN:
            yield f"description.{key} comes from --{key}: leave it out of the system's file."
        elif key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.0)[0]
            yield f"description.{key} is not a key of a system's JSON: the nearest is {near}."
    for key in wanted.must_be_filled:
        if not description.get(key):
            yield f"description.{key} is missing and was not detected: state it."
    if description.get("status", "").lower() not in ("", *wanted.statuses):
        said = description["status"]
        yield f"description.status is {said}: choose one of {', '.join(wanted.statuses)}."
    for key in wanted.integers:
        if key in description and not description[key].isdecimal():
            yield f"description.{key} is {description[key]}: give a whole number."
    yield from _type_problems(description.get("system_type", ""), rules, benchmarks)


def _type_problems(
    said: str, rules: SubmissionRules, benchmarks: dict[str, BenchmarkRules]
) -> Iterable[str]:
    if not said:
        return
    if said not in rules.system.types:
        choice = " | ".join(rules.system.types)
        yield f"description.system_type is {said}: choose one of {choice}."
        return
    for name, benchmark in benchmarks.items():
        if benchmark.system_type not in said.split(","):
            yield (
                f"description.system_type is {said}, and {name} is a benchmark of "
                f"{benchmark.system_type}: state {benchmark.system_type}."
            )


def full_description(description: dict[str, str], rules: SubmissionRules) -> dict[str, str]:
    """Every required key in the round's order; those that may be empty are there."""
    keys = (*rules.system.must_be_filled, *rules.system.may_be_empty)
    return {key: description.get(key, "") for key in keys}


def measurements(plan: SubmissionPlan, session: Session) -> dict[str, str]:
    """The keys of the measurements file that are known."""
    stated = {key: text for key, text in plan.system.measurements.items() if text}
    return measurements_of(session) | stated


def measurements_of(session: Session) -> dict[str, str]:
    """What a session knows of its weights; how quantised ones were made only by their record."""
    record, model = session.facts.quantised, session.config.model
    name, revision = PurePath(model.path).name, model.revision
    if record is not None:
        name, revision = PurePath(record.source.origin).name, record.source.revision
    made = {
        "input_data_types": "int32",
        "retraining": "No",
        "starting_weights_filename": name + (f" at {revision}" if revision else ""),
    }
    if not session.traits.has_model:
        words = NO_MODEL.format(kind=session.config.engine.kind)
        return made | dict.fromkeys(("weight_data_types", "weight_transformations"), words)
    if session.traits.quantization != UNQUANTISED:
        # Quantised, or nobody told: what is not known is the submitter's to state.
        held = session.facts.engine.quantised_to if session.facts.engine else None
        types = {"weight_data_types": NUMBER_TYPES[held]} if held in NUMBER_TYPES else {}
        return made | types | ({"weight_transformations": method(record)} if record else {})
    dtype, random = session.traits.dtype or "", session.traits.weights == "random"
    return made | {
        "weight_data_types": TYPES.get(dtype, dtype),
        "weight_transformations": "random weights" if random else "none",
    }


def measurements_problems(
    made: dict[str, str], session: Session, rules: SubmissionRules
) -> Iterable[str]:
    """A line for each key that must be stated."""
    for key in rules.measurements_required:
        if not made.get(key):
            how = quantisation(session)
            why = f": the weights are quantised ({how})" if how else ""
            yield f"measurements.{key} is not stated{why}: write it in the system's file."


def quantisation(session: Session) -> str | None:
    """The engine's name of the quantisation; None for weights as they were published."""
    return session.traits.quantised_as
