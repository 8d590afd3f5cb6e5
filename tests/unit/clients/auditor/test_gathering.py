"""Facts are what the audit says, priced and explained."""

from fractions import Fraction

import pytest

from clients.auditor.gathering import decimal_over, facts_of
from clients.auditor.meaning import meaning_of
from clients.auditor.pricing import price_audit
from protocols.ledger.price import epsilon_micro
from tests.adversarial.ledger.honest import FOUR, GRAM, World, charter_table, masked, started
from tests.unit.clients.auditor.report.worlds import eventful, facts_in, true_facts


def test_prices_are_those_of_the_audit() -> None:
    world = eventful()
    for row, partner in zip(world.audit().partners, true_facts().partners, strict=True):
        assert partner.released.closed_micro == row.price.released_micro
        assert partner.worst.closed_micro == row.price.worst_micro
        assert partner.released_left_micro == row.released_left_micro
        assert partner.spent_released_micro == row.spent.released_micro
        assert (partner.charges, partner.history) == (row.charges, row.history)


def test_every_view_means_what_its_own_price_says() -> None:
    facts, delta = true_facts(), Fraction(1, 100_000)
    for view in (view for partner in facts.partners for view in partner.views):
        # The meaning's mu is rounded up, so its price is, if anything, a hair above.
        again = epsilon_micro(Fraction(view.meaning.mu_micro, 10**6) ** 2, delta=delta)
        assert 0 <= again - view.closed_micro <= 20
        assert view.smaller[0] == view.closed_micro
        assert list(view.smaller) == sorted(view.smaller)


def test_a_view_is_explained_with_the_watchers_own_factor() -> None:
    world = masked()
    world.round("run-1", (1, 1), GRAM, FOUR)
    for name in FOUR:
        world.close_run(name, "run-1")
    mu2 = 1 / Fraction("30.5") ** 2
    views = {(each.view, each.lenders): each for each in facts_in(world).partners[0].views}
    for key, factor in {
        ("released", 1): 1,
        ("worst", 1): 2,
        ("person", 3): 9,
        ("person worst", 3): 6,
    }.items():
        assert views[key].meaning == meaning_of(mu2 * factor, delta=world.terms.delta)


def test_who_and_what_is_the_charter_and_the_checkpoint() -> None:
    world, who = eventful(), true_facts().who
    assert (who.federation, who.coordinator, who.auditor) == ("test", "hub", "auditor")
    assert (who.origin, who.size, who.charter) == (
        "test/log",
        len(world.leaves),
        world.terms.charter.hex(),
    )
    assert len(who.root) == 64
    assert who.checkpoint.startswith(f"test/log\n{who.size}\n")
    assert who.as_of == max(point.at for row in true_facts().partners for point in row.history)
    terms = true_facts().parameters
    assert (terms.delta, terms.capacity, terms.clip_norm) == ("0.00001", 4000, "0.5")
    assert (terms.mode, terms.shares, terms.colluders) == ("distributed", 2, 1)


@pytest.mark.parametrize("checkpoint", [b"", b"\xff", b"test/log\n1\n\n"])
def test_without_a_checkpoint_that_opens_there_is_no_root(checkpoint: bytes) -> None:
    world = started()
    audit = world.audit()
    pricing = price_audit(audit, world.terms)
    facts = facts_of(audit, world.terms, table=world.table, pricing=pricing, checkpoint=checkpoint)
    assert facts.who.root == ""


def test_what_a_charter_does_not_say_is_not_made_up() -> None:
    table = charter_table()
    del table["federation"], table["contract_digest"]
    facts = facts_in(World(table))
    assert (facts.who.federation, facts.who.contract, facts.who.as_of) == ("", "", 0)
    assert (facts.parameters.unit, facts.parameters.adjacency) == ("", "")


def test_lineage_goes_from_each_run_to_its_release() -> None:
    first, second = true_facts().lineage
    assert (first.run, first.releases, first.not_closed_by) == ("first", ("fa" * 32,), ())
    assert (first.sums, first.unused, first.voids) == (3, 1, 1)
    assert (second.run, second.releases, second.not_closed_by) == ("second", (), FOUR)


def test_noise_is_added_up_for_each_query_of_a_run() -> None:
    rows = true_facts().noise
    assert [(row.run, row.query, row.sums, row.contrasts) for row in rows] == [
        ("first", "histogram", 1, 5),
        ("first", "gradient", 2, 10),
        ("second", "histogram", 1, 5),
    ]
    assert {(row.energy_milli, row.alarms) for row in rows} == {(1000, 0)}
    assert true_facts().noise_alarms == 0


def test_noise_that_chance_does_not_explain_is_an_alarm() -> None:
    world = masked()
    order = world.order("run-1", (1, 1), GRAM, FOUR)
    spends = [world.spend(name, order) for name in FOUR]
    world.close_round(order, spends, contrasts=400, squares_milli=100_000)
    facts = facts_in(world)
    assert (facts.noise[0].energy_milli, facts.noise[0].alarms, facts.noise_alarms) == (250, 1, 2)


def test_a_decimal_is_divided_as_people_write_it() -> None:
    assert decimal_over("0.00001", 1000) == "0.00000001"
