"""The description for Ray's launcher, held to Ray's own schema; no SSH is done here."""

from __future__ import annotations

import importlib.util
import json
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from sut.cluster import hosts as module
from sut.cluster.hosts import Hosts, launch, ray_cluster, read_hosts
from sut.errors import ConfigError, EngineStartError

WHOLE = """
head: 10.0.0.1
workers: [10.0.0.2, 10.0.0.3]
ssh: {user: mlperf, key: /keys/id}
prepare: source ~/sut/.venv/bin/activate
"""


def written(tmp_path: Path, text: str = WHOLE) -> Path:
    file = tmp_path / "hosts.yaml"
    file.write_text(text)
    return file


def ray_schema() -> dict[str, Any]:
    found = importlib.util.find_spec("ray")
    if found is None or found.origin is None:
        pytest.skip("ray is not installed")
    file = Path(found.origin).parent / "autoscaler" / "ray-schema.json"
    schema: dict[str, Any] = json.loads(file.read_text())
    return schema


def test_the_description_keeps_to_rays_schema(tmp_path: Path) -> None:
    document = ray_cluster(read_hosts(written(tmp_path)), Path("/keys/token"))
    jsonschema.validate(document, ray_schema())
    assert yaml.safe_load(yaml.safe_dump(document)) == document
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document | {"auth": {"ssh_username": "x"}}, ray_schema())


def test_the_description_says_who_is_what_and_carries_the_token_as_a_file(tmp_path: Path) -> None:
    document = ray_cluster(read_hosts(written(tmp_path)), Path("/keys/token"))
    provider = document["provider"]
    assert provider["type"] == "local"
    assert (provider["head_ip"], provider["worker_ips"]) == ("10.0.0.1", ["10.0.0.2", "10.0.0.3"])
    assert document["auth"] == {"ssh_user": "mlperf", "ssh_private_key": "/keys/id"}
    assert document["file_mounts"] == {"~/.ray/auth_token": "/keys/token"}
    on_head, on_worker = document["head_start_ray_commands"], document["worker_start_ray_commands"]
    for command in (*on_head, *on_worker):
        assert command.startswith("source ~/sut/.venv/bin/activate && ")
    assert "RAY_health_check_period_ms" in on_head[-1]
    assert "--num-cpus=0" in on_head[-1]
    assert "RAY_AUTH_MODE=token" in on_worker[-1]
    assert "ray start --address=10.0.0.1:6379" in on_worker[-1]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("head: 10.0.0.1\nssh: {user: me}\n", "workers: Field required"),
        ("head: 10.0.0.1\nworkers: []\nssh: {user: me}\n", "workers: Tuple should have at least 1"),
        (WHOLE + "nodes: 3\n", "nodes: Extra inputs are not permitted"),
        (WHOLE.replace("user: mlperf, ", ""), "ssh.user: Field required"),
        (WHOLE.replace("10.0.0.3", "10.0.0.2"), "the file: Value error, 10.0.0.2 is named twice"),
        (WHOLE.replace("10.0.0.3", "10.0.0.1"), "the file: Value error, 10.0.0.1 is named twice"),
        ("head: [", "the hosts file is not YAML"),
        ("", "the file: Input should be"),
    ],
)
def test_a_bad_hosts_file_is_said_with_its_key(tmp_path: Path, text: str, said: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        read_hosts(file)
    assert caught.value.message.startswith(said)
    assert caught.value.where == str(file)


def test_a_hosts_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_hosts(tmp_path / "none.yaml")


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Hosts:
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    return read_hosts(written(tmp_path))


def test_all_that_the_launcher_printed_is_kept(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ray_program", lambda: ["echo"])
    log = launch("up", hosts)
    assert log.read_text() == f"up -y {log.parent / 'cluster.yaml'}\n"
    kept = yaml.safe_load((log.parent / "cluster.yaml").read_text())
    assert kept["provider"]["head_ip"] == "10.0.0.1"


def test_a_launcher_that_fails_is_quoted_with_its_file(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "echo first; echo Permission denied; exit 1"
    monkeypatch.setattr(module, "ray_program", lambda: ["sh", "-c", script])
    with pytest.raises(EngineStartError) as caught:
        launch("down", hosts)
    assert caught.value.message == "ray down failed: first / Permission denied"
    assert Path(caught.value.where or "").read_text() == "first\nPermission denied\n"


def test_a_launcher_that_does_not_end_is_ended(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overdue(*_: object, **__: object) -> None:
        raise subprocess.TimeoutExpired("ray", 1)

    monkeypatch.setattr(subprocess, "run", overdue)
    with pytest.raises(EngineStartError, match="ray up failed: ended after"):
        launch("up", hosts)


def test_a_token_that_is_no_file_cannot_be_copied(
    hosts: Hosts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "t")
    with pytest.raises(ConfigError, match="launcher cannot copy it"):
        launch("up", hosts)
