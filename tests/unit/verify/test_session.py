"""A session, worked out anew: what it proves, what it only states, and what contradicts it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import sut.result.evaluated
from sut.commands.verify import main
from sut.errors import DatasetError
from sut.record.facts import HardwareFacts, SoftwareFacts
from sut.record.session import read_session
from sut.report.page.build import generator, report_html
from sut.report.summary import summary_text
from sut.result.build import build, result_json, result_of
from sut.result.evaluated import with_evaluations
from sut.rules.catalogue import CATALOGUE, SCENARIO_WIDE, SESSION_WIDE
from sut.rules.grade import GRADE
from sut.verify.session import verify_session
from sut.verify.standing import FORGED, Item, Standing
from sut.verify.text import document, verify_text
from tests.unit.result.sessions import edit, make_accuracy, make_session, seal
from tests.unit.rules.breakages import FOLDERS, whole
from tests.unit.rules.changes import Change, detail_value, row, run_json, session_json

EVERY = {**CATALOGUE, **SESSION_WIDE, **SCENARIO_WIDE}
RUN = "Server/performance"


def of(items: list[Item], standing: Standing) -> list[Item]:
    return [each for each in items if each.standing is standing]


def rules(items: list[Item], standing: Standing) -> set[str]:
    return {each.rule for each in of(items, standing)} - {""}


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """An honest session with its result."""
    root = make_session(tmp_path, "server")
    (root / "result.json").write_text(result_json(build(root)), encoding="utf-8")
    return root


def test_an_honest_session_contradicts_nothing(session: Path) -> None:
    items = verify_session(session)
    assert of(items, Standing.CONTRADICTS) == []
    proved, stated = rules(items, Standing.PROVED), rules(items, Standing.STATED)
    assert {"seeds", "no-failures", "two-clocks", "rates-agree", "processes-apart"} <= proved
    assert {"warm-up", "files-unchanged", "as-closed", "prefix-cache-hits"} <= stated
    assert proved == {name for name in proved if EVERY[name].ground.proves}
    assert not {name for name in stated if EVERY[name].ground.proves}
    assert rules(items, Standing.OPEN) <= {*GRADE, "weights-checksum", "numerics", "same-engine"}


def test_a_page_that_says_otherwise_than_its_files_is_found(session: Path) -> None:
    """What people read is held to the files, like the result that programs read."""
    record = with_evaluations(read_session(session))
    result = result_of(record)
    pages = {"summary.txt": summary_text(result), "report.html": report_html(result, record)}
    for name, text in pages.items():
        (session / name).write_text(text, encoding="utf-8")
    assert of(verify_session(session), Standing.CONTRADICTS) == []
    for name, text in pages.items():
        (session / name).write_text(text.replace("VALID", "VALID, first of all"), encoding="utf-8")
        found = of(verify_session(session), Standing.CONTRADICTS)
        assert [each.subject for each in found] == [name]
        (session / name).write_text(text, encoding="utf-8")


def test_a_page_of_another_version_is_left_open(session: Path) -> None:
    """The page of a session of last month has other words, and is no forgery for that."""
    record = with_evaluations(read_session(session))
    text = report_html(result_of(record), record)
    for other in (text.replace(generator(), "sut.report 0"), "<html>of long ago</html>", ""):
        (session / "report.html").write_text(other, encoding="utf-8")
        items = [each for each in verify_session(session) if each.subject == "report.html"]
        assert [each.standing for each in items] == [Standing.OPEN]


def test_its_figures_and_its_result_are_among_what_is_proved(session: Path) -> None:
    said = {each.subject: each.sentence for each in of(verify_session(session), Standing.PROVED)}
    run = build(session).scenarios["Server"]  # type: ignore[index]
    assert f"{run.achieved_qps:.6g} samples/s" in said[RUN]
    assert "TTFT P99" in said[RUN]
    assert said["result.json"] == "It is byte for byte what its files give."


def test_every_fact_of_the_machine_is_only_stated(session: Path) -> None:
    document = json.loads((session / "session.json").read_text(encoding="utf-8"))
    gpu = {"name": "A30", "uuid": "G0", "memory_mib": 24576, "driver": "550"}
    document["hardware"]["gpus"] = [gpu]
    (session / "session.json").write_text(json.dumps(document), encoding="utf-8")
    stated = " ".join(each.sentence for each in of(verify_session(session), Standing.STATED))
    for section, kind in (("hardware", HardwareFacts), ("software", SoftwareFacts)):
        for name in kind.model_fields:
            assert f"{section}.{name}" in stated
    assert 'hardware.gpus[0].driver is "550"' in stated


BROKEN: list[tuple[str, Change]] = [
    ("seeds", detail_value("effective_qsl_rng_seed", "1")),
    ("ledger-in-order", row(3, issued_ns=1)),
    ("run-ended", run_json(engine_failure="worker died")),
    ("warm-up", session_json(warmup=None)),
]


@pytest.mark.parametrize(("rule", "change"), BROKEN)
def test_what_a_rule_finds_contradicts(session: Path, rule: str, change: Change) -> None:
    change(session / RUN)
    items = verify_session(session)
    assert rule in rules(items, Standing.CONTRADICTS)
    assert rule not in rules(items, Standing.PROVED) | rules(items, Standing.STATED)


def test_a_figure_of_a_run_that_does_not_hold_is_not_proved(session: Path) -> None:
    detail_value("result_completed_samples_per_sec", "9999.0")(session / RUN)
    items = verify_session(session)
    (found,) = (each for each in items if "9999 samples/s" in each.sentence and not each.rule)
    assert (found.standing, found.ground) == (Standing.STATED, "of a run that is not VALID")


def added(root: Path) -> None:
    (root / "more.txt").write_text("x", encoding="utf-8")


def engine_log(root: Path) -> None:
    (root / "session.json").write_text(
        (root / "session.json").read_text(encoding="utf-8") + "\n", encoding="utf-8"
    )


@pytest.mark.parametrize("change", [added, engine_log])
def test_a_file_that_the_manifest_does_not_know_so_contradicts(
    session: Path, change: Callable[[Path], None]
) -> None:
    change(session)
    assert "as-closed" in rules(verify_session(session), Standing.CONTRADICTS)


def rewrite(root: Path, **figures: object) -> None:
    path = root / "result.json"
    stated = json.loads(path.read_text(encoding="utf-8"))
    stated["scenarios"]["Server"] |= figures
    path.write_text(json.dumps(stated), encoding="utf-8")


def test_a_result_that_says_otherwise_contradicts(session: Path) -> None:
    rewrite(session, achieved_qps=1e6)
    (found,) = of(verify_session(session), Standing.CONTRADICTS)
    assert found.subject == "result.json"
    assert found.sentence.startswith("scenarios.Server.achieved_qps is 1000000")


def test_a_result_that_is_written_otherwise_holds(session: Path) -> None:
    rewrite(session)
    items = verify_session(session)
    assert of(items, Standing.CONTRADICTS) == []
    assert "Its figures and verdicts" in verify_text(items)


def test_a_published_copy_is_held_against_the_files_too(session: Path) -> None:
    copy = session.parent / f"mlperf_datacenter_{session.name}.json"
    copy.write_text("{}", encoding="utf-8")
    (found,) = of(verify_session(session), Standing.CONTRADICTS)
    assert found.subject == copy.name
    assert found.sentence.startswith("It is not a result of this version: ")


def test_a_result_of_another_version_is_not_read(session: Path) -> None:
    (session / "result.json").write_text('{"schema_version": "0.1"}', encoding="utf-8")
    items = verify_session(session)
    assert of(items, Standing.CONTRADICTS) == []
    assert "It is of version 0.1" in verify_text(items)


def test_answers_that_nobody_can_score_again_are_stated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(*_: object) -> None:
        raise DatasetError("there is no data set.")

    monkeypatch.setattr(sut.result.evaluated, "evaluate", nowhere)
    root = whole(tmp_path, "accuracy")
    folder = root / FOLDERS["accuracy"]
    metrics = [{"name": "ROUGE1", "value": 38.0, "target": None, "upper_limit": None,
                "passed": None}]  # fmt: skip
    facts = make_accuracy(folder, metrics=metrics)
    (folder / "accuracy.json").write_text(json.dumps(facts), encoding="utf-8")
    items = verify_session(root)
    assert of(items, Standing.CONTRADICTS) == []
    assert "accuracy-evaluated" in rules(items, Standing.STATED)
    assert "accuracy-evaluated" not in rules(items, Standing.PROVED)
    assert "ROUGE1 38" in " ".join(each.sentence for each in of(items, Standing.STATED))
    (folder / "mlperf_log_accuracy.json").write_text("[", encoding="utf-8")
    assert "accuracy-evaluated" in rules(verify_session(root), Standing.CONTRADICTS)


def test_the_text_says_plainly_what_no_check_can_tell(session: Path) -> None:
    text = verify_text(verify_session(session))
    assert "Nothing contradicts: " in text
    assert text.endswith(f"{FORGED}\n")
    assert document(verify_session(session))["not_provable"] == FORGED


def test_a_forged_record_passes_as_it_says(session: Path) -> None:
    """The limit of it: hardware that was never there, and the hashes made anew."""
    hardware = json.loads((session / "session.json").read_text(encoding="utf-8"))["hardware"]
    edit(session / "session.json", hardware=hardware | {"cpu_model": "a better one"})
    seal(session)
    (session / "result.json").write_text(result_json(build(session)), encoding="utf-8")
    items = verify_session(session)
    assert of(items, Standing.CONTRADICTS) == []
    assert 'hardware.cpu_model is "a better one"' in verify_text(items)


def test_the_verb_prints_and_tells_by_its_exit_code(
    session: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(session)]) == 0
    assert capsys.readouterr().out.startswith("PROVED")
    rewrite(session, achieved_qps=1e6)
    assert main([str(session), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["contradicted"] is True
    assert [each["subject"] for each in found["contradicts"]] == ["result.json"]
    assert found["proved"]
    assert found["stated"]


def test_the_path_that_a_run_printed_last_is_verified(session: Path) -> None:
    copy = session.parent / f"mlperf_datacenter_{session.name}.json"
    copy.write_text(result_json(build(session)), encoding="utf-8")
    assert main([str(copy)]) == main([str(session)]) == 0
