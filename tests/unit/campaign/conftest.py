from __future__ import annotations

import pytest

import sut.campaign.campaign
import sut.campaign.measuring
from tests.unit.campaign.support import Runs


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    made = Runs()
    monkeypatch.setattr(sut.campaign.campaign, "measured", made)
    # Recordings have settings of their own; tests/integration/test_campaign.py has runs that fit.
    monkeypatch.setattr(sut.campaign.measuring, "made_with", lambda *_: True)
    return made
