from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from qsl.tokenizer import Tokenizer, tokenizer_sha256
from sut.accuracy.evaluate import (
    Material,
    Sources,
    evaluate,
    evaluate_run,
    read_facts,
)
from sut.accuracy.scorers.rouge import Rouge, Splitter
from sut.accuracy.shown import sample_answers
from sut.accuracy.text import table
from sut.errors import DatasetError, LogError
from sut.harness.after_run import evaluate_runs
from sut.record.facts import AccuracyFacts
from sut.record.folder import sha256_of
from sut.record.samples import SampleAnswers, read_sample_answers
from sut.record.session import read_session
from sut.result import evaluated
from tests.unit.accuracy.answered import (
    EOS,
    SUMMARIES,
    encoded,
    entry,
    make_answered,
    make_dataset,
    write_evaluation,
    write_ledger,
    write_log,
)
from tests.unit.result.sessions import dump, edit

SPLITTER = Splitter("test", lambda text: re.split(r"(?<=[.!?])\s+", text))


def with_splitter() -> Sources:
    return Sources(scorer=lambda _: Rouge(SPLITTER))


def without_splitter() -> Sources:
    return Sources(scorer=lambda _: Rouge(None))


def values(facts: AccuracyFacts) -> dict[str, float | None]:
    return {metric.name: metric.value for metric in facts.metrics}


def test_answers_equal_to_the_summaries_score_a_hundred(tmp_path: Path) -> None:
    root, run = make_answered(tmp_path)
    facts = evaluate_run(run, root, with_splitter())
    characters = sum(map(len, SUMMARIES))
    assert values(facts) == {
        "ROUGE1": 100.0,
        "ROUGE2": 100.0,
        "ROUGEL": 100.0,
        "ROUGELSUM": 100.0,
        "GEN_LEN": characters,
    }
    assert (facts.characters, facts.gen_num) == (characters, 4)
    # One token a character, and the end-of-sequence id.
    assert facts.tokens_per_sample == characters / 4 + 1
    assert (facts.success_rate, facts.empty_share, facts.identical_share) == (1, 0, 0)
    assert (facts.complete, facts.passed, facts.problems) == (True, None, [])
    assert facts.tool == "test"
    assert facts.log_sha256 == sha256_of(run / "mlperf_log_accuracy.json")


def test_each_answer_is_held_to_its_own_summary(tmp_path: Path) -> None:
    root, run = make_answered(tmp_path, texts=[*SUMMARIES[1:], SUMMARIES[0]])
    assert values(evaluate_run(run, root, without_splitter()))["ROUGE2"] == 0.0


def test_without_a_splitter_the_sentence_figure_is_not_measured(tmp_path: Path) -> None:
    root, run = make_answered(tmp_path)
    facts = evaluate_run(run, root, without_splitter())
    assert values(facts)["ROUGELSUM"] is None
    assert values(facts)["ROUGEL"] == 100.0
    assert facts.tool is None
    assert any("ROUGELSUM not measured" in note for note in facts.notes)


def test_a_data_set_without_references_has_lengths_only(tmp_path: Path) -> None:
    root, run = make_answered(tmp_path, output=False)
    facts = evaluate_run(run, root, with_splitter())
    assert {name for name, value in values(facts).items() if value is not None} == {"GEN_LEN"}
    assert facts.notes[-1] == (
        "ROUGE1, ROUGE2, ROUGEL, ROUGELSUM not measured: the data set has no references"
    )


def test_a_model_without_a_tokenizer_leaves_only_token_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_there(model: Path) -> Tokenizer:
        raise DatasetError("no tokenizer was found", where=str(model))

    root, run = make_answered(tmp_path)
    # Finding out in earnest takes an import of transformers.
    monkeypatch.setattr("sut.accuracy.evaluate.open_tokenizer", none_there)
    facts = evaluate_run(run, root, with_splitter())
    assert set(values(facts).values()) == {None}
    assert facts.characters is None
    assert facts.tokens_per_sample is not None
    assert "tokenizer is not at hand" in facts.notes[-1]


def test_a_missing_sample_makes_it_incomplete(tmp_path: Path) -> None:
    root, run = make_answered(tmp_path)
    write_log(run, [encoded(tmp_path / "model", text) for text in SUMMARIES[:3]])
    facts = evaluate_run(run, root, with_splitter())
    assert (facts.complete, facts.gen_num) == (False, 3)
    assert facts.problems == ["1 of 4 samples have no answer in the log"]


def test_a_second_answer_is_not_counted_but_named(tmp_path: Path) -> None:
    root, run = make_answered(tmp_path)
    log = run / "mlperf_log_accuracy.json"
    dump(log, [*json.loads(log.read_text()), entry(0, [9, 9])])
    facts = evaluate_run(run, root, with_splitter())
    assert (facts.gen_num, values(facts)["ROUGE1"]) == (4, 100.0)
    assert facts.problems == ["1 answers are to samples that the log had before; not counted"]


def test_a_sample_outside_the_data_set_is_refused(tmp_path: Path) -> None:
    root, run = make_answered(tmp_path)
    dump(run / "mlperf_log_accuracy.json", [entry(4, [5])])
    with pytest.raises(LogError, match="qsl_idx 4 is not in the data set, which has 4 samples"):
        evaluate_run(run, root)


def test_a_broken_engine_is_seen_though_the_log_is_whole(tmp_path: Path) -> None:
    root, run = make_answered(tmp_path, texts=["the the"] * 3 + [""])
    write_ledger(run, ["succeeded"] * 3 + ["empty"], ["stop"] * 4)
    facts = evaluate_run(run, root, with_splitter())
    assert (facts.empty_share, facts.identical_share, facts.success_rate) == (0.25, 0.75, 0.75)
    assert len(facts.problems) == 2


def test_a_log_without_an_entry_measures_nothing(tmp_path: Path) -> None:
    root, run = make_answered(tmp_path)
    dump(run / "mlperf_log_accuracy.json", [])
    facts = evaluate_run(run, root, without_splitter())
    assert values(facts)["ROUGE1"] is None
    assert facts.tokens_per_sample is None
    assert (facts.gen_num, facts.complete, facts.passed) == (0, False, None)


def test_a_data_set_that_changed_is_refused(tmp_path: Path) -> None:
    root, run = make_answered(tmp_path)
    other = make_dataset(tmp_path / "other.json", SUMMARIES[::-1])
    with pytest.raises(DatasetError, match="the run's had"):
        evaluate_run(run, root, Sources(dataset=other))


def test_data_set_and_model_may_have_moved(tmp_path: Path) -> None:
    root, run = make_answered(tmp_path)
    (tmp_path / "news.json").rename(tmp_path / "moved.json")
    (tmp_path / "model").rename(tmp_path / "elsewhere")
    with pytest.raises(DatasetError, match="no such file"):
        evaluate_run(run, root, Sources(model=tmp_path / "elsewhere"))
    sources = Sources(tmp_path / "moved.json", tmp_path / "elsewhere", lambda _: Rouge(SPLITTER))
    assert values(evaluate_run(run, root, sources))["ROUGE1"] == 100.0


def test_both_files_are_written_once(tmp_path: Path) -> None:
    root, run = make_answered(tmp_path)
    facts = write_evaluation(run, root, with_splitter())
    assert read_facts(run) == facts
    with pytest.raises(FileExistsError):
        write_evaluation(run, root, with_splitter())
    assert read_facts(run) == facts


# The submission checker's own patterns: ACC_PATTERN in constants.py.
PATTERNS = {
    "ROUGE1": r".*'rouge1':\s+'?([\d.]+)'?.*",
    "ROUGE2": r".*'rouge2':\s+'?([\d.]+)'?.*",
    "ROUGEL": r".*'rougeL':\s+'?([\d.]+)'?.*",
    "ROUGELSUM": r".*'rougeLsum':\s+'?([\d.]+)'?.*",
    "GEN_LEN": r".*'gen_len':\s([\d.]+).*",
}


def read_by_checker(text: str) -> dict[str, float]:
    return {
        name: float(match.group(1))
        for name, pattern in PATTERNS.items()
        for line in text.splitlines()
        if (match := re.match(pattern, line))
    }


def test_the_checker_reads_what_was_measured(tmp_path: Path) -> None:
    root, run = make_answered(tmp_path, texts=["The river rose.", *SUMMARIES[1:]])
    facts = write_evaluation(run, root, with_splitter())
    text = (run / "accuracy.txt").read_text()
    assert read_by_checker(text) == values(facts)
    assert text.splitlines()[:3] == ["", "Results", ""]
    assert text.splitlines()[3].startswith("{'rouge1': '8")
    assert text.endswith(f"'gen_len': {facts.characters}, 'gen_num': 4}}\n")
    assert "hash=" not in text


def test_the_checker_finds_nothing_for_what_was_not_measured(tmp_path: Path) -> None:
    root, run = make_answered(tmp_path)
    write_evaluation(run, root, without_splitter())
    assert "ROUGELSUM" not in read_by_checker((run / "accuracy.txt").read_text())


def test_the_table_says_what_was_not_measured_and_not_judged(tmp_path: Path) -> None:
    root, run = make_answered(tmp_path)
    text = table(evaluate_run(run, root, without_splitter()))
    assert re.search(r"ROUGELSUM +not measured +none +- +not judged", text)
    assert text.endswith("verdict: nothing to judge by\n")


@pytest.mark.parametrize("name", ["config.json", "session.json", "Offline/accuracy/run.json"])
@pytest.mark.parametrize("content", [None, "", "{}", "[]"])
def test_a_broken_session_is_named(tmp_path: Path, name: str, content: str | None) -> None:
    root, run = make_answered(tmp_path)
    if content is None:
        (root / name).unlink()
    else:
        (root / name).write_text(content)
    with pytest.raises(LogError) as caught:
        evaluate_run(run, root)
    assert caught.value.where == str(root / name)


def test_a_run_of_the_null_engine_is_not_judged(tmp_path: Path) -> None:
    root, run = make_answered(tmp_path)
    document = json.loads((root / "config.json").read_text())
    document["config"]["engine"]["kind"] = "null"
    dump(root / "config.json", document)
    edit(root / "session.json", engine=None)
    facts = evaluate_run(run, root, with_splitter())
    assert facts.judged_against is None
    assert facts.notes == ["not judged: the null engine answers without a model"]


def test_an_end_of_sequence_is_no_text(tmp_path: Path) -> None:
    root, run = make_answered(tmp_path)
    write_log(run, [[EOS, EOS], [EOS], [], [EOS]])
    facts = evaluate_run(run, root, with_splitter())
    assert (facts.characters, values(facts)["ROUGE1"]) == (0, 0.0)


def test_a_few_answers_are_kept_as_text_beside_their_references(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluated, "evaluate", evaluate)
    root, run = make_answered(tmp_path)
    record = read_session(root)
    evaluate_runs(record, lambda _: None)
    kept = read_sample_answers(run / "samples.json")
    assert kept is not None
    assert [each.answer for each in kept.answers] == list(SUMMARIES)
    assert [each.reference for each in kept.answers] == list(SUMMARIES)
    assert [each.sample_index for each in kept.answers] == [0, 1, 2, 3]
    assert kept.answers[0].tokens == len(SUMMARIES[0]) + 1
    assert kept.log_sha256 == sha256_of(run / "mlperf_log_accuracy.json")
    assert kept.tokenizer_sha256 == tokenizer_sha256(tmp_path / "model")


def test_without_a_tokenizer_no_text_is_kept(tmp_path: Path) -> None:
    root, _ = make_answered(tmp_path)
    found: list[SampleAnswers] = []
    read = read_session(root)

    def keep(scored: Material, facts: AccuracyFacts) -> None:
        asked = dataclasses.replace(scored.asked, tokenizer=None, references=None)
        found.append(sample_answers(dataclasses.replace(scored, asked=asked), facts))

    evaluate(read.runs[0], read, seen=keep)
    assert {each.answer for each in found[0].answers} == {None}
    assert {each.reference for each in found[0].answers} == {None}
