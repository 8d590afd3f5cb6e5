"""Chains, and the rows that an audit is made of."""

from protocols.ledger.verify import verify_log
from tests.adversarial.ledger.honest import GRAM, PARTNERS, World, started, trained


def test_every_partner_has_a_row_in_the_order_of_the_charter() -> None:
    world = World()
    world.authorise("south", "run-1")
    rows = world.audit().partners
    assert [(row.name, row.runs, row.open_runs) for row in rows] == [
        ("north", 0, ()),
        ("south", 1, ("run-1",)),
        ("west", 0, ()),
    ]
    assert rows[0].price == world.price(0)
    assert rows[1].price == world.price(world.most["south", "run-1"])


def test_the_rows_of_a_whole_history_are_what_the_builder_counted() -> None:
    world = trained()
    for row in world.audit().partners:
        assert row.runs == 2
        assert row.open_runs == ()
        assert row.price == world.spent_price(row.name)
        assert row.spends == sum(len(v) for (name, _), v in world.spent.items() if name == row.name)


def test_a_release_names_those_who_have_not_closed_its_run() -> None:
    world = started()
    world.round("run-1", (1, 1), GRAM)
    world.release("run-1")
    (release,) = world.audit().releases
    assert (release.run, release.not_closed_by) == ("run-1", PARTNERS)
    world.close_run("south", "run-1")
    (release,) = world.audit().releases
    assert release.not_closed_by == ("north", "west")
    assert world.audit().is_true


def test_after_a_gap_the_chain_is_followed_from_there() -> None:
    world = started()
    for step in (1, 2, 3):
        world.round("run-1", (step, 1), GRAM)
    kept = [leaf for index, leaf in enumerate(world.leaves) if index != 5]
    chain = [item for item in world.audit(kept).findings if item.kind == "ChainError"]
    assert len(chain) == 1


def test_an_entry_met_twice_is_a_replay_and_nothing_else() -> None:
    world = started()
    replayed = world.leaves[1]
    audit = verify_log(
        world.terms,
        signatures=world.signatures,
        files=world.files([*world.leaves, replayed]),
    )
    assert [(item.kind, item.where) for item in audit.findings] == [("ReplayError", "leaf 4")]
