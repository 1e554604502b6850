"""Nodes that are not alike, and nodes that say more than their files: no sum, and why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sut.cluster.collect import build_session
from sut.cluster.coordinated import document_for
from sut.config.keys import leaves
from sut.config.names import Scenario
from sut.config.schema import RunConfig
from sut.config.sources import Loaded
from sut.record.folder import SessionDir
from sut.report.aggregated import aggregated_text
from sut.result.aggregate import Call, NodeRecord, aggregate
from sut.result.aggregated_schema import Aggregated
from sut.result.alike import FREE, PER_NODE, REACH, configuration_facts
from sut.result.build import build, result_json
from tests.unit.cluster.unlike import (
    ALIKE,
    DETAIL,
    SAID,
    TOLD_OTHERWISE,
    UNLIKE,
    Sabotage,
    detail,
    fact,
    overwritten,
    own,
    setting,
)
from tests.unit.result.nodes import node_session
from tests.unit.result.sessions import ARGUMENTS, edit, edit_ledger, make_config

NAMES = ("offline", "server")
CALL = Call("2026-11-24T00:00:00Z", ["sut", "--coordinated"])


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """The sessions of two nodes that are alike, before either wrote its result."""
    folder = tmp_path_factory.mktemp("nodes")
    return {name: node_session(folder, name, *NAMES) for name in ("a", "b")}


def summed(
    roots: Mapping[str, Path], *, asked: RunConfig | None = None, ended: Sabotage | None = None
) -> Aggregated:
    """What the control node makes of the sessions; `ended` is done to b's after its run."""
    records = []
    for name, root in roots.items():
        (root / "result.json").write_text(result_json(build(root)), encoding="utf-8")
        if ended is not None and name == "b":
            ended(root)
        records.append(record(name, root))
    return aggregate(asked or make_config(NAMES), records, None, CALL)


def record(name: str, root: Path) -> NodeRecord:
    built = build_session(SessionDir.open(root))
    return NodeRecord(
        name,
        f"host of {name}",
        root.name,
        built.result,
        built.problem,
        contradictions=built.contradictions,
    )


def copied(honest: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    return {name: shutil.copytree(root, folder / root.name) for name, root in honest.items()}


@pytest.mark.parametrize("case", UNLIKE)
def test_nodes_that_are_not_alike_are_not_added_up(
    honest: Mapping[str, Path], tmp_path: Path, case: str
) -> None:
    spoil, sentence = UNLIKE[case]
    roots = copied(honest, tmp_path)
    spoil(roots["b"])
    assert_refused(summed(roots), ALIKE + sentence)


def assert_refused(made: Aggregated, sentence: str) -> None:
    assert not made.valid
    assert sentence in made.not_added_up_because
    assert sentence in made.reasons
    for scenario in made.scenarios.values():
        assert not scenario.valid
        assert sentence in scenario.reasons
        over_all = scenario.model_dump(exclude={"nodes", "reasons", "valid", "composite"})
        assert set(over_all.values()) == {None}
        assert [node.achieved_qps for node in scenario.nodes.values()].count(None) == 0
        assert {node.share for node in scenario.nodes.values()} == {None}
    text = aggregated_text(made)
    assert f"  - {sentence.replace('…', '...')}\n" in text
    assert f"{'samples per second (sum)':<32}: not added up" in text
    assert "25861.1" in text, "each node's own figure stays"


@pytest.mark.parametrize("case", TOLD_OTHERWISE)
def test_a_result_that_its_files_do_not_give_is_not_believed(
    honest: Mapping[str, Path], tmp_path: Path, case: str
) -> None:
    spoil, sentence = TOLD_OTHERWISE[case]
    made = summed(copied(honest, tmp_path), ended=spoil)
    (found,) = made.not_added_up_because
    assert found.startswith(sentence)
    assert_refused(made, found)
    assert not made.nodes["b"].valid
    assert made.nodes["a"].valid
    (root,) = tmp_path.glob("b_*/")
    published = json.loads((tmp_path / f"mlperf_datacenter_{root.name}.json").read_bytes())
    assert published["scenarios"]["Offline"]["achieved_qps"] == 25861.1
    assert (root / "result_of_node.json").is_file(), "what it said is kept, and not published"


def test_a_verdict_that_its_files_do_not_give_is_not_believed(
    honest: Mapping[str, Path], tmp_path: Path
) -> None:
    roots = copied(honest, tmp_path)
    setting("server.e2e_p99_limit_ms", 0.001)(roots["b"])

    def made_valid(document: dict[str, Any]) -> None:
        document["valid"], document["reasons"] = True, []

    made = summed(roots, ended=own(made_valid))
    assert made.not_added_up_because[0] == "node b: valid is true " + SAID.format("false")
    assert any(reason.startswith("node b: Server: latency P99: ") for reason in made.reasons)


def test_many_edits_are_counted_and_not_all_told(
    honest: Mapping[str, Path], tmp_path: Path
) -> None:
    def spoil(document: dict[str, Any]) -> None:
        for key in document["scenarios"]["Server"]["latency"]:
            if key.endswith("_ns"):
                document["scenarios"]["Server"]["latency"][key] += 1
        document["scenarios"]["Server"]["valid"] = False

    made = summed(copied(honest, tmp_path), ended=own(spoil))
    assert len(made.not_added_up_because) == 6
    assert made.not_added_up_because[0].startswith("node b: scenarios.Server.valid is false")
    last = made.not_added_up_because[-1]
    assert last == "node b: 5 more values of its own result are not its files'"


def lose(name: str) -> Sabotage:
    return lambda root: (root / "Server" / "performance" / name).unlink()


def spoil_ledger(root: Path) -> None:
    def shorten(rows: list[dict[str, Any]]) -> None:
        del rows[-1]

    edit_ledger(root / "Server" / "performance", shorten)


LOST: dict[str, tuple[Sabotage, str]] = {
    "the ledger": (
        lose("ledger.parquet"),
        "node b: Server: logs that are not as LoadGen left them: ledger.parquet, must be == none",
    ),
    "LoadGen's log": (lose(DETAIL), f"node b: Server: LoadGen's logs: {DETAIL}: "),
    "a row of the ledger": (spoil_ledger, "node b: Server: samples LoadGen counts: "),
    "a run": (
        lambda root: shutil.rmtree(root / "Server"),
        "node b: Server was asked for in performance mode and has no run",
    ),
    "config.json": (
        lambda root: (root / "config.json").unlink(),
        "node b (host of b): ",
    ),
    "session.json": (
        overwritten("session.json", b"{}"),
        "node b (host of b): ",
    ),
    "run.json": (
        lambda root: edit(root / "Server/performance/run.json", ledger=None),
        "node b (host of b): ",
    ),
}


@pytest.mark.parametrize("case", LOST)
def test_a_session_that_does_not_give_its_result_makes_the_whole_invalid(
    honest: Mapping[str, Path], tmp_path: Path, case: str
) -> None:
    spoil, sentence = LOST[case]
    made = summed(copied(honest, tmp_path), ended=spoil)
    assert not made.valid
    assert not made.nodes["b"].valid
    assert any(reason.startswith(sentence) for reason in made.reasons), made.reasons
    assert not made.scenarios[Scenario.SERVER].valid
    assert made.scenarios[Scenario.SERVER].achieved_qps is None


def test_weights_of_no_node_known_are_not_alike(honest: Mapping[str, Path], tmp_path: Path) -> None:
    roots = copied(honest, tmp_path)
    for root in roots.values():
        fact("engine", model_sha256=None)(root)
    sentence = "the nodes' weights cannot be compared: model SHA-256 is unknown on nodes a and b"
    assert_refused(summed(roots), sentence)


@pytest.mark.parametrize(
    ("kind", "load_format"), [("null", "auto"), ("vllm", "dummy")], ids=["null", "dummy"]
)
def test_an_engine_without_weight_files_needs_no_checksum(
    honest: Mapping[str, Path], tmp_path: Path, kind: str, load_format: str
) -> None:
    roots = copied(honest, tmp_path)
    for root in roots.values():
        arguments = ARGUMENTS | {"load_format": load_format}
        setting("engine.kind", kind)(root)
        fact("engine", kind=kind, model_sha256=None, arguments=arguments)(root)
    assert summed(roots, asked=make_config(NAMES, engine={"kind": kind})).valid


def test_what_no_node_was_asked_is_told(honest: Mapping[str, Path], tmp_path: Path) -> None:
    asked = make_config(NAMES, profile="mlperf")
    made = summed(copied(honest, tmp_path), asked=asked)
    assert_refused(made, ALIKE + "profile is mlperf as asked and quick on nodes a and b")


@pytest.mark.parametrize("renamed", [False, True])
def test_one_run_is_not_counted_twice(
    honest: Mapping[str, Path], tmp_path: Path, renamed: bool
) -> None:
    roots = copied(honest, tmp_path)
    shutil.rmtree(roots["b"])
    roots["b"] = shutil.copytree(roots["a"], tmp_path / "b_20261124T000000Z")
    if renamed:
        setting("node_name", "b")(roots["b"])
    made = summed(roots)
    foreign = "node b: its session was made by node a"
    assert (foreign in made.not_added_up_because) is not renamed
    twice = [each for each in made.not_added_up_because if each != foreign]
    assert len(twice) == 4, "a ledger and a detail log of each run"
    for sentence in twice:
        assert "is the same file on nodes a and b" in sentence
        assert sentence.endswith("one run would be counted twice")
        assert_refused(made, sentence)


def test_of_three_nodes_each_is_named_with_its_value(
    honest: Mapping[str, Path], tmp_path: Path
) -> None:
    roots = copied(honest, tmp_path)
    roots["c"] = node_session(tmp_path, "c", *NAMES)
    fact("software", torch="2.12.0")(roots["c"])
    assert_refused(summed(roots), ALIKE + "torch is 2.13.0 on nodes a and b and 2.12.0 on node c")


# What nodes of one honest run differ in, each by itself and all together.
HONEST: dict[str, Sabotage] = {
    "places": fact("dataset", path="/elsewhere/news.json", name="other"),
    "the model's place": fact("engine", model_path="/mnt/small", start_s=99.0),
    "an argument that is a place": fact("engine", arguments=ARGUMENTS | {"model": "/mnt/small"}),
    "the data set's place": setting("dataset", {"source": "file", "path": "/mnt/news.json"}),
    "the configured model's place": setting("model.path", "/mnt/small"),
    "the results' place": setting("results_dir", "elsewhere/run-0"),
    "the address": setting("engine.ray.address", "10.0.0.9:6379"),
    "blocks that fit": detail(num_gpu_blocks=4711),
    "the time": lambda root: edit(root / "session.json", started_utc="2026-11-24T00:00:09Z"),
    "the command": lambda root: edit(root / "session.json", command=["x", "--start-gate", "9"]),
    "the time of warm-up": fact("warmup", duration_s=9.0),
    "a host": fact("hardware", host="other"),
    "a card": fact(
        "hardware", gpus=[{"name": "A30", "uuid": "GPU-b", "memory_mib": 24576, "driver": "580"}]
    ),
}
GPU = {"name": "A30", "uuid": "GPU-a", "memory_mib": 24576, "driver": "580"}


@pytest.mark.parametrize("case", [*HONEST, "all of them"])
def test_an_honest_difference_is_no_reason(
    honest: Mapping[str, Path], tmp_path: Path, case: str
) -> None:
    roots = copied(honest, tmp_path)
    fact("hardware", gpus=[GPU])(roots["a"])
    for name, spoil in HONEST.items():
        if case in (name, "all of them") or name == "a card":
            spoil(roots["b"])
    # The control node gives the places it has itself.
    asked = make_config(NAMES)
    if "data set" in case or case == "all of them":
        setting("dataset", {"source": "file", "path": "/srv/news.json"})(roots["a"])
        document = json.loads((roots["a"] / "config.json").read_text(encoding="utf-8"))["config"]
        asked = RunConfig.model_validate(document)
    made = summed(roots, asked=asked)
    assert made.reasons == []
    assert made.valid
    assert made.notes == []
    assert made.scenarios[Scenario.OFFLINE].achieved_qps == pytest.approx(2 * 25861.1)


@pytest.mark.parametrize(
    ("spoil", "note"),
    [
        (
            fact("hardware", cpu_model="y"),
            "the nodes' machines differ: CPU is x on node a and y on node b; every node was given "
            "the same work",
        ),
        (
            fact("hardware", gpus=[GPU]),
            "the nodes' machines differ: GPUs is [] on node a and "
            '["A30, 24576 MiB, driver 580"] on node b; every node was given the same work',
        ),
        (
            detail(preloaded=["libiomp5.so"]),
            "the nodes' machines differ: engine detail preloaded is unknown on node a and "
            '["libiomp5.so"] on node b; every node was given the same work',
        ),
    ],
    ids=["cpu", "gpu", "library"],
)
def test_unequal_machines_are_added_up_and_told(
    honest: Mapping[str, Path], tmp_path: Path, spoil: Sabotage, note: str
) -> None:
    roots = copied(honest, tmp_path)
    spoil(roots["b"])
    made = summed(roots)
    assert made.valid, made.reasons
    assert made.notes == [note]
    assert note in aggregated_text(made)


@pytest.mark.parametrize(
    ("commit", "note"),
    [
        (None, "the harness's commit is not known on nodes a and b: "),
        ("0-dirty", "the harness has changes that are in no commit (0-dirty) on nodes a and b: "),
    ],
    ids=["unknown", "dirty"],
)
def test_sources_that_cannot_be_shown_alike_are_told(
    honest: Mapping[str, Path], tmp_path: Path, commit: str | None, note: str
) -> None:
    roots = copied(honest, tmp_path)
    for root in roots.values():
        fact("software", harness_commit=commit)(root)
    made = summed(roots)
    assert made.valid, made.reasons
    assert made.notes == [note + "that the nodes ran the same sources is not shown"]


def test_what_is_free_is_what_a_coordinated_run_sets_for_each_node(tmp_path: Path) -> None:
    config = make_config(NAMES, results_dir=tmp_path)
    documents = [
        json.loads(document_for(Loaded(config, {}), name))["config"] for name in ("a", "b")
    ]
    documents[1]["results_dir"] = "elsewhere/run-0"  # as `NodeRun.start` does

    def at(document: Any, key: str) -> Any:
        for part in key.split("."):
            document = document[part]
        return document

    differing = {key for key in leaves() if at(documents[0], key) != at(documents[1], key)}
    assert differing == set(PER_NODE)
    assert set(PER_NODE) <= set(FREE) <= leaves().keys()
    assert all(any(key.startswith(prefix) for key in leaves()) for prefix in REACH)


def test_a_rate_that_is_auto_makes_no_node_unlike_what_was_asked(tmp_path: Path) -> None:
    """The nodes' document says that none of them measures it; the rate itself is compared."""
    config = make_config(NAMES, results_dir=tmp_path)
    asked = config.model_copy(
        update={"server": config.server.model_copy(update={"probe_rate": True})}
    )
    given = json.loads(document_for(Loaded(asked, {}), "a"))["config"]
    facts = [configuration_facts(each) for each in (asked.model_dump(mode="json"), given)]
    assert facts[0] == facts[1]
    given["server"]["target_qps"] += 1
    assert facts[0] != configuration_facts(given)
