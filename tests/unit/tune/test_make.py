"""One trial: its configuration, the process that makes it, and what it is worth."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sut.config.names import Scenario
from sut.config.resolved import read_resolved
from sut.config.scenario_sections import OfflineConfig, ServerConfig
from sut.config.schema import ValidityConfig
from sut.tune import make, process
from sut.tune.configs import Sized, confirmation_config, smoke_config, trial_config
from sut.tune.judge import judged, lost_by_smoke
from sut.tune.make import limit_s, make_trial
from sut.tune.measured import Measured, Purpose, read_measured
from sut.tune.process import Ended, run_child
from sut.tune.schedule import Job
from tests.unit.config.support import loaded
from tests.unit.result.sessions import make_session
from tests.unit.tune.support import asked

SEQS = "engine.vllm.max_num_seqs"
BETTER = {SEQS: 64}


def test_the_first_trial_finds_out_how_much_the_others_do(tmp_path: Path) -> None:
    wanted = asked(tmp_path)
    first = trial_config(wanted.loaded, Scenario.OFFLINE, {}, tmp_path, wanted.sized([]))
    offline = first.config.offline
    assert (offline.probe_rate, offline.min_duration_s) == (True, 20.0)
    made = Measured(1, Purpose.GIVEN, {}, 9.0, None, 60.0, figures={"samples": 700.0})
    later = trial_config(wanted.loaded, Scenario.OFFLINE, BETTER, tmp_path, wanted.sized([made]))
    offline = later.config.offline
    assert (offline.probe_rate, offline.min_duration_s) == (False, 0.0)
    assert offline.min_query_count == 700
    assert later.config.engine.vllm.max_num_seqs == 64
    assert later.config.profile == "quick"
    assert later.origins[SEQS] == "tune: a trial"


def test_server_keeps_one_rate_over_all_trials(tmp_path: Path) -> None:
    auto = loaded("--system", "cpu-dummy", "--scenario", "Server")
    first = trial_config(auto, Scenario.SERVER, {}, tmp_path, Sized(5.0))
    assert first.config.server.probe_rate
    later = trial_config(auto, Scenario.SERVER, BETTER, tmp_path, Sized(5.0, rate=7.5))
    assert (later.config.server.probe_rate, later.config.server.target_qps) == (False, 7.5)
    given = ("--set", "server.target_qps=3")
    mine = loaded("--system", "cpu-dummy", "--scenario", "Server", *given)
    first = trial_config(mine, Scenario.SERVER, {}, tmp_path, Sized(5.0))
    assert (first.config.server.probe_rate, first.config.server.target_qps) == (False, 3.0)


def test_a_confirmation_is_the_users_own_run(tmp_path: Path) -> None:
    own = loaded("--system", "cpu-dummy", "--scenario", "Offline")
    found = confirmation_config(own, Scenario.OFFLINE, BETTER, tmp_path, Sized(5.0, samples=3))
    assert found.config.engine.vllm.max_num_seqs == 64
    assert found.config.offline.min_duration_s == own.config.offline.min_duration_s
    assert found.config.offline.probe_rate


def test_a_smoke_asks_the_first_samples_for_their_accuracy(tmp_path: Path) -> None:
    own = loaded("--system", "cpu", "--scenario", "Offline")
    found = smoke_config(own, tmp_path).config
    assert (found.mode, found.dataset.max_samples) == ("accuracy", 50)


def test_a_trial_has_settings_output_and_a_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = asked(tmp_path)
    words: list[Any] = []

    def child(folder: Path, config: Any, given: Any, limit: float) -> Ended:
        words.append((config.config.engine.vllm.max_num_seqs, list(given), limit))
        return Ended(31.0, "the engine did not start")

    monkeypatch.setattr(make, "run_child", child)
    (wanted.trials / "004").mkdir(parents=True)  # cut off: its number is not given again
    before = [Measured(1, Purpose.GIVEN, wanted.given, 9.0, None, 60.0)]
    made = make_trial(wanted, Job(Purpose.SEARCH, wanted.given | BETTER), before)
    assert made.number == 5
    assert words == [(64, [], 240.0)]
    assert (made.value, made.failed, made.cost_s) == (None, "the engine did not start", 31.0)
    assert read_measured(wanted.trials) == [made]


def test_settings_that_contradict_each_other_fail_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unwanted(*arguments: Any) -> Ended:
        raise AssertionError("a process was started")

    monkeypatch.setattr(make, "run_child", unwanted)
    wanted = asked(tmp_path)
    made = make_trial(wanted, Job(Purpose.SEARCH, {SEQS: -1}), [])
    assert made.failed is not None
    assert SEQS in made.failed


def test_a_trial_may_take_four_times_what_the_first_took(tmp_path: Path) -> None:
    wanted = asked(tmp_path)
    first = Measured(1, Purpose.GIVEN, {}, 9.0, None, 100.0)
    assert limit_s(wanted, [first]) == 400.0
    assert limit_s(wanted, [replace(first, cost_s=5.0)]) == 120.0
    assert limit_s(wanted, []) > wanted.loaded.config.engine.start_timeout_s


def stand_in(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    """Another program in place of `sut.tune.child`."""
    real = subprocess.Popen

    def popen(command: list[str], **rest: Any) -> Any:
        return real([sys.executable, "-c", code], **rest)

    monkeypatch.setattr(subprocess, "Popen", popen)


OWN = ("--system", "cpu-dummy", "--scenario", "Offline")


def test_a_child_is_given_its_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, "pass")
    found = loaded(*OWN)
    assert run_child(tmp_path, found, [], 60.0).failed is None
    assert read_resolved(tmp_path / "resolved.json").config == found.config


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import sys; print('sut: it is too large.'); sys.exit(3)", "it is too large."),
        ("import sys; print('Traceback'); sys.exit(1)", "its process ended with exit code 1"),
        ("import os; os.kill(os.getpid(), 9)", "its process ended with signal 9"),
    ],
)
def test_a_child_that_fails_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, why: str
) -> None:
    stand_in(monkeypatch, code)
    assert run_child(tmp_path, loaded(*OWN), [], 60.0).failed == why


def test_a_child_that_hangs_and_does_not_listen_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"
    stand_in(monkeypatch, deaf)
    monkeypatch.setattr(process, "GRACE_S", 0.2)
    assert run_child(tmp_path, loaded(*OWN), [], 0.5).failed == "it was not over after 0 s"


def test_a_child_that_the_user_ended_ends_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in(monkeypatch, "raise SystemExit(130)")
    with pytest.raises(KeyboardInterrupt):
        run_child(tmp_path, loaded(*OWN), [], 60.0)


def test_offline_is_worth_its_tokens(tmp_path: Path) -> None:
    session = make_session(tmp_path, "offline", offline=OfflineConfig(**OFFLINE))
    told = judged(session, Scenario.OFFLINE)
    assert told.failed is None, told.failed
    assert told.value == told.figures["tokens_per_s"]


OFFLINE = {"target_qps": 100, "min_duration_s": 0.0, "min_query_count": 1}
SERVER = {
    "target_qps": 200,
    "min_duration_s": 1.0,
    "min_query_count": 240,
    "latency_percentile": 95,
    "e2e_p99_limit_ms": 1000,
}


def server(folder: Path, **values: Any) -> Path:
    return make_session(folder, "server", server=ServerConfig(**(SERVER | values)))


def test_server_is_worth_its_headroom_however_slow_it_is(tmp_path: Path) -> None:
    fast = judged(server(tmp_path / "fast"), Scenario.SERVER)
    slow = judged(server(tmp_path / "slow", e2e_p99_limit_ms=1.0), Scenario.SERVER)
    assert fast.failed is None, fast.failed
    assert slow.failed is None, slow.failed
    assert fast.value is not None
    assert slow.value is not None
    assert slow.value < 1 < fast.value
    assert fast.figures["target_qps"] == 200


def test_a_run_that_breaks_a_rule_is_worth_nothing(tmp_path: Path) -> None:
    session = server(tmp_path)
    path = session / "Server/performance/run.json"
    facts = json.loads(path.read_text())
    facts["incidents"] = ["replica 1 was lost"]
    path.write_text(json.dumps(facts))
    told = judged(session, Scenario.SERVER)
    assert told.value is None
    assert "replica 1 was lost" in str(told.failed)


@pytest.mark.parametrize(("value", "lost"), [(38.0, False), (37.7, True), (40.0, False)])
def test_answers_keep_what_the_given_settings_have(value: float, lost: bool) -> None:
    assert (lost_by_smoke({"rouge1": value}, {"rouge1": 39.0}) is not None) is lost


def test_samples_that_failed_are_no_matter_of_speed(tmp_path: Path) -> None:
    values = SERVER | {"min_query_count": 1, "min_duration_s": 0.0}
    strict = ValidityConfig(min_success_rate=1.0)
    session = make_session(
        tmp_path, "server_with_errors", server=ServerConfig(**values), validity=strict
    )
    told = judged(session, Scenario.SERVER)
    assert told.value is None
    assert "must be >= 1" in str(told.failed)
