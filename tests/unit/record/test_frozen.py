"""What no record may hold, whichever file it stands in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from sut.errors import LogError
from sut.record.session import read_session
from sut.record.surroundings import SurroundingsFacts
from tests.unit.result.sessions import dump, make_session

SURROUNDINGS = {
    **dict.fromkeys(SurroundingsFacts.model_fields),
    **{"cores": 1, "seconds": 1.0, "collections": 0, "collection_ms_most": 0.0},
}
ENDLESS = ("NaN", "Infinity", "-Infinity", "1e999")


@pytest.mark.parametrize("written", ENDLESS)
def test_a_number_that_no_json_has_is_refused_by_its_field(tmp_path: Path, written: str) -> None:
    root = make_session(tmp_path, "server")
    path = root / "Server/performance/run.json"
    run = json.loads(path.read_text())
    dump(path, {**run, "surroundings": SURROUNDINGS})
    assert read_session(root).runs[0].facts.surroundings is not None
    text = path.read_text().replace('"seconds": 1.0', f'"seconds": {written}')
    path.write_text(text)
    with pytest.raises(LogError, match=r"surroundings\.seconds: Input should be a finite"):
        read_session(root)


@pytest.mark.parametrize("written", ENDLESS[:3])
def test_so_is_one_that_was_worked_out(written: str) -> None:
    value = float(written.lower())
    with pytest.raises(ValidationError, match="finite"):
        SurroundingsFacts.model_validate({**SURROUNDINGS, "others_share": value})
