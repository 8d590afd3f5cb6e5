"""Fixtures of the tests of what is watched."""

import pytest

from server.serving import shadow


@pytest.fixture(autouse=True)
def _quick_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "_LOOK_S", 0.01)
