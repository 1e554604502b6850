"""What the submitter states of system and method, because no program can detect it: a YAML file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from sut.config.shipped import CONF_ROOT
from sut.config.strict import Strict
from sut.config.yaml_tree import read_leaves, read_text
from sut.errors import ConfigError

EXAMPLE = CONF_ROOT / "submission" / "system-example.yaml"
NAME = r"^[A-Za-z0-9_-][A-Za-z0-9._-]*$"


class Documents(Strict):
    """Write-ups that go into documentation/; Markdown files, relative to the YAML file."""

    calibration: Path | None = Field(None, description="how the weights were quantised")
    bandwidth: Path | None = Field(None, description="system architecture and its bandwidths")


class SystemStatement(Strict):
    """One system and how it was used."""

    system: str = Field(pattern=NAME, description="names the system's folder and JSON file")
    implementation: str = Field("vllm", pattern=NAME, description="names the source folder")
    description: dict[str, str] = Field(
        description="keys of systems/<system>.json; a key stated here wins over what was detected"
    )
    measurements: dict[str, str] = Field(
        default_factory=dict, description="keys of the measurements file, likewise"
    )
    documents: Documents = Field(default_factory=lambda: Documents.model_validate({}))


def read_statement(path: Path) -> SystemStatement:
    """Read the submitter's YAML file.

    Raises:
        ConfigError: the file is missing or malformed, or names a document that is not there or
            cannot be read.
    """
    remedy = "`submit --system-template RESULTS` prints one to fill in."
    read_text(path, "the system's file", remedy)
    try:
        statement = SystemStatement.model_validate(_document(path, remedy))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ConfigError(f"{field}: {first['msg']}.", where=str(path), remedy=remedy) from error
    return statement.model_copy(update={"documents": _found(statement.documents, path)})


def _document(path: Path, remedy: str) -> dict[str, Any]:
    """The file with each value as it is written: 0.10 is a release there and no is a word.

    An empty value of the documents is none.
    """
    document: dict[str, Any] = {}
    for leaf in read_leaves(path, as_text=True):
        *above, last = leaf.path
        if len(above) > 1:
            name = ".".join(leaf.path)
            raise ConfigError(f"{name} leads too deep.", where=leaf.origin, remedy=remedy)
        table = document.setdefault(above[0], {}) if above else document
        if not isinstance(table, dict):  # pragma: no cover  read_leaves refuses a key given twice
            raise ConfigError(f"{above[0]} is given twice.", where=leaf.origin)
        table[last] = None if above == ["documents"] and not leaf.value else leaf.value
    return {key: value for key, value in document.items() if value != ""}


def _found(documents: Documents, path: Path) -> Documents:
    named = {"calibration": documents.calibration, "bandwidth": documents.bandwidth}
    found = {key: path.parent / each for key, each in named.items() if each is not None}
    remedy = "Write the document, or leave the key out."
    for key, each in found.items():
        if not each.is_file() or not read_text(each, f"documents.{key}", remedy).strip():
            raise ConfigError(
                f"documents.{key} is {each.name}, which is missing or empty.",
                where=str(path),
                remedy=remedy,
            )
    return documents.model_copy(update=found)


def example_statement() -> SystemStatement:
    """The shipped example: a machine without accelerator, for rehearsals."""
    return read_statement(EXAMPLE)
