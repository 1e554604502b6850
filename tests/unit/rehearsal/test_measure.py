from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.console import Console

import sut.campaign.measuring
from sut.campaign.plan import Override
from sut.campaign.stages import Stage, inputs_sha256
from sut.config.sources import Loaded, load
from sut.rehearsal.measure import measuring_stages, overrides

RUNS = ("performance", "accuracy", "TEST06")


def loader(extra: Sequence[Override] = ()) -> object:
    def of(given: Sequence[Override]) -> Loaded:
        return load([*given, *extra], environment={}, card=None, host_name="x")

    return of


def stages(out: Path, *, fast: bool, extra: Sequence[Override] = ()) -> list[Stage]:
    base = overrides("v6.1", out, fast=fast)
    return measuring_stages(loader(extra), base, Console(quiet=True))  # type: ignore[arg-type]


@pytest.mark.usefixtures("dummy_model")
def test_each_scenario_has_its_three_runs(tmp_path: Path) -> None:
    names = [each.name for each in stages(tmp_path, fast=False)]
    assert names == [f"{s}-{r}" for s in ("Offline", "Server", "Interactive") for r in RUNS]


@pytest.mark.usefixtures("dummy_model")
def test_official_counts_are_foretold(tmp_path: Path) -> None:
    by_name = {each.name: each for each in stages(tmp_path, fast=False)}
    assert by_name["Server-performance"].estimate_s > 600
    assert by_name["Offline-performance"].inputs["config"]["offline"]["min_query_count"] == 13368
    total_s = sum(each.estimate_s for each in by_name.values())
    assert 3600 < total_s < 2 * 3600


@pytest.mark.usefixtures("dummy_model")
def test_a_fast_rehearsal_is_minutes_and_never_the_mlperf_profile(tmp_path: Path) -> None:
    made = stages(tmp_path, fast=True)
    assert sum(each.estimate_s for each in made) < 600
    assert {each.inputs["config"]["profile"] for each in made} == {"quick"}


@pytest.mark.usefixtures("dummy_model")
def test_inputs_change_with_a_setting_and_not_with_the_folder(tmp_path: Path) -> None:
    here = stages(tmp_path / "here", fast=False)
    there = stages(tmp_path / "there", fast=False)
    assert [inputs_sha256(s) for s in here] == [inputs_sha256(s) for s in there]
    slower = stages(tmp_path, fast=False, extra=[("server.target_qps", 20.0, "test")])
    changed = [
        old.name
        for old, new in zip(here, slower, strict=True)
        if inputs_sha256(old) != inputs_sha256(new)
    ]
    # The configuration is recorded whole, so a change anywhere in it makes every run again.
    assert changed == [each.name for each in here]


@pytest.mark.usefixtures("dummy_model")
def test_another_commit_makes_every_run_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`submit` takes no runs of several commits, so a rehearsal must not keep them."""
    here = stages(tmp_path, fast=True)
    monkeypatch.setattr(sut.campaign.measuring, "software", lambda: {"harness_commit": "another"})
    there = stages(tmp_path, fast=True)
    assert not {inputs_sha256(each) for each in here} & {inputs_sha256(each) for each in there}
