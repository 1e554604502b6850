"""The cards that answered, not those that the machine has."""

from __future__ import annotations

from sut.record.facts import EngineFacts, GpuFacts, HardwareFacts
from sut.record.nodes import nodes

HERE = HardwareFacts(
    host="box", operating_system="Linux", kernel="6", cpu_model=None, cpu_sockets=1, cpu_cores=1,
    cpu_threads_usable=1, memory_gib=1.0, cpu_governor=None,
    gpus=[
        GpuFacts(name="NVIDIA A30", uuid=f"GPU-{n}", memory_mib=24576, driver="580") for n in (1, 2)
    ],
)  # fmt: skip


def engine(cards: list[str] | None) -> EngineFacts:
    return EngineFacts.model_validate(
        {
            "kind": "vllm", "replicas": 1, "cards": cards, "traits": {}, "arguments": {},
            "sampling": {}, "start_s": 1.0, "model_path": None, "model_sha256": None,
            "details": {},
        }
    )  # fmt: skip


def test_an_engine_that_was_given_one_card_of_two_has_one() -> None:
    (node,) = nodes(HERE, engine(["GPU-2"]))
    assert [gpu.uuid for gpu in node.gpus] == ["GPU-2"]


def test_a_session_of_before_has_all_that_were_there() -> None:
    for before in (engine(None), None):
        (node,) = nodes(HERE, before)
        assert [gpu.uuid for gpu in node.gpus] == ["GPU-1", "GPU-2"]
