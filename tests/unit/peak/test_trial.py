"""A trial as its folder tells it, and a search as its trials do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sut.config.names import Scenario
from sut.config.scenario_sections import ServerConfig
from sut.errors import ConfigError, LogError
from sut.peak.configs import confirmation_of, trial_of
from sut.peak.find import Asked, Found, describe, tried
from sut.peak.folder import SearchDir
from sut.peak.report import document_of, plots_of, render, write_found
from sut.peak.search import Kind, Step
from sut.peak.trial import RATE, Trial, read_trial, took_ms
from sut.record.session import read_session
from tests.unit.config.support import loaded
from tests.unit.result.sessions import edit, make_session

SERVER = {
    "target_qps": 200,
    "min_duration_s": 1.0,
    "min_query_count": 240,
    "latency_percentile": 95,
    "e2e_p99_limit_ms": 1000,
}


def session(parent: Path, **server: object) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    return make_session(parent, "server", server=ServerConfig(**(SERVER | server)))


def read(parent: Path, *, full: bool = False, **server: object) -> Trial:
    trial = read_trial(session(parent, **server), full=full)
    assert trial is not None
    return trial


def test_the_figures_are_loadgens_and_the_ratios_those_to_the_limits(tmp_path: Path) -> None:
    trial = read(tmp_path)
    log = (trial.folder / "Server/performance/mlperf_log_summary.txt").read_text()
    (line,) = (each for each in log.splitlines() if each.startswith("95.00 percentile first"))
    assert trial.measured_ms["TTFT P95"] == int(line.split(":")[1]) / 1e6
    assert trial.rate == 200
    assert trial.ratios["TTFT P95"] == pytest.approx(trial.measured_ms["TTFT P95"] / 2000)
    assert set(trial.ratios) == {"TTFT P95", "TPOT P95", "latency P99", RATE}
    assert trial.given_up is None
    assert trial.tried.held
    assert all(len(each) == 240 for each in trial.took_ms.values())
    assert np.sort(trial.took_ms["TTFT P95"])[228] == pytest.approx(
        trial.measured_ms["TTFT P95"], abs=20
    )
    assert trial.goodput_qps == pytest.approx(trial.achieved_qps, rel=0.05)


def test_a_percentile_that_loadgen_does_not_print_is_the_ledgers(tmp_path: Path) -> None:
    trial = read(tmp_path, latency_percentile=93)
    assert trial.measured_ms["TTFT P93"] is not None


def test_a_trial_holds_by_its_figures_and_a_full_run_by_its_verdict(tmp_path: Path) -> None:
    short = read(tmp_path / "short", min_query_count=100_000)
    assert not short.valid
    assert short.tried.held
    assert not replace(short, full=True).tried.held


def test_a_limit_that_is_missed_is_the_worst_and_its_queries_are_counted(tmp_path: Path) -> None:
    trial = read(tmp_path, e2e_p99_limit_ms=1)
    assert trial.worst is not None
    assert trial.worst[0] == "latency P99"
    assert trial.worst[1] > 1
    assert not trial.tried.held
    assert (trial.took_ms["latency P99"] > 1).any()
    assert trial.goodput_qps == 0


def test_a_run_that_was_given_up_has_no_worst_and_one_that_was_interrupted_is_none(
    tmp_path: Path,
) -> None:
    root = session(tmp_path)
    facts = root / "Server/performance/run.json"
    why = "LoadGen was ended by us after the trial was given up: 9 queries are over; its log stops"
    edit(facts, loadgen_exit=why)
    trial = read_trial(root, full=False)
    assert trial is not None
    assert (trial.worst, trial.tried.held) == (None, False)
    assert describe(trial) == "200/s: given up, 9 queries are over"
    edit(facts, interrupted=True)
    assert read_trial(root, full=False) is None


QUICK = loaded("--scenario", "Server", "--set", "server.target_qps=4")
MLPERF = loaded(
    "--scenario", "Server", "--profile", "mlperf", "--dataset", "synthetic", "--system", "cpu-dummy"
)


def test_a_trial_is_short_and_relaxed_but_for_what_is_measured() -> None:
    trial = trial_of(MLPERF, Scenario.SERVER, 21.5, Path("out"), None)
    config, whole = trial.config, MLPERF.config
    assert (config.profile, config.server.target_qps) == ("quick", 21.5)
    assert (config.server.min_duration_s, config.server.min_query_count) == (120, 600)
    assert config.loadgen.performance_sample_count == 100
    assert config.generation == whole.generation
    assert config.validity == whole.validity
    for same in ("latency_percentile", "ttft_limit_ms", "tpot_limit_ms", "e2e_p99_limit_ms"):
        assert getattr(config.server, same) == getattr(whole.server, same)
    assert trial.origins["server.target_qps"] == "peak: a trial"


def test_a_trial_is_never_longer_than_the_run_it_is_for() -> None:
    trial = trial_of(QUICK, Scenario.SERVER, 4.0, Path("out"), 999)
    assert trial.config.server.min_duration_s == 60
    assert trial.config.server.min_query_count == 120
    slow = trial_of(QUICK, Scenario.SERVER, 0.1, Path("out"), None)
    assert slow.config.server.min_query_count == 100
    assert trial_of(QUICK, Scenario.SERVER, 4.0, Path("o"), None).config.server.min_duration_s == 15


def test_a_confirmation_is_the_users_run_at_that_rate() -> None:
    full = confirmation_of(MLPERF, Scenario.SERVER, 21.5, Path("out"))
    assert full.config.profile == "mlperf"
    assert full.config.server == MLPERF.config.server.model_copy(update={"target_qps": 21.5})
    assert full.origins["server.target_qps"] == "peak: the confirmation"


def test_the_folder_of_another_search_is_refused(tmp_path: Path) -> None:
    folder = SearchDir(tmp_path)
    folder.open(QUICK, Scenario.SERVER)
    folder.open(loaded("--scenario", "Server", "--set", "server.target_qps=9"), Scenario.SERVER)
    other = loaded("--scenario", "Server", "--set", "server.ttft_limit_ms=700")
    with pytest.raises(ConfigError, match=r"server\.ttft_limit_ms 5000\.0, not 700\.0"):
        folder.open(other, Scenario.SERVER)


def search(tmp_path: Path) -> tuple[Asked, Found]:
    """A trial and a confirmation on disk, read back."""
    asked = Asked(QUICK, Scenario.SERVER, tmp_path, tolerance=0.05, trials=3, confirmations=2)
    session(tmp_path / "trials")
    session(tmp_path)
    runs = SearchDir(tmp_path).runs()
    end = Step(Kind.END, 200, "the next rate that was tried did not hold")
    return asked, Found(runs, end, QUICK.config)


@pytest.mark.parametrize("text", ["", "[1]", "7", "{" * 10, '{"a": 1, "a": 2}'])
def test_a_folder_of_no_search_is_refused(tmp_path: Path, text: str) -> None:
    folder = SearchDir(tmp_path)
    folder.search.write_text(text)
    with pytest.raises(ConfigError) as refused:
        folder.open(QUICK, Scenario.SERVER)
    assert refused.value.where == str(folder.search)


def test_a_search_is_read_back_from_its_folder(tmp_path: Path) -> None:
    _, found = search(tmp_path)
    assert sorted(each.full for each in found.runs) == [False, True]
    assert {each.rate for each in tried(found.runs)} == {200}
    (tmp_path / "trials" / "node_cut-off").mkdir()
    (tmp_path / "trials" / "node_cut-off" / "session.json").write_text("{")
    assert len(SearchDir(tmp_path).runs()) == 2


def test_the_document_names_the_peak_what_binds_it_and_every_run(tmp_path: Path) -> None:
    asked, found = search(tmp_path)
    high = replace(found.runs[0], full=False, rate=230.0, ratios={"TTFT P95": 1.4}, given_up=None)
    found = replace(found, runs=[*found.runs, high])
    document = json.loads(write_found(found, asked))
    assert document == json.loads((tmp_path / "peak.json").read_text())
    assert document["peak"]["target_qps"] == 200
    assert document["binding"] == "TTFT P95"
    assert [each["kind"] for each in document["runs"]].count("confirmation") == 1
    assert (tmp_path / document["peak"]["session"] / "Server/performance").is_dir()
    chances = [each["chance"] for each in document["chances"]]
    assert chances == sorted(chances, reverse=True)
    page = (tmp_path / "peak.html").read_text()
    assert page.count("<svg") == len(plots_of(document)) == 4
    assert "200 queries/s, VALID in a run of full length" in page
    text = render(json.dumps(document))
    assert text.startswith("Peak: 200 queries/s, VALID in a run of full length.")
    assert "TTFT P95 binds" in text


def test_no_rate_is_a_peak_without_a_valid_run_of_full_length(tmp_path: Path) -> None:
    asked, found = search(tmp_path)
    trials = [replace(each, full=False) for each in found.runs]
    for runs in (trials, [replace(each, full=True, valid=False) for each in found.runs]):
        document = document_of(replace(found, runs=runs), asked)
        assert document["peak"] is None
        assert render(json.dumps(document)).startswith("No rate is confirmed")


def test_overload_is_a_limit_of_its_own(tmp_path: Path) -> None:
    trial = replace(read(tmp_path), ratios={"TTFT P95": 0.9, RATE: 1.2})
    assert trial.worst == (RATE, 1.2)
    assert replace(trial, ratios={"TTFT P95": 0.5, RATE: 0.99}).worst == ("TTFT P95", 0.5)


def test_a_session_of_two_runs_is_none_of_a_search(tmp_path: Path) -> None:
    root = make_session(tmp_path, "offline", "server")
    with pytest.raises(LogError, match="it has 2 runs, and one of a search has one"):
        read_trial(root, full=True)
    assert SearchDir(tmp_path).runs() == []


def test_an_empty_ledger_has_no_times(tmp_path: Path) -> None:
    (run,) = read_session(make_session(tmp_path, "server")).runs
    assert run.ledger is not None
    assert len(took_ms(run.ledger, "TTFT"))
    assert not len(took_ms(run.ledger.slice(0, 0), "TTFT"))
