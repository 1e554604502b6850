"""Whether a model would be given, asked of a hub on this machine."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sut.machine import hub_access
from tests.unit.hub import GOOD, gated_hub

MODEL = "meta-llama/Llama-3.1-8B-Instruct"


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (*hub_access.TOKENS, *hub_access.OFFLINE, "HF_HUB_CACHE", hub_access.TOKEN_FILE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with gated_hub() as address:
        monkeypatch.setenv(hub_access.ENDPOINT, address)
        yield


@pytest.mark.usefixtures("hub")
def test_a_gated_model_is_given_to_a_token_that_may_read_it(monkeypatch, tmp_path) -> None:
    assert hub_access.refusal(MODEL) == f"the hub does not give {MODEL} without a token"
    monkeypatch.setenv("HF_TOKEN", "hf_other")
    assert hub_access.refusal(MODEL) == f"the hub does not give {MODEL} with this token"
    monkeypatch.setenv("HF_TOKEN", GOOD)
    assert hub_access.refusal(MODEL) is None
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "token").write_text(f"{GOOD}\n")
    assert hub_access.refusal(MODEL) is None


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://127.0.0.1:1", "refused"),
        ("no address", "no address does not answer as a hub"),
        ("http://[::1", "does not answer as a hub"),
    ],
)
def test_a_hub_that_cannot_be_asked_is_an_error_of_the_system(
    monkeypatch, address: str, why: str
) -> None:
    monkeypatch.setenv(hub_access.ENDPOINT, address)
    with pytest.raises(OSError, match=why):
        hub_access.refusal(MODEL)


def test_a_hub_that_says_nothing_is_waited_for_no_longer_than_said(monkeypatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv(hub_access.ENDPOINT, f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(TimeoutError):
            hub_access.refusal(MODEL, patience_s=0.05)


@pytest.mark.parametrize("place", ["HF_HOME", "HF_HUB_CACHE"])
def test_what_was_fetched_is_in_the_cache(monkeypatch, tmp_path, place: str) -> None:
    monkeypatch.setenv(place, str(tmp_path / "there"))
    assert not hub_access.cached(MODEL)
    hub = tmp_path / "there" / ("hub" if place == "HF_HOME" else "")
    snapshot = hub / "models--meta-llama--Llama-3.1-8B-Instruct/snapshots/abc"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    assert hub_access.cached(MODEL)
