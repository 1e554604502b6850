"""Bad input is one line on stderr that names place and value, and exit code 2; no traceback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sut.config.shipped import CONF_ROOT
from sut.main import main
from tests.unit.accuracy.answered import make_answered
from tests.unit.result.sessions import edit, make_session

EXAMPLE = str(CONF_ROOT / "submission" / "system-example.yaml")

Made = tuple[list[str], list[str]]
"""The arguments, and what the line says."""


def audit_of(folder: str) -> Callable[[Path], Made]:
    """`/` has no parent, a folder below it no grandparent, where a session would be."""
    return lambda _: (
        ["audit", "--verify", folder, "--scenario", "Server"],
        [f"{folder}: there is no mlperf_log_accuracy.json"],
    )


def submit_latin_1(tmp_path: Path) -> Made:
    path = tmp_path / "system.yaml"
    path.write_bytes("system: a\ndescription: {cooling: Lüfter}\n".encode("latin-1"))
    flags = ["--submitter", "A", "--system", str(path), "--out", str(tmp_path / "tree")]
    said = [f"{path}:2: the system's file is not UTF-8 text", "byte 0xfc", "Save it as UTF-8"]
    return ["submit", *flags, str(tmp_path)], said


def submit_latin_1_document(tmp_path: Path) -> Made:
    path = tmp_path / "net.md"
    path.write_bytes("Für jeden Knoten\n".encode("latin-1"))
    made, _ = submit_latin_1(tmp_path)
    text = "system: a\ndescription: {status: rdi}\ndocuments: {bandwidth: net.md}\n"
    (tmp_path / "system.yaml").write_text(text, encoding="utf-8")
    return made, [f"{path}:1: documents.bandwidth is not UTF-8 text", "byte 0xfc"]


def rehearse_into(name: str, why: str) -> Callable[[Path], Made]:
    def made(tmp_path: Path) -> Made:
        (tmp_path / "file").write_text("x", encoding="utf-8")
        out = tmp_path / name
        return ["rehearse", "--out", str(out)], [f"--out: {out} cannot be made", why]

    return made


def report_of(**changes: str) -> Callable[[Path], Made]:
    """A session whose run.json names what no run is."""

    def made(tmp_path: Path) -> Made:
        root = make_session(tmp_path, "server")
        path = root / "Server" / "performance" / "run.json"
        edit(path, **changes)
        ((key, value),) = changes.items()
        return ["report", str(root)], [f"{path}: {key}: ", f"(it is {value!r})"]

    return made


def accuracy_of_no_scenario(tmp_path: Path) -> Made:
    root, run = make_answered(tmp_path)
    edit(run / "run.json", scenario="Ofline")
    return ["accuracy", str(root)], [f"{run / 'run.json'}: ", "scenario: ", "(it is 'Ofline')"]


def number(verb: str, flag: str, value: str, why: str) -> Callable[[Path], Made]:
    """Of several numbers the last is the bad one."""
    bad = value.split(",")[-1] or "an empty text"
    return lambda _: ([*verb.split(), flag, value], [f"sut: {flag}: {bad} {why}"])


def hosts_latin_1(tmp_path: Path) -> Made:
    path = tmp_path / "hosts.yaml"
    path.write_bytes("head: 10.0.0.1\nssh: {user: müller}\n".encode("latin-1"))
    said = [f"{path}:2: the hosts file is not UTF-8 text", "byte 0xfc", "Save it as UTF-8"]
    return ["cluster", "check", "--hosts", str(path)], said


def a_file(*verb: str) -> Callable[[Path], Made]:
    """A file where a folder is meant: that it is missing would be a lie."""

    def made(tmp_path: Path) -> Made:
        path = tmp_path / "result.json"
        path.write_text("{}")
        said = [f"{path}: this is a file, not a folder."]
        return [*(word.format(path=path) for word in verb), str(path)], said

    return made


PORT = "is not a whole number from 1 to 65535. Give one, e.g. 6379."
AT_LEAST_1 = "is not a whole number from 1 to "
ABOVE_0 = "is not a number above 0 and up to "

NUMBERS = (
    ("cluster start", "--port", "99999", PORT),
    ("cluster start", "--port", "-1", PORT),
    ("cluster start", "--port", "0", PORT),
    ("cluster start", "--port", "ray", PORT),
    ("cluster check", "--node-timeout", "-1", ABOVE_0),
    ("cluster check", "--node-timeout", "nan", ABOVE_0),
    ("bench harness", "--rates", "abc", ABOVE_0),
    ("bench harness", "--rates", "100,0", ABOVE_0),
    ("bench harness", "--rates", "100,", ABOVE_0),
    ("bench harness", "--seconds", "inf", ABOVE_0),
    ("bench harness", "--offline-samples", "-1", "is not a whole number from 0 to "),
    ("bench engine", "--rounds", "0", AT_LEAST_1),
    ("bench engine", "--rounds", "1.5", AT_LEAST_1),
    ("bench engine", "--samples", "0", AT_LEAST_1),
    ("bench replicas", "--rate", "0", ABOVE_0),
    ("bench replicas", "--rate", "1e300", ABOVE_0),
    ("bench harness", "--rates", "100,1e9", ABOVE_0),
    ("bench engine", "--samples", "99999999999", AT_LEAST_1),
    ("cluster check", "--node-timeout", "1e9", ABOVE_0),
)

A_FILE = (
    ("accuracy",),
    ("check", "--round", "v6.1"),
    ("audit", "--scenario", "Server", "--verify"),
    ("submit", "--submitter", "A", "--system", EXAMPLE, "--out", "{path}.tree"),
)

CASES: dict[str, Callable[[Path], Made]] = {
    **{f"{verb[0]} of a file": a_file(*verb) for verb in A_FILE},
    "audit --verify of the root": audit_of("/"),
    "audit --verify of a folder below the root": audit_of("/dev"),
    "submit --system in Latin-1": submit_latin_1,
    "submit with a document in Latin-1": submit_latin_1_document,
    "rehearse --out that is a file": rehearse_into("file", "Not a directory"),
    "rehearse --out below a file": rehearse_into("file/out", "Not a directory"),
    "report of a run of no scenario": report_of(scenario="Sever"),
    "report of a run of no mode": report_of(mode="perf"),
    "accuracy of a run of no scenario": accuracy_of_no_scenario,
    "cluster check of hosts in Latin-1": hosts_latin_1,
    **{" ".join(case[:3]): number(*case) for case in NUMBERS},
}


@pytest.mark.parametrize("case", CASES)
def test_it_is_one_line_and_exit_2(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, said = CASES[case](tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert line.startswith("sut: ")
    assert all(each in line for each in said), line
