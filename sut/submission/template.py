"""The YAML form of `submit --system FILE`, with what a session detected already in it."""

from __future__ import annotations

import json

from sut.config.rounds import Round
from sut.submission.gather import Session
from sut.submission.layout import submission_rules
from sut.submission.system_json import OF_PLAN, detected, measurements_of, quantisation

HEAD = """\
# What no program can detect of a system, for `submit --system FILE`. Fill in what is empty and
# marked; keys with a value were detected by session {session} and may be
# left out or put better.

system: {name}    # folder and file name: letters, digits, dot, hyphen, underscore
implementation: vllm

description:
"""


def template(session: Session, rules: Round) -> str:
    """The form, as text."""
    form = submission_rules(rules)
    known = detected(session.facts)
    lines = [HEAD.format(session=session.name, name=session.config.system.name).rstrip()]
    for key in form.system.must_be_filled:
        if key in OF_PLAN:
            continue
        lines.append(
            _line(key, known.get(key), _hint(key, form.system.statuses, form.system.types))
        )
    lines += [_line(key, known.get(key), "may stay empty") for key in form.system.may_be_empty]
    lines += ["", "measurements:"]
    made = measurements_of(session)
    lines += [_line(key, made.get(key), "state it") for key in form.measurements_required]
    calibration = "required: the weights are quantised" if quantisation(session) else "optional"
    if session.facts.quantised is not None:
        calibration = "written from the record of `quantize`"
    lines += [
        "",
        "documents:    # Markdown files beside this one",
        f"  calibration: null    # {calibration}",
        "  bandwidth: null    # required in closed, datacenter",
    ]
    return "\n".join(lines) + "\n"


def _hint(key: str, statuses: tuple[str, ...], types: tuple[str, ...]) -> str:
    choices = {"status": " | ".join(statuses), "system_type": " | ".join(types)}
    return choices.get(key, "state it")


def _line(key: str, value: str | None, hint: str) -> str:
    # A JSON string is a YAML string whatever it holds.
    if value:
        return f"  {key}: {json.dumps(value, ensure_ascii=False)}"
    return f'  {key}: ""    # {hint}'
