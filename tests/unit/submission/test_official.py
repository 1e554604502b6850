"""The official checker's whole log is read, each complaint explained, none swallowed."""

from __future__ import annotations

import os
import re
import shutil
import string
from pathlib import Path

import pytest

from sut.errors import ConfigError
from sut.submission.check_tree import check_tree
from sut.submission.complaints import explain, rules
from sut.submission.official import PASSED, OfficialReport, findings_of, run_checker
from tests.unit.submission.support import ROUNDS, SUBMITTER

PATH = f"closed/{SUBMITTER}/results/s/llama3.1-8b/Server/performance/run_1/mlperf_log_detail.txt"
OK = "[2026-11-24 03:15:37,055 main.py:364 INFO] SUMMARY: submission looks OK\n"
CHECKOUT = os.environ.get("MLCOMMONS_INFERENCE")
CHECKOUT_V5_1 = os.environ.get("MLCOMMONS_INFERENCE_V5_1")

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
    # The script of v5.1.1 has words of its own.
    "a does not have all required scenarios, one of [Server, Interactive] is required":
        ("a", "none of the scenarios Server, Interactive"),
    "a/accuracy not hash value for mlperf_log_accuracy.json": ("a/accuracy", "no line hash="),
    "use_token_latencies flag needs to be enabled for Llama2 benchmark": ("", "no token latencies"),
    "closed/A/results/s incorrect network mode (=True) for division 'closed'":
        ("closed/A/results/s", "is_network reads True"),
    "closed/A/results/s has division open, division has closed":
        ("closed/A/results/s", "division is open; the folder is closed"),
    "--- Logging error ---\nTraceback (most recent call last):\n  File \"x\", line 1\nMessage: "
    "\"Root contains files outside division folder %s. You can\"\nArguments: ('closed', ['a.csv'])":
        ("", "beside the divisions: ['a.csv']"),
    "invalid division in input dir preview": ("", "preview is not a division"),
    "closed contains files outside submitter folder ['a.txt']": ("closed", "['a.txt']"),
    "closed/A contains broken symbolic links: ['b']": ("closed/A", "symbolic links: ['b']"),
    "closed/A contains files with git unfriendly name: ['.b']": ("closed/A", "name: ['.b']"),
    "closed/A has the following empty directories: ['b']": ("closed/A", "directories: ['b']"),
    "closed/A/systems has the following files with no results: ['b.json']":
        ("closed/A/systems", "no results: ['b.json']"),
    "closed/A: has not calibration file. One of a or b is required": ("closed/A", "calibration"),
    "no system_desc for closed/A/s": ("closed/A/s", "description is missing"),
    "closed/A/s, field colour is unknown": ("closed/A/s", "does not know the key colour"),
    "a has an invalid model llama, system_type=edge": ("a", "llama is not a benchmark"),
    "a has an invalid model llama for closed/network division": ("a", "llama is not a benchmark"),
    "a/Multi ignoring scenario Multi (neither required nor optional)":
        ("a/Multi", "Multi is not a scenario"),
    "no measurement_dir for closed/A/measurements/s": ("closed/A/measurements/s", "folder of the"),
    "a is missing code_dir closed/A/code/x": ("a", "missing: closed/A/code/x"),
    "a is missing s*.json": ("a", "measurements file is missing: s*.json"),
    "a/accuracy has no accuracy.txt. Generate it with accuracy-imagenet.py or so":
        ("a/accuracy", "accuracy.txt is missing"),
    "a/run_1 has file list mismatch (['b'])": ("a/run_1", "too many in this folder: ['b']"),
    "a/accuracy, accuracy not valid": ("a/accuracy", "does not hold every score"),
    "a/run_1 caused exception in check_performance_dir: no key":
        ("a/run_1", "broke in check_performance_dir: no key"),
    "a/run_1 has issues": ("a/run_1", "takes no performance result"),
    "no compliance dir for a/Server: compliance/Server":
        ("compliance/Server", "no compliance run of a/Server"),
    "a/TEST06/verify_accuracy.txt is missing in a/TEST06":
        ("a/TEST06/verify_accuracy.txt", "file of the compliance test"),
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
        + message("compliance dir closed/A/compliance/s has issues")
        + message("closed/A/measurements/s measurement_dir has issues")
        + message("closed/A/results/s is OK but accuracy has issues")
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


def old_checkout(folder: Path, body: str) -> Path:
    tools = folder / "tools" / "submission"
    tools.mkdir(parents=True)
    (tools / "log_parser.py").write_text("HERE = 'log_parser'\n", encoding="utf-8")
    (tools / "submission_checker.py").write_text(body, encoding="utf-8")
    return folder


def test_the_script_of_an_older_release_is_run_beside_its_own_modules(tmp_path):
    body = "import sys, log_parser\nprint(log_parser.HERE, sys.argv)\nsys.exit(1)\n"
    checkout = old_checkout(tmp_path / "inference", body)
    report = run_checker(tmp_path, "v5.1", checkout)
    assert report.exit_code == 1
    assert report.log.startswith("log_parser ")
    assert f"'--input', '{tmp_path}', '--version', 'v5.1'" in report.log
    assert not list(checkout.rglob("__pycache__"))
    assert run_checker(tmp_path, "v5.1", checkout / "tools" / "submission").exit_code == 1


def test_where_both_are_the_package_is_run(tmp_path):
    checkout = old_checkout(tmp_path / "inference", "print('script')\n")
    fake_checkout(checkout, "print('package')\n")
    assert run_checker(tmp_path, "v6.1", checkout).log == "package\n"


def test_a_checker_that_does_not_know_the_round_is_bad_input(tmp_path):
    body = (
        "import argparse\nparser = argparse.ArgumentParser()\n"
        "parser.add_argument('--version', choices=['v5.0', 'v5.1'])\nparser.parse_known_args()\n"
    )
    checkout = old_checkout(tmp_path / "inference", body)
    with pytest.raises(ConfigError, match=r"no round v6\.1; it knows 'v5\.0', 'v5\.1'"):
        run_checker(tmp_path, "v6.1", checkout)


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


needs_v5_1 = pytest.mark.skipif(
    CHECKOUT_V5_1 is None, reason="MLCOMMONS_INFERENCE_V5_1 names no checkout of tag v5.1.1"
)


@needs_v5_1
@pytest.mark.parametrize("division", ["closed", "open"])
def test_the_script_of_the_old_release_takes_our_trees(made_trees, division):
    assert check_tree(made_trees("v5.1", division), "v5.1", Path(str(CHECKOUT_V5_1))) == []


@needs_v5_1
def test_the_old_scripts_complaints_about_a_broken_tree_are_all_known(tree_v5_1):
    root = tree_v5_1 / "closed" / SUBMITTER
    below = "rehearsal-cpu/llama3.1-8b"
    shutil.rmtree(root / "compliance" / below / "Server")
    (root / "results" / below / "Server/performance/run_1/ledger.parquet").write_bytes(b"x")
    evaluated = root / "results" / below / "Offline/accuracy/accuracy.txt"
    text = evaluated.read_text(encoding="utf-8")
    changed = re.sub(r"hash=\w+", "", text.replace("38.7792", "12.5"))
    evaluated.write_text(changed, encoding="utf-8")
    found = findings_of(run_checker(tree_v5_1, "v5.1", Path(str(CHECKOUT_V5_1))), tree_v5_1)
    assert len(found) >= 6
    assert [each.sentence for each in found if "own words" in each.remedy] == []


@needs_v5_1
def test_a_file_at_the_root_breaks_the_old_scripts_log_and_is_still_named(tree_v5_1):
    (tree_v5_1 / "summary.csv").write_text("x", encoding="utf-8")
    found = findings_of(run_checker(tree_v5_1, "v5.1", Path(str(CHECKOUT_V5_1))), tree_v5_1)
    assert found[0].sentence == "Files lie beside the divisions: ['summary.csv']."


@pytest.mark.parametrize(
    ("exit_code", "last", "passed"),
    [(0, PASSED, True), (1, PASSED, False), (0, "something else", False), (1, "", False)],
)
def test_exit_code_and_last_word_must_agree(exit_code: int, last: str, passed: bool) -> None:
    assert OfficialReport(exit_code, f"a line\n{last}\n").passed is passed
