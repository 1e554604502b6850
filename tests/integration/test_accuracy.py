"""Accuracy runs as a user starts them: LoadGen, an engine, the evaluation, the verb."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.conftest import TIMEOUT_S, Finished, settings, user_environment

REFERENCE = "user_confs/references/smollm2-135m.json"

Sut = Callable[..., Finished]


def evaluation(session: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((session / "Offline/accuracy/accuracy.json").read_text())
    return document


def passed_on(log: Path) -> None:
    """Give each sample the answer of the one before it in the log."""
    entries = json.loads(log.read_text())
    answers = [{key: entry[key] for key in ("data", "token_count")} for entry in entries]
    for entry, answer in zip(entries, answers[-1:] + answers[:-1], strict=True):
        entry |= answer
    log.write_text(json.dumps(entries))


@pytest.mark.usefixtures("small_model")
def test_the_small_model_in_float32_is_as_good_as_under_transformers(sut: Sut) -> None:
    run = sut("--smoke", "--scenario", "Offline", *settings(engine__vllm__dtype="float32"))
    facts = evaluation(run.session)
    assert (facts["judged_against"], facts["passed"]) == (REFERENCE, True), run.stdout
    assert (facts["gen_num"], facts["success_rate"], facts["problems"]) == (50, 1.0, [])
    text = (run.session / "Offline" / "accuracy" / "accuracy.txt").read_text()
    assert "'gen_num': 50}" in text

    code, again = accuracy_of(run.session)
    assert (code, again["differs_from_written"]) == (0, [])

    wrong = run.session.with_name("wrong")
    shutil.copytree(run.session, wrong)
    passed_on(wrong / "Offline" / "accuracy" / "mlperf_log_accuracy.json")
    code, judged = accuracy_of(wrong)
    assert (code, judged["passed"]) == (1, False)


def test_a_synthetic_data_set_exercises_rouge_and_judges_nothing(
    sut: Sut, dummy_model: Path
) -> None:
    run = sut(
        *("--mode", "accuracy", "--scenario", "Offline", "--engine", "null"),
        *("--dataset", "synthetic", "--model", "llama-tiny-dummy"),
        *settings(dataset__synthetic_count=40),
    )
    facts = evaluation(run.session)
    values = {metric["name"]: metric["value"] for metric in facts["metrics"]}
    assert values["ROUGE1"] is not None
    assert values["GEN_LEN"] == facts["characters"]
    assert (facts["gen_num"], facts["passed"], facts["judged_against"]) == (40, None, None)


def accuracy_of(session: Path) -> tuple[int, dict[str, Any]]:
    """Exit code and facts of `sut accuracy SESSION --json`."""
    done = subprocess.run(
        [sys.executable, "-m", "sut.main", "accuracy", str(session), "--json"],
        cwd=session,
        env=user_environment(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.stdout, done.stderr
    (facts,) = json.loads(done.stdout)["runs"].values()
    return done.returncode, facts
