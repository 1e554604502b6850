"""What every test shares: markers by folder, a settled environment, the paths of the models."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
SMALL_MODEL = ROOT / "models" / "smollm2-135m"
DUMMY_MODEL = ROOT / "models" / "llama-tiny-dummy"
# What a user may have exported and the harness would take for an order.
USER_VARIABLES = (
    "HF_TOKEN",
    "NODE_NAME",
    "MAX_TOKENS",
    "SERVER_TARGET_QPS",
    "OFFLINE_TARGET_QPS",
)

# A deadline per example is a wall-clock assertion, which a busy machine fails at random.
settings.register_profile("sut", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("sut")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-models",
        action="store_true",
        help="a missing model fails the tests that need it, where they would be skipped",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    integration = ROOT / "tests" / "integration"
    for item in items:
        if item.path.is_relative_to(integration):
            item.add_marker(pytest.mark.integration)


@cache
def nvidia_driver_answers() -> bool:
    if shutil.which("nvidia-smi") is None:
        return False
    return subprocess.run(["nvidia-smi", "-L"], capture_output=True, check=False).returncode == 0


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") is not None and not nvidia_driver_answers():
        pytest.skip("no NVIDIA driver answers here")


@pytest.fixture(autouse=True)
def _settled_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in USER_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    # Whatever is not on this machine is missing: no test asks a hub.
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def _model(folder: Path, config: pytest.Config) -> Path:
    if not (folder / "config.json").is_file():
        message = f"{folder.relative_to(ROOT)} is missing: run `make models`"
        if config.getoption("--require-models"):
            pytest.fail(message)
        pytest.skip(message)
    return folder


@pytest.fixture(scope="session")
def small_model(pytestconfig: pytest.Config) -> Path:
    """The folder of SmolLM2-135M-Instruct: real weights, bfloat16."""
    return _model(SMALL_MODEL, pytestconfig)


@pytest.fixture(scope="session")
def dummy_model(pytestconfig: pytest.Config) -> Path:
    """The folder of the one-layer model without weights, for load_format dummy."""
    return _model(DUMMY_MODEL, pytestconfig)
