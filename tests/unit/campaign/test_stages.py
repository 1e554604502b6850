from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from sut.campaign.stages import Stage, inputs_sha256, kept, run_stages, took_s
from sut.errors import ConfigError


class Maker:
    """Stages that leave a file each, and remember how often they were made."""

    def __init__(self, out: Path):
        self.out = out
        self.made: list[str] = []
        self.wanting: set[str] = set()

    def stage(self, name: str, **inputs: Any) -> Stage:
        def make() -> Path | None:
            self.made.append(name)
            if name in self.wanting:
                return None
            left = self.out / f"{name}-{len(self.made)}"
            left.mkdir()
            return left

        return Stage(name, inputs, 1.0, make)


@pytest.fixture
def maker(tmp_path: Path) -> Maker:
    return Maker(tmp_path)


def run(maker: Maker, *stages: Stage) -> list[tuple[str, bool]]:
    done = run_stages(maker.out, stages, lambda stage, left: None)
    return [(each.stage.name, each.kept) for each in done]


def test_a_finished_stage_is_not_made_again(maker: Maker) -> None:
    stages = (maker.stage("a", x=1), maker.stage("b", x=2))
    assert run(maker, *stages) == [("a", False), ("b", False)]
    assert run(maker, *stages) == [("a", True), ("b", True)]
    assert maker.made == ["a", "b"]


def test_other_inputs_make_it_again_and_supersede_the_record(maker: Maker) -> None:
    run(maker, maker.stage("a", x=1))
    assert run(maker, maker.stage("a", x=2)) == [("a", False)]
    assert kept(maker.out, maker.stage("a", x=1)) is None
    assert kept(maker.out, maker.stage("a", x=2)) is not None


def test_what_a_stage_left_must_still_be_there(maker: Maker) -> None:
    run(maker, maker.stage("a"))
    (maker.out / "a-1").rmdir()
    assert run(maker, maker.stage("a")) == [("a", False)]


def test_a_stage_found_wanting_stops_the_rest_and_is_not_kept(maker: Maker) -> None:
    maker.wanting = {"b"}
    stages = (maker.stage("a"), maker.stage("b"), maker.stage("c"))
    assert run(maker, *stages) == [("a", False), ("b", False)]
    maker.wanting = set()
    assert run(maker, *stages) == [("a", True), ("b", False), ("c", False)]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"took_s": 10**400}, "took_s"),
        ({"took_s": -1}, "took_s"),
        ({"took_s": float("nan")}, "took_s"),
        ({"left": None}, "left"),
        ({"inputs_sha256": []}, "inputs_sha256"),
    ],
)
def test_a_record_that_is_none_of_ours_is_named_with_its_field(
    changes: dict[str, Any], said: str, maker: Maker
) -> None:
    run(maker, maker.stage("a"))
    path = maker.out / "stages" / "a.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(ConfigError, match=f"a.json: the record of .*{said}") as told:
        run(maker, maker.stage("a"))
    assert "Remove it" in told.value.render()


@pytest.mark.parametrize("what", ["pipe", "folder", "link"])
def test_what_lies_in_place_of_a_record_is_told_before_the_stage_is_made(
    what: str, maker: Maker
) -> None:
    path = maker.out / "stages" / "a.json"
    path.parent.mkdir()
    make = {"pipe": os.mkfifo, "folder": os.mkdir, "link": lambda at: at.symlink_to("none")}
    make[what](path)
    with pytest.raises(ConfigError, match="cannot be read"):
        run(maker, maker.stage("a"))
    assert maker.made == []


def test_a_folder_of_records_that_went_meanwhile_is_made_again(maker: Maker) -> None:
    def tidy() -> Path | None:
        (maker.out / "stages").rmdir()
        return maker.out

    run(maker, Stage("a", {}, 1.0, tidy))
    assert kept(maker.out, Stage("a", {}, 1.0, tidy)) == maker.out / "."


def test_a_file_in_place_of_the_records_is_told(maker: Maker) -> None:
    (maker.out / "stages").write_text("")
    with pytest.raises(ConfigError, match="stages, where nothing can be written"):
        run(maker, maker.stage("a"))


def test_an_interruption_keeps_what_was_finished(maker: Maker) -> None:
    def interrupt() -> Path | None:
        raise KeyboardInterrupt

    stopped = Stage("b", {}, 1.0, interrupt)
    with pytest.raises(KeyboardInterrupt):
        run(maker, maker.stage("a"), stopped)
    assert run(maker, maker.stage("a"), maker.stage("b")) == [("a", True), ("b", False)]


def test_the_order_of_inputs_does_not_matter() -> None:
    def nothing() -> Path | None:
        return None

    one = Stage("a", {"x": 1, "y": 2}, 1.0, nothing)
    other = Stage("a", {"y": 2, "x": 1}, 1.0, nothing)
    assert inputs_sha256(one) == inputs_sha256(other)


def test_a_record_that_is_none_is_bad_input(maker: Maker) -> None:
    run(maker, maker.stage("a"))
    (maker.out / "stages" / "a.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"stages/a\.json"):
        run(maker, maker.stage("a"))


def test_with_go_on_a_stage_found_wanting_is_followed_by_the_rest(maker: Maker) -> None:
    maker.wanting = {"b"}
    stages = (maker.stage("a"), maker.stage("b"), maker.stage("c"))
    done = run_stages(maker.out, stages, lambda stage, left: None, go_on=True)
    assert [(each.stage.name, each.left is None) for each in done] == [
        ("a", False),
        ("b", True),
        ("c", False),
    ]
    assert run(maker, *stages)[0] == ("a", True)


def test_how_long_a_stage_took_is_known_after_its_inputs_have_changed(maker: Maker) -> None:
    run(maker, maker.stage("a", x=1))
    assert kept(maker.out, maker.stage("a", x=2)) is None
    assert took_s(maker.out, "a") is not None
    assert took_s(maker.out, "b") is None


def test_a_record_of_before_the_time_was_kept_is_read(maker: Maker) -> None:
    stage = maker.stage("a")
    run(maker, stage)
    path = maker.out / "stages" / "a.json"
    document = json.loads(path.read_text())
    del document["took_s"]
    path.write_text(json.dumps(document))
    assert kept(maker.out, stage) is not None
    assert took_s(maker.out, "a") is None
