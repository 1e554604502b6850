"""What a user gives and the call would not use is refused or noted, never dropped in silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from sut.config.strays import ALL_OF_RAY, OF_COORDINATED, idle_assignments, unread_variables
from sut.errors import ConfigError
from tests.unit.config.support import loaded, written

ADDRESS = ("--address", "10.0.0.1:6379")
OWN_SYSTEM = "default_model: smollm2-135m\nsystem:\n  name: box\n"


def refusal(*flags: str, **named: object) -> ConfigError:
    with pytest.raises(ConfigError) as refused:
        loaded(*flags, **named)  # type: ignore[arg-type]
    assert refused.value.exit_code == 2
    return refused.value


@pytest.mark.parametrize("more", [(), ("--system", "cpu"), ("--engine", "null")])
def test_an_address_alone_would_be_a_run_on_this_machine(more: tuple[str, ...]) -> None:
    refused = refusal(*ADDRESS, *more)
    assert refused.where == "--address"
    assert "10.0.0.1:6379" in refused.message
    assert "--replicas all" in str(refused.remedy)
    assert "--coordinated" in str(refused.remedy)


def test_wherever_it_is_from(tmp_path: Path) -> None:
    ray = "engine:\n  ray:\n    address: auto\n"
    config = written(tmp_path, ray)
    system = written(tmp_path, OWN_SYSTEM + ray, "system.yaml")
    for flags, where in (
        (("--set", "engine.ray.address=auto"), "--set engine.ray.address"),
        (("--config", config), f"{config}:3"),
        (("--system", system), f"{system}:6"),
    ):
        assert refusal(*flags).where == where
        assert loaded(*flags, "--replicas", "2", "--engine", "null").config.engine.elsewhere


def test_a_later_source_may_take_it_back(tmp_path: Path) -> None:
    config = written(tmp_path, "engine:\n  ray:\n    address: auto\n")
    found = loaded("--config", config, "--set", "engine.ray.address=null").config
    assert found.engine.ray.address is None
    refused = refusal(*ADDRESS, "--replicas", "2", "--set", "engine.replicas=null")
    assert refused.where == "--address"


@pytest.mark.parametrize(
    "flags",
    [
        ("--dispatch", "equal"),
        ("--dispatch", "auto"),
        ("--on-replica-loss", "continue"),
        ("--set", "engine.ray.heartbeat_s=1"),
        ("--set", "engine.ray.heartbeat_timeout_s=5"),
        ("--set", "engine.ray.cpus_per_replica=2"),
    ],
)
def test_what_only_replicas_have_wants_replicas(flags: tuple[str, str]) -> None:
    refused = refusal(*flags)
    assert refused.where in (flags[0], f"--set {flags[1].partition('=')[0]}")
    assert "--replicas N" in str(refused.remedy)
    assert loaded(*flags, "--replicas", "1").config.engine.replicas == 1


def test_replicas_may_be_asked_for_by_any_source(tmp_path: Path) -> None:
    config = written(tmp_path, "engine:\n  replicas: 2\n")
    system = written(tmp_path, f"{OWN_SYSTEM}engine:\n  replicas: all\n", "system.yaml")
    assert loaded(*ADDRESS, "--config", config, "--engine", "null").config.engine.elsewhere
    assert loaded(*ADDRESS, "--system", system).config.engine.elsewhere


def test_a_coordinated_run_uses_what_finds_and_watches_its_nodes() -> None:
    flags = (*ADDRESS, "--system", "cpu", "--set", "engine.ray.heartbeat_s=1")
    assert loaded(*flags, used_of_ray=OF_COORDINATED).config.engine.ray.heartbeat_s == 1
    for other in (("--dispatch", "equal"), ("--on-replica-loss", "fail")):
        refused = refusal(*flags, *other, used_of_ray=OF_COORDINATED)
        assert refused.where == other[0]
        assert "a coordinated run" in refused.message


def test_a_look_at_the_cluster_takes_the_flags_of_any_run() -> None:
    flags = (*ADDRESS, "--engine", "null", "--dispatch", "equal", "--on-replica-loss", "continue")
    assert loaded(*flags, used_of_ray=ALL_OF_RAY).config.engine.ray.dispatch == "equal"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("MAX_TOKEN", "MAX_TOKENS"),
        ("MAX_TOKENSS", "MAX_TOKENS"),
        ("max_tokens", "MAX_TOKENS"),
        ("SERVER_TARGET_QP", "SERVER_TARGET_QPS"),
        ("SERVER_TARGETS_QPS", "SERVER_TARGET_QPS"),
        ("SERVER_QPS", "SERVER_TARGET_QPS"),
        ("OFFLINE_QPS", "OFFLINE_TARGET_QPS"),
        ("OFLINE_TARGET_QPS", "OFFLINE_TARGET_QPS"),
        ("INTERACTIVE_TARGET_QPS", "--set interactive.target_qps=…"),
        ("SINGLESTREAM_TARGET_QPS", "--set single_stream.target_latency_ms=…"),
    ],
)
def test_a_variable_that_looks_like_ours_is_noted(name: str, meant: str) -> None:
    assert unread_variables({name: "8"}) == [
        f"the environment variable {name} is not read; {meant} is"
    ]


def test_no_other_variable_is(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = ("MAX_TOKENS", "SERVER_TARGET_QPS", "OFFLINE_TARGET_QPS", "NODE_NAME", "HF_TOKEN")
    others = (
        "NODENAME", "MY_NODE_NAME", "SLURMD_NODENAME", "NODE_NAMES", "HOSTNAME", "TOKENS",
        "MAX_NEW_TOKENS", "MAX_MODEL_TOKENS", "MAX_TOKENS_PER_REQUEST", "SERVER_NAME", "SERVER",
        "SERVER_PORT", "OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "TARGET", "QPS",
        "RAY_ADDRESS", "PATH", "OMP_NUM_THREADS", "VLLM_CPU_KVCACHE_SPACE", "SERVER_TARGET",
        "MAKEFLAGS", "MAX_JOBS", "SERVER_TIPS",
    )  # fmt: skip
    assert unread_variables(dict.fromkeys((*ours, *others), "8")) == []
    assert unread_variables({"MAX_TOKEN": " "}) == [], "set to nothing counts as not set"


def idle(*flags: str) -> list[str]:
    found = loaded(*flags)
    return idle_assignments(found.config, found.origins)


@pytest.mark.parametrize(
    ("assignment", "why"),
    [
        ("server.target_qps=2", "Server is not among the scenarios"),
        ("interactive.target_qps=2", "Interactive is not among the scenarios"),
        ("single_stream.target_latency_ms=9", "SingleStream is not among the scenarios"),
        ("engine.null.ttft_ms=3", "the engine is vllm"),
        ("dataset.synthetic_count=9", "the data set is of source sample"),
        ("compliance.tests=TEST06", "mode performance makes no compliance run"),
    ],
)
def test_a_set_that_nothing_reads_is_noted(assignment: str, why: str) -> None:
    key = assignment.partition("=")[0]
    said = idle("--scenario", "Offline", "--set", assignment)
    assert said == [f"--set {key} has no effect: {why}"]


def test_a_section_of_another_engine_is_idle_whichever_it_is() -> None:
    assert idle("--engine", "null", "--set", "engine.vllm.max_num_seqs=3") == [
        "--set engine.vllm.max_num_seqs has no effect: the engine is null"
    ]


def test_a_set_that_is_read_is_not_nor_is_what_a_file_says(tmp_path: Path) -> None:
    config = written(tmp_path, "server:\n  target_qps: 2\n")
    assert idle("--scenario", "Offline", "--config", config) == []
    assert idle("--set", "server.target_qps=2", "--set", "offline.target_qps=3") == []
    assert idle("--engine", "null", "--set", "engine.null.ttft_ms=3") == []
    assert idle("--mode", "all", "--set", "compliance.tests=TEST06") == []
    assert idle("--system", "cpu-dummy", "--set", "dataset.synthetic_count=9") == []
