"""A node's session on the control node: unpacked, published, and the sum's file beside it."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from sut.cluster import collect as sessions
from sut.cluster.collect import (
    build_session,
    first_query,
    keep,
    read_stored,
    write_aggregated,
)
from sut.config.names import Scenario
from sut.errors import LogError
from sut.record.folder import SessionDir
from sut.result.build import build, result_json
from sut.result.stored import read_result
from tests.unit.result.sessions import make_session


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    """A node's session with its result."""
    root = make_session(tmp_path / "on the node", "server")
    (root / "result.json").write_text(result_json(build(root)))
    (root / "summary.txt").write_text("the node's")
    return packed(root)


def packed(root: Path) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(root, root.name)
    return buffer.getvalue()


def test_a_session_is_unpacked_and_published(tmp_path: Path, archive: bytes) -> None:
    session = keep(archive, tmp_path / "results")
    result = build_session(session).result
    assert result is not None
    assert result.scenarios[Scenario.SERVER].achieved_qps == 196.537
    assert session.published_result.read_bytes() == session.result.read_bytes()
    assert session.published_summary.read_text() == "the node's"
    assert [path.name for path in (tmp_path / "results").glob(".*")] == []


def test_a_name_that_is_taken_gets_a_number_and_its_paths_follow(
    tmp_path: Path, archive: bytes
) -> None:
    first, second = keep(archive, tmp_path), keep(archive, tmp_path)
    assert second.root.name == f"{first.root.name}-1"
    for session in (first, second):
        built = build_session(session)
        assert built.result is not None
        assert built.contradictions == [], "where a session lies is no figure of it"
        assert not session.root.joinpath("result_of_node.json").exists()
        for log in built.result.scenarios[Scenario.SERVER].logs:
            assert (tmp_path / log.path).is_file()
            assert log.path.startswith(f"{session.root.name}/")
    assert first.published_result != second.published_result


def test_a_session_without_a_result_gets_one_here(tmp_path: Path) -> None:
    root = make_session(tmp_path / "killed", "server")
    session = keep(packed(root), tmp_path / "results")
    result = build_session(session).result
    assert result is not None
    assert read_result(session.published_result) == result


def test_too_little_for_a_result_is_none(tmp_path: Path) -> None:
    root = tmp_path / "node_20261124T000000Z"
    root.mkdir()
    (root / "engine.log").write_text("out of memory")
    session = keep(packed(root), tmp_path / "results")
    built = build_session(session)
    assert built.result is None
    assert built.problem is not None
    assert "config.json" in built.problem
    assert (session.root / "engine.log").is_file()


def test_a_broken_archive_is_told(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="came back broken"):
        keep(b"x" * 1024, tmp_path)


def test_an_archive_of_something_else_is_told(tmp_path: Path) -> None:
    (tmp_path / "stray.txt").write_text("no session")
    with pytest.raises(LogError, match="it holds 1 entries, not one folder"):
        keep(packed(tmp_path / "stray.txt"), tmp_path / "results")


def test_a_file_that_breaks_the_build_is_a_problem_and_no_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: Path) -> None:
        raise TypeError("no number")

    monkeypatch.setattr(sessions, "build", broken)
    built = build_session(SessionDir.open(make_session(tmp_path, "server")))
    assert built.result is None
    assert built.problem == "TypeError: no number"


@pytest.mark.parametrize("where", ["published", "own"])
def test_a_stored_result_is_built_again_where_its_session_lies(
    tmp_path: Path, archive: bytes, where: str
) -> None:
    session = keep(archive, tmp_path)
    build_session(session)
    path = session.published_result if where == "published" else session.result
    stored = read_stored(path)
    assert stored.built
    assert stored.result == read_result(path)
    document = json.loads(path.read_text())
    document["scenarios"]["Server"]["achieved_qps"] = 1.0
    path.write_text(json.dumps(document))
    with pytest.raises(
        LogError, match=r"achieved_qps is 1\.0 in its own result and 196\.5"
    ) as caught:
        read_stored(path)
    assert caught.value.where == str(path)
    assert caught.value.exit_code == 2


def test_a_stored_result_without_its_session_is_only_stated(tmp_path: Path, archive: bytes) -> None:
    session = keep(archive, tmp_path)
    build_session(session)
    alone = tmp_path / "elsewhere"
    alone.mkdir()
    path = session.published_result.rename(alone / session.published_result.name)
    assert not read_stored(path).built


def test_a_stored_result_whose_session_gives_none_is_refused(
    tmp_path: Path, archive: bytes
) -> None:
    session = keep(archive, tmp_path)
    build_session(session)
    session.config.unlink()
    with pytest.raises(LogError, match="cannot be read"):
        read_stored(session.published_result)


@pytest.mark.parametrize("text", ["", "{}", '{"schema_version": "0.1"}', '{"node": "Köln"}'])
def test_what_is_no_result_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(LogError, match="is not a result of this version"):
        read_result(path)
    with pytest.raises(LogError, match="cannot be read"):
        read_result(tmp_path / "absent.json")


def test_the_first_query_is_put_on_the_control_nodes_clock(tmp_path: Path) -> None:
    root = make_session(tmp_path, "server")
    facts = json.loads((root / "Server/performance/run.json").read_text())
    first_ns = facts["ledger"]["first_issue_ns"]
    start = first_query(SessionDir.open(root), Scenario.SERVER, 1_000, 7)
    assert start is not None
    assert (start.ns, start.error_ns) == (first_ns - 1_000, 7)
    assert first_query(SessionDir.open(root), Scenario.OFFLINE, 0, 0) is None


def test_the_sum_has_the_name_users_look_for_and_earlier_ones_stay(tmp_path: Path) -> None:
    for text in ("first", "second", "third"):
        path = write_aggregated(tmp_path, text)
        assert path.name == "aggregated_datacenter_results.json"
        assert path.read_text() == text
    earlier = sorted(tmp_path.glob("aggregated_datacenter_results_*.json"))
    assert sorted(each.read_text() for each in earlier) == ["first", "second"]
    assert len(list(tmp_path.iterdir())) == 3
