from __future__ import annotations

import pytest

from sut.config.keys import leaves
from sut.config.shipped import CONF_ROOT, names
from tests.unit.config.support import BARE, loaded, written

# Settings of the model, and of the build that a model file knows better.
NOT_THE_SYSTEMS = {"engine.vllm.load_format"}
PATH = ("--set", "model.path=weights")
OFFLINE_MARGIN = 1.1  # LoadGen's slack on the expected rate (test_settings_internal.cc)


@pytest.mark.parametrize("profile", ["quick", "mlperf"])
@pytest.mark.parametrize("system", names("systems"))
def test_every_system_loads_under_every_profile(system, profile):
    result = loaded("--system", system, "--profile", profile, "--dataset", "synthetic", *PATH)
    assert result.config.system.name == system


@pytest.mark.parametrize("model", names("models"))
def test_every_model_loads_under_its_name(model):
    assert loaded("--model", model).config.model.name == model


@pytest.mark.parametrize("system", names("systems"))
def test_every_engine_setting_is_explicit(system):
    result = loaded("--system", system, *PATH)
    keys = {key for key in leaves() if key.startswith("engine.vllm.")} - NOT_THE_SYSTEMS
    if result.config.system.platform == "cuda":
        keys -= {"engine.vllm.cpu_kvcache_gib", "engine.vllm.cpu_omp_threads_bind"}
    if result.config.system.fitted:
        keys -= {"engine.vllm.max_num_seqs", "engine.vllm.max_num_batched_tokens"}
    files = "user_confs/systems/"  # its own, or that of the system it is like
    assert {key for key in keys if not result.origins[key].startswith(files)} == set()


def test_what_never_ran_on_the_card_says_so():
    for system in names("systems"):
        measured = loaded("--system", system, *PATH).config.system.measured
        text = (CONF_ROOT / "systems" / f"{system}.yaml").read_text()
        assert measured is ("not measured" not in text.casefold())


def test_the_contracts_defaults(tmp_path):
    config = loaded("--system", written(tmp_path, BARE)).config
    assert config.generation.max_tokens == 64
    assert (config.server.target_qps, config.offline.target_qps) == (1.0, 10.0)
    assert config.warmup.queries == 10
    assert (config.server.min_query_count, config.server.min_duration_s) == (100, 60)
    assert config.validity.min_success_rate == 0.99
    assert str(config.results_dir) == "results/mlperf_datacenter"
    assert loaded("--system", "cpu-dummy").config.server.e2e_p99_limit_ms == 1000
    mlperf = loaded("--profile", "mlperf", "--dataset", "synthetic", card="NVIDIA A30").config
    assert mlperf.generation.max_tokens == 128
    assert mlperf.validity.min_success_rate == 1.0
    assert mlperf.loadgen.enable_trace is False
    assert mlperf.server.e2e_p99_limit_ms is None


# KV cache that is left beside the weights, in tokens, and a query of mean length of the full set:
# its prompt, and on average half of its answer (as the files reason).
KV_TOKENS = {"a30-bf16": 38_000, "a30-w8a8": 83_000}
QUERY_TOKENS = 870 + 128 / 2
CEILING_QPS = {"a30-bf16": 6.4, "a30-w8a8": 14}


@pytest.mark.parametrize("system", list(KV_TOKENS))
@pytest.mark.parametrize("profile", ["quick", "mlperf"])
def test_a_card_is_asked_for_no_more_than_it_can_hold(system, profile):
    flags = ("--system", system, "--profile", profile, "--dataset", "synthetic", *PATH)
    config = loaded(*flags).config
    assert config.engine.vllm.max_num_seqs * QUERY_TOKENS <= KV_TOKENS[system]
    assert config.server.target_qps < CEILING_QPS[system] / 2
    assert config.interactive.target_qps <= config.server.target_qps


@pytest.mark.parametrize(("system", "samples_per_s"), [("a30-bf16", 25), ("a30-w8a8", 53)])
def test_a_quick_offline_run_fills_its_minute_on_the_card(system, samples_per_s):
    """704 samples that 10/s asks for take an A30 28 s at the quickest, so 25 a second."""
    offline = loaded("--system", system, *PATH).config.offline
    asked = OFFLINE_MARGIN * offline.target_qps * offline.min_duration_s
    assert asked / samples_per_s > offline.min_duration_s


def test_limits_in_quick_are_the_rounds_on_a_card():
    config = loaded("--system", "a30-bf16", *PATH).config
    assert (config.server.ttft_limit_ms, config.server.tpot_limit_ms) == (2000, 100)
    assert (config.interactive.ttft_limit_ms, config.interactive.tpot_limit_ms) == (500, 30)


def test_a_quick_run_on_a_processor_has_time_for_a_token_that_a_core_can_keep():
    config = loaded("--system", "cpu").config
    assert (config.server.ttft_limit_ms, config.server.tpot_limit_ms) == (5000, 500)
    full = loaded("--system", "cpu", "--profile", "mlperf", "--dataset", "synthetic").config
    assert (full.server.ttft_limit_ms, full.server.tpot_limit_ms) == (2000, 100)


@pytest.mark.parametrize(
    ("system", "sequences", "steps"),
    [
        ("a30-bf16", 40, {"Offline": 2048, "Server": 512, "Interactive": 256}),
        ("a30-w8a8", 88, {"Offline": 4096, "Server": 1024, "Interactive": 256}),
    ],
)
def test_the_a30_has_steps_for_each_scenario(
    system: str, sequences: int, steps: dict[str, int]
) -> None:
    asked = ("--system", system, "--scenario", ",".join(steps))
    config = loaded(*asked, *PATH, "--dataset", "synthetic").config
    assert len(config.engine_starts()) == 3
    for each in config.scenarios:
        vllm = config.of(each).engine.vllm
        assert vllm.max_num_batched_tokens == steps[each.value]
        assert (vllm.gpu_memory_utilization, vllm.max_num_seqs) == (0.95, sequences)
