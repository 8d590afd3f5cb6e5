"""Chains, and the rows that an audit is made of."""

from fractions import Fraction

from protocols.ledger.audit import AmendRow, AuditReportRow, EpochRow
from protocols.ledger.canonical import digest
from protocols.ledger.verify import verify_log
from tests.adversarial.ledger.honest import (
    GRAM,
    PARTNERS,
    World,
    started,
    trained,
)


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
    kept = [leaf for index, leaf in enumerate(world.leaves) if index != 8]
    chain = [item for item in world.audit(kept).findings if item.kind == "GapError"]
    assert len(chain) == 1


def test_an_entry_met_twice_is_a_replay_and_nothing_else() -> None:
    world = started()
    replayed = world.leaves[1]
    audit = verify_log(
        world.terms,
        signatures=world.signatures,
        files=world.files([*world.leaves, replayed]),
    )
    assert [(item.kind, item.where) for item in audit.findings] == [("ReplayError", "leaf 7")]


def test_charges_add_up_to_the_price_open_runs_at_their_maximum() -> None:
    world = trained()
    world.authorise("south", "run-3")
    world.spend("south", world.order("run-3", (1, 1), GRAM, PARTNERS))
    for row in world.audit().partners:
        mu2 = sum(item.count / Fraction(item.noise_multiplier) ** 2 for item in row.charges)
        assert row.price == world.price(mu2)
        assert {item.run for item in row.charges if item.is_open} == set(row.open_runs)


def test_the_history_of_spends_ends_with_what_was_spent_and_claimed() -> None:
    world = trained()
    for row in world.audit().partners:
        assert len(row.history) == row.spends
        assert row.history[-1].spent == row.spent == row.claimed == world.spent_price(row.name)
        grown = [point.spent.released_micro for point in row.history]
        assert grown == sorted(set(grown))


def test_every_opened_sum_is_listed_with_its_noise_test() -> None:
    world = started()
    order = world.order("run-1", (1, 1), GRAM, PARTNERS)
    world.close_round(order, [world.spend("north", order)], ["south", "west"])
    world.round("run-1", (1, 2), GRAM)
    (row,) = world.audit().sums
    assert (row.run, row.round, row.attempt, row.query) == ("run-1", 1, 2, "gram")
    assert (row.contrasts, row.squares_milli, row.fault) == (5, 5_000, "none")


def test_every_epoch_is_listed_with_the_runs_under_it() -> None:
    world = started("run-1")
    world.close_run("south", "run-1")
    second = world.begin_epoch("south", "more loans", run="run-2")
    world.authorise("south", "run-2")
    world.authorise("south", "run-3")
    rows = world.audit().epochs
    assert [(row.partner, row.runs) for row in rows] == [
        *((name, ("run-1",)) for name in PARTNERS),
        ("south", ("run-2", "run-3")),
    ]
    commitment = digest(b"south more loans").hex()
    assert rows[-1] == EpochRow("south", second, commitment, rows[-1].at, ("run-2", "run-3"))
    assert world.audit().is_true


def test_every_correction_is_listed_and_the_price_goes_up() -> None:
    world = started()
    order = world.order("run-1", (1, 1), GRAM, PARTNERS)
    spend = world.spend("north", order)
    (before, *_) = world.audit().partners
    world.amend("north", "run-1", spend, "15")
    audit = world.audit()
    assert audit.amends == (AmendRow("north", "run-1", spend, "15"),)
    assert audit.is_true
    assert audit.partners[0].spends == 1
    assert audit.partners[0].spent == world.spent_price("north")
    assert audit.partners[0].spent.released_micro > before.spent.released_micro


def test_what_the_auditor_said_before_is_listed() -> None:
    world = started()
    world.report()
    audit = world.audit()
    (row,) = audit.reports
    assert row == AuditReportRow("auditor", row.name, row.at, len(world.leaves) - 1, 0, "ad" * 32)
    assert audit.is_true


def test_a_signer_that_saw_another_log_is_told_of_once_and_not_with_each_entry() -> None:
    world = started()
    for step in (1, 2):
        world.round("run-1", (step, 1), GRAM)
    kept = [world.leaves[0], *world.leaves[2:]]  # north's epoch is gone
    split = [item for item in world.audit(kept).findings if item.kind == "SplitViewError"]
    assert split[0].where == "witnessed"
    assert [item.message.split()[0] for item in split[1:]] == list(PARTNERS)


def test_who_authorised_unseen_is_named_only_once_it_spent() -> None:
    world = World()
    for name in PARTNERS:
        world.authorise(name, "run-1")
    assert world.audit().is_true
    world.spend("south", world.order("run-1", (1, 1), GRAM, PARTNERS))
    (item,) = world.audit().findings
    assert (item.kind, item.where) == ("WitnessError", "partner south")
    assert "run-1" in item.message
