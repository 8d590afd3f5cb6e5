"""Fixtures of the receipts' tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.server.receipts.world import LogWorld


@pytest.fixture
def world(tmp_path: Path) -> Iterator[LogWorld]:
    """A journal and a new decision log."""
    made = LogWorld.begun(tmp_path)
    yield made
    made.close()
