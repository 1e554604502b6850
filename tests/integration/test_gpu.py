"""What only a card can show, small: `make test-gpu` where an NVIDIA driver answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sut.machine.devices import cards
from sut.machine.nvml import describe_cards
from tests.integration.conftest import Finished, left_running, settings

pytestmark = pytest.mark.gpu

SHORT = settings(
    dataset__synthetic_count=100,
    generation__max_tokens=32,
    offline__min_duration_s=10,
    server__min_duration_s=10,
    server__target_qps=5,
)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Offline and Server of the small model on the first card, under the general system."""
    import subprocess

    from tests.integration.conftest import TIMEOUT_S, command, user_environment

    results = tmp_path_factory.mktemp("card") / "results"
    done = subprocess.run(
        command(results, "--system", "auto", "--model", "smollm2-135m", "--dataset", "synthetic",
                *SHORT),
        env=user_environment(), capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    return Finished(done.returncode, done.stdout, done.stderr, results)


def test_each_card_has_a_name_a_uuid_and_its_memory() -> None:
    seen = cards()
    assert seen.found, seen.problem
    for card in seen.found:
        assert card.name
        assert card.uuid.startswith(("GPU-", "MIG-"))
    facts = describe_cards([card.uuid for card in seen.found])
    assert all(each.get("power_limit_mw") for each in facts), facts


@pytest.mark.usefixtures("small_model")
def test_the_first_run_is_valid_and_names_the_card_that_answered(found: Finished) -> None:
    assert found.code == 0, found.stdout + found.stderr
    first = cards().found[0]
    assert found.result["engine"]["cards"] == [first.uuid]
    origins = found.result["configuration_origins"]
    assert origins["engine.vllm.max_num_seqs"] == f"fitted to {first.name}"
    assert left_running(str(found.results)) == []


@pytest.mark.usefixtures("small_model")
def test_the_card_was_sampled_and_its_energy_counted(found: Finished) -> None:
    for run in found.result["scenarios"].values():
        (card,) = run["cards"]
        assert card["samples"] >= 2
        assert card["sm_mhz_median"] > 0
        assert card["power_w_mean"] > 0


@pytest.mark.usefixtures("small_model")
def test_the_kv_cache_is_as_large_as_was_planned(found: Finished) -> None:
    kv_cache = found.result["kv_cache"]
    assert 0.8 <= kv_cache["told_over_planned"] <= 1.25, kv_cache


@pytest.mark.usefixtures("small_model")
def test_the_engine_tells_how_busy_it_was(found: Finished) -> None:
    figures = found.result["scenarios"]["Offline"]["engine_figures"]
    assert figures["sequences_running_most"] > 1
    assert figures["preemptions"] >= 0


@pytest.mark.usefixtures("small_model")
def test_the_machine_is_fit(sut: Callable[..., Finished]) -> None:
    done = sut("doctor", "--system", "auto", "--model", "smollm2-135m")
    assert "fail " not in done.stdout, done.stdout
