"""The official checker's whole log is read, each complaint explained, none swallowed."""

from __future__ import annotations

import os
import re
import shutil
import string
from pathlib import Path

import pytest

from sut.errors import ConfigError
from sut.submission.check import check_tree
from sut.submission.complaints import explain, rules
from sut.submission.official import OfficialReport, findings_of, run_checker
from tests.unit.submission.support import ROUNDS, SUBMITTER

PATH = f"closed/{SUBMITTER}/results/s/llama3.1-8b/Server/performance/run_1/mlperf_log_detail.txt"
OK = "[2026-11-24 03:15:37,055 main.py:364 INFO] SUMMARY: submission looks OK\n"
CHECKOUT = os.environ.get("MLCOMMONS_INFERENCE")

# The checker's own wording with figures of a run → what we make of it: place, then a part.
KNOWN = {
    f"{PATH} qsl_rng_seed is wrong, expected=20, found=10": (PATH, "qsl_rng_seed is 10; this"),
    f"Performance log missing at {PATH}": (PATH, "The detail log of the performance run"),
    f"{PATH} does not have all required scenarios, missing ['offline']": (PATH, "['offline']"),
    f"{PATH} has all unknown scenarios for this benchmark ['multistream']": (PATH, "multistream"),
    f"{PATH} has loadgen errors, number of errors: 3": (PATH, "LoadGen logged 3 errors"),
    f"{PATH} performance_sample_count, found 48, needs to be >= 13368": (PATH, "through 48"),
    "Early stopping condition was not met, msg=need 459 queries": ("", "need 459 queries"),
    f"{PATH} Required minimum samples per query not met by user config, Expected=13368, Found=192":
        (PATH, "holds 192 samples; closed requires 13368"),
    f"{PATH} Test duration less than 600s in user config. expected=600000, found=5":
        (PATH, "asked for 5 ms"),
    f"{PATH} incorrect network mode(=True) for division closed": (PATH, "is_network reads True"),
    f"{PATH} incorrect network mode(=True)for division 'closed'": (PATH, "is_network reads True"),
    "use_token_latencies flag needs to be enabled for LLM benchmark": ("", "no token latencies"),
    "Failed extra check for TTFT and TPOT. Obtained: TTFT 99-tile: 1.0000, TPOT 99-tile: 2.0000. "
    "Required: TTFT 99-tile: 3.0000, TPOT 99-tile: 4.0000": ("", "P99 TTFT 1.0000 ns"),
    f"Result for scenario Server can not be inferred from Offline for: {PATH}": (PATH, "Offline"),
    "a/accuracy accuracy not met: expected=38.391408, found=12.5": ("a/accuracy", "is 12.5"),
    "a/accuracy accuracy not met: upper limit=8984408.4, found=9000000": ("a/accuracy", "at most"),
    "a/accuracy not hash value for accuracy.txt": ("a/accuracy", "no line hash="),
    "a/mlperf_log_accuracy.json is not truncated": ("a/mlperf_log_accuracy.json", "longer"),
    "a/mlperf_log_accuracy.json is missing": ("a/mlperf_log_accuracy.json", "is missing"),
    "a accurcy run does not cover all dataset, accuracy samples: 48, dataset size: 13368":
        ("a", "covers 48 samples"),
    "systems/s.json has invalid status (soon)": ("systems/s.json", "status is soon"),
    "systems/s.json has invalid system type (cloud)": ("systems/s.json", "type is cloud"),
    "systems/s.json, field cooling is missing": ("systems/s.json", "key cooling is missing"),
    "systems/s.json, field cooling requires a meaningful response but is empty":
        ("systems/s.json", "cooling says nothing"),
    "systems/s.json has submitter A, directory has B": ("systems/s.json", "submitter is A"),
    "m.json, field retraining is missing meaningful value": ("m.json", "retraining says nothing"),
    "None measurements json file not found": ("None", "measurements file is missing"),
    "closed/x/src src directory does not exist": ("closed/x/src", "source is missing"),
    "a/b is missing user.conf": ("a/b", "user.conf is missing"),
    "a/b is having empty README.md": ("a/b", "README.md is empty"),
    "Missing TEST06 in compliance dir a/Server/": ("a/Server/", "run TEST06 is missing"),
    "Missing accuracy file in compliance dir. Needs file a/verify_accuracy.txt":
        ("a/verify_accuracy.txt", "file of the compliance test"),
    "TEST06 accuracy check failed. first_token_check: True eos_check: False length_check: True.":
        ("", "end of sequence False"),
    f"Execution occurred in running check {PATH}. Running llm_check in PerformanceCheck":
        (PATH, "broke in llm_check of PerformanceCheck"),
    f"NoResults {PATH}": (PATH, "counts no result here"),
}  # fmt: skip


def message(text: str, level: str = "ERROR") -> str:
    return f"[2026-11-24 03:15:37,055 performance_check.py:99 {level}] {text}\n"


@pytest.mark.parametrize("said", KNOWN)
def test_each_known_complaint_becomes_place_sentence_and_remedy(said):
    place, part = KNOWN[said]
    found = explain(said)
    assert found is not None
    assert found.place == place
    assert part in found.sentence
    assert found.remedy.endswith(".")


def test_every_row_of_the_table_fills_its_sentence_from_its_own_pattern():
    for rule in rules():
        fields = {name for _, name, _, _ in string.Formatter().parse(rule.sentence) if name}
        assert fields <= set(rule.pattern.groupindex)


def test_a_complaint_deep_in_the_log_is_found_though_the_end_looks_well(tmp_path):
    log = message(f"{tmp_path.resolve()}/{PATH} Test duration less than 600s in user config. "
                  "expected=600000, found=5") + OK  # fmt: skip
    (found,) = findings_of(OfficialReport(1, log), tmp_path)
    assert (found.place, found.severity, found.source) == (PATH, "error", "official")


def test_an_unknown_complaint_is_shown_in_its_own_words(tmp_path):
    (found,) = findings_of(OfficialReport(1, message("the moon is full")), tmp_path)
    assert found.sentence == "the moon is full"
    assert "own words" in found.remedy


def test_a_warning_stays_a_warning(tmp_path):
    log = message("a accuracy not met: expected=38.39, found=1", "WARNING") + OK
    (found,) = findings_of(OfficialReport(0, log), tmp_path)
    assert found.severity == "warning"


def test_the_checkers_habits_are_no_complaints(tmp_path):
    log = (
        message("There are multiple messages with key x in the log. Emprically choosing", "WARNING")
        + message("Execution of check endpoints_model_check skipped for a.", "WARNING")
        + message("Results=%d, NoResults=%d", "INFO")
        + "\n"
        + OK
    )
    assert findings_of(OfficialReport(0, log), tmp_path) == []


def test_a_crash_is_explained_with_its_last_line(tmp_path):
    log = message("Loading", "INFO") + (
        "Traceback (most recent call last):\n  File \"x.py\", line 1\n    y\n"
        "AttributeError: 'NoneType' object has no attribute 'get'\n"
    )  # fmt: skip
    (found,) = findings_of(OfficialReport(1, log), tmp_path)
    assert found.sentence.startswith("The checker broke: AttributeError: 'NoneType'")


def test_a_failure_without_a_complaint_is_still_a_failure(tmp_path):
    (found,) = findings_of(OfficialReport(1, message("all well", "INFO")), tmp_path)
    assert found.severity == "error"
    assert "exit code 1" in found.sentence


def fake_checkout(folder: Path, body: str) -> Path:
    package = folder / "tools" / "submission" / "submission_checker"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "main.py").write_text(body, encoding="utf-8")
    return folder


def test_the_checker_is_run_with_tree_and_version_and_its_exit_code_kept(tmp_path):
    checkout = fake_checkout(tmp_path / "inference", "import sys\nprint(sys.argv)\nsys.exit(1)\n")
    report = run_checker(tmp_path, "v6.1", checkout)
    assert report.exit_code == 1
    assert f"'--input', '{tmp_path}', '--version', 'v6.1'" in report.log
    assert not list(checkout.rglob("__pycache__"))
    assert run_checker(tmp_path, "v6.1", checkout / "tools" / "submission").exit_code == 1


def test_check_tree_joins_its_findings_with_ours(tree, tmp_path):
    line = message(f"{tree.resolve()}/{PATH} has loadgen errors, number of errors: 3").strip()
    checkout = fake_checkout(tmp_path / "i", f"import sys\nprint({line!r})\nsys.exit(1)\n")
    (tree / "closed" / SUBMITTER / "a.txt").write_text("x", encoding="utf-8")
    assert {each.source for each in check_tree(tree, "v6.1", checkout)} == {"ours", "official"}


def test_a_folder_without_a_checker_is_bad_input(tmp_path):
    with pytest.raises(ConfigError, match="git clone"):
        run_checker(tmp_path, "v6.1", tmp_path)


needs_checkout = pytest.mark.skipif(
    CHECKOUT is None, reason="MLCOMMONS_INFERENCE names no checkout of mlcommons/inference"
)


@needs_checkout
@pytest.mark.parametrize("division", ["closed", "open"])
@pytest.mark.parametrize("round_", ROUNDS)
def test_the_official_checker_takes_our_trees(made_trees, round_, division):
    tree = made_trees(round_, division)
    assert check_tree(tree, round_, Path(str(CHECKOUT))) == []


@needs_checkout
def test_the_official_checkers_complaints_about_a_broken_tree_are_all_known(tree):
    root = tree / "closed" / SUBMITTER
    results = root / "results/rehearsal-cpu/llama3.1-8b"
    shutil.rmtree(results / "Server/TEST06")
    (results / "Offline/user.conf").unlink()
    text = (results / "Offline/accuracy/accuracy.txt").read_text(encoding="utf-8")
    changed = re.sub(r"hash=\w+", "", text.replace("38.7792", "12.5"))
    (results / "Offline/accuracy/accuracy.txt").write_text(changed, encoding="utf-8")
    found = findings_of(run_checker(tree, "v6.1", Path(str(CHECKOUT))), tree)
    assert len(found) >= 6
    assert [each.sentence for each in found if "own words" in each.remedy] == []
