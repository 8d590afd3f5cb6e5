"""What a log under several charters may not say, each found under its own name."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from clients.auditor.pricing import price_audit
from protocols.ledger.entry import COORDINATOR
from protocols.ledger.tree import Tree
from tests.adversarial.ledger.honest import (
    GRAM,
    PARTNERS,
    World,
    charter_table,
    public,
    renewed,
    started,
    trained,
)


def _found(world: World) -> list[tuple[str, str]]:
    return [(item.kind, item.where) for item in world.audit().findings]


def test_entries_under_both_charters_are_priced_together() -> None:
    before, after = trained().audit(), renewed().audit()
    assert (before.findings, after.findings) == ((), ())
    rows = {row.name: row for row in after.partners}
    assert list(rows) == ["north", "south", "west", "east"]
    for row in before.partners:
        assert row.price.released_micro < rows[row.name].price.released_micro
        assert [*row.charges] == [*rows[row.name].charges][: len(row.charges)]
    assert rows["east"].runs == 1


def test_a_charter_may_have_other_caps_another_delta_and_another_cohort() -> None:
    world = started()
    world.round("run-1", (1, 1), GRAM)
    for name in PARTNERS:
        world.close_run(name, "run-1")
    world.succeed(released_cap_micro=800_000, delta="0.000001", minimum_cohort=3)
    assert [row.claimed for row in world.audit().partners] == [None] * 3
    assert price_audit(world.audit(), world.terms).disagreements == ()
    for name in PARTNERS:
        world.authorise(name, "run-2")
    world.witness()
    world.round("run-2", (1, 1), GRAM)
    assert _found(world) == []
    (row, *_) = world.audit().partners
    assert row.released_cap_micro == 800_000
    assert row.claimed == row.spent
    assert price_audit(world.audit(), world.terms).disagreements == ()


def test_a_partner_keeps_its_old_key_s_words_and_signs_with_the_new() -> None:
    world = renewed()
    world.begin_epoch("north", "more loans", run="run-4")
    assert _found(world) == []
    world.keys["north"] = "north"
    world.begin_epoch("north", "yet more loans", run="run-4")
    assert _found(world) == [("ForeignKeyError", f"leaf {len(world.leaves) - 1}")]


def _unsigned() -> World:
    world = trained()
    world.succeed(without="south")
    return world


def _unconfirmed_by_the_old_key() -> World:
    world = trained()
    world.succeed(world.with_new_key("south"), without="south (key before)")
    return world


def _other_shares() -> World:
    world = trained()
    world.succeed(max_lenders_per_borrower=2)
    return world


def _other_log() -> World:
    world = trained()
    hub = charter_table()["coordinator"]
    assert isinstance(hub, dict)
    world.succeed({"coordinator": hub | {"log_origin": "test/other"}})
    return world


def _other_coordinator() -> World:
    world = trained()
    hub = charter_table()["coordinator"]
    assert isinstance(hub, dict)
    world.keys[COORDINATOR] = "another hub"
    world.succeed({"coordinator": hub | {"order_key": public("another hub")}})
    return world


def _twice() -> World:
    world = trained()
    world.succeed()
    world.add(world.leaves[-1])
    return world


def _out_of_turn() -> World:
    world = trained()
    first = world.leaves[0]
    world.succeed()
    world.add(first)
    return world


def _nothing_before() -> World:
    world = trained()
    world.succeed()
    world.leaves.pop()
    return world


def _begins_with_the_later() -> World:
    """All begin a fresh log under the charter that succeeds the one they spent under."""
    world = trained()
    world.succeed()
    fresh = World({name: value for name, value in world.table.items() if name != "succeeds"})
    fresh.table, fresh.terms, fresh.signatures = world.table, world.terms, world.signatures
    fresh.leaves.clear()
    fresh.tree = Tree()
    fresh.add(world.leaves[-1])
    return fresh


def _old_name_new_role() -> World:
    world = trained()
    partners = world.table["partners"]
    assert isinstance(partners, list)
    auditor = {key: partners[0][key] for key in ("name", "identity_key", "cosign_key")}
    world.succeed({"partners": partners[1:], "auditor": auditor, "witness_quorum": 2})
    return world


def _old_key_new_name() -> World:
    """A partner under a new name, as if its borrowers had never spent anything."""
    world = trained()
    partners = world.table["partners"]
    assert isinstance(partners, list)
    world.succeed({"partners": [partners[0] | {"name": "north-bank"}, *partners[1:]]})
    return world


def _coordinator_goes_on_under_the_old() -> World:
    world = started()
    old = world.terms.charter.hex()
    world.succeed()
    link = replace(world.link(COORDINATOR, "run-1"), charter=old)
    world.order("run-1", (1, 1), GRAM, PARTNERS, link=link)
    return world


def _spend_in_a_run_of_the_old() -> World:
    world = started()
    world.succeed()
    order = world.order("run-1", (1, 1), GRAM, PARTNERS)
    world.close_round(order, [world.spend(name, order) for name in PARTNERS])
    return world


def _partner_goes_back() -> World:
    world = started()
    old, seen = world.terms.charter.hex(), world.seen["north"]
    world.succeed()
    world.seen["north"] = seen  # it has the charter, and has not seen it in the log
    world.close_run("north", "run-1")
    world.begin_epoch("north", "more loans", link=lambda link: replace(link, charter=old))
    return world


def _goes_on_under_the_old_though_it_saw_the_new() -> World:
    """Somebody has the key that north gave up, and dates nothing back."""
    world = started()
    old = world.terms.charter.hex()
    world.succeed(world.with_new_key("north"))
    world.keys["north"] = "north"
    world.begin_epoch("north", "other loans", link=lambda link: replace(link, charter=old))
    return world


def _replaced_key_comes_back() -> World:
    world = trained()
    world.succeed(world.with_new_key("north"))
    partners = world.table["partners"]
    assert isinstance(partners, list)
    back = {"identity_key": public("north"), "identity_key_before": public("north new")}
    world.succeed({"partners": [partners[0] | back, *partners[1:]]})
    return world


def _cosign_key_comes_back() -> World:
    world = trained()
    partners = world.table["partners"]
    assert isinstance(partners, list)
    world.succeed({"partners": [partners[0] | {"cosign_key": public("other")}, *partners[1:]]})
    world.succeed({"partners": partners})
    return world


def _closes_a_round_of_the_old() -> World:
    world = started()
    order = world.order("run-1", (1, 1), GRAM, PARTNERS)
    spends = [world.spend(name, order) for name in PARTNERS]
    world.succeed()
    world.close_round(order, spends)
    return world


def _releases_a_run_of_the_old() -> World:
    world = started()
    world.round("run-1", (1, 1), GRAM)
    world.succeed()
    world.release("run-1")
    return world


def _entry_before_its_charter() -> World:
    world = started()
    leaves = world.leaves[:]
    world.succeed()
    policy = world.leaves[-1]
    world.close_run("north", "run-1")
    world.leaves[:] = [*leaves, world.leaves[-1], policy]
    return world


LIES: dict[str, tuple[Callable[[], World], set[str]]] = {
    "not signed by all": (_unsigned, {"SignatureError"}),
    "not signed by the key before": (_unconfirmed_by_the_old_key, {"SignatureError"}),
    "other noise": (_other_shares, {"SuccessionError"}),
    "another coordinator": (_other_coordinator, {"SuccessionError"}),
    "another log": (_other_log, {"SuccessionError"}),
    "a second time": (_twice, {"PolicyError"}),
    "an earlier one after a later": (_out_of_turn, {"PolicyError"}),
    "not in the log": (_nothing_before, {"PolicyError"}),
    "a fresh log under the later one": (_begins_with_the_later, {"PolicyError"}),
    "a partner becomes the auditor": (_old_name_new_role, {"SuccessionError"}),
    "a partner under another name": (_old_key_new_name, {"SuccessionError"}),
    "the coordinator goes on": (_coordinator_goes_on_under_the_old, {"PolicyError"}),
    "a spend in a run of the old": (_spend_in_a_run_of_the_old, {"AuthorisationError"}),
    "a partner goes back": (_partner_goes_back, {"ChainError"}),
    "a key that was given up": (_goes_on_under_the_old_though_it_saw_the_new, {"PolicyError"}),
    "a replaced key comes back": (_replaced_key_comes_back, {"SuccessionError"}),
    "a replaced cosign key comes back": (_cosign_key_comes_back, {"SuccessionError"}),
    "a round of the old is closed": (_closes_a_round_of_the_old, {"OrderMismatchError"}),
    "a run of the old is released": (_releases_a_run_of_the_old, {"UnknownRunError"}),
    "an entry before its charter": (_entry_before_its_charter, {"PolicyError"}),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_charters_is_found(lie: str) -> None:
    bend, kinds = LIES[lie]
    found = {kind for kind, _ in _found(bend())}
    assert kinds <= found
    assert found <= kinds | {"SplitViewError", "RollbackError", "WitnessError", "CheckpointError"}
