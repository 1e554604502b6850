"""The run verb, and those that take its flags, on the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from sut.commands.run import main as run_main
from sut.config.rate import PROBED
from sut.config.sources import Loaded
from sut.main import main
from tests.unit.config.support import loaded

ADDRESS = ["--address", "10.0.0.1:6379"]
NULL = ["--engine", "null", "--system", "cpu-dummy"]
DRY = [*NULL, "--dry-run"]


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    assert isinstance(ended.value.code, int)
    return ended.value.code, capsys.readouterr().err


@pytest.mark.parametrize("verb", [["run"], ["audit"], ["bench", "harness"], ["bench", "engine"]])
@pytest.mark.parametrize(
    ("flags", "remedy"),
    [
        (ADDRESS, "--replicas all"),
        (["--set", "engine.ray.address=auto"], "--replicas all"),
        (["--dispatch", "equal"], "--replicas N"),
        (["--on-replica-loss", "continue"], "--replicas N"),
    ],
)
def test_flags_without_effect_are_refused(
    capsys: pytest.CaptureFixture[str], verb: list[str], flags: list[str], remedy: str
) -> None:
    code, text = said(capsys, *verb, *NULL, *flags)
    assert code == 2
    assert remedy in text


def test_a_measurement_has_no_dry_run(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = said(capsys, "bench", "harness", *DRY)
    assert code == 2
    assert "--dry-run" in text


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ([], ["--coordinated", "--address"]),
        ([*ADDRESS, "--replicas", "2"], ["engine.replicas is 2", "Leave out --replicas"]),
        ([*ADDRESS, "--dispatch", "equal"], ["engine.ray.dispatch is equal", "Leave it out"]),
    ],
)
def test_a_dry_run_refuses_what_a_coordinated_run_would(
    capsys: pytest.CaptureFixture[str], flags: list[str], words: list[str]
) -> None:
    code, text = said(capsys, *DRY, "--coordinated", *flags)
    assert code == 2
    assert all(word in text for word in words)


@pytest.mark.usefixtures("dummy_model")
def test_a_dry_run_of_a_coordinated_run_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, *DRY, "--coordinated", *ADDRESS)[0] == 0


@pytest.mark.parametrize(
    "flags",
    [
        ["--set", "generation.max_tokens=16"],
        ["--profile", "quick"],
        ["--smoke"],
        ["--config", "own.yaml"],
        ["--user-conf", "user.conf"],
        ["--coordinated"],
    ],
)
def test_a_resolved_file_takes_no_other_setting_beside_it(
    capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    code, text = said(capsys, "run", "--resolved", "resolved.json", *flags)
    assert code == 2
    assert flags[0] in text
    assert "beside --resolved" in text


def test_a_resolved_file_is_held_to_the_round(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = loaded("--profile", "mlperf", "--system", "cpu-dummy").config.model_dump(mode="json")
    config["generation"]["max_tokens"] = 16
    path = tmp_path / "resolved.json"
    path.write_text(json.dumps({"config": config, "origins": {}}))
    code, text = said(capsys, "run", "--resolved", str(path), "--dry-run")
    assert code == 2
    assert text.startswith(f"sut: {path}: generation.max_tokens is 16, but the mlperf profile")


@pytest.mark.usefixtures("dummy_model")
def test_what_is_not_read_is_noted_on_stderr_and_the_json_stays_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAX_TOKEN", "8")
    flags = ["--scenario", "Offline", "--set", "server.target_qps=2", "--json"]
    with pytest.raises(SystemExit) as ended:
        main([*DRY, *flags])
    assert ended.value.code == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["config"]["generation"]["max_tokens"] == 64
    assert shown.err.splitlines() == [
        "Note: the environment variable MAX_TOKEN is not read; MAX_TOKENS is.",
        "Note: --set server.target_qps has no effect: Server is not among the scenarios.",
    ]


MEASURED = {name: {"target_qps": 7.5} for name in PROBED}


class Made:
    """Stands in for run_benchmark: sessions of a verdict each, and the consoles they spoke to."""

    def __init__(self, *verdicts: bool | None) -> None:
        self._verdicts = list(verdicts)
        self.quiet: list[bool] = []
        self.rates: list[tuple[float, bool]] = []
        self.asked_in: int | None = None
        """The session in which somebody asks to end while its result is written."""

    def __call__(self, loaded: Loaded, console: Console, gate: object = None) -> SimpleNamespace:
        self.quiet.append(console.quiet)
        self.rates.append((loaded.config.server.target_qps, loaded.config.server.probe_rate))
        verdict = self._verdicts.pop(0)
        session = SimpleNamespace(root=Path(f"results/s{len(self.quiet)}"))
        return SimpleNamespace(
            result=SimpleNamespace(valid=verdict, configuration=MEASURED),
            session=session,
            interrupted=verdict is None,
            asked_to_end=verdict is None or self.asked_in == len(self.quiet),
        )


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Made]:
    def stand_in(*verdicts: bool | None) -> Made:
        made = Made(*verdicts)
        monkeypatch.setattr("sut.harness.session.run_benchmark", made)
        monkeypatch.setattr("sut.commands.run.show_outcome", lambda *_, **__: None)
        return made

    return stand_in


@pytest.mark.parametrize(
    ("verdicts", "code"), [((True, True, True), 0), ((True, False, True), 1), ((True, None), 130)]
)
def test_repeats_are_sessions_of_their_own_and_all_must_be_valid(
    capsys: pytest.CaptureFixture[str],
    benchmark: Callable[..., Made],
    verdicts: tuple[bool | None, ...],
    code: int,
) -> None:
    made = benchmark(*verdicts)
    assert run_main([*NULL, "--repeat", "3"]) == code
    assert len(made.quiet) == len(verdicts)
    assert made.rates[0][1] is True
    assert set(made.rates[1:]) == {(7.5, False)}, "repeats are of one task"
    shown = capsys.readouterr()
    assert ("Repeats: results/s1,results/s2,results/s3\n" in shown.out) is (code != 130)
    assert "Session 2 of 3." in shown.err


@pytest.mark.parametrize(("asked_in", "made_of", "code"), [(1, 1, 130), (2, 2, 130), (3, 3, 0)])
def test_no_session_is_made_after_one_in_which_somebody_asked_to_end(
    benchmark: Callable[..., Made], asked_in: int, made_of: int, code: int
) -> None:
    made = benchmark(True, True, True)
    made.asked_in = asked_in
    assert run_main([*NULL, "--repeat", "3"]) == code
    assert len(made.quiet) == made_of


def test_quiet_is_quiet_on_stderr(
    capsys: pytest.CaptureFixture[str], benchmark: Callable[..., Made]
) -> None:
    made = benchmark(True)
    assert run_main([*NULL, "--quiet"]) == 0
    assert made.quiet == [True]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("flag", ["--dry-run", "--coordinated", "--json"])
def test_repeat_is_refused_where_there_is_one_answer(
    capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    code, text = said(capsys, *NULL, "--repeat", "2", flag)
    assert code == 2
    assert f"--repeat does not go with {flag}." in text
