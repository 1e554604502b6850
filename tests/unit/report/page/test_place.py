"""A card among MLCommons' published results; nothing where there is no card."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from sut.capacity.published import published_of
from sut.config.names import Scenario
from sut.record.session import read_session
from sut.report.page.build import report_html
from sut.report.page.place import place
from sut.result.build import result_of
from sut.result.schema import CardLimit
from tests.unit.result.sessions import make_session

LIMIT = CardLimit(
    card="NVIDIA H200", cards=2, prompt_tokens=778.0, output_tokens=128.0, batch=256,
    samples_per_s_in_series=100.0, samples_per_s_overlapped=140.0, binding="prefill by compute",
    least_tpot_ms=5.0, reached=0.5, mfu=0.4, mbu=0.3,
)  # fmt: skip


def test_a_run_on_a_known_card_stands_among_the_published(tmp_path: Path) -> None:
    record = read_session(make_session(tmp_path, "offline"))
    result = result_of(record)
    run = result.scenarios[Scenario.OFFLINE]
    assert place(result, Scenario.OFFLINE, run) is None
    on_card = run.model_copy(update={"card_limit": LIMIT, "throughput_tokens_per_sec": 9000.0})
    found = place(result, Scenario.OFFLINE, on_card)
    assert found is not None
    among = published_of("llama3.1-8b", "Offline")
    below = sum(each.per_accelerator < 4500 for each in among)
    assert found.sentence.startswith(f"4,500 tokens/s a card, above {below} of {len(among)}.")
    assert "this is none" in found.sentence
    drawn = ElementTree.fromstring(found.figure.svg)
    assert len(drawn.findall(".//circle")) == len(among) + len(found.same_card.rows)
    assert found.same_card.rows
    text = report_html(result.model_copy(update={"scenarios": {Scenario.OFFLINE: on_card}}), record)
    assert found.same_card.rows[0].row.submitter in text
    assert "a roofline, no measurement" in text


def test_no_rate_has_no_place(tmp_path: Path) -> None:
    result = result_of(read_session(make_session(tmp_path, "offline")))
    run = result.scenarios[Scenario.OFFLINE]
    none = run.model_copy(update={"card_limit": LIMIT, "throughput_tokens_per_sec": None})
    assert place(result, Scenario.OFFLINE, none) is None
