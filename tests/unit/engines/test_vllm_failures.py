"""Of an engine that did not start, the cause is told, and where its own words are."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, model_validator

from sut.engines.vllm.failures import describe, root_cause, start_failures
from sut.errors import EngineStartError

PREFIX = "(EngineCore pid=7) ERROR 11-23 23:59:59 [core.py:1] "


class Model(BaseModel):
    tokens: int
    length: int = 0

    @model_validator(mode="after")
    def fit(self) -> Model:
        if self.tokens < self.length:
            raise ValueError("tokens (1) is smaller than length (2). Please increase it.")
        return self


def refused(**values: object) -> Exception:
    with pytest.raises(ValueError, match="validation error") as caught:
        Model.model_validate(values)
    return caught.value


CAUSES: dict[str, tuple[dict[str, object], str]] = {
    "fields that do not fit": (
        {"tokens": 1, "length": 2},
        "Model: tokens (1) is smaller than length (2). Please increase it.",
    ),
    "a field": (
        {"tokens": "many", "length": "long"},
        "Model: tokens: Input should be a valid integer, unable to parse string as an integer",
    ),
}


@pytest.mark.parametrize("case", CAUSES)
def test_a_count_of_faults_is_no_cause(case: str, tmp_path: Path) -> None:
    values, said = CAUSES[case]
    error, log = refused(**values), tmp_path / "engine.log"
    assert describe(error) == said
    text = f"pydantic_core._pydantic_core.ValidationError: {error}".splitlines()
    log.write_text("".join(f"{PREFIX}{line}\n" for line in text))
    assert root_cause(log) == said


def test_a_log_is_named_where_it_has_words(tmp_path: Path) -> None:
    log = tmp_path / "engine.log"
    for words in (None, "", "it is starting\n"):
        if words is not None:
            log.write_text(words)
        with pytest.raises(EngineStartError) as caught, start_failures(log):
            raise RuntimeError("no\nroom")
        said = "vLLM could not start: RuntimeError: no."
        assert caught.value.render() == (
            f"{said} The engine's own words are in {log}." if words else said
        )


def test_an_error_without_words_has_its_kind() -> None:
    assert describe(RuntimeError()) == "RuntimeError"
