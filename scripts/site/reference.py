"""Reference pages made of the code as it is, so that none of them can be out of date."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping
from contextlib import redirect_stdout, suppress
from typing import Any

from sut.config.keys import everywhere, leaves, varies
from sut.config.verbs import VERBS
from sut.main import run_command
from sut.result.schema import schema_json
from sut.rules.catalogue import CATALOGUE, SCENARIO_WIDE, SESSION_WIDE, VALID
from sut.rules.rule import Rule

STAR = r" \*"
CELL_SIGNS = str.maketrans({"|": "\\|", "<": "&lt;", "\n": " "})


def pages() -> dict[str, str]:
    """Markdown of each reference page, by its name without the ending."""
    return {
        "command-line": command_line(),
        "keys": keys(),
        "result": result(),
        "catalogue": catalogue(),
    }


def command_line() -> str:
    """What each verb says of itself."""
    parts = ["# Command line\n\nWhat `python -m sut.main VERB --help` prints, for each verb.\n"]
    for verb, what in VERBS.items():
        parts.append(f"## {verb}\n\n{_sentence(what)}\n\n```text\n{help_of(verb)}```\n")
    return "\n".join(parts)


def help_of(*words: str) -> str:
    """The text of `--help` of a verb, or of an action of it, as the command line prints it."""
    said = io.StringIO()
    with redirect_stdout(said), suppress(SystemExit):
        run_command([*words, "--help"])
    return said.getvalue()


def keys() -> str:
    """Each key of the configuration: what it is and the schema's own default."""
    head = (
        "# Keys of the configuration\n\n"
        "Each key is one of YAML and of `--set`. A profile, a system or a model may give another\n"
        "value than the schema's default: `--dry-run` shows the one in force, and who gave it.\n"
        "A key that ends in \\* may have another value in a single scenario.\n"
    )
    rows = (
        (f"`{key}`{STAR if varies(everywhere(key)) else ''}", _default(field), field.description)
        for key, field in leaves().items()
    )
    return f"{head}\n{_table(('key', 'default', 'what it is'), rows)}"


def result() -> str:
    """Each field of a result, by the object that holds it."""
    schema = json.loads(schema_json())
    parts = [
        "# Fields of a result\n\n`sut/result/result.schema.json` is the same for a program.\n",
        _object("The result", schema),
    ]
    parts += [_object(name, each) for name, each in schema["$defs"].items() if _has_fields(each)]
    return "\n".join(parts)


def catalogue() -> str:
    """Each rule by its id: its words, its source, whose word it goes by."""
    head = (
        "# Catalogue of rules\n\nThe id of a rule stands in results, in reports and in findings.\n"
        "[Rules and facts](../rules.md) has the sources' own words.\n"
    )
    books: tuple[tuple[str, Mapping[str, Rule[Any]]], ...] = (
        ("Of a run", CATALOGUE),
        ("Of a session", SESSION_WIDE),
        ("Of a scenario", SCENARIO_WIDE),
    )
    return "\n".join([head, *(_rules(title, rules) for title, rules in books)])


def _rules(title: str, rules: Mapping[str, Rule[Any]]) -> str:
    rows = (
        (f"`{each.id}`", each.title, each.source, each.ground, "yes" if each.id in VALID else "")
        for each in rules.values()
    )
    columns = ("id", "rule", "source", "goes by", "asked by VALID")
    return f"## {title}\n\n{_table(columns, rows)}"


def _object(name: str, schema: Mapping[str, Any]) -> str:
    rows = (
        (f"`{field}`", _type(each), each.get("description"))
        for field, each in schema["properties"].items()
    )
    said = schema.get("description", "").partition("\n\n")[0].replace("\n", " ")
    return f"## {name}\n\n{said}\n\n{_table(('field', 'type', 'what it is'), rows)}"


def _has_fields(schema: Mapping[str, Any]) -> bool:
    return bool(schema.get("properties"))


def _type(schema: Mapping[str, Any]) -> str:
    """A type in one or two words, as JSON names it."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if schema.get("type") == "array" and "items" in schema:
        return f"array of {_type(schema['items'])}"
    return str(schema.get("type", "one of the values" if "enum" in schema else "any"))


def _default(field: Any) -> str:
    if field.is_required():
        return ""
    value = field.get_default(call_default_factory=True)
    return "" if value is None else f"`{value}`"


def _table(columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    lines = [columns, ("---",) * len(columns), *rows]
    return "".join(f"| {' | '.join(_cell(each) for each in line)} |\n" for line in lines)


def _cell(value: object) -> str:
    return "" if value is None else str(value).translate(CELL_SIGNS)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
