"""What attack tests share: a federation that a module founds once, and each test finds as new."""

from collections.abc import Iterator

import pytest

from tests.simulator import World


@pytest.fixture
def world(founded: World) -> Iterator[World]:
    """Return the module's ``founded`` federation as if it had never trained."""
    fresh = founded.forget()
    yield fresh
    fresh.close()
