"""A federation opens only if charter, signatures, contract, keys and log belong together."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from protocols.errors import ConfigError, ContractError, SignatureError
from protocols.ledger.policy import SIGNATURES_NAME
from server.config import CoordinatorSettings, load_settings
from server.federation import open_federation
from tests.simulator import World, found_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return found_world(tmp_path_factory.mktemp("world"), sizes=(20, 20, 20), start=False)


@pytest.fixture
def settings(world: World) -> CoordinatorSettings:
    return load_settings(world.server / "server.toml")


@pytest.fixture
def restored(world: World) -> Iterator[Path]:
    """The coordinator's folder, put back as it was afterwards."""
    names = ("contract.toml", SIGNATURES_NAME)
    kept = {name: (world.server / name).read_bytes() for name in names}
    yield world.server
    for name, raw in kept.items():
        (world.server / name).write_bytes(raw)


def test_what_belongs_together_opens(settings: CoordinatorSettings) -> None:
    federation = open_federation(settings)
    assert sorted(federation.terms.partners) == ["p0", "p1", "p2"]
    assert federation.charter.contract_digest
    assert federation.scribe.log.size == 1


def test_another_contract_is_refused(settings: CoordinatorSettings, restored: Path) -> None:
    contract = restored / "contract.toml"
    contract.write_text(contract.read_text().replace("10000", "10001"))
    with pytest.raises(ContractError, match="that the charter names"):
        open_federation(settings)


def test_a_charter_that_nobody_signed_is_refused(
    settings: CoordinatorSettings, restored: Path
) -> None:
    (restored / SIGNATURES_NAME).unlink()
    with pytest.raises(ConfigError, match="every party must sign it"):
        open_federation(settings)


def test_signatures_under_another_charter_are_refused(
    settings: CoordinatorSettings, restored: Path
) -> None:
    signatures = restored / SIGNATURES_NAME
    raw = signatures.read_bytes()
    charter = open_federation(settings).terms.charter.hex().encode()
    signatures.write_bytes(raw.replace(charter, b"0" * 64))
    with pytest.raises(SignatureError, match="signatures are under charter 0000"):
        open_federation(settings)


def test_a_missing_key_is_named(settings: CoordinatorSettings, tmp_path: Path) -> None:
    without = settings.model_copy(update={"order_key": tmp_path / "order.pem"})
    with pytest.raises(ConfigError, match=r"order\.pem"):
        open_federation(without)
