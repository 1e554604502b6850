"""Several nodes' results as one: sums, worst tails, skew, efficiency, and what may be compared."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from scripts import write_schema
from sut.config.names import Scenario
from sut.errors import ConfigError
from sut.report.aggregated import aggregated_text
from sut.result.aggregate import Call, NodeRecord, Start, aggregate
from sut.result.aggregated_schema import Aggregated, aggregated_json
from sut.result.baseline import Alone, check_stored, comparable
from sut.result.build import build
from sut.result.schema import Result
from tests.unit.result.nodes import known, of_node
from tests.unit.result.sessions import make_config, make_round, make_session

NAMES = ("offline", "server")
CALL = Call("2026-11-24T00:00:00Z", ["sut", "--coordinated"])
OFFLINE, SERVER = Scenario.OFFLINE, Scenario.SERVER


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Result:
    """Offline at 25,861.1 samples/s, Server at 196.537; both VALID."""
    return known(build(make_session(tmp_path_factory.mktemp("session"), *NAMES), make_round()))


def changed(result: Result, scenario: Scenario, **fields: Any) -> Result:
    run = result.scenarios[scenario].model_copy(update=fields)
    return result.model_copy(update={"scenarios": result.scenarios | {scenario: run}})


def named(result: Result, node: str) -> Result:
    return of_node(result, node)


def record(name: str, result: Result | None, **fields: Any) -> NodeRecord:
    mine = None if result is None else of_node(result, name)
    return NodeRecord(name, f"host of {name}", f"{name}_session", mine, **fields)


def alone(**results: Result) -> Alone:
    return Alone("measured", results, {name: f"{name}_alone" for name in results})


def of(*records: NodeRecord, single: Alone | None = None, call: Call = CALL) -> Aggregated:
    return aggregate(make_config(NAMES), records, single, call)


def test_rates_are_added(result: Result) -> None:
    both = of(record("a", result), record("b", changed(result, OFFLINE, achieved_qps=138.9)))
    assert both.valid
    assert both.scenarios[OFFLINE].achieved_qps == pytest.approx(26000.0)
    assert both.scenarios[OFFLINE].throughput_tokens_per_sec == 2 * 142236.0
    assert both.scenarios[SERVER].achieved_qps == 2 * 196.537
    shares = [node.share for node in both.scenarios[SERVER].nodes.values()]
    assert shares == [0.5, 0.5]


def test_tails_are_the_worst_nodes(result: Result) -> None:
    latency = result.scenarios[SERVER].latency
    assert latency is not None
    assert latency.p99_ns is not None
    slow = latency.model_copy(update={"p99_ns": latency.p99_ns + 1, "p50_ns": 0})
    both = of(record("a", result), record("b", changed(result, SERVER, latency=slow)))
    worst = both.scenarios[SERVER].latency
    assert worst is not None
    assert worst.p99_ns == latency.p99_ns + 1
    assert worst.p50_ns == latency.p50_ns
    assert worst.p99_node == "b"


def test_a_figure_that_one_node_lacks_is_not_the_sum_of_the_others(result: Result) -> None:
    lacking = changed(result, SERVER, achieved_qps=None, latency=None, latency_p99=None)
    scenario = of(record("a", result), record("b", lacking)).scenarios[SERVER]
    assert scenario.achieved_qps is None
    assert scenario.latency is None
    assert scenario.latency_p99 is None
    assert scenario.throughput_tokens_per_sec is not None


def test_one_lost_node_makes_the_whole_invalid_and_is_named(result: Result) -> None:
    lost = record("b", None, failure="the node gave no sign of life for 10 s")
    both = of(record("a", result), lost)
    assert not both.valid
    assert both.reasons == ["node b (host of b): the node gave no sign of life for 10 s"]
    assert both.nodes["b"].failure is not None
    assert both.nodes["a"].valid
    assert not both.scenarios[OFFLINE].valid
    assert both.scenarios[OFFLINE].achieved_qps is None
    assert both.scenarios[OFFLINE].reasons == ["node b has no run of it"]


def test_one_invalid_node_makes_the_whole_invalid_and_gives_its_reasons(result: Result) -> None:
    bad = changed(result, SERVER, valid=False, reasons=["latency P99: 2, must be < 1"])
    bad = bad.model_copy(
        update={"valid": False, "reasons": ["Server: latency P99: 2, must be < 1"]}
    )
    both = of(record("a", result), record("b", bad))
    assert both.reasons == ["node b: Server: latency P99: 2, must be < 1"]
    assert not both.scenarios[SERVER].valid
    assert both.scenarios[SERVER].reasons == ["node b: latency P99: 2, must be < 1"]
    assert both.scenarios[OFFLINE].valid


def test_no_node_and_an_interruption_are_invalid(result: Result) -> None:
    assert of().reasons == ["no node ran"]
    interrupted = Call("2026-11-24T00:00:00Z", [], ["interrupted"])
    assert of(record("a", result), call=interrupted).reasons == ["interrupted"]


@pytest.mark.parametrize("valid", [True, False])
def test_accuracy_runs_alone_have_one_verdict_and_no_scenario_to_add_up(
    tmp_path: Path, valid: bool
) -> None:
    judged = known(build(make_session(tmp_path, "accuracy"), make_round()))
    assert judged.accuracy_runs
    reasons = [] if valid else ["Offline accuracy run: ROUGE1: 1, must be >= 2"]
    judged = judged.model_copy(update={"valid": valid, "reasons": reasons})
    config = make_config(("accuracy",))
    records = [record("a", judged), record("b", judged)]
    both = aggregate(config, records, alone(a=judged, b=judged), CALL)
    assert both.valid is valid
    assert both.scenarios == {}
    assert both.notes == ["mode is accuracy: no performance run was asked for, none is added up"]
    text = aggregated_text(both)
    assert "no run of it" not in text
    assert text.count("INVALID") == (0 if valid else 3), "the verdict and each node's"


def test_start_skew_is_between_the_first_queries(result: Result) -> None:
    both = of(
        record("a", result, starts={SERVER: Start(5_000_000, 100_000)}),
        record("b", result, starts={SERVER: Start(7_500_000, 200_000)}),
    )
    scenario = both.scenarios[SERVER]
    assert scenario.start_skew_ms == 2.5
    assert scenario.start_skew_error_ms == pytest.approx(0.3)
    assert scenario.nodes["b"].started_after_first_ms == 2.5
    assert both.scenarios[OFFLINE].start_skew_ms is None


def test_efficiency_is_against_the_sum_of_single_node_runs(result: Result) -> None:
    faster = changed(result, OFFLINE, achieved_qps=2 * 25861.1)
    both = of(
        record("a", result), record("b", result), single=alone(a=faster, b=changed(result, SERVER))
    )
    scenario = both.scenarios[OFFLINE]
    assert scenario.single_node_qps == pytest.approx(3 * 25861.1)
    assert scenario.scaling_efficiency == pytest.approx(2 / 3)
    assert scenario.coordination_overhead == pytest.approx(1 / 3)
    assert scenario.nodes["a"].single_node_qps == 2 * 25861.1
    assert both.baseline is not None
    assert both.baseline.source == "measured"


def test_overhead_may_be_negative_and_is_shown_so(result: Result) -> None:
    slower = changed(result, OFFLINE, achieved_qps=25861.1 / 2)
    both = of(record("a", result), single=alone(a=slower))
    assert both.scenarios[OFFLINE].coordination_overhead == pytest.approx(-1.0)
    assert "-100.0%" in aggregated_text(both)


def test_without_a_baseline_nothing_is_claimed(result: Result) -> None:
    scenario = of(record("a", result)).scenarios[OFFLINE]
    assert scenario.scaling_efficiency is None
    assert scenario.coordination_overhead is None


@pytest.mark.parametrize(
    ("spoil", "note"),
    [
        (lambda r: changed(r, OFFLINE, valid=False), "has no valid Offline run"),
        (lambda r: changed(r, OFFLINE, achieved_qps=None), "has no valid Offline run"),
        (
            lambda r: r.model_copy(
                update={"dataset": r.dataset.model_copy(update={"sha256": "1" * 64})}
            ),
            "data set SHA-256 is 0000",
        ),
        (
            lambda r: r.model_copy(
                update={"engine": r.engine.model_copy(update={"model_sha256": "2" * 64})}
            ),
            "model SHA-256 is 1111",
        ),
        (
            lambda r: r.model_copy(
                update={"software": r.software.model_copy(update={"harness_commit": "ba98"})}
            ),
            "harness commit is 0123456789ab together and ba98 alone",
        ),
        (
            lambda r: r.model_copy(
                update={"software": r.software.model_copy(update={"loadgen": "6.0.16"})}
            ),
            "loadgen is 6.0.17 together and 6.0.16 alone",
        ),
        (
            lambda r: r.model_copy(
                update={"hardware": r.hardware.model_copy(update={"cpu_model": "y"})}
            ),
            "CPU is x together and y alone",
        ),
        (
            lambda r: r.model_copy(update={"configuration": r.configuration | {"round": "v6.0"}}),
            "round is v6.1 together and v6.0 alone",
        ),
    ],
)
def test_what_may_not_be_compared_is_noted(result: Result, spoil: Any, note: str) -> None:
    both = of(record("a", result), record("b", result), single=alone(a=result, b=spoil(result)))
    assert both.scenarios[OFFLINE].scaling_efficiency is None
    assert any(each.startswith("node b: ") and note in each for each in both.notes)
    assert both.valid, "a baseline decides no validity"


def test_a_run_alone_that_its_files_contradict_is_not_compared(result: Result) -> None:
    single = Alone(
        "measured", {"a": result}, {"a": "a_alone"}, contradictions={"a": ["valid is true"]}
    )
    both = of(record("a", result), single=single)
    assert both.scenarios[OFFLINE].scaling_efficiency is None
    assert both.notes == ["node a: its run alone is not compared: valid is true"]


def test_a_run_alone_that_nobody_built_again_is_said_to_be_stated(result: Result) -> None:
    single = Alone("stored", {"a": result}, {"a": "/kept/a.json"}, stated=["a"])
    both = of(record("a", result), single=single)
    assert both.scenarios[OFFLINE].scaling_efficiency == pytest.approx(1.0)
    assert both.baseline is not None
    assert both.baseline.stated == ["a"]
    assert both.notes == [
        "node a: its run alone is stated, not built again: no session lies beside /kept/a.json"
    ]
    assert "/kept/a.json (stated, not built again)" in aggregated_text(both)


def test_a_node_without_a_run_alone_is_noted(result: Result) -> None:
    both = of(record("a", result), record("b", result), single=alone(a=result))
    assert both.scenarios[OFFLINE].coordination_overhead is None
    assert both.notes == ["node b has no run alone to compare with"]


def test_stored_results_of_the_same_configuration_are_taken(result: Result) -> None:
    stored = {"b.json": named(result, "b"), "a.json": named(result, "a")}
    other_places = make_config(NAMES, node_name="control", results_dir=Path("elsewhere"))
    assert check_stored(other_places, ["a", "b"], stored) == {"a": "a.json", "b": "b.json"}


def test_stored_results_of_another_configuration_are_refused(result: Result) -> None:
    config = make_config(NAMES, profile="mlperf")
    with pytest.raises(
        ConfigError, match="profile is quick there and mlperf in this run"
    ) as caught:
        check_stored(config, ["a"], {"a.json": named(result, "a")})
    assert caught.value.where == "a.json"


def test_a_node_without_a_stored_result_is_named(result: Result) -> None:
    with pytest.raises(ConfigError, match="no result of node b among them; there are those of a"):
        check_stored(make_config(NAMES), ["a", "b"], {"a.json": named(result, "a")})


def test_what_decides_a_rate_is_compared() -> None:
    keys = comparable(make_config(NAMES)).keys()
    assert {"server.target_qps", "engine.vllm.dtype", "generation.max_tokens"} <= keys
    assert not {"node_name", "results_dir", "scenarios", "engine.ray.address"} & keys


def test_the_published_file_obeys_its_schema(result: Result) -> None:
    schema = json.loads(write_schema.AGGREGATED_TARGET.read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    both = of(record("a", result), record("b", None, failure="gone"), single=alone(a=result))
    document = json.loads(aggregated_json(both))
    validator = Draft202012Validator(schema)
    assert [error.message for error in validator.iter_errors(document)] == []
    assert Aggregated.model_validate(document) == both
    assert document["composite"] is True
    assert document["trust"].startswith("unverified: ")
    del document["composite"]
    assert list(validator.iter_errors(document))


def test_the_text_has_verdict_sums_nodes_and_the_trust_line(result: Result) -> None:
    text = aggregated_text(of(record("a", result), record("b", result), single=alone(a=result)))
    assert "VALID on every node (composite)" in text
    assert "51722.2" in text
    assert "composite: rates are sums over nodes" in text
    assert text.rstrip().endswith(result.trust)
    assert text.isascii()
    lost = aggregated_text(of(record("a", None, failure="its run ended with signal SIGKILL")))
    assert "INVALID:" in lost
    assert "its run ended with signal SIGKILL" in lost
    assert "not measured" in lost
