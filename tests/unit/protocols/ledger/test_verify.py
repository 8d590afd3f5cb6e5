"""The audit as a whole. What it must find is in ``tests/adversarial/ledger``."""

from tests.adversarial.ledger.honest import World, trained


def test_a_new_log_holds_the_charter_and_is_true() -> None:
    audit = World().audit()
    assert audit.is_true
    assert (audit.size, audit.releases) == (1, ())


def test_an_honest_history_is_true_and_described() -> None:
    world = trained()
    audit = world.audit()
    assert audit.findings == ()
    assert (audit.origin, audit.size) == ("test/log", len(world.leaves))
    assert audit.charter == world.terms.charter.hex()
    (release,) = audit.releases
    assert (release.manifest_digest, release.run) == ("fa" * 32, "run-2")
    assert release.not_closed_by == ()


def test_an_entry_that_is_not_its_signers_own_counts_for_nobody() -> None:
    world = World()
    world.authorise("north", "run-1", key="south")
    (north, south, _) = world.audit().partners
    assert (north.runs, south.runs) == (0, 0)
