"""`submit` and `check` as a user calls them."""

from __future__ import annotations

import json

import pytest

from sut.commands import check, submit
from sut.errors import ConfigError
from sut.main import main
from sut.submission.statement import EXAMPLE
from tests.unit.submission.support import SUBMITTER, closed_session, session


def flags(tmp_path, *more: str) -> list[str]:
    return [
        *("--division", "open", "--submitter", SUBMITTER, "--system", str(EXAMPLE)),
        *("--out", str(tmp_path / "tree"), *more),
    ]


def test_submit_makes_a_tree_and_names_the_next_step(tmp_path, capsys):
    root = closed_session(tmp_path / "s")
    assert submit.main(flags(tmp_path, str(root))) == 0
    assert f"Tree: {tmp_path / 'tree'}" in capsys.readouterr().out
    assert (tmp_path / "tree" / "open" / SUBMITTER / "systems").is_dir()


def test_submit_lists_every_refusal_on_a_line_and_exits_2(tmp_path, capsys):
    root = session(tmp_path / "s", "server", profile="quick")
    with pytest.raises(SystemExit) as ended:
        main(["submit", *flags(tmp_path, str(root))])
    assert ended.value.code == 2
    assert "\n  2  a reason stands against it, or bad input\n" in submit.EPILOG
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "sut: no tree was made; 2 reasons stand against it:"
    assert len(lines) == 3


def test_submit_names_a_place_where_no_tree_can_be_made(tmp_path):
    root = closed_session(tmp_path / "s")
    (tmp_path / "file").write_text("x", encoding="utf-8")
    out = tmp_path / "file" / "tree"
    with pytest.raises(ConfigError) as caught:
        submit.main(flags(tmp_path, "--out", str(out), str(root)))
    assert caught.value.render().startswith(f"--out: {out} cannot be made: ")


def test_submit_gives_the_refusals_as_json(tmp_path, capsys):
    root = session(tmp_path / "s", "server")
    assert submit.main(flags(tmp_path, "--json", str(root))) == 2
    document = json.loads(capsys.readouterr().out)
    assert document["tree"] is None
    assert len(document["refused"]) == 1


def test_submit_names_every_flag_that_is_missing(tmp_path):
    with pytest.raises(ConfigError, match="--submitter, --system, --out must be given"):
        submit.main([str(tmp_path)])


def test_submit_prints_the_form_of_a_systems_file(tmp_path, capsys):
    root = closed_session(tmp_path / "s")
    assert submit.main(["--system-template", str(root)]) == 0
    assert "host_storage_type: " in capsys.readouterr().out


def test_check_passes_a_good_tree(tree, capsys):
    assert check.main([str(tree)]) == 0
    assert capsys.readouterr().out == "our checks: nothing stands against the tree, 0 warnings.\n"


def test_check_fails_a_broken_tree_with_place_sentence_and_remedy(tree, capsys):
    (tree / "notes.txt").write_text("x", encoding="utf-8")
    assert check.main([str(tree)]) == 1
    first, last = capsys.readouterr().out.splitlines()
    assert first == (
        "error (ours): notes.txt: The root may hold .md and .pdf files only. Remove it."
    )
    assert last == "our checks: 1 errors, 0 warnings."


def test_check_gives_its_findings_as_json(tree, capsys):
    (tree / "notes.txt").write_text("x", encoding="utf-8")
    assert check.main(["--json", str(tree)]) == 1
    document = json.loads(capsys.readouterr().out)
    assert document["passed"] is False
    assert document["findings"][0]["place"] == "notes.txt"


@pytest.mark.parametrize("verb", ["submit", "check"])
def test_help_shows_an_example(verb, capsys):
    with pytest.raises(SystemExit) as ended:
        main([verb, "--help"])
    assert ended.value.code == 0
    assert f"python -m sut.main {verb}" in capsys.readouterr().out
