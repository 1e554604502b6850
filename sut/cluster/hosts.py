"""A hosts file → Ray's own on-premise cluster description, lifted by `ray up`, ended by `ray down`.

Ray's launcher does the SSH; what it printed is kept beside the description it was given.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sut.cluster.start import HEALTH_CHECKS, MARK, ON_EVERY_NODE, PORT, ensure_token, ray_program
from sut.config.yaml_tree import PlainLoader, read_text
from sut.errors import ConfigError, EngineStartError
from sut.machine.places import expanded

NAME = "sut"
REMOTE_TOKEN = "~/.ray/auth_token"
# Each node is reached, given its files and started in turn.
LAUNCH_TIMEOUT_S = 1800
LAST_LINES = 3


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Ssh(_Strict):
    """How the nodes are reached."""

    user: str
    key: Path | None = Field(None, description="private key; null: what ssh itself would take")


class Hosts(_Strict):
    """A hosts file.

    head: 10.0.0.1
    workers: [10.0.0.2, 10.0.0.3]
    ssh: {user: mlperf, key: ~/.ssh/id_ed25519}
    prepare: source ~/sut/.venv/bin/activate
    """

    head: str = Field(description="the control node's address; it gives no core and no GPU")
    workers: tuple[str, ...] = Field(min_length=1, description="one engine host each")
    ssh: Ssh
    port: int = Field(PORT, gt=0, lt=65536, description="of the head")
    prepare: str | None = Field(None, description="shell line before ray, e.g. activating a venv")

    @model_validator(mode="after")
    def _each_once(self) -> Hosts:
        """A host that is named twice would be given two engines."""
        for host in (self.head, *self.workers):
            if (self.head, *self.workers).count(host) > 1:
                raise ValueError(f"{host} is named twice")
        return self

    @property
    def address(self) -> str:
        return f"{self.head}:{self.port}"


def read_hosts(path: Path) -> Hosts:
    """Read and check a hosts file.

    Raises:
        ConfigError: no such file, no UTF-8, no YAML, or a key that is missing, unknown or wrong.
    """
    remedy = "It needs head, workers and ssh.user; ssh.key, port and prepare are optional."
    text = read_text(path, "the hosts file", remedy)
    try:
        return Hosts.model_validate(yaml.load(text, Loader=PlainLoader))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        message = f"{key}: {first['msg']}."
    except (yaml.YAMLError, ValueError) as error:  # a number of thousands of digits
        message = f"the hosts file is not YAML: {' '.join(str(error).split())}"
    raise ConfigError(message, where=str(path), remedy=remedy)


def ray_cluster(hosts: Hosts, token: Path) -> dict[str, Any]:
    """Ray's cluster description (ray/autoscaler/ray-schema.json, provider `local`)."""
    settings = {**ON_EVERY_NODE, MARK: hosts.address}
    on_head = _line(hosts, {**settings, **HEALTH_CHECKS}, _head_words(hosts))
    on_worker = _line(hosts, settings, f"ray start --address={hosts.address} --disable-usage-stats")
    auth: dict[str, str] = {"ssh_user": hosts.ssh.user}
    if hosts.ssh.key is not None:
        auth["ssh_private_key"] = str(expanded(hosts.ssh.key))
    return {
        "cluster_name": NAME,
        "max_workers": len(hosts.workers),
        "provider": {
            "type": "local",
            "head_ip": hosts.head,
            "worker_ips": list(hosts.workers),
        },
        "auth": auth,
        "file_mounts": {REMOTE_TOKEN: str(token)},
        "head_start_ray_commands": [_line(hosts, {}, "ray stop"), on_head],
        "worker_start_ray_commands": [_line(hosts, {}, "ray stop"), on_worker],
    }


def _head_words(hosts: Hosts) -> str:
    return (
        f"ray start --head --node-ip-address={hosts.head} --port={hosts.port} --num-cpus=0 "
        "--num-gpus=0 --include-dashboard=false --disable-usage-stats "
        "--autoscaling-config=~/ray_bootstrap_config.yaml"
    )


def _line(hosts: Hosts, settings: dict[str, str], words: str) -> str:
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in settings.items())
    prepare = f"{hosts.prepare} && " if hosts.prepare else ""
    return f"{prepare}{variables} {words}" if variables else f"{prepare}{words}"


def launch(verb: Literal["up", "down"], hosts: Hosts) -> Path:
    """Run `ray up` or `ray down`; returns the file with all that it printed.

    Raises:
        EngineStartError: it failed; names the file and its last line.
    """
    token = ensure_token(os.environ)
    if token is None:
        raise ConfigError(
            "the token is in the environment, where Ray's launcher cannot copy it from.",
            where="RAY_AUTH_TOKEN",
            remedy="Put it into a file and name that in RAY_AUTH_TOKEN_PATH.",
        )
    folder = Path(tempfile.mkdtemp(prefix="sut-cluster-"))
    description, log = folder / "cluster.yaml", folder / f"ray-{verb}.log"
    description.write_text(yaml.safe_dump(ray_cluster(hosts, token)), encoding="utf-8")
    with log.open("w", encoding="utf-8") as stream:
        try:
            code = subprocess.run(
                [*ray_program(), verb, "-y", str(description)],
                env={**os.environ, **ON_EVERY_NODE},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                timeout=LAUNCH_TIMEOUT_S,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            stream.write(f"\nended after {LAUNCH_TIMEOUT_S} s\n")
            code = 1
    if code:
        lines = [line.strip() for line in log.read_text(encoding="utf-8").splitlines()]
        said = " / ".join([line for line in lines if line][-LAST_LINES:]) or "it said nothing"
        raise EngineStartError(
            f"ray {verb} failed: {said}",
            where=str(log),
            remedy=f"Try: ssh {hosts.ssh.user}@{hosts.head}",
        )
    return log
