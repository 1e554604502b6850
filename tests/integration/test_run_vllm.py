"""Real LoadGen, real vLLM, on CPU: healthy runs, and engines that cannot start or that die."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from sut.record.engine_load import read_load
from tests.integration.conftest import (
    Finished,
    left_running,
    running,
    settings,
    wait_for_line,
)
from tests.integration.hanging_core import installed

Sut = Callable[..., Finished]
DUMMY = ["--system", "cpu-dummy"]
SMALL_ENGINE = settings(engine__vllm__max_num_seqs=32, engine__vllm__cpu_kvcache_gib=1)
WAIT_S = 120


def engine_processes(harness: psutil.Process) -> list[psutil.Process]:
    children = harness.children(recursive=True)
    return [child for child in children if "EngineCore" in child.name()]


@pytest.mark.usefixtures("small_model")
def test_offline_and_server_on_the_small_model(sut: Sut):
    done = sut(
        *settings(
            offline__min_query_count=8,
            offline__min_duration_s=0,
            server__min_query_count=8,
            server__min_duration_s=0,
            server__target_qps=1,
            loadgen__performance_sample_count=8,
            generation__max_tokens=8,
        ),
        *SMALL_ENGINE,
    )
    found = done.result["scenarios"]
    offline, server = found["Offline"], found["Server"]
    assert offline["valid"], offline["reasons"]
    assert offline["queries"]["succeeded"] == offline["queries"]["issued"] == 8
    assert server["queries"]["succeeded"] == server["queries"]["issued"] == 8
    # Eight queries cannot be enough for LoadGen's early stopping: honest, so INVALID.
    assert done.code == 1
    assert any("early stopping" in reason for reason in server["reasons"])
    assert server["ttft"]["p50_ns"] > 0
    for run in (offline, server):
        assert run["engine_counters"]["prefix_cache_hit_tokens"] == 0
        assert run["tokens_out"] <= 8 * 8
    load = read_load(done.session / "Server" / "performance" / "engine.jsonl")
    assert max(each.running for each in load) >= 1
    assert "<figcaption>Batch size" in (done.session / "report.html").read_text()
    assert left_running("EngineCore") == []


QUICK = settings(
    offline__min_duration_s=0,
    server__min_duration_s=1,
    server__target_qps=20,
    generation__max_tokens=8,
    dataset__synthetic_count=20,
)


@pytest.mark.slow
@pytest.mark.usefixtures("dummy_model")
def test_scenarios_of_unequal_settings_have_an_engine_each_with_settings_of_vllms_own(sut: Sut):
    own = {
        "engine.vllm.extra.long_prefill_token_threshold": 64,
        "by_scenario.Server.engine.vllm.max_num_batched_tokens": 512,
        "by_scenario.Server.engine.vllm.extra.max_num_active_seqs": 8,
    }
    told = [word for key, value in own.items() for word in ("--set", f"{key}={value}")]
    done = sut(*DUMMY, *QUICK, *SMALL_ENGINE, *told)
    assert done.stderr.count("Starting engine vllm") == 2
    offline, server = (done.result["scenarios"][name] for name in ("Offline", "Server"))
    first, second = done.result["engine"], server["own_engine"]["engine"]
    assert offline["own_engine"] is None
    assert (first["traits"]["max_batch_tokens"], second["traits"]["max_batch_tokens"]) == (
        4096,
        512,
    )
    assert first["arguments"]["long_prefill_token_threshold"] == 64
    assert second["arguments"]["long_prefill_token_threshold"] == 64
    assert second["arguments"]["max_num_active_seqs"] == 8
    assert "max_num_active_seqs" not in first["arguments"]
    for run in (offline, server):
        assert run["queries"]["succeeded"] == run["queries"]["issued"] > 0
        assert run["engine_counters"]["prefix_cache_hit_tokens"] == 0
    assert all((done.session / name).stat().st_size for name in ("engine.log", "engine.2.log"))
    assert left_running(str(done.results)) == []


@pytest.mark.slow
@pytest.mark.usefixtures("dummy_model")
def test_a_later_engine_that_cannot_start_costs_no_result(sut: Sut):
    # load_format auto wants weights, and the dummy model's folder has none.
    wrong = ("--set", "by_scenario.Server.engine.vllm.load_format=auto")
    done = sut(*DUMMY, *QUICK, *SMALL_ENGINE, *wrong)
    assert done.code == 1, done.stdout + done.stderr
    assert done.stderr.count("Starting engine vllm") == 2
    assert list(done.result["scenarios"]) == ["Offline"]
    assert done.result["scenarios"]["Offline"]["queries"]["succeeded"] > 0
    assert "Server was asked for in performance mode and has no run" in done.result["reasons"]
    assert json.loads((done.session / "session.2.json").read_text())["engine"] is None
    assert any("starting the engine" in reason for reason in done.result["reasons"])
    assert left_running(str(done.results)) == []


@pytest.mark.slow
@pytest.mark.usefixtures("dummy_model")
def test_an_accuracy_run_logs_what_the_engine_said(sut: Sut):
    done = sut(
        "--scenario", "Server", "--mode", "accuracy", *DUMMY,
        *settings(dataset__synthetic_count=12, server__target_qps=20, generation__max_tokens=6),
        *SMALL_ENGINE,
    )  # fmt: skip
    run = done.session / "Server" / "accuracy"
    entries = json.loads((run / "mlperf_log_accuracy.json").read_text())
    assert sorted(entry["qsl_idx"] for entry in entries) == list(range(12))
    for entry in entries:
        tokens = np.frombuffer(bytes.fromhex(entry["data"]), np.int32)
        first = np.frombuffer(bytes.fromhex(entry["token_data"]), np.int32)
        assert len(tokens) == entry["token_count"]
        assert first.tolist() == tokens[:1].tolist()


@pytest.mark.slow
@pytest.mark.usefixtures("dummy_model")
def test_two_replicas_answer_every_sample_of_both_scenarios_once(sut: Sut):
    done = sut(
        "--scenario", "Offline,Server", "--mode", "both", "--replicas", "2", *DUMMY,
        *settings(
            dataset__synthetic_count=48,
            offline__min_query_count=96,
            offline__min_duration_s=0,
            server__min_query_count=48,
            server__min_duration_s=0,
            server__target_qps=20,
            generation__max_tokens=6,
        ),
        *SMALL_ENGINE,
    )  # fmt: skip
    assert done.result["scenarios"]["Offline"]["valid"], done.stderr
    places = done.result["engine"]["details"]["replicas"]
    assert not set(places[0]["cores"]) & set(places[1]["cores"])
    assert places[0]["model_sha256"] == places[1]["model_sha256"]
    for scenario, issued in (("Offline", 96), ("Server", 48)):
        found = done.result["scenarios"][scenario]
        assert found["queries"]["succeeded"] == found["queries"]["issued"] == issued
        assert len(found["replicas"]) == 2
        for each in found["replicas"]:
            assert each["engine_figures"]["sequences_running_most"] >= 1
            assert each["engine_figures"]["preemptions"] == 0
        assert found["engine_figures"]["preemptions"] == 0
        load = read_load(done.session / scenario / "performance" / "engine.jsonl")
        assert {each.replica for each in load} == {0, 1}
        assert min(each["samples"] for each in found["replicas"]) > 0
        log = done.session / scenario / "accuracy" / "mlperf_log_accuracy.json"
        logged = [entry["qsl_idx"] for entry in json.loads(log.read_text())]
        assert sorted(logged) == list(range(48))
    printed = (done.session / "engine.log").read_text()
    assert printed.rindex("[shutdown]") > printed.rindex("==== replica "), "to its very end"
    assert left_running("EngineCore") == []
    assert left_running(str(done.results)) == []


@pytest.mark.slow
@pytest.mark.parametrize(("on_loss", "failed"), [("fail", True), ("continue", False)])
@pytest.mark.usefixtures("dummy_model")
def test_an_engine_killed_inside_a_living_replica(tmp_path: Path, on_loss: str, failed: bool):
    results = tmp_path / "results"
    asked = settings(
        dataset__synthetic_count=100,
        server__target_qps=8,
        server__min_duration_s=30,
        generation__max_tokens=16,
    )
    flags = ["--scenario", "Server", "--replicas", "2", "--on-replica-loss", on_loss]
    with running(results, *flags, *DUMMY, *asked, *SMALL_ENGINE) as process:
        wait_for_line(process, "Server performance:")
        engine_processes(psutil.Process(process.pid))[0].kill()
        stdout, stderr = process.communicate(timeout=WAIT_S)
    done = Finished(process.returncode, stdout, stderr, results)
    assert done.code == 1
    found = done.result["scenarios"]["Server"]
    (incident,) = found["incidents"]
    assert "was lost: vLLM's engine process died" in incident
    assert (found["engine_failure"] == incident) is failed
    reasons = [each["reason"] for each in found["queries"]["failures"]]
    assert reasons == ([incident] if failed else []), "no query fails of an unnamed cause"
    log = (done.session / "engine.log").read_text()
    assert incident.partition(" was lost")[0] in log, "what the dead engine printed is here"
    assert left_running("EngineCore") == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("replicas", "goes_on"),
    [
        pytest.param([], False, id="alone", marks=pytest.mark.slow),
        pytest.param(["--replicas", "2"], False, id="replica"),
        pytest.param(
            ["--replicas", "2", "--on-replica-loss", "continue"],
            True,
            id="continue",
            marks=pytest.mark.slow,
        ),
    ],
)
@pytest.mark.usefixtures("dummy_model")
def test_an_engine_that_hangs_in_a_step_while_its_process_lives(
    tmp_path: Path, replicas: list[str], goes_on: bool
):
    results = tmp_path / "results"
    asked = settings(
        dataset__synthetic_count=100,
        server__target_qps=4,
        server__min_duration_s=30 if goes_on else 600,
        generation__max_tokens=16,
    )
    variables, hang = installed(tmp_path / "plugin")
    flags = ["--scenario", "Server", *replicas, *DUMMY, *asked, *SMALL_ENGINE]
    with running(results, *flags, variables=variables) as process:
        wait_for_line(process, "Server performance:")
        hang.touch()
        stdout, stderr = process.communicate(timeout=WAIT_S)
    done = Finished(process.returncode, stdout, stderr, results)
    assert not hang.exists(), "a core took it"
    assert done.code == 1
    found = done.result["scenarios"]["Server"]
    hangs = "vLLM's engine hangs: its processes live, but no step ended for"
    if replicas:
        (incident,) = found["incidents"]
        assert re.match(rf"replica \d on .+ was lost: {hangs}", incident)
    if goes_on:
        assert found["engine_failure"] is None
        assert found["queries"]["failed"] == 0
    else:
        assert hangs in found["engine_failure"]
        reasons = [each["reason"] for each in found["queries"]["failures"]]
        assert reasons == [found["engine_failure"]]
        assert found["queries"]["succeeded"] > 0
    assert left_running(str(results)) == []
    assert left_running("EngineCore") == []


@pytest.mark.parametrize("scenario", [pytest.param("Offline", marks=pytest.mark.slow), "Server"])
@pytest.mark.usefixtures("dummy_model")
def test_an_engine_killed_in_the_middle_of_a_run(tmp_path: Path, scenario: str):
    results = tmp_path / "results"
    endless = settings(
        dataset__synthetic_count=1000,
        server__min_duration_s=600,
        server__target_qps=5,
        offline__min_query_count=20000,
        offline__min_duration_s=0,
    )
    with running(results, "--scenario", scenario, *DUMMY, *endless, *SMALL_ENGINE) as process:
        wait_for_line(process, f"{scenario} performance:")
        (engine,) = engine_processes(psutil.Process(process.pid))
        engine.send_signal(signal.SIGKILL)
        stdout, _ = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert "INVALID" in stdout
    done = Finished(process.returncode, stdout, "", results)
    found = done.result["scenarios"][scenario]
    assert found["valid"] is False
    assert "vLLM" in found["engine_failure"]
    assert any("vLLM" in reason for reason in found["reasons"])
    queries = found["queries"]
    assert queries["failed"] > 0
    assert queries["issued"] == queries["succeeded"] + queries["empty"] + queries["failed"]
    detail = done.session / scenario / "performance" / "mlperf_log_detail.txt"
    assert "loadgen_version" in detail.read_text()
    assert left_running(str(results)) == []
    assert left_running("EngineCore") == []


@pytest.mark.slow
@pytest.mark.usefixtures("dummy_model")
def test_ctrl_c_keeps_what_was_measured(tmp_path: Path):
    results = tmp_path / "results"
    endless = settings(server__min_duration_s=600, server__target_qps=5)
    with running(results, "--scenario", "Server", *DUMMY, *endless, *SMALL_ENGINE) as process:
        wait_for_line(process, "Server performance:")
        process.send_signal(signal.SIGINT)
        stdout, _ = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130
    assert "INVALID" in stdout
    found = Finished(130, stdout, "", results).result["scenarios"]["Server"]
    assert found["queries"]["succeeded"] > 0
    assert left_running(str(results)) == []
    assert left_running("EngineCore") == []


@pytest.mark.usefixtures("dummy_model")
def test_an_engine_that_cannot_start_is_exit_3(sut: Sut):
    # load_format auto wants weights, and the dummy model's folder has none.
    done = sut("--scenario", "Offline", *DUMMY, *settings(engine__vllm__load_format="auto"))
    assert done.code == 3
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("sut: vLLM could not start:")
    assert "engine.log" in last
    assert "Traceback" not in done.stderr
    assert left_running(str(done.results)) == []
