"""What a release says of itself, and what of it the log and the auditor see."""

from pathlib import Path

import pytest

from protocols.contracts.charter import load_charter_model
from protocols.contracts.features import read_toml
from protocols.ledger.merkle import leaf_hash
from protocols.ledger.tree import Tree
from server.config import load_settings
from server.ledger.log import Log
from server.registry import Registry
from tests.simulator import World, found_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    trained = found_world(tmp_path_factory.mktemp("release"), sizes=(30, 20, 20))
    trained.train("run-1")
    return trained


@pytest.fixture(scope="module")
def registry(world: World) -> Registry:
    return Registry(world.server / "releases", load_charter_model(world.server / "charter.toml")[1])


def test_a_manifest_names_what_the_release_stands_on(world: World, registry: Registry) -> None:
    manifest = registry.open().manifest
    charter, terms = load_charter_model(world.server / "charter.toml")
    assert (manifest.federation, manifest.run) == ("test", "run-1")
    assert manifest.charter_digest == terms.charter.hex()
    assert manifest.contract_digest == charter.contract_digest
    assert manifest.contract == read_toml(world.server / "contract.toml")
    assert manifest.scaling == load_settings(world.server / "server.toml").scaling
    assert manifest.clip_norm == charter.privacy.gradient_clip_norm


def test_a_manifest_says_what_every_partner_has_spent(world: World, registry: Registry) -> None:
    said = {item.partner: item for item in registry.open().manifest.privacy}
    assert list(said) == ["p0", "p1", "p2"]
    for name, item in said.items():
        spent = world.nodes[name].book.spent
        assert (item.released_micro, item.worst_micro) == (spent.released_micro, spent.worst_micro)
        assert item.released_micro <= item.released_cap_micro == 4_000_000


def test_a_manifest_pins_the_log_that_holds_the_whole_run(world: World, registry: Registry) -> None:
    manifest = registry.open().manifest
    leaves = world.leaves()
    assert manifest.log_size == len(leaves) - 1  # all but the release's own entry
    tree = Tree(map(leaf_hash, leaves))
    assert tree.root_at(manifest.log_size).hex() == manifest.log_root


def test_intervals_hold_their_estimates(registry: Registry) -> None:
    evaluation = registry.open().manifest.evaluation
    for item in (evaluation.auc, evaluation.brier, evaluation.calibration_error):
        assert float(item.low) <= float(item.estimate) <= float(item.high)


def test_the_auditor_sees_the_release(world: World, registry: Registry) -> None:
    assert registry.open().digest.hex() in str(world.audit().releases)


def test_a_release_that_cannot_be_logged_is_not_written(tmp_path: Path) -> None:
    world = found_world(tmp_path, sizes=(30, 20, 20))
    original = Log.append

    def full(self: Log, leaves: list[bytes]) -> int:
        if any(b"release" in leaf for leaf in leaves):
            raise OSError("the disk is full")
        return original(self, leaves)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Log, "append", full)
        with pytest.raises(OSError, match="full"):
            world.train()
    assert [path.name[0] for path in (world.server / "releases").iterdir()] == ["."]  # unseen
    assert world.audit().findings == ()
