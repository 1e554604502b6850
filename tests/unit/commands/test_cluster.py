from __future__ import annotations

import json
from pathlib import Path

import pytest

from sut.cluster import start
from sut.cluster import survey as check
from sut.cluster.preflight import Row
from sut.errors import ConfigError
from sut.main import run_command

GOOD = Row("ray", "a", "2.60.0", "2.60.0", passed=True)
BAD = Row("ray", "b (10.0.0.3)", "2.59.0", "2.60.0", passed=False, remedy="Install it.")
UNKNOWN = Row("memory", "a", "unknown", "unknown", passed=None)


def checked(monkeypatch: pytest.MonkeyPatch, rows: list[Row], *words: str) -> int:
    monkeypatch.setattr(check, "check_cluster", lambda config, hosts, deadline_s: rows)
    return run_command(["cluster", "check", "--engine", "null", *words])


def test_a_fit_cluster_is_exit_0(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(monkeypatch, [GOOD, UNKNOWN]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["ray", "a", "2.60.0", "2.60.0", "ok"]
    assert lines[2].endswith("not checked")
    assert lines[-1] == "The cluster is fit for this run."


def test_a_failure_is_exit_2_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(monkeypatch, [GOOD, BAD]) == 2
    printed = capsys.readouterr().out
    assert "ray, b (10.0.0.3): Install it.\n" in printed
    assert printed.endswith("1 checks failed.\n")


def test_json_holds_every_row(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(monkeypatch, [GOOD, BAD], "--json") == 2
    document = json.loads(capsys.readouterr().out)
    assert document["passed"] is False
    assert document["rows"][1] == vars(BAD)


def test_an_unknown_verb_is_refused_and_the_verbs_are_named() -> None:
    with pytest.raises(ConfigError, match="'start'"):
        run_command(["cluster", "begin"])


def test_start_prints_the_line_for_workers_and_where_the_token_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    secret = tmp_path / "token"
    secret.write_text("s3cret")
    head = start.Head("127.0.0.1", 7000, secret)
    monkeypatch.setattr(start, "start_head", lambda choice, port, temp_dir: head)
    assert run_command(["cluster", "start", "--node-ip", "127.0.0.1", "--port", "7000"]) == 0
    printed = capsys.readouterr().out
    assert f"Copy {secret} to ~/.ray/auth_token there, mode 600." in printed
    assert start.join_line("127.0.0.1:7000") in printed
    assert "HF_TOKEN must be set in that shell" in printed
    assert "s3cret" not in printed


def test_up_needs_a_hosts_file() -> None:
    with pytest.raises(ConfigError, match="--hosts"):
        run_command(["cluster", "up"])
